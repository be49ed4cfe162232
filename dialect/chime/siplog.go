package chime

import (
	"bytes"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

var _ dialect.Scribe = (*Dialect)(nil)

// sipGroup begins the name of the log group of a Voice Connector's SIP messages; its ID follows.
const sipGroup = "/aws/ChimeVoiceConnectorSipMessages/"

// sipLine is a line of a Voice Connector's message log.
type sipLine struct {
	VoiceConnectorID string `json:"voice_connector_id"`
	AwsRegion        string `json:"aws_region"`
	EventTimestamp   int64  `json:"event_timestamp"` // milliseconds
	CallID           string `json:"call_id"`         // SIP's
	SipMessage       string `json:"sip_message"`
}

// Copy implements [dialect.Scribe]: it logs the messages of a Voice Connector whose logging configuration says so.
func (d *Dialect) Copy(t *directory.Trunk) func(at time.Time, callID string, message []byte) {
	if d.cfg.Log == nil || len(t.Vendor) == 0 {
		return nil
	}
	vc, ok := asConnector(*t)
	if wanted, _ := LogsOf(t); !ok || !wanted {
		return nil
	}
	return func(at time.Time, callID string, message []byte) {
		text, err := verbatim(sipLine{vc.ID, vc.vendor.AwsRegion, at.UnixMilli(), callID, string(message)})
		if err == nil {
			d.cfg.Log(sipGroup+vc.ID, at, bytes.TrimSuffix(text, []byte{'\n'}))
		}
	}
}
