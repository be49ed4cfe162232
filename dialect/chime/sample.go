package chime

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// Sample says which event is wanted to try a function with. Empty fields get a value of their own.
type Sample struct {
	Event      string          // NEW_INBOUND_CALL, …: see [SampleEvents]
	Action     string          // what an event of an action is about; empty: an action that fits
	From, To   string          // the numbers of LEG-A
	Headers    header.List     // its SipHeaders
	Arguments  json.RawMessage // an object: the ArgumentsMap of NEW_OUTBOUND_CALL, the Arguments of CALL_UPDATE_REQUESTED
	Attributes json.RawMessage // an object: TransactionAttributes; nil: none
	Sequence   int             // 0: 1
	Account    string
	Region     string
}

// SampleEvents gives the events that [SampleEvent] knows, in the order in which a call is likely to bring them.
func SampleEvents() []string {
	return []string{newInbound, newOutbound, ringing, callAnswered, succeeded, failed, interrupted, digitsReceived, updateRequested, invalidResponse, hangup}
}

// sampled is what an event of an action may tell.
type sampled struct {
	Parameters json.RawMessage
	Before     json.RawMessage
	Behind     json.RawMessage
	Fault      []string
}

//go:embed samples.json
var samplesFile []byte

// sampledActions gives samples of all actions.
func sampledActions() (map[string]sampled, error) {
	all := map[string]sampled{}
	if err := json.Unmarshal(samplesFile, &all); err != nil {
		return nil, fmt.Errorf("read the samples of actions: %w", err)
	}
	return all, nil
}

// SampleEvent makes an event as a call would bring it, byte for byte in the form that functions get.
func SampleEvent(s Sample) ([]byte, error) {
	if !slices.Contains(SampleEvents(), s.Event) {
		return nil, fmt.Errorf("there is no event %q%s: there is %s", s.Event, closest(s.Event, SampleEvents()), strings.Join(SampleEvents(), ", "))
	}
	for name, raw := range map[string]json.RawMessage{"arguments": s.Arguments, "attributes": s.Attributes} {
		if raw != nil && (!json.Valid(raw) || !isObject(raw)) {
			return nil, fmt.Errorf("the %s are no JSON object", name)
		}
	}
	n := &notice{event: s.Event, arguments: s.Arguments}
	if n.arguments == nil {
		n.arguments = json.RawMessage(`{"leg":"LEG-A"}`)
	}
	set := func(v *string, to string) {
		if *v == "" {
			*v = to
		}
	}
	set(&s.From, "+12065550142")
	set(&s.To, "+12065550100")
	set(&s.Account, "111122223333")
	set(&s.Region, "us-east-1")
	d := &driver{call: unreal{}, account: s.Account, app: &app{dialect: New(Config{}), id: "8a912ad2-67aa-4852-a892-34a454d370c7", settings: Settings{AwsRegion: s.Region}}}
	d.sequence, d.attributes, d.arguments = max(s.Sequence, 1), s.Attributes, s.Arguments
	outbound := s.Event == newOutbound || s.Event == ringing || s.Event == callAnswered
	d.a = &leg{id: "f06dd26d-fcaf-411e-9cdb-05ac726e1b9a", tag: legA, to: s.To, from: s.From, inbound: !outbound, start: time.UnixMilli(1_769_860_800_000), code: -1}
	d.a.answered = s.Event != newInbound && s.Event != newOutbound && s.Event != ringing && s.Event != invalidResponse
	if !outbound {
		d.rule = "3f5f6ec1-6004-494a-b514-1673d62cb8c5"
	}
	_, d.a.view, _ = view(s.Headers)
	n.leg = d.a
	switch s.Event {
	case hangup:
		d.a.ended, d.a.code = true, 0
	case invalidResponse:
		n.fault = &fault{kind: "TooManyActions", message: "Too many actions specified in a response."}
	case succeeded, failed, interrupted, digitsReceived:
		if err := d.sampleAction(n, s.Action); err != nil {
			return nil, err
		}
	}
	return d.appendEvent(nil, n), nil
}

// sampleAction makes the action that an event is about.
func (d *driver) sampleAction(n *notice, name string) error {
	switch {
	case n.event == digitsReceived:
		name = "ReceiveDigits"
	case name == "" && n.event == interrupted:
		name = "PlayAudio"
	case name == "":
		name = "CallAndBridge"
	}
	all, err := sampledActions()
	if err != nil {
		return err
	}
	s, ok := all[name]
	if !ok {
		var names []string
		for _, m := range actionShapes() {
			names = append(names, m.name)
		}
		return fmt.Errorf("there is no action %q%s: there is %s", name, closest(name, names), strings.Join(names, ", "))
	}
	n.action = &action{name: name, leg: d.a, echo: echo(s.Parameters, d.a)}
	switch n.event {
	case failed:
		n.fault = &fault{kind: "SystemException", message: "System error while running action."}
		if len(s.Fault) == 2 {
			n.fault = &fault{kind: s.Fault[0], message: s.Fault[1]}
		}
	case succeeded, digitsReceived:
		if len(s.Before) > 0 {
			n.result.before = append(slices.Clone(s.Before[1:len(s.Before)-1]), ',')
		}
		if len(s.Behind) > 0 {
			n.result.behind = append([]byte{','}, s.Behind[1:len(s.Behind)-1]...)
		}
		if name == "CallAndBridge" {
			d.b = &leg{id: "6f2e4c1d-0b8a-4c57-9d3e-1a2b3c4d5e6f", tag: legB, to: "+14155550100", from: d.a.to, start: d.a.start.Add(5 * time.Second), answered: true}
		}
	}
	return nil
}

// unreal is a call that takes every command and never brings anything.
type unreal struct{}

func (unreal) ID() call.ID                                           { return "23fe0cf1-fc36-4bdc-976d-3520c0a3ac86" }
func (unreal) Origin() call.Origin                                   { return call.Origin{} }
func (unreal) Do(context.Context, call.Command) (call.Ticket, error) { return call.Ticket{}, nil }
func (unreal) Events() <-chan call.Event                             { return nil }
func (unreal) Checkpoint([]byte)                                     {}
