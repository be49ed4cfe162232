package chime

import (
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// bridging is a CallAndBridge under way: LEG-B is dialled, LEG-A waits.
type bridging struct {
	a, b  *leg
	dial  call.OpID
	tone  call.OpID // the ringback tone that LEG-A hears; 0: none
	early bool      // LEG-A hears what LEG-B's side sends before its answer
}

// bridge is what a CallAndBridge asks for.
type bridge struct {
	to, trunk, from string
	timeout         time.Duration
	tone            call.Clip // empty: none
	headers         header.List
}

func startBridge(d *driver, a *action) (step, *fault) {
	if a.leg != d.a || d.a.hungUp || d.b != nil || !d.a.inbound && !d.a.answered {
		return nil, badState()
	}
	want, f := d.readBridge(a)
	if f != nil {
		return nil, f
	}
	if err := d.weight.bridge(d.limits()); err != nil {
		return nil, &fault{kind: throttledAction, message: "Failed to run action. The maximum number of active calls has been reached.", detail: err.Error()}
	}
	counted, ok := d.forward(a.leg, a.name, want.trunk, want.to, want.headers)
	if !ok {
		return nil, &fault{kind: "CallNotAnswered", message: "Call not answered", detail: forwardsRow + " is used up: applications send the call on to each other"}
	}
	s := &bridging{a: a.leg}
	s.a.carry = nil // of an earlier callee
	if want.tone.Key != "" {
		t, err := d.do(call.Play{Leg: s.a.id, Clips: []call.Clip{want.tone}, Times: -1})
		if err != nil {
			return nil, refused(err)
		}
		s.tone = t.Op
	}
	t, err := d.do(call.Dial{To: want.to, From: want.from, Trunk: want.trunk, Headers: counted, Timeout: want.timeout, For: s.a.id})
	if err != nil {
		s.stopTone(d)
		return nil, refused(err)
	}
	s.dial = t.Op
	s.b = &leg{id: t.Leg, tag: legB, to: want.to, from: want.from, start: d.now(), code: -1}
	d.b = s.b
	return s, nil
}

func (s *bridging) hear(d *driver, ev call.Event) outcome {
	switch ev := ev.(type) {
	case call.Ringing:
		if ev.Leg == s.b.id && !s.a.answered {
			d.ring(ev.Status, ev.Headers)
		}
	case call.Progress:
		if ev.Leg == s.b.id {
			s.progress(d, ev.Headers)
		}
	case call.LegEnded:
		if ev.Leg == s.a.id {
			s.cancel(d)
			return outcome{over: true, lost: true}
		}
	case call.Done:
		switch ev.Op {
		case s.dial:
			return s.dialled(d, ev)
		case s.tone:
			return s.toneEnded(d, ev.Err)
		}
	}
	return outcome{}
}

// progress lets LEG-A hear what LEG-B's side sends before its answer, unless it hears the function's own tone.
func (s *bridging) progress(d *driver, headers header.List) {
	if !s.a.answered && (!s.a.rung || len(headers) > 0) {
		d.ring(0, headers)
	}
	if s.tone == 0 && !s.early {
		s.early = true
		_, _ = d.do(call.Join{A: s.a.id, B: s.b.id}) // without it, LEG-A waits in silence
	}
}

// dialled takes the end of the dialling: LEG-B is answered, or is not.
func (s *bridging) dialled(d *driver, done call.Done) outcome {
	s.stopTone(d)
	if done.Err == nil {
		s.b.answered = true
		d.show(s.b, succeeded, done.Result.Headers)
		d.pickUp(s.a, done.Result.Headers)
		_, _ = d.do(call.Join{A: s.a.id, B: s.b.id}) // a leg that is over by now reports it
		return outcome{over: true}
	}
	d.b = nil
	if cutOff(done.Err) { // the call is over
		return outcome{over: true, lost: true}
	}
	var no *call.Refusal
	if !errors.As(done.Err, &no) {
		return outcome{over: true, fault: systemFault(done.Err)}
	}
	s.a.carry = no.Headers
	return outcome{over: true, fault: &fault{kind: "CallNotAnswered", message: "Call not answered", detail: no.Cause.String()}}
}

// toneEnded takes the end of the ringback tone, which by itself is a failure.
func (s *bridging) toneEnded(d *driver, err error) outcome {
	s.tone = 0
	if err == nil || errors.Is(err, call.ErrStopped) || errors.Is(err, call.ErrLegEnded) {
		return outcome{}
	}
	s.cancel(d)
	f := audioFault(unreadableAt)
	f.detail = err.Error()
	return outcome{over: true, fault: f}
}

// cancel gives the dialling up.
func (s *bridging) cancel(d *driver) {
	s.stopTone(d)
	d.hangUp(s.b, call.Cause{By: call.ByApp, Label: call.LabelCancelled}, 0)
	d.b = nil
}

func (s *bridging) stop(d *driver) { s.cancel(d) }

func (s *bridging) stopTone(d *driver) {
	if s.tone != 0 {
		_, _ = d.do(call.Stop{Op: s.tone}) // when it is over already there is nothing to stop
		s.tone = 0
	}
}

// readBridge reads and checks the parameters of a CallAndBridge.
func (d *driver) readBridge(a *action) (bridge, *fault) {
	var endpoints, caller, timeout, tone, headers json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "Endpoints":
			endpoints = value
		case "CallerIdNumber":
			caller = value
		case "CallTimeoutSeconds":
			timeout = value
		case "RingbackTone":
			tone = value
		case "SipHeaders":
			headers = value
		}
	}
	var want bridge
	var f *fault
	if want.to, want.trunk, f = d.readEndpoint(endpoints); f != nil {
		return want, f
	}
	if want.from, f = d.readCaller(caller); f != nil {
		return want, f
	}
	if want.timeout, f = readTimeout(timeout); f != nil {
		return want, f
	}
	if !isUnset(tone) {
		var ok bool
		if want.tone, ok = audioSource(tone); !ok {
			return want, audioFault(badRingback)
		}
	}
	var changes []header.Change
	var bad []string
	want.headers, changes, bad = readHeaders(headers, d.limits())
	d.book(a.leg, a.name, call.In, call.WriterApp, changes)
	if len(bad) > 0 {
		return want, invalid((&HeadersError{Names: bad}).Error())
	}
	return want, nil
}

// readEndpoint reads the one endpoint to be called: a number, or a user part behind a Voice Connector, which is a trunk.
func (d *driver) readEndpoint(raw json.RawMessage) (to, trunk string, _ *fault) {
	var one json.RawMessage
	n := 0
	for e := range elements(raw) {
		one = e
		n++
	}
	if n != 1 {
		return "", "", invalid("Invalid number of endpoints provided.")
	}
	var kind, arn string
	for key, value := range members(one) {
		switch key {
		case "BridgeEndpointType":
			kind, _ = text(value)
		case "Arn":
			arn, _ = text(value)
		case "Uri":
			to, _ = text(value)
		}
	}
	ok := false
	switch kind {
	case "PSTN":
		ok = arn == "" && directory.IsE164(to)
	case "AWS":
		trunk, ok = d.readConnector(arn)
		ok = ok && isUserPart(to)
	}
	if !ok {
		return "", "", invalid("Endpoint parameter is invalid.")
	}
	return to, trunk, nil
}

// readConnector finds the trunk that the ARN of a Voice Connector or of a group of them names:
// arn:aws:chime:<region>:<account>:vc/<id>, or vcg/<id>.
func (d *driver) readConnector(arn string) (string, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[0] != "arn" {
		return "", false
	}
	kind, id, ok := strings.Cut(parts[5], "/")
	if !ok || kind != "vc" && kind != "vcg" {
		return "", false
	}
	t, ok := d.app.dialect.cfg.Directory().Trunk(id)
	return id, ok && t.Account == d.account
}

// readCaller reads the number shown to the far end, which must be LEG-A's own or the account's.
func (d *driver) readCaller(raw json.RawMessage) (string, *fault) {
	number, _ := text(raw)
	switch n, ok := d.app.dialect.cfg.Directory().Number(number); {
	case isUnset(raw):
		return "", invalid("Caller ID not defined.")
	case number != "" && number == d.a.from:
	case !directory.IsE164(number):
		return "", invalid("Invalid caller ID.")
	case !ok || n.Account != d.account:
		return "", invalid("Provided caller ID number is invalid. Number must be owned by this AWS account, or be the From number of LEG-A.")
	}
	return number, nil
}

func readTimeout(raw json.RawMessage) (time.Duration, *fault) {
	seconds := 0
	if !isUnset(raw) {
		var ok bool
		if seconds, ok = whole(raw); !ok || seconds < 0 || seconds > 120 {
			return 0, invalid("The MaxCallTimeout parameter is invalid. Timeout must be between 0 and 120 seconds.")
		}
	}
	if seconds == 0 {
		seconds = 30
	}
	return time.Duration(seconds) * time.Second, nil
}

// isUserPart tells whether s may stand before the @ of a request behind a Voice Connector.
func isUserPart(s string) bool {
	if len(s) < 1 || len(s) > 36 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (c < '0' || c > '9') && strings.IndexByte("&=+$/%-_!~*().", c) < 0 {
			return false
		}
	}
	return true
}
