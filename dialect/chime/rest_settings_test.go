package chime_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
)

func TestGlobalSettings(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	get := func(client *voice.Client) *types.VoiceConnectorSettings {
		t.Helper()
		return good[*voice.GetGlobalSettingsOutput](t)(client.GetGlobalSettings(ctx, &voice.GetGlobalSettingsInput{})).VoiceConnector
	}
	put := func(bucket *string) error {
		return second(a.UpdateGlobalSettings(ctx, &voice.UpdateGlobalSettingsInput{VoiceConnector: &types.VoiceConnectorSettings{CdrBucket: bucket}}))
	}
	recorded := func() string { return good[string](t)(a.dialect.CdrBucket(ctx, account)) }
	same(t, "at first", get(a.Client), &types.VoiceConnectorSettings{})
	if err := put(aws.String("my-cdrs-1")); err != nil {
		t.Fatal(err)
	}
	same(t, "put", get(a.Client), &types.VoiceConnectorSettings{CdrBucket: aws.String("my-cdrs-1")})
	same(t, "of another account", get(a.client("AKIDOTHER", "other/secret+1")), &types.VoiceConnectorSettings{})
	if recorded() != "my-cdrs-1" {
		t.Errorf("records go to %q", recorded())
	}
	good[*voice.UpdatePhoneNumberSettingsOutput](t)(a.UpdatePhoneNumberSettings(ctx, &voice.UpdatePhoneNumberSettingsInput{CallingName: aws.String("ACME")}))
	for _, bad := range []string{"ab", "Upper", "-begins", "ends-", "a.b.c", strings.Repeat("a", 64), "xn--bucket", "bucket-s3alias", "a/b/c"} {
		fails[badRequest](t, put(&bad), "CdrBucket")
	}
	// The older namespace has one more section; its clients get it back.
	body := `{"BusinessCalling":{"CdrBucket":"older"}}`
	r := a.request("PUT", "/settings", body)
	sign(t, r, []byte(body), "dev", "dev-secret", a.now())
	if res, answer := a.send(r); res.StatusCode != 204 {
		t.Fatalf("%d %s", res.StatusCode, answer)
	}
	r = a.request("GET", "/settings", "")
	sign(t, r, nil, "dev", "dev-secret", a.now())
	_, answer := a.send(r)
	same(t, "both", string(answer), `{"VoiceConnector":{"CdrBucket":"my-cdrs-1"},"BusinessCalling":{"CdrBucket":"older"}}`)
	if err := put(nil); err != nil || recorded() != "" {
		t.Errorf("taken away: %v, records go to %q", err, recorded())
	}
}

func TestPhoneNumberSettings(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	get := func() *voice.GetPhoneNumberSettingsOutput {
		t.Helper()
		return good[*voice.GetPhoneNumberSettingsOutput](t)(a.GetPhoneNumberSettings(ctx, &voice.GetPhoneNumberSettingsInput{}))
	}
	put := func(name *string) error {
		return second(a.UpdatePhoneNumberSettings(ctx, &voice.UpdatePhoneNumberSettingsInput{CallingName: name}))
	}
	if s := get(); s.CallingName != nil || s.CallingNameUpdatedTimestamp != nil {
		t.Errorf("at first: %+v", s)
	}
	for _, name := range []string{"ACME 1", ""} {
		if err := put(&name); err != nil {
			t.Error(err)
		}
		if s := get(); aws.ToString(s.CallingName) != name || s.CallingNameUpdatedTimestamp == nil || time.Since(*s.CallingNameUpdatedTimestamp) > time.Minute {
			t.Errorf("after %q: %+v", name, s)
		}
	}
	for _, bad := range []string{"a", "sixteen letters!", "sixteen letterss", "a-b"} {
		fails[badRequest](t, put(&bad), "CallingName")
	}
}

func TestCountriesAndRegions(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	var codes []string
	for _, c := range good[*voice.ListSupportedPhoneNumberCountriesOutput](t)(a.ListSupportedPhoneNumberCountries(ctx, &voice.ListSupportedPhoneNumberCountriesInput{ProductType: types.PhoneNumberProductTypeVoiceConnector})).PhoneNumberCountries {
		codes = append(codes, *c.CountryCode)
		if want := *c.CountryCode == "US"; slices.Contains(c.SupportedPhoneNumberTypes, types.PhoneNumberTypeTollFree) != want {
			t.Errorf("%s has %v", *c.CountryCode, c.SupportedPhoneNumberTypes)
		}
	}
	if !slices.IsSorted(codes) || !slices.Contains(codes, "US") || !slices.Contains(codes, "GB") || len(slices.Compact(codes)) != len(codes) {
		t.Errorf("countries are %v", codes)
	}
	_, err := a.ListSupportedPhoneNumberCountries(ctx, &voice.ListSupportedPhoneNumberCountriesInput{ProductType: "Moon"})
	fails[badRequest](t, err, "ProductType")
	regions := good[*voice.ListAvailableVoiceConnectorRegionsOutput](t)(a.ListAvailableVoiceConnectorRegions(ctx, &voice.ListAvailableVoiceConnectorRegionsInput{})).VoiceConnectorRegions
	want := types.VoiceConnectorAwsRegion("").Values()
	slices.Sort(regions)
	slices.Sort(want)
	same(t, "regions", regions, want)
}

func TestConfigurations(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("vc").VoiceConnectorId
	streaming := &types.StreamingConfiguration{DataRetentionInHours: aws.Int32(0), Disabled: aws.Bool(false),
		StreamingNotificationTargets: []types.StreamingNotificationTarget{{NotificationTarget: types.NotificationTargetSqs}},
		MediaInsightsConfiguration:   &types.MediaInsightsConfiguration{Disabled: aws.Bool(true), ConfigurationArn: aws.String("arn:aws:chime:us-east-1:1:x")}}
	emergency := &types.EmergencyCallingConfiguration{DNIS: []types.DNISEmergencyCallingConfiguration{
		{EmergencyPhoneNumber: aws.String("+12065550911"), CallingCountry: aws.String("US")},
		{EmergencyPhoneNumber: aws.String("12065550911"), TestPhoneNumber: aws.String("+12065550912"), CallingCountry: aws.String("CA")}}}
	external := &types.ExternalSystemsConfiguration{SessionBorderControllerTypes: []types.SessionBorderControllerType{types.SessionBorderControllerTypeAvayaSbce}}
	getStreaming := func() (*types.StreamingConfiguration, error) {
		out, err := a.GetVoiceConnectorStreamingConfiguration(ctx, &voice.GetVoiceConnectorStreamingConfigurationInput{VoiceConnectorId: id})
		if err != nil {
			return nil, err
		}
		return out.StreamingConfiguration, nil
	}
	getEmergency := func() (*types.EmergencyCallingConfiguration, error) {
		out, err := a.GetVoiceConnectorEmergencyCallingConfiguration(ctx, &voice.GetVoiceConnectorEmergencyCallingConfigurationInput{VoiceConnectorId: id})
		if err != nil {
			return nil, err
		}
		return out.EmergencyCallingConfiguration, nil
	}
	getExternal := func() (*types.ExternalSystemsConfiguration, error) {
		out, err := a.GetVoiceConnectorExternalSystemsConfiguration(ctx, &voice.GetVoiceConnectorExternalSystemsConfigurationInput{VoiceConnectorId: id})
		if err != nil {
			return nil, err
		}
		return out.ExternalSystemsConfiguration, nil
	}
	putStreaming := func(s *types.StreamingConfiguration) error {
		return second(a.PutVoiceConnectorStreamingConfiguration(ctx, &voice.PutVoiceConnectorStreamingConfigurationInput{VoiceConnectorId: id, StreamingConfiguration: s}))
	}
	putEmergency := func(e *types.EmergencyCallingConfiguration) error {
		return second(a.PutVoiceConnectorEmergencyCallingConfiguration(ctx, &voice.PutVoiceConnectorEmergencyCallingConfigurationInput{VoiceConnectorId: id, EmergencyCallingConfiguration: e}))
	}
	putExternal := func(e *types.ExternalSystemsConfiguration) error {
		return second(a.PutVoiceConnectorExternalSystemsConfiguration(ctx, &voice.PutVoiceConnectorExternalSystemsConfigurationInput{
			VoiceConnectorId: id, SessionBorderControllerTypes: e.SessionBorderControllerTypes, ContactCenterSystemTypes: e.ContactCenterSystemTypes}))
	}
	none := func(when string) {
		t.Helper()
		for _, err := range []error{second(getStreaming()), second(getEmergency()), second(getExternal())} {
			t.Log(when)
			fails[notFound](t, err, "Configuration of VoiceConnector")
		}
	}
	none("at first")
	for _, err := range []error{putStreaming(streaming), putEmergency(emergency), putExternal(external)} {
		if err != nil {
			t.Error(err)
		}
	}
	same(t, "streaming", good[*types.StreamingConfiguration](t)(getStreaming()), streaming)
	same(t, "emergency", good[*types.EmergencyCallingConfiguration](t)(getEmergency()), emergency)
	same(t, "external systems", good[*types.ExternalSystemsConfiguration](t)(getExternal()), external)

	one, negative := *streaming, *streaming
	one.StreamingNotificationTargets = slices.Repeat(streaming.StreamingNotificationTargets, 4)
	fails[badRequest](t, putStreaming(&one), "there are 4")
	one.StreamingNotificationTargets = []types.StreamingNotificationTarget{}
	fails[badRequest](t, putStreaming(&one), "there are 0")
	one.StreamingNotificationTargets = []types.StreamingNotificationTarget{{NotificationTarget: "Fax"}}
	fails[badRequest](t, putStreaming(&one), "NotificationTarget")
	negative.DataRetentionInHours = aws.Int32(-1)
	fails[badRequest](t, putStreaming(&negative), "DataRetentionInHours")
	negative = *streaming
	negative.MediaInsightsConfiguration = &types.MediaInsightsConfiguration{ConfigurationArn: aws.String("no arn")}
	fails[badRequest](t, putStreaming(&negative), "ConfigurationArn")
	for says, bad := range map[string]types.DNISEmergencyCallingConfiguration{
		"EmergencyPhoneNumber": {EmergencyPhoneNumber: aws.String("nine"), CallingCountry: aws.String("US")},
		"TestPhoneNumber":      {EmergencyPhoneNumber: aws.String("+12065550911"), TestPhoneNumber: aws.String("0"), CallingCountry: aws.String("US")},
		"CallingCountry":       {EmergencyPhoneNumber: aws.String("+12065550911"), CallingCountry: aws.String("usa")},
	} {
		fails[badRequest](t, putEmergency(&types.EmergencyCallingConfiguration{DNIS: []types.DNISEmergencyCallingConfiguration{bad}}), says)
	}
	fails[badRequest](t, putEmergency(&types.EmergencyCallingConfiguration{DNIS: slices.Repeat(emergency.DNIS, 51)}), "at most 100")
	fails[badRequest](t, putExternal(&types.ExternalSystemsConfiguration{SessionBorderControllerTypes: []types.SessionBorderControllerType{"SOME_SBC"}}), "SessionBorderControllerTypes")
	fails[badRequest](t, putExternal(&types.ExternalSystemsConfiguration{ContactCenterSystemTypes: []types.ContactCenterSystemType{"X"}}), "ContactCenterSystemTypes")
	fails[badRequest](t, putExternal(&types.ExternalSystemsConfiguration{SessionBorderControllerTypes: slices.Repeat(external.SessionBorderControllerTypes, 2)}), "twice")
	same(t, "streaming after refusals", good[*types.StreamingConfiguration](t)(getStreaming()), streaming)

	_, err := a.DeleteVoiceConnectorTermination(ctx, &voice.DeleteVoiceConnectorTerminationInput{VoiceConnectorId: id})
	fails[badRequest](t, err, "emergency")
	good[*voice.DeleteVoiceConnectorStreamingConfigurationOutput](t)(a.DeleteVoiceConnectorStreamingConfiguration(ctx, &voice.DeleteVoiceConnectorStreamingConfigurationInput{VoiceConnectorId: id}))
	good[*voice.DeleteVoiceConnectorEmergencyCallingConfigurationOutput](t)(a.DeleteVoiceConnectorEmergencyCallingConfiguration(ctx, &voice.DeleteVoiceConnectorEmergencyCallingConfigurationInput{VoiceConnectorId: id}))
	good[*voice.DeleteVoiceConnectorExternalSystemsConfigurationOutput](t)(a.DeleteVoiceConnectorExternalSystemsConfiguration(ctx, &voice.DeleteVoiceConnectorExternalSystemsConfigurationInput{VoiceConnectorId: id}))
	none("in the end")
	good[*voice.DeleteVoiceConnectorTerminationOutput](t)(a.DeleteVoiceConnectorTermination(ctx, &voice.DeleteVoiceConnectorTerminationInput{VoiceConnectorId: id}))
}

func TestValidateAddress(t *testing.T) {
	a := newAPI(t)
	in := func(change func(*voice.ValidateE911AddressInput)) *voice.ValidateE911AddressInput {
		v := &voice.ValidateE911AddressInput{AwsAccountId: aws.String(account), StreetNumber: aws.String("200"), StreetInfo: aws.String("8th Avenue"),
			City: aws.String("Portland"), State: aws.String("ME"), Country: aws.String("US"), PostalCode: aws.String("04352")}
		change(v)
		return v
	}
	out := good[*voice.ValidateE911AddressOutput](t)(a.ValidateE911Address(t.Context(), in(func(*voice.ValidateE911AddressInput) {})))
	if out.ValidationResult != 0 || len(*out.AddressExternalId) != 36 || len(out.CandidateAddressList) != 0 {
		t.Errorf("%+v", out)
	}
	same(t, "address", out.Address, &types.Address{StreetNumber: aws.String("200"), StreetName: aws.String("8th Avenue"), City: aws.String("Portland"),
		State: aws.String("ME"), Country: aws.String("US"), PostalCode: aws.String("04352")})
	for says, change := range map[string]func(*voice.ValidateE911AddressInput){
		"AwsAccountId": func(v *voice.ValidateE911AddressInput) { v.AwsAccountId = aws.String(other) },
		"StreetNumber": func(v *voice.ValidateE911AddressInput) { v.StreetNumber = aws.String(" ") },
		"City":         func(v *voice.ValidateE911AddressInput) { v.City = aws.String(strings.Repeat("a", 257)) },
		"Country":      func(v *voice.ValidateE911AddressInput) { v.Country = aws.String("usa") },
		"PostalCode":   func(v *voice.ValidateE911AddressInput) { v.PostalCode = aws.String("") },
	} {
		_, err := a.ValidateE911Address(t.Context(), in(change))
		fails[badRequest](t, err, says)
	}
}

func TestBatches(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	update := func(items ...types.UpdatePhoneNumberRequestItem) ([]types.PhoneNumberError, error) {
		out, err := a.BatchUpdatePhoneNumber(ctx, &voice.BatchUpdatePhoneNumberInput{UpdatePhoneNumberRequestItems: items})
		if err != nil {
			return nil, err
		}
		return out.PhoneNumberErrors, nil
	}
	codes := func(list []types.PhoneNumberError) (out []string) {
		for _, e := range list {
			out = append(out, *e.PhoneNumberId+" "+string(e.ErrorCode))
		}
		return out
	}
	good[*voice.CreatePhoneNumberOrderOutput](t)(a.CreatePhoneNumberOrder(ctx, &voice.CreatePhoneNumberOrderInput{ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{"+12065550150", "+12065550151"}}))
	got := good[[]types.PhoneNumberError](t)(update(
		types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("%2B12065550100"), Name: aws.String("desk")},
		types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("12065550150"), CallingName: aws.String("a")},
		types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("+12065550151"), Name: aws.String("n"), CallingName: aws.String("two")},
		types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("+12065550101"), Name: aws.String("not mine")},
		types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("mine"), Name: aws.String("no number")},
	))
	same(t, "updated", codes(got), []string{"%2B12065550150 BadRequest", "%2B12065550151 BadRequest", "%2B12065550101 NotFound", "mine BadRequest"})
	if n := good[*voice.GetPhoneNumberOutput](t)(a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: aws.String("+12065550100")})).PhoneNumber; *n.Name != "desk" {
		t.Errorf("the first is %+v", n)
	}
	_, err := update(types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("+12065550100"), Name: aws.String("a")}, types.UpdatePhoneNumberRequestItem{PhoneNumberId: aws.String("12065550100"), Name: aws.String("b")})
	fails[badRequest](t, err, "twice")
	_, err = update(slices.Repeat([]types.UpdatePhoneNumberRequestItem{{PhoneNumberId: aws.String("+12065550100")}}, 101)...)
	fails[badRequest](t, err, "there are 101")

	vc := a.connector("vc")
	good[*voice.AssociatePhoneNumbersWithVoiceConnectorOutput](t)(a.AssociatePhoneNumbersWithVoiceConnector(ctx, &voice.AssociatePhoneNumbersWithVoiceConnectorInput{VoiceConnectorId: vc.VoiceConnectorId, E164PhoneNumbers: []string{"+12065550150"}}))
	deleted := good[*voice.BatchDeletePhoneNumberOutput](t)(a.BatchDeletePhoneNumber(ctx, &voice.BatchDeletePhoneNumberInput{PhoneNumberIds: []string{"%2B12065550100", "+12065550150", "12065550151", "+12065550101"}}))
	same(t, "deleted", codes(deleted.PhoneNumberErrors), []string{"%2B12065550150 PhoneNumberAssociationsExist", "%2B12065550101 NotFound"})
	same(t, "what is left", a.search(&voice.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206")}), []string{"+12065550152"})
	_, err = a.BatchDeletePhoneNumber(ctx, &voice.BatchDeletePhoneNumberInput{PhoneNumberIds: []string{}})
	fails[badRequest](t, err, "PhoneNumberIds")
}
