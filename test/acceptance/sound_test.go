package acceptance_test

import (
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/tone"
)

// halfSecond is what sound is judged by: tones of even frequencies have whole periods in it.
const halfSecond = 4000

// newest gives the last half second that an ear heard, and how much it heard in all; nil when that is less.
func newest(ear *far.Ear) (samples []int16, all int) {
	for f := range ear.Frames() {
		samples = append(samples, f[:]...)
	}
	if len(samples) < halfSecond {
		return nil, len(samples)
	}
	return samples[len(samples)-halfSecond:], len(samples)
}

// purity gives by how many dB some tones of even frequencies are above all else in half a second.
func purity(s []int16, hz ...float64) float64 {
	if len(s) != halfSecond {
		return math.Inf(-1)
	}
	var all, tones float64
	for _, v := range s {
		all += float64(v) * float64(v) / halfSecond
	}
	for _, f := range hz {
		tones += math.Pow(10, tone.Loudness(s, f)/10) * 32767 * 32767 / 2
	}
	return 10 * math.Log10(tones/max(all-tones, 1e-3))
}

// hearsWell waits for half a second in which tones have their level, and nothing else is to be heard.
func hearsWell(t *testing.T, who string, ear *far.Ear, want float64, hz ...float64) {
	t.Helper()
	told := ""
	defer func() {
		if told != "" {
			t.Log(told)
		}
	}()
	at := 0
	eventually(t, fmt.Sprintf("%s hearing %v Hz well", who, hz), func() bool {
		s, all := newest(ear)
		if s == nil || all < at+halfSecond/4 {
			return false
		}
		at = all
		told = fmt.Sprintf("%s: %.1f dB above all else", who, purity(s, hz...))
		for _, f := range hz {
			got := tone.Loudness(s, f)
			told += fmt.Sprintf(", %v Hz at %.2f dB", f, got)
			if math.Abs(got-tone.Level) > 0.4 {
				return false
			}
		}
		return purity(s, hz...) > want
	})
}

// A tone through the program is what it was, whatever is spoken on either side, in the clear or not; and a key that is pressed,
// as an event or as a tone in the audio, is one key at the other side.
func TestC54C55C56SoundIsGood(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, trunk    string
		caller, callee directory.Audio
		purity         float64 // G.711 has some 38 dB for a tone, G.722 and G.711 together less
	}{
		{"one codec", "", directory.Audio{}, directory.Audio{}, 35},
		{"mu-law and A-law", "", directory.Audio{Codecs: []string{"PCMU"}}, directory.Audio{Codecs: []string{"PCMA"}}, 32},
		{"G.722 and G.711", "audio: {codecs: [G722, PCMU, PCMA]}", directory.Audio{Codecs: []string{"G722"}}, directory.Audio{Codecs: []string{"PCMA"}}, 32},
		{"G.722 at both sides", "audio: {codecs: [G722, PCMU]}", directory.Audio{Codecs: []string{"G722"}}, directory.Audio{Codecs: []string{"G722"}}, 35},
		{"SRTP and RTP", "audio: {srtp: offered}", directory.Audio{SRTP: directory.Always}, directory.Audio{SRTP: directory.Never}, 35},
		{"packets of 10 and 60 ms", "audio: {codecs: [G722, PCMU]}", directory.Audio{Codecs: []string{"G722"}, Ptime: 10}, directory.Audio{Codecs: []string{"PCMU"}, Ptime: 60}, 32},
		{"keys as tones", "audio: {listen: true}", directory.Audio{Keys: "inband"}, directory.Audio{}, 35},
		{"keys as tones in G.722", "audio: {listen: true, codecs: [G722, PCMU]}", directory.Audio{Keys: "inband", Codecs: []string{"G722"}}, directory.Audio{Codecs: []string{"PCMU"}}, 32},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			caller, callee := newPersonOf(t, c.caller, 0), newPersonOf(t, c.callee, 0)
			f := startFunction(t, bridge("+14155550199"))
			s := start(t, config{peers: []string{peerAt(int(callee.Addr().Port()))}, trunk: c.trunk, functions: []string{f.URL}}.yaml())
			l := caller.calls(t, s)
			other := <-callee.answers
			stop := l.Media().Play(far.Hum(1004), func(error) {})
			other.Media().Play(far.Hum(440), func(error) {})
			hearsWell(t, "the caller", &caller.ear, c.purity, 440)
			hearsWell(t, "the callee", &callee.ear, c.purity, 1004)
			stop()
			const keys = "1590#"
			for _, from := range []*far.Line{l, other} {
				if err := far.Press(t.Context(), from.Media(), keys); err != nil {
					t.Fatal(err)
				}
			}
			for _, to := range []*person{caller, callee} {
				for i := range keys {
					select {
					case got := <-to.digits:
						if got != keys[i] {
							t.Errorf("key %d arrived as %c", i, got)
						}
					case <-time.After(5 * time.Second):
						t.Fatalf("key %d did not arrive", i)
					}
				}
			}
			l.Hangup(0, nil)
			over(t, l)
			over(t, other)
			if n := len(caller.digits) + len(callee.digits); n > 0 {
				t.Errorf("%d keys too many", n)
			}
		})
	}
}

// Five people who speak different codecs meet in a room: each hears the four others as loud as they speak, not itself, and
// nothing else.
func TestRoomSoundsGood(t *testing.T) {
	t.Parallel()
	f := startFunction(t, waits)
	s := startIn(t, prompts(t), nil, config{peers: []string{peerAt(freePort(t))}, trunk: "audio: {codecs: [G722, PCMU, PCMA], srtp: offered}", functions: []string{f.URL}}.yaml())
	hums := []float64{440, 700, 1004, 1300, 1700}
	audio := []directory.Audio{{Codecs: []string{"PCMU"}}, {Codecs: []string{"G722"}}, {Codecs: []string{"PCMA"}, Ptime: 30}, {Codecs: []string{"G722"}, SRTP: directory.Always}, {SRTP: directory.Always, Ptime: 60}}
	var all []*person
	var lines []*far.Line
	for i, hz := range hums {
		p := newPersonOf(t, audio[i], hz)
		lines = append(lines, p.calls(t, s))
		eventually(t, "the function hearing of the call", func() bool { return len(f.seen("NEW_INBOUND_CALL")) == i+1 })
		ev := f.seen("NEW_INBOUND_CALL")[i].CallDetails
		s.ask(t, http.MethodPost, fmt.Sprintf("/api/calls/%s/legs/%s/room", ev.TransactionId, ev.Participants[0].CallId), object{"room": "lounge", "silent": true}, nil)
		all = append(all, p)
	}
	for i, p := range all {
		var others []float64
		for k, hz := range hums {
			if k != i {
				others = append(others, hz)
			}
		}
		hearsWell(t, fmt.Sprintf("person %d", i), &p.ear, 26, others...)
		if s, _ := newest(&p.ear); tone.Loudness(s, hums[i]) > -45 {
			t.Errorf("person %d hears itself at %.1f dB", i, tone.Loudness(s, hums[i]))
		}
	}
	for _, l := range lines {
		l.Hangup(0, nil)
		over(t, l)
	}
}

// onsets gives where a track is loud after a tenth of a second in which it was not.
func onsets(track []int16) (at []int) {
	still := 800
	for i, v := range track {
		switch {
		case v < 1800 && v > -1800:
			still++
		default:
			if still >= 800 {
				at = append(at, i)
			}
			still = 0
		}
	}
	return at
}

// What a far end says back at once is heard in a recording when it was said, within 20 ms, and as loud as it was.
func TestRecordingSoundsGood(t *testing.T) {
	t.Parallel()
	for _, law := range []string{"PCMU", "G722"} {
		t.Run(law, func(t *testing.T) {
			t.Parallel()
			data := prompts(t)
			long := filepath.Join(data, "prompts", "welcome", "long.wav") // a tone that is cut again and again
			sound := wavOf(8000, 1, 620, 6*time.Second)
			for at := 44; at < len(sound); at += 2 * 4000 {
				clear(sound[at : at+2*1600])
			}
			if err := os.WriteFile(long, sound, 0o600); err != nil {
				t.Fatal(err)
			}
			caller := newPersonOf(t, directory.Audio{Codecs: []string{law}}, 0)
			f := startFunction(t, func(ev event) string {
				if ev.InvocationEventType == "NEW_INBOUND_CALL" {
					return actions("Pause", object{"DurationInMilliseconds": "500"}, "PlayAudio", object{"AudioSource": audio("welcome/long.wav")}, "Pause", object{"DurationInMilliseconds": "60000"})
				}
				return actions()
			})
			s := startIn(t, data, nil, config{peers: []string{peerAt(freePort(t))}, trunk: "audio: {codecs: [PCMU, G722]}", functions: []string{f.URL}}.yaml())
			l := caller.calls(t, s)
			l.Media().Connect(l.Media()) // an echo
			ev := f.seen("NEW_INBOUND_CALL")[0].CallDetails
			rec := record(t, s, call.ID(ev.TransactionId), object{"leg": ev.Participants[0].CallId, "tracks": "apart", "key": "x.wav"})
			<-time.After(3 * time.Second) // of sound
			s.ask(t, http.MethodDelete, rec, object{}, nil)
			l.Hangup(0, nil)
			over(t, l)
			tracks := wavTracks(t, filepath.Join(data, "recordings", "x.wav"))
			if law == "G722" {
				tracks = [][]int16{narrowed(tracks[0]), narrowed(tracks[1])}
			}
			echoes, prompts := onsets(tracks[0]), onsets(tracks[1])
			apart := 1 << 20 // the least: when this machine stalls, what comes late is late
			for _, a := range prompts {
				for _, b := range echoes {
					apart = min(apart, max(a-b, b-a))
				}
			}
			if apart > 160 || len(prompts) < 3 || len(echoes) < 3 {
				t.Errorf("the prompts begin at %v, their echoes at %v", prompts, echoes)
			}
			const level = -12.2 // of 8000
			for i, track := range tracks {
				loudest := -100.0
				for at := 0; at+2000 <= len(track); at += 100 {
					loudest = max(loudest, tone.Loudness(track[at:at+2000], 620))
				}
				if math.Abs(loudest-level) > 0.5 {
					t.Errorf("track %d: the tone is recorded at %.1f dB", i, loudest)
				}
			}
		})
	}
}
