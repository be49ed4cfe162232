package chime_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/store/sqlite"
)

// fuzzed gives the control plane of a store that lives as long as the fuzz test.
func fuzzed(f *testing.F) http.Handler {
	f.Helper()
	store, err := sqlite.Open(f.TempDir()+"/switchhook.db", sqlite.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { store.Close() })
	err = store.Put(f.Context(), directory.Content{
		Accounts: []directory.Account{{ID: account}},
		Keys:     []directory.Key{{Kind: directory.KeyAWS, ID: "dev", Secret: "dev-secret", Account: account}},
		Numbers:  []directory.Number{{E164: "+12065550100", Account: account}},
		Apps:     []directory.App{{ID: "app", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"declared"}`)}},
		Trunks:   []directory.Trunk{{ID: "vc", Account: account, Host: "vc.voiceconnector.chime.aws", Vendor: json.RawMessage(`{"VoiceConnector":{"AwsRegion":"us-east-1"}}`)}},
	})
	if err != nil {
		f.Fatal(err)
	}
	mux := http.NewServeMux()
	chime.New(chime.Config{Functions: declared{}, Directory: store.Snapshot, Store: store}).Routes(mux, &fakeCalls{})
	return mux
}

// Nobody gets in by what stands in the headers alone, and nothing of it breaks the server.
func FuzzAuthorization(f *testing.F) {
	server := fuzzed(f)
	now := time.Now().UTC()
	f.Add("AWS4-HMAC-SHA256 Credential=dev/"+now.Format("20060102")+"/us-east-1/chime/aws4_request, SignedHeaders=host;x-amz-date, Signature="+strings.Repeat("0", 64), now.Format("20060102T150405Z"), "a=b")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/e/f/aws4_request,SignedHeaders=,Signature=", "", "X-Amz-Algorithm=x")
	f.Add("AWS4-HMAC-SHA256", "20260101T000000Z", "%zz")
	f.Add("Bearer x", "Thu, 01 Jan 2026 00:00:00 GMT", "")
	f.Fuzz(func(t *testing.T, auth, at, query string) {
		r := httptest.NewRequest("GET", "/sip-rules", nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", auth)
		r.Header.Set("X-Amz-Date", at)
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code != http.StatusForbidden && w.Code != http.StatusBadRequest || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%d %s", w.Code, w.Body)
		}
	})
}

// Whatever stands in a signed request, the answer is one of the vendor's, and never that we failed.
func FuzzBodies(f *testing.F) {
	server := fuzzed(f)
	operations := []string{
		"POST /sip-media-applications", "PUT /sip-media-applications/app", "POST /sip-rules", "POST /voice-connectors", "PUT /voice-connectors/vc/origination",
		"PUT /voice-connectors/vc/termination", "POST /voice-connectors/vc?operation=associate-phone-numbers", "POST /phone-number-orders",
		"POST /phone-numbers/+12065550100", "POST /sip-media-applications/app/calls", "POST /tags?operation=tag-resource", "GET /phone-numbers?max-results=1",
		"POST /voice-connectors/vc/termination/credentials?operation=put", "POST /voice-connectors/vc/termination/credentials?operation=delete",
		"PUT /voice-connectors/vc/logging-configuration", "PUT /sip-media-applications/app/logging-configuration",
		"POST /voice-connector-groups", "POST /phone-numbers?operation=batch-update", "POST /phone-numbers?operation=batch-delete", "PUT /settings",
		"PUT /settings/phone-number", "PUT /voice-connectors/vc/streaming-configuration", "PUT /voice-connectors/vc/emergency-calling-configuration",
		"PUT /voice-connectors/vc/external-systems-configuration", "POST /emergency-calling/address",
		"POST /meetings", "POST /meetings?operation=create-attendees",
	}
	for i := range operations {
		f.Add(i, "", `{}`)
	}
	f.Add(0, "", `{"Name":"n","AwsRegion":"us-east-1","Endpoints":[{"LambdaArn":"declared"}],"Tags":[{"Key":"k","Value":"v"}]}`)
	f.Add(2, "", `{"Name":"n","TriggerType":"ToPhoneNumber","TriggerValue":"+12065550100","TargetApplications":[{"SipMediaApplicationId":"app","Priority":1}]}`)
	f.Add(4, "", `{"Origination":{"Routes":[{"Host":"192.0.2.1","Port":5060,"Protocol":"UDP","Priority":1,"Weight":1}]}}`)
	f.Add(5, "", `{"Termination":{"CidrAllowedList":["::ffff:10.0.0.0/104","fe80::1%a","0.0.0.0/0"]}}`)
	f.Add(9, "", `{"FromPhoneNumber":"+12065550100","ToPhoneNumber":"+14155550100","SipHeaders":{"X-A":"\u2028","X-B":"b"},"ArgumentsMap":{"a":"b"}}`)
	f.Add(12, "", `{"Credentials":[{"Username":"u","Password":"p"},{"Username":"\u007f","Password":null}]}`)
	f.Add(16, "", `{"Name":"n","VoiceConnectorItems":[{"VoiceConnectorId":"vc","Priority":1},{"VoiceConnectorId":"vc","Priority":null}],"CallDistributionType":"LoadBalancedDistribution"}`)
	f.Add(17, "", `{"UpdatePhoneNumberRequestItems":[{"PhoneNumberId":"%2B12065550100","Name":"n"},{"PhoneNumberId":"%zz"}]}`)
	f.Add(18, "", `{"PhoneNumberIds":["+12065550100","12065550100"]}`)
	f.Add(19, "", `{"VoiceConnector":{"CdrBucket":"b-s3alias"},"BusinessCalling":null}`)
	f.Add(21, "", `{"StreamingConfiguration":{"DataRetentionInHours":-1,"Disabled":true,"StreamingNotificationTargets":[{}]}}`)
	f.Add(22, "", `{"EmergencyCallingConfiguration":{"DNIS":[{"EmergencyPhoneNumber":"911","CallingCountry":"US"}]}}`)
	f.Add(13, "", `{"Usernames":["u"]}`)
	f.Add(14, "", `{"LoggingConfiguration":{"EnableSIPLogs":true,"EnableMediaMetricLogs":null}}`)
	f.Add(17, "", `{"ClientRequestToken":"t1","MediaRegion":"us-east-1","ExternalMeetingId":"m1","Attendees":[{"ExternalUserId":"a1","Capabilities":{"Audio":"Send","Video":"None","Content":"None"}}]}`)
	f.Add(11, "MQBudW1iZXJzACsxMjA2NTU1MDEwMQ", ``)
	f.Fuzz(func(t *testing.T, i int, token, body string) {
		method, path, _ := strings.Cut(operations[uint(i)%uint(len(operations))], " ")
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		if token != "" {
			r.URL.RawQuery += "&next-token=" + url.QueryEscape(token)
		}
		sign(t, r, []byte(body), "dev", "dev-secret", time.Now())
		w := httptest.NewRecorder()
		server.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == http.StatusForbidden || w.Code != http.StatusNoContent && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %s %s: %d %s", method, path, body, w.Code, w.Body)
		}
	})
}
