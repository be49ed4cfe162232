package chime_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

// The messages of a Voice Connector are logged where its logging configuration says so, and of no other trunk.
func TestMessagesOfConnectors(t *testing.T) {
	var lines []string
	cfg := chime.Config{Log: func(group string, _ time.Time, line []byte) { lines = append(lines, group+" "+string(line)) }}
	d := chime.New(cfg)
	for vendor, wanted := range map[string]bool{
		``:   false,
		`{}`: false,
		`{"VoiceConnector":{"AwsRegion":"us-west-2"}}`:                                                                false,
		`{"VoiceConnector":{"AwsRegion":"us-west-2","Logging":{"EnableSIPLogs":false,"EnableMediaMetricLogs":true}}}`: false,
		`{"VoiceConnector":{"AwsRegion":"us-west-2","Logging":{"EnableSIPLogs":true}}}`:                               true,
	} {
		trunk := &directory.Trunk{ID: "vc", Vendor: json.RawMessage(vendor)}
		take := d.Copy(trunk)
		if (take != nil) != wanted {
			t.Errorf("%s: %v", vendor, take != nil)
		}
		if take != nil {
			take(time.UnixMilli(1800000000123), "a@pbx", []byte("BYE sip:a@b SIP/2.0\r\nContact: <sip:a@b>\r\n\r\n"))
		}
		if chime.New(chime.Config{}).Copy(trunk) != nil {
			t.Error("messages are copied where nobody logs")
		}
	}
	want := []string{`/aws/ChimeVoiceConnectorSipMessages/vc {"voice_connector_id":"vc","aws_region":"us-west-2","event_timestamp":1800000000123,"call_id":"a@pbx","sip_message":"BYE sip:a@b SIP/2.0\r\nContact: <sip:a@b>\r\n\r\n"}`}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
