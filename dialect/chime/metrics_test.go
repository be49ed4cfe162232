package chime_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

// A Voice Connector's metrics have the vendor's names; what its calls' media came to is counted when they are over, and logged where
// the Voice Connector's logging configuration says so.
func TestMetrics(t *testing.T) {
	quiet := json.RawMessage(`{"VoiceConnector":{"AwsRegion":"us-west-2"}}`)
	logging := json.RawMessage(`{"VoiceConnector":{"AwsRegion":"us-west-2","Logging":{"EnableMediaMetricLogs":true}}}`)
	dir := directory.NewSnapshot(directory.Content{
		Apps:   []directory.App{{ID: "sma", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"ivr","AwsRegion":"eu-central-1"}`)}},
		Trunks: []directory.Trunk{{ID: "quiet", Account: account, Vendor: quiet}, {ID: "vc", Account: account, Vendor: logging}, {ID: "carrier", Account: account}},
	})
	var lines []string
	d := chime.New(chime.Config{
		Directory: func() *directory.Snapshot { return dir },
		Traffic: func() map[string]dialect.Traffic {
			return map[string]dialect.Traffic{
				"vc":      {In: dialect.Flow{Attempts: 7, Answered: 5, Failures: 1, Active: 1}, Out: dialect.Flow{Attempts: 2, Active: 2}, Codes: [7]uint64{1: 3, 4: 1}, Throttled: 4},
				"carrier": {In: dialect.Flow{Attempts: 99}},
			}
		},
		Log: func(group string, _ time.Time, line []byte) { lines = append(lines, group+" "+string(line)) },
	})
	begin := time.Unix(1800000000, 0)
	leg := func(trunk string, from, to time.Duration, m call.MediaStats) call.LegRecord {
		return call.LegRecord{ID: call.LegID(trunk), From: "+12065550100", To: "+4930123456", Trunk: trunk, Start: begin, Answered: begin.Add(from), End: begin.Add(to), Media: m}
	}
	legs := []call.LegRecord{
		leg("vc", time.Second, 60*time.Second, call.MediaStats{PacketsIn: 100, BytesIn: 16000, PacketsOut: 200, BytesOut: 32000, Lost: 3, Jitter: 1500 * time.Microsecond, RoundTrip: 20 * time.Millisecond, RemoteLoss: 0.1, MOS: 4.2}),
		leg("other", time.Second, 2*time.Second, call.MediaStats{PacketsIn: 9}),
		leg("carrier", 2*time.Second, 60*time.Second, call.MediaStats{PacketsIn: 11, Lost: 1}),
		leg("quiet", 0, 0, call.MediaStats{}),
	}
	legs[3].Answered = time.Time{}
	d.Over(call.Finished{Record: call.Record{ID: "tx", Legs: legs}})
	legs[0].Trunk = "quiet"
	d.Over(call.Finished{Record: call.Record{ID: "tx", Legs: legs[:1]}})
	want := `/aws/ChimeVoiceConnectorLogs/vc {"voice_connector_id":"vc","event_timestamp":1800000060000,"call_id":"tx","from_sip_user":"+12065550100","from_country":"US",` +
		`"to_sip_user":"+4930123456","to_country":"DE","endpoint_id":"vc","aws_region":"us-west-2",` +
		`"cust2vc_rtp_packets":100,"cust2vc_rtp_bytes":17200,"cust2vc_packets_lost":3,"cust2vc_jitter":1500,"vc2cust_rtp_packets":200,"vc2cust_rtp_bytes":34400,"vc2cust_packets_lost":20,"rtt_btwn_vc_and_cust":20000,"mos_btwn_vc_and_cust":4.2,` +
		`"rem2vc_rtp_packets":11,"rem2vc_rtp_bytes":132,"rem2vc_packets_lost":1,"rem2vc_jitter":0,"vc2rem_rtp_packets":0,"vc2rem_rtp_bytes":0,"vc2rem_packets_lost":0,"rtt_btwn_vc_and_rem":0,"mos_btwn_vc_and_rem":0}`
	if diff := cmp.Diff([]string{want}, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var got []string
	for _, m := range d.Metrics() {
		if m.Labels[0] == [2]string{"VoiceConnectorId", "vc"} && m.Labels[1] == [2]string{"Region", "us-west-2"} && (m.Value != 0 || m.Count != 0) {
			got = append(got, fmt.Sprint(strings.TrimPrefix(m.Name, "chime_"), " ", m.Kind, " ", m.Value, " ", m.Count))
		}
		if strings.Contains(fmt.Sprint(m.Labels), "carrier") {
			t.Errorf("a trunk that is no Voice Connector has %+v", m)
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]string{
		"CustomerToVcJitter 2 1500 1", "CustomerToVcPacketsLost 1 3 0", "CustomerToVcRtpBytes 1 17200 0", "CustomerToVcRtpPackets 1 100 0",
		"InboundCallAttempts 1 2 0", "InboundCallsActive 0 2 0", "MOSBetweenVcAndCustomer 2 4.2 1",
		"OutboundCallAttempts 1 7 0", "OutboundCallFailures 1 1 0", "OutboundCallsActive 0 1 0", "OutboundCallsAnswered 1 5 0",
		"RTTBetweenVcAndCustomer 2 20000 1", "RemoteToVcPacketsLost 1 1 0", "RemoteToVcRtpBytes 1 132 0", "RemoteToVcRtpPackets 1 11 0",
		"Sip1xxCodes 1 3 0", "Sip4xxCodes 1 1 0", "Throttles 1 4 0", "VcToCustomerRtpBytes 1 34400 0", "VcToCustomerRtpPackets 1 200 0", "VoiceConnectorActiveCallCount 0 3 0",
	}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
