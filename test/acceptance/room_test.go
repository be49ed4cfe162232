package acceptance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/tone"
)

// ask sends a request with a body to the admin API and reads the answer into v, if there is one.
func (s *server) ask(t *testing.T, method, path string, body, v any) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.HTTP+path, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", "admin-secret")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d\n%s", method, path, resp.StatusCode, answer)
	}
	if v == nil {
		return
	}
	if err := json.Unmarshal(answer, v); err != nil {
		t.Fatalf("%s %s: %v\n%s", method, path, err, answer)
	}
}

// lately gives how loud a tone was in the last half second that an ear heard, in dB below a full-scale sine.
func lately(ear *far.Ear, hz float64) float64 {
	var all []int16
	for f := range ear.Frames() {
		all = append(all, f[:]...)
	}
	if len(all) < 4000 {
		return -100
	}
	return tone.Loudness(all[len(all)-4000:], hz)
}

// waits answers with a word and lets the caller wait.
func waits(ev event) string {
	if ev.InvocationEventType == "NEW_INBOUND_CALL" {
		return actions("PlayAudio", object{"AudioSource": audio("welcome/tone.wav")}, "Pause", object{"DurationInMilliseconds": "60000"})
	}
	return actions()
}

// speaking tells how many of those in the lounge are said to speak.
func speaking(t *testing.T, s *server, f *function) int {
	t.Helper()
	n := 0
	for _, ev := range f.seen("NEW_INBOUND_CALL") {
		var one struct {
			Legs []struct {
				Room     string
				Speaking bool
			}
		}
		s.get(t, "/api/live/"+ev.CallDetails.TransactionId, &one)
		if len(one.Legs) != 1 || one.Legs[0].Room != "lounge" {
			t.Fatalf("legs: %+v", one.Legs)
		}
		if one.Legs[0].Speaking {
			n++
		}
	}
	return n
}

// The calls of three people meet in a room: each hears all but itself, and music while it is alone.
func TestRoom(t *testing.T) {
	t.Parallel()
	f := startFunction(t, waits)
	s := startIn(t, prompts(t), nil, configFor(freePort(t), f.URL))
	hums := []float64{440, 800, 1200}
	var all []*person
	var lines []*far.Line
	var seats []string
	for i, hz := range hums {
		p := newPerson(t, hz)
		l := p.calls(t, s)
		eventually(t, "the function hearing of the call", func() bool { return len(f.seen("NEW_INBOUND_CALL")) == i+1 })
		ev := f.seen("NEW_INBOUND_CALL")[i]
		seat := fmt.Sprintf("/api/calls/%s/legs/%s/room", ev.CallDetails.TransactionId, ev.CallDetails.Participants[0].CallId)
		all, lines, seats = append(all, p), append(lines, l), append(seats, seat)
		eventually(t, "the word of welcome being over", func() bool { return p.ear.Sound() > 900*time.Millisecond })
		enter := object{"room": "lounge", "silent": true}
		if i == 0 {
			enter["music"] = object{"bucket": "prompts", "key": "welcome/tone.mp3"}
		}
		s.ask(t, http.MethodPost, seat, enter, nil)
		if i == 0 {
			hears(t, "who is alone", &p.ear, 1000)
		}
	}
	const loud, still = -20.0, -40.0
	for i, p := range all {
		for k, hz := range hums {
			if k != i {
				eventually(t, fmt.Sprintf("person %d hearing %v Hz", i, hz), func() bool { return lately(&p.ear, hz) > loud })
			}
		}
		if got := lately(&p.ear, hums[i]); got > still {
			t.Errorf("person %d hears itself at %.1f dB", i, got)
		}
	}
	eventually(t, "one of them being said to speak", func() bool { return speaking(t, s, f) == 1 })
	eventually(t, "the program telling so", func() bool {
		told := ""
		for _, ev := range f.seen("NEW_INBOUND_CALL") {
			told += s.operate(t, "live", ev.CallDetails.TransactionId).out
		}
		return strings.Count(told, "lounge") == 3 && strings.Count(told, "lounge (speaking)") == 1
	})
	s.ask(t, http.MethodDelete, seats[2], nil, nil)
	eventually(t, "the others hearing it no more", func() bool { return lately(&all[0].ear, 1200) < still && lately(&all[0].ear, 800) > loud })
	for _, l := range lines {
		l.Hangup(0, nil)
	}
	for _, l := range lines {
		over(t, l)
	}
	s.idle(t)
}
