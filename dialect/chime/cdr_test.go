package chime_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

// A call by a Voice Connector to an application that bridges it leaves a record of each leg for the application, whose fields are all
// there and all text, and one for the Voice Connector, with the vendor's types.
func TestCallDetailRecords(t *testing.T) {
	vendor := json.RawMessage(`{"VoiceConnector":{"AwsRegion":"us-west-2","RequireEncryption":false}}`)
	dir := directory.NewSnapshot(directory.Content{
		Apps:   []directory.App{{ID: "sma", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"ivr","AwsRegion":"eu-central-1"}`)}},
		Trunks: []directory.Trunk{{ID: connector, Account: account, Vendor: vendor}, {ID: "carrier", Account: account}},
	})
	brought := map[string]string{}
	now := time.Date(2026, 11, 23, 23, 59, 59, int(7*time.Millisecond), time.UTC)
	d := chime.New(chime.Config{
		Directory: func() *directory.Snapshot { return dir }, Clock: func() time.Time { return now },
		Deliver: func(account, key string, body []byte) {
			if _, again := brought[key]; again {
				t.Errorf("%s is brought twice", key)
			}
			brought[account+" "+key] = string(body)
		},
	})
	in := call.LegRecord{ID: "leg-a", Direction: call.In, From: "+12065550100", To: "+4930123456", Trunk: connector, SIPCallID: "a@pbx", Start: now, Answered: now.Add(time.Second), End: now.Add(8500 * time.Millisecond), Cause: call.Cause{By: call.ByPeer, Label: call.LabelNormal}}
	out := call.LegRecord{ID: "leg-b", Direction: call.Out, From: "+12065550100", To: "600300", Trunk: "carrier", Start: now, End: now.Add(time.Second), Cause: call.Cause{SIP: 486, By: call.ByPeer, Label: call.LabelBusy}}
	f := call.Finished{Record: call.Record{ID: "tx", Account: account, Rule: "rule", App: "sma", Login: "pbx-1", Legs: []call.LegRecord{in, out}}}
	d.Over(f)
	want := map[string]string{
		account + " Amazon-Chime-SMADRs/json/sma/2026/11/23/23.59.59.007_tx":                             `{"AwsAccountId":"111122223333","TransactionId":"tx","CallId":"leg-a","VoiceConnectorId":"` + connector + `","Status":"Completed","BillableDurationSeconds":"8","SchemaVersion":"2.0","SourcePhoneNumber":"12065550100","DestinationPhoneNumber":"4930123456","UsageType":"EUC1-US-DE-inbound-minutes","ServiceCode":"AmazonChimeVoiceConnector","Direction":"Inbound","TimeStampEpochSeconds":"1795478399","Region":"eu-central-1","SipRuleId":"rule","SipApplicationId":"sma","CallLegTriggerType":"SipRule","BillableVoiceFocusSeconds":"0"}`,
		account + " Amazon-Chime-SMADRs/json/sma/2026/11/23/23.59.59.008_tx":                             `{"AwsAccountId":"111122223333","TransactionId":"tx","CallId":"leg-b","VoiceConnectorId":"","Status":"Failed","BillableDurationSeconds":"0","SchemaVersion":"2.0","SourcePhoneNumber":"12065550100","DestinationPhoneNumber":"600300","UsageType":"EUC1-US-ZZ-outbound-minutes","ServiceCode":"AmazonChimeVoiceConnector","Direction":"Outbound","TimeStampEpochSeconds":"1795478399","Region":"eu-central-1","SipRuleId":"rule","SipApplicationId":"sma","CallLegTriggerType":"CallAndBridge","BillableVoiceFocusSeconds":"0"}`,
		account + " Amazon-Chime-Voice-Connector-CDRs/json/" + connector + "/2026/11/23/23.59.59.007_tx": `{"AwsAccountId":"111122223333","TransactionId":"tx","CallId":"a@pbx","VoiceConnectorId":"` + connector + `","Status":"Completed","StatusMessage":"normal by peer","SipAuthUser":"pbx-1","BillableDurationSeconds":8,"BillableDurationMinutes":0.13,"SchemaVersion":"2.0","SourcePhoneNumber":"+12065550100","SourceCountry":"US","DestinationPhoneNumber":"+4930123456","DestinationCountry":"DE","UsageType":"USW2-US-DE-outbound-minutes","ServiceCode":"AmazonChimeVoiceConnector","Direction":"Outbound","StartTimeEpochSeconds":1795478399,"EndTimeEpochSeconds":1795478407,"Region":"us-west-2","Streaming":false}`,
	}
	if diff := cmp.Diff(want, brought); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	clear(brought)
	f.Record.App, f.Record.Rule, f.Record.Legs = "deleted", "", []call.LegRecord{out}
	f.Record.Legs[0].Trunk = connector
	d.Over(f)
	if len(brought) != 1 || !strings.Contains(fmt.Sprint(brought), `"Direction":"Inbound"`) {
		t.Errorf("a call of nobody's leaves %v", brought)
	}
	clear(brought)
	d.NoCdrs(account)
	now = now.Add(9 * time.Second)
	d.Over(f)
	if len(brought) != 0 {
		t.Errorf("an account without a bucket gets %v", brought)
	}
	now = now.Add(2 * time.Second)
	d.Over(f)
	if len(brought) != 1 {
		t.Error("an account is not asked again")
	}
}
