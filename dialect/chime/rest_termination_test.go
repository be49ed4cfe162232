package chime_test

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

func TestTerminationCredentials(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("pbx").VoiceConnectorId
	put := func(pairs ...string) error {
		in := &voice.PutVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id}
		for i := 0; i < len(pairs); i += 2 {
			in.Credentials = append(in.Credentials, types.Credential{Username: &pairs[i], Password: &pairs[i+1]})
		}
		return second(a.PutVoiceConnectorTerminationCredentials(ctx, in))
	}
	users := func() []string {
		t.Helper()
		return good[*voice.ListVoiceConnectorTerminationCredentialsOutput](t)(a.ListVoiceConnectorTerminationCredentials(ctx, &voice.ListVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id})).Usernames
	}
	callers := func() []directory.Caller { trunk, _ := a.store.Snapshot().Trunk(*id); return trunk.Callers }
	same(t, "at first", users(), []string{})
	if err := put("one", "1", "two", "2"); err != nil {
		t.Fatal(err)
	}
	if err := put("two", "new", "three", "3 !"); err != nil {
		t.Fatal(err)
	}
	same(t, "user names", users(), []string{"one", "two", "three"})
	same(t, "callers", callers(), []directory.Caller{{User: "one", Password: "1"}, {User: "two", Password: "new"}, {User: "three", Password: "3 !"}})
	good[*voice.UpdateVoiceConnectorOutput](t)(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: id, Name: aws.String("n"), RequireEncryption: aws.Bool(true)}))
	good[*voice.DeleteVoiceConnectorTerminationCredentialsOutput](t)(a.DeleteVoiceConnectorTerminationCredentials(ctx, &voice.DeleteVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id, Usernames: []string{"two", "none"}}))
	same(t, "user names that are left", users(), []string{"one", "three"})

	many := make([]string, 0, 202)
	for i := range 101 {
		many = append(many, "u"+strconv.Itoa(i), "p")
	}
	for says, bad := range map[string][]string{
		"Username \"\"":    {"", "p"},
		"Username \"é\"":   {"é", "p"},
		"printable":        {"a\tb", "p"},
		"Password of \"u":  {"u", ""},
		"callers[2].user":  {"a:b", "p"},
		"twice":            {"u", "1", "u", "2"},
		"there are 101":    many,
		"would have 101":   many[:198],
		"1 to 128":         {strings.Repeat("u", 129), "p"},
		"the Password of ": {"u", strings.Repeat("p", 257)},
	} {
		fails[badRequest](t, put(bad...), says)
	}
	_, err := a.PutVoiceConnectorTerminationCredentials(ctx, &voice.PutVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id, Credentials: []types.Credential{{Username: aws.String("u")}}})
	fails[badRequest](t, err, "Username and a Password")
	_, err = a.DeleteVoiceConnectorTerminationCredentials(ctx, &voice.DeleteVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id, Usernames: []string{}})
	fails[badRequest](t, err, "Usernames")
	same(t, "after refusals", users(), []string{"one", "three"})
	for _, err := range []error{
		second(a.PutVoiceConnectorTerminationCredentials(ctx, &voice.PutVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: aws.String("none")})),
		second(a.ListVoiceConnectorTerminationCredentials(ctx, &voice.ListVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: aws.String("none")})),
		second(a.GetVoiceConnectorTerminationHealth(ctx, &voice.GetVoiceConnectorTerminationHealthInput{VoiceConnectorId: aws.String("none")})),
	} {
		fails[notFound](t, err, "VoiceConnector")
	}
}

func TestTerminationHealth(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	seen := ""
	a := newAPI(t, func(cfg *chime.Config) {
		cfg.Health = func(trunk string) (time.Time, netip.AddrPort, bool) {
			return at, netip.MustParseAddrPort("[::ffff:192.0.2.7]:5062"), trunk == seen
		}
	})
	id := a.connector("pbx").VoiceConnectorId
	health := func() types.TerminationHealth {
		t.Helper()
		return *good[*voice.GetVoiceConnectorTerminationHealthOutput](t)(a.GetVoiceConnectorTerminationHealth(t.Context(), &voice.GetVoiceConnectorTerminationHealthInput{VoiceConnectorId: id})).TerminationHealth
	}
	same(t, "before any OPTIONS", health(), types.TerminationHealth{})
	seen = *id
	same(t, "after one", health(), types.TerminationHealth{Timestamp: &at, Source: aws.String("192.0.2.7")})
}

func TestLoggingConfigurations(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	app, vc := a.application("app").SipMediaApplicationId, a.connector("vc").VoiceConnectorId
	ofApp := func() types.SipMediaApplicationLoggingConfiguration {
		t.Helper()
		return *good[*voice.GetSipMediaApplicationLoggingConfigurationOutput](t)(a.GetSipMediaApplicationLoggingConfiguration(ctx, &voice.GetSipMediaApplicationLoggingConfigurationInput{SipMediaApplicationId: app})).SipMediaApplicationLoggingConfiguration
	}
	ofVC := func() types.LoggingConfiguration {
		t.Helper()
		return *good[*voice.GetVoiceConnectorLoggingConfigurationOutput](t)(a.GetVoiceConnectorLoggingConfiguration(ctx, &voice.GetVoiceConnectorLoggingConfigurationInput{VoiceConnectorId: vc})).LoggingConfiguration
	}
	logged := func() (list []bool) {
		kept, _ := a.store.Snapshot().App(*app)
		trunk, _ := a.store.Snapshot().Trunk(*vc)
		sip, media := chime.LogsOf(trunk)
		return []bool{chime.LogsMessages(kept), sip, media}
	}
	same(t, "an application at first", ofApp(), types.SipMediaApplicationLoggingConfiguration{EnableSipMediaApplicationMessageLogs: aws.Bool(false)})
	same(t, "a Voice Connector at first", ofVC(), types.LoggingConfiguration{EnableSIPLogs: aws.Bool(false), EnableMediaMetricLogs: aws.Bool(false)})
	same(t, "logged at first", logged(), []bool{false, false, false})

	on := &types.SipMediaApplicationLoggingConfiguration{EnableSipMediaApplicationMessageLogs: aws.Bool(true)}
	same(t, "answer to put", good[*voice.PutSipMediaApplicationLoggingConfigurationOutput](t)(a.PutSipMediaApplicationLoggingConfiguration(ctx, &voice.PutSipMediaApplicationLoggingConfigurationInput{
		SipMediaApplicationId: app, SipMediaApplicationLoggingConfiguration: on})).SipMediaApplicationLoggingConfiguration, on)
	sip := &types.LoggingConfiguration{EnableSIPLogs: aws.Bool(true)}
	same(t, "answer to put", good[*voice.PutVoiceConnectorLoggingConfigurationOutput](t)(a.PutVoiceConnectorLoggingConfiguration(ctx, &voice.PutVoiceConnectorLoggingConfigurationInput{
		VoiceConnectorId: vc, LoggingConfiguration: sip})).LoggingConfiguration, sip)
	good[*voice.UpdateSipMediaApplicationOutput](t)(a.UpdateSipMediaApplication(ctx, &voice.UpdateSipMediaApplicationInput{SipMediaApplicationId: app, Name: aws.String("n")}))
	same(t, "an application's, put", ofApp(), *on)
	same(t, "a Voice Connector's, put", ofVC(), *sip)
	same(t, "logged", logged(), []bool{true, true, false})
	good[*voice.PutSipMediaApplicationLoggingConfigurationOutput](t)(a.PutSipMediaApplicationLoggingConfiguration(ctx, &voice.PutSipMediaApplicationLoggingConfigurationInput{SipMediaApplicationId: app}))
	same(t, "an application's, put empty", ofApp(), types.SipMediaApplicationLoggingConfiguration{})
	if logged()[0] {
		t.Error("what was left out logs on")
	}
	for _, err := range []error{
		second(a.GetSipMediaApplicationLoggingConfiguration(ctx, &voice.GetSipMediaApplicationLoggingConfigurationInput{SipMediaApplicationId: aws.String("none")})),
		second(a.PutSipMediaApplicationLoggingConfiguration(ctx, &voice.PutSipMediaApplicationLoggingConfigurationInput{SipMediaApplicationId: aws.String("none")})),
		second(a.GetVoiceConnectorLoggingConfiguration(ctx, &voice.GetVoiceConnectorLoggingConfigurationInput{VoiceConnectorId: aws.String("none")})),
		second(a.PutVoiceConnectorLoggingConfiguration(ctx, &voice.PutVoiceConnectorLoggingConfigurationInput{VoiceConnectorId: aws.String("none"), LoggingConfiguration: sip})),
	} {
		fails[notFound](t, err, "Could not find")
	}
}

// A deleted number is its account's to restore for seven days, and nobody's to order; then it is in stock.
func TestDeletionQueue(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	// A clock that is set forward would refuse the clients' signatures: what was done is made older instead.
	age := func(d time.Duration) {
		t.Helper()
		n := good[directory.Number](t)(a.store.Numbers().Get(ctx, "+12065550100"))
		old, err := time.Parse(time.RFC3339Nano, strings.Split(strings.Split(string(n.Vendor), `"At":"`)[1], `"`)[0])
		if err != nil {
			t.Fatal(err)
		}
		n.Vendor = regexp.MustCompile(`"At":"[^"]*"`).ReplaceAll(n.Vendor, []byte(`"At":"`+old.Add(-d).Format(time.RFC3339Nano)+`"`))
		if err := a.store.Numbers().Update(ctx, n); err != nil {
			t.Fatal(err)
		}
	}
	number := aws.String("+12065550100")
	get := func() *types.PhoneNumber {
		t.Helper()
		return good[*voice.GetPhoneNumberOutput](t)(a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: number})).PhoneNumber
	}
	listed := func(status string) (list []string) {
		t.Helper()
		in := &voice.ListPhoneNumbersInput{}
		if status != "" {
			in.Status = &status
		}
		for _, n := range good[*voice.ListPhoneNumbersOutput](t)(a.ListPhoneNumbers(ctx, in)).PhoneNumbers {
			list = append(list, *n.E164PhoneNumber+" "+string(n.Status))
		}
		return list
	}
	inStock := func() bool { return slices.Contains(a.search(&voice.SearchAvailablePhoneNumbersInput{}), *number) }
	order := func(client *voice.Client) types.OrderedPhoneNumberStatus {
		t.Helper()
		o := good[*voice.CreatePhoneNumberOrderOutput](t)(client.CreatePhoneNumberOrder(ctx, &voice.CreatePhoneNumberOrderInput{ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{*number}}))
		return good[*voice.GetPhoneNumberOrderOutput](t)(client.GetPhoneNumberOrder(ctx, &voice.GetPhoneNumberOrderInput{PhoneNumberOrderId: o.PhoneNumberOrder.PhoneNumberOrderId})).PhoneNumberOrder.OrderedPhoneNumbers[0].Status
	}
	restore := &voice.RestorePhoneNumberInput{PhoneNumberId: aws.String("%2B12065550100")}
	good[*voice.UpdatePhoneNumberOutput](t)(a.UpdatePhoneNumber(ctx, &voice.UpdatePhoneNumberInput{PhoneNumberId: number, Name: aws.String("desk")}))
	arn := aws.String("arn:aws:chime:us-east-1:" + account + ":phone-number/12065550100")
	good[*voice.TagResourceOutput](t)(a.TagResource(ctx, &voice.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	_, err := a.RestorePhoneNumber(ctx, restore)
	fails[badRequest](t, err, "not in the deletion queue")

	good[*voice.DeletePhoneNumberOutput](t)(a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: number}))
	n := get()
	if n.Status != types.PhoneNumberStatusDeleteInProgress || n.DeletionTimestamp == nil || time.Since(*n.DeletionTimestamp) > time.Minute || *n.Name != "desk" {
		t.Errorf("deleted: %+v", n)
	}
	same(t, "inventory", listed(""), []string{})
	same(t, "queue", listed("DeleteInProgress"), []string{"+12065550100 DeleteInProgress"})
	if inStock() {
		t.Error("a number in the deletion queue is found")
	}
	if kept, _ := a.store.Snapshot().Number(*number); kept.Account != "" {
		t.Error("a number in the deletion queue is still its account's to call from")
	}
	for _, c := range []*voice.Client{a.Client, a.client("AKIDOTHER", "other/secret+1")} {
		if s := order(c); s != types.OrderedPhoneNumberStatusFailed {
			t.Errorf("an order of a number in the deletion queue is %s", s)
		}
	}
	_, err = a.client("AKIDOTHER", "other/secret+1").RestorePhoneNumber(ctx, restore)
	fails[notFound](t, err)
	_, err = a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: number})
	fails[notFound](t, err)

	age(7*24*time.Hour - time.Minute)
	back := good[*voice.RestorePhoneNumberOutput](t)(a.RestorePhoneNumber(ctx, restore)).PhoneNumber
	if back.Status != types.PhoneNumberStatusUnassigned || back.DeletionTimestamp != nil || *back.Name != "desk" {
		t.Errorf("restored: %+v", back)
	}
	same(t, "inventory with it", listed(""), []string{"+12065550100 Unassigned"})
	if tags := good[*voice.ListTagsForResourceOutput](t)(a.ListTagsForResource(ctx, &voice.ListTagsForResourceInput{ResourceARN: arn})).Tags; len(tags) != 1 {
		t.Errorf("restored with tags %v", tags)
	}

	good[*voice.DeletePhoneNumberOutput](t)(a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: number}))
	age(7 * 24 * time.Hour)
	_, err = a.RestorePhoneNumber(ctx, restore)
	fails[notFound](t, err)
	same(t, "queue in the end", listed("DeleteInProgress"), []string{})
	if !inStock() {
		t.Error("after seven days the number is not in stock")
	}
	if s := order(a.Client); s != types.OrderedPhoneNumberStatusAcquired {
		t.Errorf("an order of it is %s", s)
	}
	if n := get(); n.Status != types.PhoneNumberStatusUnassigned || n.Name != nil {
		t.Errorf("ordered anew: %+v", n)
	}
	if tags := good[*voice.ListTagsForResourceOutput](t)(a.ListTagsForResource(ctx, &voice.ListTagsForResourceInput{ResourceARN: arn})).Tags; len(tags) != 0 {
		t.Errorf("ordered anew with tags %v", tags)
	}
}
