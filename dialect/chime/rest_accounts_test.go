package chime_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

// holding is what an account has, by the word that stands for it in a request.
type holding map[string]string

// hold lets an account have one thing of each kind, and one more of those that only unused ones can be deleted of.
func hold(a *api, key, secret, number, stock, gone string) holding {
	a.t.Helper()
	mine := *a
	mine.Client = a.client(key, secret)
	ctx := a.t.Context()
	app, vc, spare := mine.application("app"), mine.connector("vc"), mine.connector("spare")
	order := good[*voice.CreatePhoneNumberOrderOutput](a.t)(mine.CreatePhoneNumberOrder(ctx, &voice.CreatePhoneNumberOrderInput{
		ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{stock, gone}})).PhoneNumberOrder
	good[*voice.DeletePhoneNumberOutput](a.t)(mine.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: &gone}))
	rule, err := mine.rule(types.SipRuleTriggerTypeToPhoneNumber, number, target(*app.SipMediaApplicationId, 1))
	if err != nil {
		a.t.Fatal(err)
	}
	off, err := mine.rule(types.SipRuleTriggerTypeRequestUriHostname, *vc.OutboundHostName, target(*app.SipMediaApplicationId, 1))
	if err != nil {
		a.t.Fatal(err)
	}
	good[*voice.UpdateSipRuleOutput](a.t)(mine.UpdateSipRule(ctx, &voice.UpdateSipRuleInput{SipRuleId: off.SipRuleId, Name: off.Name, Disabled: aws.Bool(true)}))
	good[*voice.PutVoiceConnectorOriginationOutput](a.t)(mine.PutVoiceConnectorOrigination(ctx, &voice.PutVoiceConnectorOriginationInput{
		VoiceConnectorId: vc.VoiceConnectorId, Origination: &types.Origination{Disabled: aws.Bool(true)}}))
	good[*voice.PutVoiceConnectorTerminationOutput](a.t)(mine.PutVoiceConnectorTermination(ctx, &voice.PutVoiceConnectorTerminationInput{
		VoiceConnectorId: vc.VoiceConnectorId, Termination: &types.Termination{CidrAllowedList: []string{"192.0.2.0/24"}}}))
	user := "user-of-" + strings.ToLower(key)
	good[*voice.PutVoiceConnectorTerminationCredentialsOutput](a.t)(mine.PutVoiceConnectorTerminationCredentials(ctx, &voice.PutVoiceConnectorTerminationCredentialsInput{
		VoiceConnectorId: vc.VoiceConnectorId, Credentials: []types.Credential{{Username: &user, Password: aws.String("secret")}}}))
	group := good[*voice.CreateVoiceConnectorGroupOutput](a.t)(mine.CreateVoiceConnectorGroup(ctx, &voice.CreateVoiceConnectorGroupInput{
		Name: aws.String("group"), VoiceConnectorItems: []types.VoiceConnectorItem{{VoiceConnectorId: vc.VoiceConnectorId, Priority: aws.Int32(1)}}})).VoiceConnectorGroup
	empty := good[*voice.CreateVoiceConnectorGroupOutput](a.t)(mine.CreateVoiceConnectorGroup(ctx, &voice.CreateVoiceConnectorGroupInput{Name: aws.String("empty")})).VoiceConnectorGroup
	good[*voice.PutVoiceConnectorStreamingConfigurationOutput](a.t)(mine.PutVoiceConnectorStreamingConfiguration(ctx, &voice.PutVoiceConnectorStreamingConfigurationInput{
		VoiceConnectorId: vc.VoiceConnectorId, StreamingConfiguration: &types.StreamingConfiguration{DataRetentionInHours: aws.Int32(1), Disabled: aws.Bool(true)}}))
	good[*voice.PutVoiceConnectorEmergencyCallingConfigurationOutput](a.t)(mine.PutVoiceConnectorEmergencyCallingConfiguration(ctx, &voice.PutVoiceConnectorEmergencyCallingConfigurationInput{
		VoiceConnectorId: spare.VoiceConnectorId, EmergencyCallingConfiguration: &types.EmergencyCallingConfiguration{}}))
	good[*voice.PutVoiceConnectorExternalSystemsConfigurationOutput](a.t)(mine.PutVoiceConnectorExternalSystemsConfiguration(ctx, &voice.PutVoiceConnectorExternalSystemsConfigurationInput{
		VoiceConnectorId: vc.VoiceConnectorId}))
	bucket := "bucket-of-" + strings.ToLower(key)
	good[*voice.UpdateGlobalSettingsOutput](a.t)(mine.UpdateGlobalSettings(ctx, &voice.UpdateGlobalSettingsInput{VoiceConnector: &types.VoiceConnectorSettings{CdrBucket: &bucket}}))
	good[*voice.UpdatePhoneNumberSettingsOutput](a.t)(mine.UpdatePhoneNumberSettings(ctx, &voice.UpdatePhoneNumberSettingsInput{CallingName: aws.String("of " + key)}))
	h := holding{
		"group": *group.VoiceConnectorGroupId, "groupArn": *group.VoiceConnectorGroupArn, "emptyGroup": *empty.VoiceConnectorGroupId, "bucket": bucket,
		"app": *app.SipMediaApplicationId, "appArn": *app.SipMediaApplicationArn, "spareApp": *mine.application("spare").SipMediaApplicationId,
		"vc": *vc.VoiceConnectorId, "vcArn": *vc.VoiceConnectorArn, "spareVc": *spare.VoiceConnectorId, "host": *spare.OutboundHostName,
		"rule": *rule.SipRuleId, "off": *off.SipRuleId, "number": number, "free": stock, "gone": gone, "user": user, "order": *order.PhoneNumberOrderId,
		"numberArn": "arn:aws:chime:us-east-1:" + mine.accountOf(number) + ":phone-number/" + number[1:],
	}
	placed := good[*voice.CreateSipMediaApplicationCallOutput](a.t)(mine.CreateSipMediaApplicationCall(ctx, &voice.CreateSipMediaApplicationCallInput{
		SipMediaApplicationId: app.SipMediaApplicationId, FromPhoneNumber: &number, ToPhoneNumber: aws.String("+14155550100")}))
	h["call"] = *placed.SipMediaApplicationCall.TransactionId
	a.calls.asked = nil
	a.holdMeeting(h, key, secret)
	for _, arn := range []string{"appArn", "vcArn", "numberArn"} {
		good[*voice.TagResourceOutput](a.t)(mine.TagResource(ctx, &voice.TagResourceInput{
			ResourceARN: aws.String(h[arn]), Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("of " + key)}}}))
	}
	return h
}

func (a *api) accountOf(number string) string {
	n, ok := a.store.Snapshot().Number(number)
	if !ok {
		a.t.Fatalf("there is no number %s", number)
	}
	return n.Account
}

// fill puts what an account has in the place of "{word}", and what the asking account has in that of "{my word}".
func fill(text string, theirs, mine holding) string {
	for word := range theirs {
		text = strings.ReplaceAll(strings.ReplaceAll(text, "{"+word+"}", theirs[word]), "{my "+word+"}", mine[word])
	}
	return text
}

// dump gives all that the directory holds of an account.
func (a *api) dump(account string) string {
	a.t.Helper()
	all := map[string]any{}
	keep := func(what string, list any, err error) {
		if err != nil {
			a.t.Fatal(err)
		}
		all[what] = list
	}
	ctx, page := a.t.Context(), directory.Page{Limit: 1000}
	apps, err := a.store.Apps().List(ctx, account, page)
	keep("apps", apps, err)
	trunks, err := a.store.Trunks().List(ctx, account, page)
	keep("trunks", trunks, err)
	rules, err := a.store.Rules().List(ctx, account, page)
	keep("rules", rules, err)
	numbers, err := a.store.Numbers().List(ctx, account, page)
	keep("numbers", numbers, err)
	stock, err := a.store.Numbers().List(ctx, "", page)
	keep("stock", stock, err)
	orders, err := a.store.Vendor("chime-order").List(ctx, account, page)
	keep("orders", orders, err)
	tags, err := a.store.Vendor("chime-tags").List(ctx, account, page)
	keep("tags", tags, err)
	keep("meetings", a.meetingsOf(account), nil)
	settings, err := a.store.Vendor("chime-settings").List(ctx, account, page)
	keep("settings", settings, err)
	text, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// accountRow is one of [accountRows].
type accountRow struct {
	name, request, body string
	own, foreign        int
}

// accountRows are requests that name things of an account, at least one for each operation: what the account itself gets,
// and what another one does.
var accountRows = []accountRow{
	{"CreateSipMediaApplication", "POST /sip-media-applications", `{"Name":"n","AwsRegion":"us-east-1","Endpoints":[{"LambdaArn":"` + ivr + `"}]}`, 201, 201},
	{"GetSipMediaApplication", "GET /sip-media-applications/{app}", "", 200, 404},
	{"UpdateSipMediaApplication", "PUT /sip-media-applications/{app}", `{"Name":"n"}`, 200, 404},
	{"DeleteSipMediaApplication", "DELETE /sip-media-applications/{spareApp}", "", 204, 404},
	{"ListSipMediaApplications", "GET /sip-media-applications", "", 200, 200},
	{"CreateSipRule", "POST /sip-rules", `{"Name":"n","TriggerType":"ToPhoneNumber","TriggerValue":"{my free}","TargetApplications":[{"SipMediaApplicationId":"{app}","Priority":1}]}`, 201, 400},
	{"CreateSipRule", "POST /sip-rules", `{"Name":"n","TriggerType":"ToPhoneNumber","TriggerValue":"{free}","TargetApplications":[{"SipMediaApplicationId":"{my app}","Priority":1}]}`, 201, 400},
	{"CreateSipRule", "POST /sip-rules", `{"Name":"n","TriggerType":"RequestUriHostname","TriggerValue":"{host}","TargetApplications":[{"SipMediaApplicationId":"{my app}","Priority":1}]}`, 201, 400},
	{"GetSipRule", "GET /sip-rules/{rule}", "", 200, 404},
	{"UpdateSipRule", "PUT /sip-rules/{rule}", `{"Name":"n"}`, 202, 404},
	{"UpdateSipRule", "PUT /sip-rules/{my rule}", `{"Name":"n","TargetApplications":[{"SipMediaApplicationId":"{app}","Priority":1}]}`, 202, 400},
	{"DeleteSipRule", "DELETE /sip-rules/{off}", "", 204, 404},
	{"ListSipRules", "GET /sip-rules", "", 200, 200},
	{"ListSipRules", "GET /sip-rules?sip-media-application={app}", "", 200, 400},
	{"CreateVoiceConnector", "POST /voice-connectors", `{"Name":"n","RequireEncryption":false}`, 201, 201},
	{"GetVoiceConnector", "GET /voice-connectors/{vc}", "", 200, 404},
	{"UpdateVoiceConnector", "PUT /voice-connectors/{vc}", `{"Name":"n","RequireEncryption":true}`, 200, 404},
	{"DeleteVoiceConnector", "DELETE /voice-connectors/{spareVc}", "", 204, 404},
	{"ListVoiceConnectors", "GET /voice-connectors", "", 200, 200},
	{"PutVoiceConnectorOrigination", "PUT /voice-connectors/{vc}/origination", `{"Origination":{"Disabled":false}}`, 200, 404},
	{"GetVoiceConnectorOrigination", "GET /voice-connectors/{vc}/origination", "", 200, 404},
	{"DeleteVoiceConnectorOrigination", "DELETE /voice-connectors/{vc}/origination", "", 204, 404},
	{"PutVoiceConnectorTermination", "PUT /voice-connectors/{vc}/termination", `{"Termination":{"CidrAllowedList":["0.0.0.0/0"]}}`, 200, 404},
	{"GetVoiceConnectorTermination", "GET /voice-connectors/{vc}/termination", "", 200, 404},
	{"DeleteVoiceConnectorTermination", "DELETE /voice-connectors/{vc}/termination", "", 204, 404},
	{"AssociatePhoneNumbersWithVoiceConnector", "POST /voice-connectors/{vc}?operation=associate-phone-numbers", `{"E164PhoneNumbers":["{my free}"]}`, 200, 404},
	{"AssociatePhoneNumbersWithVoiceConnector", "POST /voice-connectors/{my vc}?operation=associate-phone-numbers", `{"E164PhoneNumbers":["{free}"],"ForceAssociate":true}`, 200, 200},
	{"DisassociatePhoneNumbersFromVoiceConnector", "POST /voice-connectors/{vc}?operation=disassociate-phone-numbers", `{"E164PhoneNumbers":["{my free}"]}`, 200, 404},
	{"DisassociatePhoneNumbersFromVoiceConnector", "POST /voice-connectors/{my vc}?operation=disassociate-phone-numbers", `{"E164PhoneNumbers":["{free}"]}`, 200, 200},
	{"PutVoiceConnectorTerminationCredentials", "POST /voice-connectors/{vc}/termination/credentials?operation=put", `{"Credentials":[{"Username":"u","Password":"p"}]}`, 204, 404},
	{"ListVoiceConnectorTerminationCredentials", "GET /voice-connectors/{vc}/termination/credentials", "", 200, 404},
	{"DeleteVoiceConnectorTerminationCredentials", "POST /voice-connectors/{vc}/termination/credentials?operation=delete", `{"Usernames":["{user}"]}`, 204, 404},
	{"GetVoiceConnectorTerminationHealth", "GET /voice-connectors/{vc}/termination/health", "", 200, 404},
	{"PutSipMediaApplicationLoggingConfiguration", "PUT /sip-media-applications/{app}/logging-configuration", `{"SipMediaApplicationLoggingConfiguration":{"EnableSipMediaApplicationMessageLogs":true}}`, 200, 404},
	{"GetSipMediaApplicationLoggingConfiguration", "GET /sip-media-applications/{app}/logging-configuration", "", 200, 404},
	{"PutVoiceConnectorLoggingConfiguration", "PUT /voice-connectors/{vc}/logging-configuration", `{"LoggingConfiguration":{"EnableSIPLogs":true}}`, 200, 404},
	{"GetVoiceConnectorLoggingConfiguration", "GET /voice-connectors/{vc}/logging-configuration", "", 200, 404},
	{"CreateVoiceConnectorGroup", "POST /voice-connector-groups", `{"Name":"n"}`, 201, 201},
	{"CreateVoiceConnectorGroup", "POST /voice-connector-groups", `{"Name":"n","VoiceConnectorItems":[{"VoiceConnectorId":"{vc}","Priority":1}]}`, 201, 400},
	{"GetVoiceConnectorGroup", "GET /voice-connector-groups/{group}", "", 200, 404},
	{"UpdateVoiceConnectorGroup", "PUT /voice-connector-groups/{group}", `{"Name":"n","VoiceConnectorItems":[]}`, 202, 404},
	{"UpdateVoiceConnectorGroup", "PUT /voice-connector-groups/{my group}", `{"Name":"n","VoiceConnectorItems":[{"VoiceConnectorId":"{vc}","Priority":1}]}`, 202, 404},
	{"DeleteVoiceConnectorGroup", "DELETE /voice-connector-groups/{emptyGroup}", "", 204, 404},
	{"ListVoiceConnectorGroups", "GET /voice-connector-groups", "", 200, 200},
	{"AssociatePhoneNumbersWithVoiceConnectorGroup", "POST /voice-connector-groups/{group}?operation=associate-phone-numbers", `{"E164PhoneNumbers":["{my free}"]}`, 200, 404},
	{"AssociatePhoneNumbersWithVoiceConnectorGroup", "POST /voice-connector-groups/{my group}?operation=associate-phone-numbers", `{"E164PhoneNumbers":["{free}"],"ForceAssociate":true}`, 200, 200},
	{"DisassociatePhoneNumbersFromVoiceConnectorGroup", "POST /voice-connector-groups/{group}?operation=disassociate-phone-numbers", `{"E164PhoneNumbers":["{my free}"]}`, 200, 404},
	{"DisassociatePhoneNumbersFromVoiceConnectorGroup", "POST /voice-connector-groups/{my group}?operation=disassociate-phone-numbers", `{"E164PhoneNumbers":["{free}"]}`, 200, 200},
	{"PutVoiceConnectorStreamingConfiguration", "PUT /voice-connectors/{vc}/streaming-configuration", `{"StreamingConfiguration":{"DataRetentionInHours":0,"Disabled":false}}`, 200, 404},
	{"GetVoiceConnectorStreamingConfiguration", "GET /voice-connectors/{vc}/streaming-configuration", "", 200, 404},
	{"DeleteVoiceConnectorStreamingConfiguration", "DELETE /voice-connectors/{vc}/streaming-configuration", "", 204, 404},
	{"PutVoiceConnectorEmergencyCallingConfiguration", "PUT /voice-connectors/{vc}/emergency-calling-configuration", `{"EmergencyCallingConfiguration":{}}`, 200, 404},
	{"GetVoiceConnectorEmergencyCallingConfiguration", "GET /voice-connectors/{spareVc}/emergency-calling-configuration", "", 200, 404},
	{"DeleteVoiceConnectorEmergencyCallingConfiguration", "DELETE /voice-connectors/{spareVc}/emergency-calling-configuration", "", 204, 404},
	{"PutVoiceConnectorExternalSystemsConfiguration", "PUT /voice-connectors/{vc}/external-systems-configuration", `{"SessionBorderControllerTypes":["AVAYA_SBCE"]}`, 200, 404},
	{"GetVoiceConnectorExternalSystemsConfiguration", "GET /voice-connectors/{vc}/external-systems-configuration", "", 200, 404},
	{"DeleteVoiceConnectorExternalSystemsConfiguration", "DELETE /voice-connectors/{vc}/external-systems-configuration", "", 204, 404},
	{"GetGlobalSettings", "GET /settings", "", 200, 200},
	{"UpdateGlobalSettings", "PUT /settings", `{"VoiceConnector":{"CdrBucket":"new"}}`, 204, 204},
	{"GetPhoneNumberSettings", "GET /settings/phone-number", "", 200, 200},
	{"UpdatePhoneNumberSettings", "PUT /settings/phone-number", `{"CallingName":"new"}`, 204, 204},
	{"ListSupportedPhoneNumberCountries", "GET /phone-number-countries?product-type=VoiceConnector", "", 200, 200},
	{"ListAvailableVoiceConnectorRegions", "GET /voice-connector-regions", "", 200, 200},
	{"ValidateE911Address", "POST /emergency-calling/address", `{"AwsAccountId":"` + account + `","StreetNumber":"1","StreetInfo":"Main","City":"Portland","State":"ME","Country":"US","PostalCode":"04352"}`, 202, 400},
	{"BatchUpdatePhoneNumber", "POST /phone-numbers?operation=batch-update", `{"UpdatePhoneNumberRequestItems":[{"PhoneNumberId":"{number}","CallingName":"Somebody"}]}`, 200, 200},
	{"BatchDeletePhoneNumber", "POST /phone-numbers?operation=batch-delete", `{"PhoneNumberIds":["{free}"]}`, 200, 200},
	{"ListTagsForResource", "GET /tags?arn={groupArn}", "", 200, 404},
	{"SearchAvailablePhoneNumbers", "GET /search?type=phone-numbers", "", 200, 200},
	{"GetPhoneNumber", "GET /phone-numbers/{number}", "", 200, 404},
	{"ListPhoneNumbers", "GET /phone-numbers", "", 200, 200},
	{"ListPhoneNumbers", "GET /phone-numbers?filter-name=SipRuleId&filter-value={rule}", "", 200, 404},
	{"UpdatePhoneNumber", "POST /phone-numbers/{number}", `{"CallingName":"Somebody"}`, 200, 404},
	{"DeletePhoneNumber", "DELETE /phone-numbers/{free}", "", 204, 404},
	{"GetPhoneNumber", "GET /phone-numbers/{gone}", "", 200, 404},
	{"ListPhoneNumbers", "GET /phone-numbers?status=DeleteInProgress", "", 200, 200},
	{"RestorePhoneNumber", "POST /phone-numbers/{gone}?operation=restore", "", 200, 404},
	{"CreatePhoneNumberOrder", "POST /phone-number-orders", `{"ProductType":"VoiceConnector","E164PhoneNumbers":["{gone}"]}`, 201, 201},
	{"CreatePhoneNumberOrder", "POST /phone-number-orders", `{"ProductType":"VoiceConnector","E164PhoneNumbers":["{free}"]}`, 201, 201},
	{"GetPhoneNumberOrder", "GET /phone-number-orders/{order}", "", 200, 404},
	{"ListPhoneNumberOrders", "GET /phone-number-orders", "", 200, 200},
	{"CreateSipMediaApplicationCall", "POST /sip-media-applications/{app}/calls", `{"FromPhoneNumber":"{my number}","ToPhoneNumber":"+14155550100"}`, 201, 400},
	{"CreateSipMediaApplicationCall", "POST /sip-media-applications/{my app}/calls", `{"FromPhoneNumber":"{number}","ToPhoneNumber":"+14155550100"}`, 201, 400},
	{"UpdateSipMediaApplicationCall", "POST /sip-media-applications/{app}/calls/{call}", `{"Arguments":{"k":"v"}}`, 202, 404},
	{"UpdateSipMediaApplicationCall", "POST /sip-media-applications/{my app}/calls/{call}", `{"Arguments":{"k":"v"}}`, 202, 404},
	{"TagResource", "POST /tags?operation=tag-resource", `{"ResourceARN":"{appArn}","Tags":[{"Key":"k","Value":"changed"}]}`, 204, 404},
	{"TagResource", "POST /tags?operation=tag-resource", `{"ResourceARN":"{vcArn}","Tags":[{"Key":"k","Value":"changed"}]}`, 204, 404},
	{"UntagResource", "POST /tags?operation=untag-resource", `{"ResourceARN":"{numberArn}","TagKeys":["k"]}`, 204, 404},
	{"ListTagsForResource", "GET /tags?arn={appArn}", "", 200, 404},
	{"ListTagsForResource", "GET /tags?arn={vcArn}", "", 200, 404},
	{"ListTagsForResource", "GET /tags?arn={numberArn}", "", 200, 404},
}

// S36: with the key of one account nothing of another's is seen, changed or used, whichever operation names it. That the
// account itself gets what it asks for proves that the request was otherwise good.
func TestEachOperationKeepsAccountsApart(t *testing.T) {
	left := chime.Operations()
	for _, row := range slices.Concat(accountRows, meetingRows) {
		left = slices.DeleteFunc(left, func(name string) bool { return name == row.name })
		t.Run(row.name, func(t *testing.T) {
			a := newAPI(t)
			theirs, mine := hold(a, "dev", "dev-secret", "+12065550100", "+12065550150", "+12065550152"), hold(a, "AKIDOTHER", "other/secret+1", "+12065550101", "+12065550151", "+14255550150")
			ask := func(key, secret string, mine holding) (*http.Response, string, string) {
				method, path, _ := strings.Cut(fill(row.request, theirs, mine), " ")
				body := fill(row.body, theirs, mine)
				r := a.request(method, path, body)
				sign(t, r, []byte(body), key, secret, a.now())
				res, answer := a.send(r)
				return res, path + body, string(answer)
			}
			before := a.dump(account)
			res, asked, answer := ask("AKIDOTHER", "other/secret+1", mine)
			if res.StatusCode != row.foreign {
				t.Errorf("another account: %d %s, want %d", res.StatusCode, answer, row.foreign)
			}
			if d := cmp.Diff(before, a.dump(account)); d != "" {
				t.Errorf("another account changed: (-before +after)\n%s", d)
			}
			for word, id := range theirs {
				if strings.Contains(answer, id) && !strings.Contains(asked, id) {
					t.Errorf("another account is shown the %s: %s", word, answer)
				}
			}
			if n := len(a.calls.asked); n > 0 {
				t.Errorf("another account placed %d calls", n)
			}
			if res, _, answer := ask("dev", "dev-secret", theirs); res.StatusCode != row.own {
				t.Errorf("the account itself: %d %s, want %d", res.StatusCode, answer, row.own)
			}
		})
	}
	if len(left) > 0 {
		t.Errorf("no row for %q", left)
	}
}
