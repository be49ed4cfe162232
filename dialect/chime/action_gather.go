package chime

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// allKeys are the keys that a phone may press: any of them ends a prompt that asks for keys.
const allKeys = "0123456789*#ABCD"

// maxDigits bounds how many digits one attempt collects.
const maxDigits = 128

// gather is what a PlayAudioAndGetDigits or SpeakAndGetDigits asks for.
type gather struct {
	prompt, failure call.Command // failure is nil where there is none
	failed          func(error) *fault
	pattern         *regexp.Regexp // nil: any digits
	min, max        int
	terminators     string
	between         time.Duration // between digits
	wait            time.Duration // for the first digit, after the prompt
	attempts        int
}

// gathering is one under way: attempt after attempt the prompt is heard, then digits are awaited. The first digit cuts the
// prompt off. What is pressed while the failure prompt is heard belongs to the attempt that failed: it is passed over.
type gathering struct {
	leg    *leg
	want   gather
	left   int       // attempts, with the one under way
	prompt call.OpID // what is heard; 0: nothing
	failed bool      // it is the failure prompt
	keys   []byte
	timer  *timer // ends the attempt; nil while the prompt is heard
}

func startPlayGather(d *driver, a *action) (step, *fault) {
	var source, failure json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "AudioSource":
			source = value
		case "FailureAudioSource":
			failure = value
		}
	}
	clip, ok := audioSource(source)
	if !ok {
		return nil, audioFault(badSource)
	}
	want := gather{prompt: call.Play{Clips: []call.Clip{clip}, Until: allKeys}, failed: playFault}
	if !isUnset(failure) {
		if clip, ok = audioSource(failure); !ok {
			return nil, audioFault(badSource)
		}
		want.failure = call.Play{Clips: []call.Clip{clip}}
	}
	return d.gather(a, want)
}

func startSpeakGather(d *driver, a *action) (step, *fault) {
	var speech, failure json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "SpeechParameters":
			speech = value
		case "FailureSpeechParameters":
			failure = value
		}
	}
	say, f := readSpeech(speech)
	if f != nil {
		return nil, f
	}
	want := gather{failed: speechFault}
	if !isUnset(failure) {
		sorry := say
		sorry.Text = ""
		if sorry, f = readSpeechLike(sorry, failure); f != nil {
			return nil, f
		}
		want.failure = sorry
	}
	say.Until = allKeys
	want.prompt = say
	return d.gather(a, want)
}

// gather begins to collect digits.
func (d *driver) gather(a *action, want gather) (step, *fault) {
	if f := want.read(a.params); f != nil {
		return nil, f
	}
	a.echo = echo(want.explicit(a.params), a.leg)
	d.pickUp(a.leg, nil)
	s := &gathering{leg: a.leg, want: want, left: want.attempts}
	if err := s.play(d, want.prompt); err != nil {
		return nil, refused(err)
	}
	return s, nil
}

func (s *gathering) play(d *driver, prompt call.Command) error {
	s.keys = s.keys[:0]
	switch p := prompt.(type) { // another leg may have taken the place of the first
	case call.Play:
		p.Leg = s.leg.id
		prompt = p
	case call.Say:
		p.Leg = s.leg.id
		prompt = p
	}
	t, err := d.do(prompt)
	s.prompt = t.Op
	return err
}

func (s *gathering) hear(d *driver, ev call.Event) outcome {
	switch ev := ev.(type) {
	case call.Digit:
		if ev.Leg == s.leg.id && !s.failed {
			return s.press(d, ev.Digit)
		}
	case call.LegEnded:
		if ev.Leg == s.leg.id {
			d.stop(s.timer)
			return outcome{over: true, lost: true}
		}
	case call.Done:
		if ev.Op == s.prompt {
			return s.heard(d, ev)
		}
	}
	return outcome{}
}

// press takes a key.
func (s *gathering) press(d *driver, key byte) outcome {
	d.stop(s.timer)
	if strings.IndexByte(s.want.terminators, key) >= 0 {
		return s.judge(d, string(key))
	}
	if s.keys = append(s.keys, key); len(s.keys) == s.want.max {
		return s.judge(d, "")
	}
	s.await(d, s.want.between)
	return outcome{}
}

// await has the attempt end in a while.
func (s *gathering) await(d *driver, wait time.Duration) {
	s.timer = d.after(wait, func() {
		if o := s.judge(d, ""); o.over {
			d.finish(o)
		}
	})
}

// heard takes the end of a prompt.
func (s *gathering) heard(d *driver, done call.Done) outcome {
	s.prompt = 0
	switch {
	case cutOff(done.Err):
		d.stop(s.timer)
		return d.lost(done)
	case done.Err != nil:
		d.stop(s.timer)
		return outcome{over: true, fault: s.want.failed(done.Err)}
	case s.failed:
		return s.again(d)
	case len(s.keys) == 0:
		s.await(d, s.want.wait)
	}
	return outcome{}
}

// judge ends an attempt: by a key that does so, by enough of them, or by time.
func (s *gathering) judge(d *driver, terminator string) outcome {
	if s.want.accepts(string(s.keys), terminator) {
		return outcome{over: true, result: received(string(s.keys))}
	}
	if s.left--; s.want.failure == nil {
		return s.again(d)
	}
	s.failed = true
	return s.or(s.play(d, s.want.failure))
}

// again begins the next attempt, if there is one.
func (s *gathering) again(d *driver) outcome {
	if s.left == 0 {
		return outcome{over: true, fault: &fault{kind: "InvalidDigitsReceived", message: "Invalid digits received."}}
	}
	s.failed = false
	return s.or(s.play(d, s.want.prompt))
}

// or ends the action where a prompt was refused.
func (s *gathering) or(err error) outcome {
	if err == nil {
		return outcome{}
	}
	f := refused(err)
	return outcome{over: true, lost: f == nil, fault: f}
}

func (s *gathering) stop(d *driver) {
	d.stop(s.timer)
	if s.prompt != 0 {
		_, _ = d.do(call.Stop{Op: s.prompt}) // when it is over already there is nothing to stop
	}
}

// accepts tells whether what was pressed is what was asked for. A pattern may want the key that ended it, too, as some of
// the vendor's examples do.
func (g *gather) accepts(keys, terminator string) bool {
	if len(keys) < g.min {
		return false
	}
	return g.pattern == nil || g.pattern.MatchString(keys) || terminator != "" && g.pattern.MatchString(keys+terminator)
}

// received is the result of an action that collected digits.
func received(keys string) result {
	return result{behind: appendString([]byte(`,"ReceivedDigits":`), keys)}
}

// read reads and checks what both actions have in common.
func (g *gather) read(params json.RawMessage) *fault {
	g.max, g.attempts, g.terminators = maxDigits, 1, "#"
	for key, value := range members(params) {
		if isUnset(value) && key != "InputDigitsRegex" {
			continue
		}
		ok := true
		switch key {
		case "InputDigitsRegex":
			g.pattern, ok = readPattern(value)
		case "MinNumberOfDigits":
			g.min, ok = bounded(value, 0, maxDigits)
		case "MaxNumberOfDigits":
			g.max, ok = bounded(value, 1, maxDigits)
		case "TerminatorDigits":
			g.terminators, ok = digits(value)
		case "InBetweenDigitsDurationInMilliseconds":
			g.between, ok = milliseconds(value)
		case "RepeatDurationInMilliseconds":
			g.wait, ok = milliseconds(value)
		case "Repeat":
			if g.attempts, ok = bounded(value, 1, maxCount); !ok {
				return invalid("Repeat parameter value is invalid.")
			}
		}
		if !ok {
			return badParameter(key)
		}
	}
	switch {
	case g.wait == 0:
		return badParameter("RepeatDurationInMilliseconds")
	case g.min > g.max:
		return badParameter("MaxNumberOfDigits")
	case g.between == 0:
		g.between = g.wait
	}
	return nil
}

// explicit adds to the parameters what holds where they say nothing, as the vendor's events do.
func (g *gather) explicit(params json.RawMessage) json.RawMessage {
	number := func(n int64) json.RawMessage { return strconv.AppendInt(nil, n, 10) }
	if params == nil {
		params = json.RawMessage(`{}`)
	}
	params = fill(params, "MinNumberOfDigits", number(int64(g.min)))
	params = fill(params, "MaxNumberOfDigits", number(int64(g.max)))
	params = fill(params, "InBetweenDigitsDurationInMilliseconds", number(g.between.Milliseconds()))
	return fill(params, "Repeat", number(int64(g.attempts)))
}
