package chime

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// conversation is what the function was told and is to be told.
type conversation struct {
	script     dialect.Script
	sequence   int
	attributes json.RawMessage // TransactionAttributes; nil until the function has set them
	arguments  json.RawMessage // the ArgumentsMap of an API's call
	notices    []*notice       // what the function is to be told next, in order
	closing    error           // why answers are carried out no more; nil: they are
	event      []byte          // the event being told
}

func (d *driver) push(n *notice) { d.notices = append(d.notices, n) }

// tell invokes the function with one event and takes its answer. An error ends the call.
func (d *driver) tell(n *notice) error {
	if d.gone() && n.event != hangup && n.event != newInbound && n.event != newOutbound {
		return nil // HANGUP says it all
	}
	if d.sequence >= d.limits().Invocations {
		d.hangUpAll(call.LabelLimit, "too many invocations")
		return fmt.Errorf("tell %s: more than %d invocations in one call", n.event, d.sequence)
	}
	body, err := d.invoke(n)
	if err != nil && d.failOver(n, err) {
		return nil
	}
	if n.event == hangup && n.leg == d.b {
		d.b = nil // another CallAndBridge may take its place
	}
	d.forgetMeeting(n.leg)
	if err != nil {
		return d.unanswered(n, err)
	}
	d.apply(n, body)
	return nil
}

// invoke gives the event to the function and waits for its answer, listening meanwhile.
func (d *driver) invoke(n *notice) ([]byte, error) {
	d.sequence++
	d.event = d.appendEvent(d.event[:0], n)
	var shown header.List
	if n.event == newInbound || n.event == callAnswered {
		shown = n.leg.shown
	}
	d.note(call.LogEvent, call.Out, n, n.event, d.event, shown)
	d.logMessage(n, call.Out, d.event, "")
	if d.callerWaits() {
		defer d.stop(d.after(ringAfter, d.ringWaiting))
	}
	return dialect.Await(d.ctx, &d.script, func(ctx context.Context) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, d.limits().Invoke)
		defer cancel()
		return d.fn.Invoke(invoke.WithLines(ctx, d.line), d.event)
	})
}

// line adds to the call's log what the function printed. It may come from any goroutine, even after the answer.
func (d *driver) line(text string) {
	_, _ = d.do(call.Note{Log: call.Log{At: d.now(), Kind: call.LogFunction, Text: text}}) // a call that is over keeps no more log
}

// unanswered deals with a function that could not be invoked or broke.
func (d *driver) unanswered(n *notice, err error) error {
	if d.ctx.Err() != nil {
		return fmt.Errorf("drive call %s: %w", d.call.ID(), d.ctx.Err())
	}
	d.note(call.LogAction, call.In, n, complaint(err), nil, nil)
	d.logMessage(n, call.In, nil, complaint(err))
	err = fmt.Errorf("tell %s: %w", n.event, err)
	switch {
	case n.event == newInbound && d.a.live():
		return fmt.Errorf("%w: %w", dialect.ErrUnavailable, err)
	case d.gone():
		d.warn("function failed after the call was over", err)
		return d.closing
	case d.closing != nil:
		return d.closing
	}
	d.hangUpAll(call.LabelAppFailed, "the function failed")
	return err
}

// complaint says what is wrong with the function in the words of the vendor's message log, where it has any.
func complaint(err error) string {
	var e *invoke.Error
	if errors.As(err, &e) {
		switch e.Kind {
		case invoke.TimedOut:
			return "AWS Lambda client operation timed out."
		case invoke.Denied:
			return "Access denied while invoking the AWS Lambda function."
		case invoke.Throttled:
			return "The AWS Lambda function was throttled."
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "AWS Lambda client operation timed out."
	}
	return err.Error()
}

// apply takes the answer to a notice.
func (d *driver) apply(n *notice, body []byte) {
	ans, f := readAnswer(body, d.limits())
	ignored := d.closing != nil || d.gone() || n.event == newOutbound || n.event == ringing || n.event == interrupted
	if f == nil && !ignored {
		f = d.refuse(ans.actions)
	}
	d.note(call.LogAction, call.In, n, describe(ans, f), body, nil)
	d.logMessage(n, call.In, body, wrong(n, ans, f))
	switch {
	case f == nil:
	case ignored, n.event == hangup && f.kind == emptyResponse: // a handler that has nothing to say of a hang-up
		return
	case n.event == invalidResponse:
		d.closing = fmt.Errorf("function %s gave a second invalid response: %s", d.app.settings.LambdaArn, f.message)
		d.hangUpAll(call.LabelAppFailed, "the function gave invalid responses")
		return
	default:
		d.warn("invalid response", fmt.Errorf("answer to %s: %s: %s %s", n.event, f.kind, f.message, f.detail))
		d.notices = slices.Insert(d.notices, 0, &notice{event: invalidResponse, leg: n.leg, fault: f})
		return
	}
	if ans.attributes != nil {
		d.attributes = bytes.Clone(ans.attributes)
	}
	if !ignored && len(ans.actions) > 0 {
		d.replace(n.leg, ans.actions)
	}
}

// describe says what an answer holds, for the call's log.
func describe(ans answer, f *fault) string {
	if f != nil {
		return strings.TrimSpace(f.message + " " + f.detail)
	}
	if len(ans.actions) == 0 {
		return "no actions"
	}
	names := make([]string, len(ans.actions))
	for i, a := range ans.actions {
		names[i] = a.name
	}
	return strings.Join(names, ", ")
}

// wrong says what is wrong with an answer in the words of the vendor's message log; empty where nothing is.
func wrong(n *notice, ans answer, f *fault) string {
	switch {
	case f != nil:
		return describe(ans, f)
	case n.event == newInbound && len(ans.actions) == 0:
		return "Actions list is empty."
	}
	return ""
}

// note adds to the call's log what was said.
func (d *driver) note(kind call.LogKind, dir call.Direction, n *notice, text string, body []byte, shown header.List) {
	log := call.Log{At: d.now(), Leg: n.leg.id, Kind: kind, Direction: dir, Text: text, Headers: shown}
	if limit := d.limits().LogBody; limit > 0 {
		log.Body = string(body[:min(len(body), limit)])
	}
	_, _ = d.do(call.Note{Log: log}) // a call that is over keeps no more log
}

func (d *driver) warn(what string, err error) {
	d.app.dialect.cfg.Logger.LogAttrs(d.ctx, slog.LevelWarn, what, slog.String("call", string(d.call.ID())),
		slog.String("app", d.app.id), slog.Any("error", err))
}
