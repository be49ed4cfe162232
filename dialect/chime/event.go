package chime

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/call"
)

const schemaVersion = "1.0"

// The invocation event types that a function is told.
const (
	newInbound      = "NEW_INBOUND_CALL"
	newOutbound     = "NEW_OUTBOUND_CALL"
	ringing         = "RINGING"
	callAnswered    = "CALL_ANSWERED"
	succeeded       = "ACTION_SUCCESSFUL"
	failed          = "ACTION_FAILED"
	interrupted     = "ACTION_INTERRUPTED"
	digitsReceived  = "DIGITS_RECEIVED"
	updateRequested = "CALL_UPDATE_REQUESTED"
	hangup          = "HANGUP"
	invalidResponse = "INVALID_LAMBDA_RESPONSE"
)

// notice is something that the function is to be told.
type notice struct {
	event  string
	leg    *leg    // what it is about
	action *action // of the ACTION_ events and DIGITS_RECEIVED
	result result  // of ACTION_SUCCESSFUL and DIGITS_RECEIVED
	fault  *fault  // of ACTION_FAILED and INVALID_LAMBDA_RESPONSE
	// arguments are what UpdateSipMediaApplicationCall was given, for CALL_UPDATE_REQUESTED.
	arguments json.RawMessage
}

// appendEvent adds the event that tells n: the envelope in the vendor's order of keys.
func (d *driver) appendEvent(b []byte, n *notice) []byte {
	b = append(b, `{"SchemaVersion":"`+schemaVersion+`","Sequence":`...)
	b = strconv.AppendInt(b, int64(d.sequence), 10)
	b = append(b, `,"InvocationEventType":"`...)
	b = append(b, n.event...)
	b = append(b, '"')
	b = d.appendActionData(b, n)
	b = append(b, `,"CallDetails":{"TransactionId":`...)
	b = appendString(b, string(d.call.ID()))
	if d.attributes != nil {
		b = append(b, `,"TransactionAttributes":`...)
		b = append(b, d.attributes...)
	}
	b = append(b, `,"AwsAccountId":`...)
	b = appendString(b, d.account)
	b = append(b, `,"AwsRegion":`...)
	b = appendString(b, d.app.settings.AwsRegion)
	if d.rule != "" {
		b = append(b, `,"SipRuleId":`...)
		b = appendString(b, d.rule)
	}
	b = append(b, `,"SipMediaApplicationId":`...)
	b = appendString(b, d.app.id)
	b = append(b, `,"Participants":[`...)
	b = appendParticipant(b, d.a, n.event)
	if d.b != nil && d.b.answered {
		b = append(b, ',')
		b = appendParticipant(b, d.b, n.event)
	}
	b = append(b, `]}`...)
	if n.event == invalidResponse {
		b = appendFault(b, n.fault)
	}
	return append(b, '}')
}

// appendActionData adds the member ActionData, of the events that have one.
func (d *driver) appendActionData(b []byte, n *notice) []byte {
	switch n.event {
	case newOutbound:
		if d.arguments == nil {
			return b
		}
		b = append(b, `,"ActionData":{"Type":"CallCreateRequest","Parameters":{"Arguments":`...)
		b = append(b, d.arguments...)
		return append(b, `}}`...)
	case hangup:
		b = append(b, `,"ActionData":{"Type":"Hangup","Parameters":{"SipResponseCode":`...)
		b = strconv.AppendInt(b, int64(n.leg.responseCode()), 10)
		b = append(b, `,"CallId":`...)
		b = appendString(b, n.leg.callID())
		b = append(b, `,"ParticipantTag":"`...)
		b = append(b, n.leg.tag...)
		return append(b, `"}}`...)
	case updateRequested:
		b = append(b, `,"ActionData":{"Type":"CallUpdateRequest","Parameters":{"Arguments":`...)
		b = append(b, n.arguments...)
		return append(b, `}}`...)
	case succeeded, failed, interrupted, digitsReceived:
		b = append(b, `,"ActionData":{`...)
		b = append(b, n.result.before...)
		b = append(b, `"Type":`...)
		b = appendString(b, n.action.name)
		b = append(b, `,"Parameters":`...)
		b = append(b, n.action.echo...)
		b = append(b, n.result.behind...)
		if n.event == failed {
			b = appendFault(b, n.fault)
		}
		return append(b, '}')
	}
	return b
}

func appendFault(b []byte, f *fault) []byte {
	b = append(b, `,"ErrorType":`...)
	b = appendString(b, f.kind)
	b = append(b, `,"ErrorMessage":`...)
	b = appendString(b, f.message)
	return append(b, f.more...)
}

func appendParticipant(b []byte, l *leg, event string) []byte {
	b = append(b, `{"CallId":`...)
	b = appendString(b, l.callID())
	b = append(b, `,"ParticipantTag":"`...)
	b = append(b, l.tag...)
	b = append(b, `","To":`...)
	b = appendString(b, l.to)
	b = append(b, `,"From":`...)
	b = appendString(b, l.from)
	if l.inbound {
		b = append(b, `,"Direction":"Inbound","StartTimeInMilliseconds":"`...)
	} else {
		b = append(b, `,"Direction":"Outbound","StartTimeInMilliseconds":"`...)
	}
	b = strconv.AppendInt(b, l.start.UnixMilli(), 10)
	b = append(b, '"')
	if s := l.status(event); s != "" {
		b = append(b, `,"Status":"`...)
		b = append(b, s...)
		b = append(b, '"')
	}
	if l.view != nil {
		b = append(b, `,"SipHeaders":`...)
		b = append(b, l.view...)
	}
	return append(b, '}')
}

// status gives the participant's Status: none before the answer, but in the events whose handlers count on one.
func (l *leg) status(event string) string {
	switch {
	case event == newInbound || event == newOutbound || event == ringing:
		return ""
	case l.ended:
		return "Disconnected"
	case l.answered || event == hangup || strings.HasPrefix(event, "ACTION_"):
		return "Connected"
	}
	return ""
}

// responseCode gives the SipResponseCode that tells how the leg ended: 0 for a normal end, 480 and 486 as handlers know
// them, otherwise the far end's own.
func (l *leg) responseCode() int {
	if l.code >= 0 {
		return l.code
	}
	switch {
	case l.answered, l.cause.Label == call.LabelCancelled, l.cause.Label == call.LabelNormal:
		return 0
	case l.cause.Label == call.LabelBusy:
		return 486
	case l.cause.Label == call.LabelNoAnswer, l.cause.SIP == 0:
		return 480
	}
	return l.cause.SIP
}

// echo gives an action's parameters as events show them: byte for byte as given, with the CallId of the leg that it
// acts on behind them, or in the place of a blank one.
func echo(params json.RawMessage, l *leg) json.RawMessage {
	if params == nil {
		params = json.RawMessage(`{}`)
	}
	if l == nil {
		return params
	}
	return fill(params, "CallId", appendString(nil, l.callID()))
}

// fill gives an object with a member behind the others, unless it has it; in its place where it is blank.
func fill(object json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	empty := true
	for key, has := range members(object) {
		if empty = false; key == name {
			if isUnset(has) {
				return fillInPlace(object, name, value)
			}
			return object
		}
	}
	out := make(json.RawMessage, 0, len(object)+len(name)+len(value)+len(`,"":`))
	out = append(out, object[:len(object)-1]...)
	if !empty {
		out = append(out, ',')
	}
	out = appendString(out, name)
	out = append(out, ':')
	out = append(out, value...)
	return append(out, '}')
}

// fillInPlace gives the object with each blank member of the name filled in.
func fillInPlace(object json.RawMessage, name string, value json.RawMessage) json.RawMessage {
	out := json.RawMessage{}
	for key, has := range members(object) {
		out = append(out, ',')
		out = appendString(out, key)
		out = append(out, ':')
		if key == name && isUnset(has) {
			has = value
		}
		out = append(out, has...)
	}
	out[0] = '{'
	return append(out, '}')
}
