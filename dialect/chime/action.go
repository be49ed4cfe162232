package chime

import (
	"encoding/json"
	"errors"
	"slices"

	"github.com/switchhook/switchhook/call"
)

// playlist is what is being carried out.
type playlist struct {
	list   []*action // what follows the action under way
	action *action   // the one under way, or the last
	step   step      // how it is under way; nil: nothing is
	about  *leg      // the leg that the invocation which brought the list was about
	// watchers are what goes on beside the list.
	watchers []watcher
}

// action is one action of an answer.
type action struct {
	name   string
	kind   kind
	params json.RawMessage // as given; nil when there were none
	leg    *leg            // what it acts on; nil until it begins, or when it names none that exists
	echo   json.RawMessage // params as events show them: with the leg's CallId
	stale  bool            // a newer list took over while it was under way
}

// kind is what actions of one Type have in common.
type kind struct {
	// start begins the action. It gives the step that goes on, or why it can't; neither when the leg is over.
	start func(*driver, *action) (step, *fault)
	// told: its success is told even in the middle of a list.
	told bool
	// outdated: its success is told no more once there is a newer list.
	outdated bool
	// stoppable: a newer list ends it at once.
	stoppable bool
	// keys: what its leg's far end presses meanwhile is for it alone, no watcher hears it.
	keys bool
	// onA: without CallId and ParticipantTag it acts on LEG-A, whichever leg the invocation was about.
	onA bool
	// meeting: it may act on a LEG-B that is a meeting.
	meeting bool
	// badLeg is what the function is told where it names no leg that there is; empty: what most actions tell.
	badLeg string
}

// kindOf finds the kind of an action by its Type.
func kindOf(name string) (kind, bool) {
	switch name {
	case "CallAndBridge":
		return kind{start: startBridge, told: true, onA: true}, true
	case "Hangup":
		return kind{start: startHangup, told: true, outdated: true, meeting: true}, true
	case "JoinChimeMeeting":
		return kind{start: startJoinMeeting, told: true, onA: true}, true
	case "ModifyChimeMeetingAttendees":
		return kind{start: startModifyAttendees, told: true, meeting: true}, true
	case "Pause":
		return kind{start: startPause, stoppable: true}, true
	case "PauseCallRecording":
		return kind{start: holdCallRecording(true), badLeg: badCallID}, true
	case "PlayAudio":
		return kind{start: startPlay, stoppable: true}, true
	case "PlayAudioAndGetDigits":
		return kind{start: startPlayGather, told: true, keys: true}, true
	case "ReceiveDigits":
		return kind{start: startReceiveDigits, onA: true}, true
	case "RecordAudio":
		return kind{start: startRecord, told: true, stoppable: true}, true
	case "ResumeCallRecording":
		return kind{start: holdCallRecording(false), badLeg: badCallID}, true
	case "SendDigits":
		return kind{start: startSendDigits, told: true}, true
	case "Speak":
		return kind{start: startSpeak, stoppable: true}, true
	case "SpeakAndGetDigits":
		return kind{start: startSpeakGather, told: true, keys: true}, true
	case startBotConversation:
		return kind{start: startBot, told: true, keys: true}, true
	case "StartCallRecording":
		return kind{start: startCallRecording, told: true, badLeg: badCallID}, true
	case "StopCallRecording":
		return kind{start: stopCallRecording, badLeg: badCallID}, true
	case "VoiceFocus":
		return kind{start: startVoiceFocus, told: true}, true
	}
	return kind{}, false
}

// step is an action under way.
type step interface {
	// hear takes each event of the call until the step is over.
	hear(d *driver, ev call.Event) outcome
	// stop ends the step early. It hears nothing afterwards.
	stop(d *driver)
}

// instant is the step of an action that is over as it begins, with what it brought.
type instant result

func (s instant) hear(*driver, call.Event) outcome { return outcome{over: true, result: result(s)} }
func (instant) stop(*driver)                       {}

// watcher is what an action leaves behind that goes on beside the list: keys that are awaited, a recording.
type watcher interface {
	// hear takes each event of the call; over: it needs to hear no more.
	hear(d *driver, ev call.Event) (over bool)
}

// outcome is what became of a step.
type outcome struct {
	over   bool
	lost   bool   // its leg ended: HANGUP tells that, nothing else is told
	fault  *fault // it failed
	result result // it succeeded: what it brought
}

// result is what an action brought: members of ActionData, each with its comma.
type result struct {
	before []byte // `"IntentResult":{…},`, before Type
	behind []byte // `,"ReceivedDigits":"1"`, behind Parameters
}

// Faults of any action.
func badLeg() *fault {
	return invalid("CallId or ParticipantTag parameter for action is invalid.")
}

func badState() *fault { return invalid("Invalid action on the call.") }

func invalid(message string) *fault { return &fault{kind: "InvalidActionParameter", message: message} }

func systemFault(err error) *fault {
	return &fault{kind: "SystemException", message: "System error while running action.", detail: err.Error()}
}

// begin starts the next action of the list.
func (d *driver) begin() {
	a := d.list[0]
	d.list = d.list[1:]
	d.busy()
	d.action = a
	l, f := d.resolve(a)
	a.leg, a.echo = l, echo(a.params, l)
	switch {
	case f == nil && l.place != nil && !a.kind.meeting:
		f = badState()
	case f == nil:
		d.step, f = a.kind.start(d, a)
	case a.kind.badLeg != "":
		f = invalid(a.kind.badLeg)
	}
	s, over := d.step.(instant)
	switch {
	case f != nil, d.step == nil:
		d.finish(outcome{over: true, fault: f, lost: f == nil})
	case over:
		d.finish(s.hear(d, nil))
	}
}

// resolve finds the leg that an action acts on: the one it names by CallId, else by ParticipantTag, else the one that
// the invocation was about, or one that is still there.
func (d *driver) resolve(a *action) (*leg, *fault) {
	var id, tag json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "CallId":
			id = value
		case "ParticipantTag":
			tag = value
		}
	}
	switch {
	case !isUnset(id):
		s, _ := text(id)
		return d.legOf(func(l *leg) bool { return l.callID() == s })
	case !isUnset(tag):
		s, _ := text(tag)
		return d.legOf(func(l *leg) bool { return string(l.tag) == s })
	case !a.kind.onA && d.about.live() && !d.about.hungUp:
		return d.about, nil
	}
	if l, f := d.legOf(func(l *leg) bool { return !l.hungUp }); f == nil {
		return l, nil
	}
	return d.legOf(func(*leg) bool { return true })
}

// legOf gives the first live leg that is.
func (d *driver) legOf(is func(*leg) bool) (*leg, *fault) {
	for _, l := range [...]*leg{d.a, d.b} {
		if l.live() && is(l) {
			return l, nil
		}
	}
	return nil, badLeg()
}

// finish takes the end of the action under way and tells what is to be told of it.
func (d *driver) finish(o outcome) {
	a := d.action
	d.step = nil
	switch {
	case a.stale: // the list is a newer one
	case o.lost, o.fault != nil:
		d.list = nil
	}
	switch {
	case o.lost:
	case o.fault != nil:
		d.explain(a, o.fault)
		d.push(&notice{event: failed, leg: d.aboutOf(a), action: a, fault: o.fault})
	case a.kind.told, len(d.list) == 0 && !a.stale:
		d.push(&notice{event: succeeded, leg: d.aboutOf(a), action: a, result: o.result})
	}
}

// explain adds to the call's log what the function is not told of a failure.
func (d *driver) explain(a *action, f *fault) {
	if f.detail != "" {
		log := call.Log{At: d.now(), Leg: d.aboutOf(a).id, Kind: call.LogNote, Text: a.name + ": " + f.message + " " + f.detail}
		_, _ = d.do(call.Note{Log: log}) // a call that is over keeps no more log
	}
}

// aboutOf gives the leg that an event of an action is about.
func (d *driver) aboutOf(a *action) *leg {
	if a.leg != nil {
		return a.leg
	}
	return d.a
}

// replace takes a new list in place of what was still to do. What is under way is stopped if its kind allows.
func (d *driver) replace(about *leg, list []*action) {
	d.notices = slices.DeleteFunc(d.notices, func(n *notice) bool {
		return n.event == succeeded && (!n.action.kind.told || n.action.kind.outdated)
	})
	d.list, d.about = list, about
	switch stopped := d.action; {
	case d.step == nil:
	case stopped.kind.stoppable:
		d.drop()
		d.push(&notice{event: interrupted, leg: d.aboutOf(stopped), action: stopped})
		d.begin()
	default:
		stopped.stale = true
	}
}

// drop stops what is under way.
func (d *driver) drop() {
	if d.step != nil {
		d.step.stop(d)
		d.step = nil
	}
}

// refused says what became of an action whose command was refused: nothing when the leg is over.
func refused(err error) *fault {
	switch {
	case errors.Is(err, call.ErrLegEnded), errors.Is(err, call.ErrOver):
		return nil
	case errors.Is(err, call.ErrState): // nobody is there yet: an API's call that rings
		return badState()
	}
	return systemFault(err)
}
