package acceptance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/test/need"
)

// receivedDigits gives the ReceivedDigits of the events of a type, each with the action that collected them.
func receivedDigits(events []event) (all []string) {
	for _, ev := range events {
		var e struct {
			ActionData struct {
				Type           string
				ReceivedDigits *string
			}
		}
		if json.Unmarshal(ev.raw, &e) == nil && e.ActionData.ReceivedDigits != nil {
			all = append(all, e.ActionData.Type+" "+*e.ActionData.ReceivedDigits)
		}
	}
	return all
}

// presses presses keys at the other side of a line.
func presses(t *testing.T, l *far.Line, keys string) {
	t.Helper()
	if err := far.Press(t.Context(), l.Media(), keys); err != nil {
		t.Fatal(err)
	}
}

// tones puts prompts of a tone each, long enough to be cut off, into the bucket "prompts".
func tones(t *testing.T, tones map[string]float64) (data string) {
	t.Helper()
	data = t.TempDir()
	dir := filepath.Join(data, "prompts")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, hz := range tones {
		if err := os.WriteFile(filepath.Join(dir, name), wav(hz, 20*time.Second), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

// A caller is asked for digits: by a prompt that the first key cuts off, by speech, again after a wrong one; is sent keys; and is
// listened to while something else plays.
func TestChimeDigits(t *testing.T) {
	t.Parallel()
	need.Tool(t, "espeak-ng", "apt-get install espeak-ng")
	sent := make(chan time.Time, 2)
	f := startFunction(t, func(ev event) string {
		switch ev.InvocationEventType + " " + ev.ActionData.Type {
		case "NEW_INBOUND_CALL ":
			return actions("PlayAudioAndGetDigits", object{"AudioSource": audio("menu.wav"), "FailureAudioSource": audio("again.wav"), "MaxNumberOfDigits": 4,
				"RepeatDurationInMilliseconds": 10_000})
		case "ACTION_SUCCESSFUL PlayAudioAndGetDigits":
			return actions("SpeakAndGetDigits", object{"SpeechParameters": object{"Text": "Your code, please."}, "FailureSpeechParameters": object{"Text": "No."},
				"InputDigitsRegex": "^[1-3]$", "MinNumberOfDigits": 1, "MaxNumberOfDigits": 1, "Repeat": 2, "RepeatDurationInMilliseconds": 30_000})
		case "ACTION_SUCCESSFUL SpeakAndGetDigits":
			sent <- time.Now()
			return actions("SendDigits", object{"Digits": "1,A#"})
		case "ACTION_SUCCESSFUL SendDigits":
			sent <- time.Now()
			return actions("ReceiveDigits", object{"InputDigitsRegex": "^\\*[5-8]$", "InBetweenDigitsDurationInMilliseconds": 500, "FlushDigitsDurationInMilliseconds": 5000},
				"PlayAudio", object{"AudioSource": audio("hold.wav"), "Repeat": 9999})
		case "DIGITS_RECEIVED ReceiveDigits":
			return actions("Hangup", object{})
		}
		return actions()
	})
	s := startIn(t, tones(t, map[string]float64{"menu.wav": 620, "again.wav": 3300, "hold.wav": 800}), nil,
		configFor(freePort(t), f.URL)+"speech: {engine: espeak-ng}\n")
	caller := newPerson(t, 0)
	l := caller.calls(t, s)
	held := make(chan string, 10)
	l.Media().OnDigit(func(key byte, d time.Duration) { held <- fmt.Sprintf("%c %v", key, d.Round(50*time.Millisecond)) })
	hears(t, "the caller", &caller.ear, 620)
	presses(t, l, "42#")
	eventually(t, "the digits", func() bool { return len(receivedDigits(f.seen("ACTION_SUCCESSFUL"))) == 1 })
	if has(&caller.ear, 3300) {
		t.Error("the failure prompt was heard")
	}
	presses(t, l, "9") // no code: the failure is spoken, and the question again
	var code string
	for code == "" { // what is pressed while the failure is spoken is passed over
		presses(t, l, "2")
		if all := receivedDigits(f.seen("ACTION_SUCCESSFUL")); len(all) > 1 {
			code = all[1]
		}
	}
	for _, want := range []string{"1 250ms", "A 250ms", "# 250ms"} {
		select {
		case got := <-held:
			if got != want {
				t.Errorf("the caller got the key %s, want %s", got, want)
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("the caller did not get the key %s", want)
		}
	}
	if begin, end := <-sent, <-sent; end.Sub(begin) < 1250*time.Millisecond {
		t.Errorf("three keys of a quarter second and a comma took %v", end.Sub(begin))
	}
	hears(t, "the caller", &caller.ear, 800)
	presses(t, l, "*4")
	presses(t, l, ",,,,,,,,,,,,*5") // the first two are forgotten after five seconds
	over(t, l)
	got := append(receivedDigits(f.seen("ACTION_SUCCESSFUL")), receivedDigits(f.seen("DIGITS_RECEIVED"))...)
	if want := []string{"PlayAudioAndGetDigits 42", "SpeakAndGetDigits 2", "ReceiveDigits *5"}; !slices.Equal(got, want) {
		t.Errorf("digits: %q, want %q", got, want)
	}
	if n := len(f.seen("ACTION_INTERRUPTED")); n > 1 {
		t.Errorf("%d interruptions", n)
	}
}

// On a bridge: the callee's keys are collected while it hears a prompt and the caller's are not; afterwards they talk on, and the
// caller's keys are listened for, as they pass to the callee.
func TestChimeDigitsOfBridge(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		switch ev.InvocationEventType + " " + ev.ActionData.Type {
		case "ACTION_SUCCESSFUL CallAndBridge":
			return actions("PlayAudioAndGetDigits", object{"ParticipantTag": "LEG-B", "AudioSource": audio("menu.wav"), "FailureAudioSource": audio("menu.wav"),
				"MinNumberOfDigits": 2, "MaxNumberOfDigits": 2, "RepeatDurationInMilliseconds": 20_000})
		case "ACTION_SUCCESSFUL PlayAudioAndGetDigits":
			return actions("ReceiveDigits", object{"InputDigitsRegex": "^[0-9]{3}$", "InBetweenDigitsDurationInMilliseconds": 1000, "FlushDigitsDurationInMilliseconds": 10_000})
		case "DIGITS_RECEIVED ReceiveDigits":
			return actions("SendDigits", object{"ParticipantTag": "LEG-B", "Digits": "D"}, "Hangup", object{"ParticipantTag": "LEG-B"}, "Hangup", object{"ParticipantTag": "LEG-A"})
		}
		return bridge("+14155550199")(ev)
	})
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	s := startIn(t, tones(t, map[string]float64{"menu.wav": 620}), nil, configFor(int(callee.Addr().Port()), f.URL))
	l := caller.calls(t, s)
	other := <-callee.answers
	hears(t, "the callee", &callee.ear, 620)
	presses(t, l, "9")
	presses(t, other, "12")
	eventually(t, "the digits", func() bool { return len(receivedDigits(f.seen("ACTION_SUCCESSFUL"))) == 2 }) // and the listener's none
	hears(t, "the caller", &caller.ear, 1000)
	hears(t, "the callee", &callee.ear, 440)
	presses(t, other, "7")
	presses(t, l, "357")
	over(t, l)
	over(t, other)
	got := append(receivedDigits(f.seen("ACTION_SUCCESSFUL")), receivedDigits(f.seen("DIGITS_RECEIVED"))...)
	if want := []string{"PlayAudioAndGetDigits 12", "ReceiveDigits ", "ReceiveDigits 357"}; !slices.Equal(got, want) {
		t.Errorf("digits: %q, want %q", got, want)
	}
	var passed []byte
	for len(callee.digits) > 0 {
		passed = append(passed, <-callee.digits)
	}
	if want := "357D"; !slices.Contains([]string{want, "9" + want}, string(passed)) {
		t.Errorf("the callee got the keys %q, want %q", passed, want)
	}
}

// SIPp presses keys by INFO, and gets some by INFO, where its trunk says so.
func TestChimeDigitsByInfo(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		switch ev.InvocationEventType + " " + ev.ActionData.Type {
		case "NEW_INBOUND_CALL ":
			return actions("PlayAudioAndGetDigits", object{"AudioSource": audio("menu.wav"), "FailureAudioSource": audio("menu.wav"), "RepeatDurationInMilliseconds": 10_000})
		case "ACTION_SUCCESSFUL PlayAudioAndGetDigits":
			return actions("SendDigits", object{"Digits": "0", "ToneDurationInMilliseconds": 3000}, "Hangup", object{})
		}
		return actions()
	})
	s := startIn(t, tones(t, map[string]float64{"menu.wav": 620}), nil,
		config{peers: []string{peerAt(freePort(t))}, functions: []string{f.URL}, trunk: "audio: {keys: info}"}.yaml())
	key := func(seq int, key string) string {
		m := message{line: "INFO [next_url] SIP/2.0", head: callerHead(freshVia, "INFO", seq, peerTag),
			rows: []string{"[routes]", hops, "Content-Type: application/dtmf-relay"}, body: "Signal=" + key + "\nDuration=160\n"}
		return m.String() + take("200")
	}
	caller := startSIPp(t, scenario(invite(), progress(), answered(), ack(), wait(200), key(2, "4"), key(3, "2"), key(4, "#"),
		take("INFO"), onLast("200 OK"), take("BYE"), onLast("200 OK")), s.SIP, freePort(t), "-s", "+12065550100")
	caller.wait(t)
	s.idle(t)
	if infos := all(caller.received(t), "INFO"); len(infos) != 1 || !strings.Contains(infos[0], "Signal=0") || !strings.Contains(infos[0], "Duration=3000") {
		t.Errorf("INFO: %q", infos)
	}
	if got := receivedDigits(f.seen("ACTION_SUCCESSFUL")); !slices.Equal(got, []string{"PlayAudioAndGetDigits 42"}) {
		t.Errorf("digits: %q", got)
	}
}
