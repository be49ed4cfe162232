package chime

import (
	"bytes"
	"encoding/json"

	"github.com/switchhook/switchhook/call"
)

// messageGroup begins the name of the log group of an application's messages; its ID follows.
const messageGroup = "/aws/ChimeSipMediaApplicationSipMessages/"

// maxMessage bounds what is logged of an event or an answer, in bytes.
const maxMessage = 256 << 10

// messageLine is a line of an application's message log. The vendor does not document its fields.
type messageLine struct {
	EventTimestamp        int64           `json:"event_timestamp"` // milliseconds
	AwsRegion             string          `json:"aws_region"`
	SipMediaApplicationID string          `json:"sip_media_application_id"`
	TransactionID         string          `json:"transaction_id"`
	CallID                string          `json:"call_id"`
	Sequence              int             `json:"sequence"`
	InvocationEventType   string          `json:"invocation_event_type"`
	Message               string          `json:"message"` // "request": what the function was told; "response": what it answered, or why it did not
	LambdaArn             string          `json:"lambda_arn"`
	Error                 string          `json:"error,omitempty"` // what is wrong with the answer, or with the function
	Body                  json.RawMessage `json:"body,omitempty"`  // JSON as it was; what is none, as text
}

// logMessage adds to the application's message log what the function was told, or answered, where its logging configuration says so.
func (d *driver) logMessage(n *notice, dir call.Direction, body []byte, wrong string) {
	log := d.app.dialect.cfg.Log
	if log == nil {
		return
	}
	app, ok := d.app.dialect.cfg.Directory().App(d.app.id)
	if !ok || !logsMessages(app) {
		return
	}
	at := d.now()
	line := messageLine{
		EventTimestamp: at.UnixMilli(), AwsRegion: d.app.settings.AwsRegion, SipMediaApplicationID: d.app.id,
		TransactionID: string(d.call.ID()), CallID: n.leg.callID(), Sequence: d.sequence, InvocationEventType: n.event,
		Message: "request", LambdaArn: d.app.settings.LambdaArn, Error: wrong, Body: logged(body),
	}
	if dir == call.In {
		line.Message = "response"
	}
	if text, err := verbatim(line); err == nil {
		log(messageGroup+d.app.id, at, bytes.TrimSuffix(text, []byte{'\n'}))
	}
}

// logged gives what a message log shows of a body: JSON as it is, on one line; else its begin as text.
func logged(body []byte) json.RawMessage {
	if len(body) == 0 {
		return nil
	}
	var line bytes.Buffer
	if len(body) <= maxMessage && json.Compact(&line, body) == nil {
		return line.Bytes()
	}
	text, err := verbatim(string(body[:min(len(body), maxMessage)]))
	if err != nil {
		return nil
	}
	return text
}
