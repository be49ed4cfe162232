package acceptance_test

import (
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// enters lets the n-th caller of a function into a room.
func (s *server) enters(t *testing.T, f *function, n int) {
	t.Helper()
	eventually(t, "the function hearing of the call", func() bool { return len(f.seen("NEW_INBOUND_CALL")) == n })
	ev := f.seen("NEW_INBOUND_CALL")[n-1].CallDetails
	s.ask(t, http.MethodPost, fmt.Sprintf("/api/calls/%s/legs/%s/room", ev.TransactionId, ev.Participants[0].CallId), object{"room": "lounge", "silent": true}, nil)
}

// Telephones of other makers that speak G.722, one of them protected, meet in a room with two that speak G.711: they hear each
// other with what is above 4 kHz, the others hear them without, and all hear those.
func TestRoomOfWidebandTelephones(t *testing.T) {
	t.Parallel()
	f := startFunction(t, waits)
	s := startIn(t, prompts(t), nil, config{peers: []string{peerAt(freePort(t))}, trunk: "audio: {codecs: [G722, PCMU], srtp: offered}", functions: []string{f.URL}}.yaml())
	plain := newPersonOf(t, directory.Audio{Codecs: []string{"PCMU"}}, 440)
	line := plain.calls(t, s)
	s.enters(t, f, 1)

	shrill := startBaresip(t, baresipOptions{user: "+12065550141", account: ";regint=0;audio_codecs=G722/16000/1;mediaenc=srtp-mand", modules: []string{"g722", "srtp"}, hums: 1})
	shrill.write(t, "hum.wav", string(wavOf(16000, 1, 5000, time.Minute)))
	shrill.command(t, "dial", "sip:+12065550100@"+s.SIP)
	shrill.await(t, "CALL_ESTABLISHED")
	s.enters(t, f, 2)

	other := startBaresip(t, baresipOptions{user: "+12065550143", account: ";regint=0;audio_codecs=G722/16000/1", modules: []string{"g722"}, hums: 1})
	other.write(t, "hum.wav", string(wavOf(16000, 1, 1500, time.Minute)))
	other.command(t, "dial", "sip:+12065550100@"+s.SIP)
	other.await(t, "CALL_ESTABLISHED")
	s.enters(t, f, 3)

	third := startLinphone(t, "+12065550144", 700)
	third.command(t, "call sip:+12065550100@"+s.SIP)
	s.enters(t, f, 4)

	const image = 3000 // of 5000 Hz in 8 kHz; and where samples are left out of 16 kHz, as toneIn does
	for _, hz := range []float64{700, 1500} {
		eventually(t, fmt.Sprintf("the one with G.711 hearing %v Hz", hz), func() bool { return lately(&plain.ear, hz) > -14 })
	}
	if got := lately(&plain.ear, image); got > -50 {
		t.Errorf("in 8 kHz there is %.1f dB of what is above 4", got)
	}
	shrill.heardIn(t, 440, 700, 1500)
	other.heardIn(t, 440, 700, image)
	line.Hangup(0, nil)
	shrill.command(t, "hangup", "")
	other.command(t, "hangup", "")
	third.command(t, "terminate")
	for _, c := range s.calls(t, 4) {
		m := c.Legs[0].Media
		want := map[string]string{"+12065550141": "G722", "+12065550142": "PCMU", "+12065550143": "G722", "+12065550144": "PCMU"}[c.From]
		if secure := c.From == "+12065550141"; m.Codec != want || m.Secure != secure || m.MOS < 3.5 {
			t.Errorf("%s: %+v", c.From, m)
		}
	}
}

// heardIn waits until its recording ends in half a second with all of some tones of one level, whatever else there is.
func (b *baresip) heardIn(t *testing.T, hz ...float64) {
	t.Helper()
	told := ""
	eventually(t, fmt.Sprintf("baresip hearing %v Hz at once", hz), func() bool {
		for _, f := range b.recordings(t) {
			s := everyOther(t, f)
			if len(s) < halfSecond {
				continue
			}
			s, told = s[len(s)-halfSecond:], ""
			ok := true
			for _, v := range hz {
				got := tone.Loudness(s, v)
				told += fmt.Sprintf(" %v Hz at %.1f dB", v, got)
				ok = ok && got > -15
			}
			if ok {
				return true
			}
		}
		return false
	})
	t.Log(told)
}

// narrowed brings a recording of 16 kHz to 8.
func narrowed(wide []int16) []int16 {
	out := make([]int16, len(wide)/2)
	new(codec.Narrower).Narrow(out, wide)
	return out
}

// wideEar keeps what it hears in 16 kHz.
type wideEar struct {
	mu     sync.Mutex
	decode codec.Decoder
	heard  []int16
}

func (e *wideEar) Write(p *media.Packet) {
	var f [8 * media.FrameSamples]int16
	e.mu.Lock()
	defer e.mu.Unlock()
	e.heard = append(e.heard, f[:e.decode.DecodeWide(f[:], p)]...)
}

// lately gives how loud a tone was in the last half second.
func (e *wideEar) lately(hz float64) float64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.heard) < 8000 {
		return -100
	}
	return tone.Loudness(e.heard[len(e.heard)-8000:], hz/2) // which reckons with 8 kHz
}

// levels gives how loud a tone is at least and at most in quarters of a second of what was heard from the second on: when this
// machine stalls, one of them is cut, and not all.
func levels(s []int16, hz float64, rate int) (least, most float64) {
	least, most = 0, -100
	for at := rate; at+rate/4 <= len(s); at += rate / 8 {
		got := tone.Loudness(s[at:at+rate/4], hz*8000/float64(rate)) // which reckons with 8 kHz
		least, most = min(least, got), max(most, got)
	}
	return least, most
}

// A prompt of 16 kHz is heard so by a caller with G.722, and what that caller says and hears stands so in the recording. A
// caller with G.711 hears what is below 4 kHz of it, and nothing in the place of the rest; its recording has 8 kHz, as has one
// that is asked for so.
func TestWidePrompt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		law   string
		asked int
		rate  uint32
	}{{"G722", 0, 16000}, {"PCMU", 0, 8000}, {"G722", 8000, 8000}} {
		t.Run(fmt.Sprint(c.law, " ", c.rate), func(t *testing.T) {
			t.Parallel()
			data := prompts(t)
			prompt := wavOf(16000, 1, 1000, 20*time.Second)
			high := wavOf(16000, 1, 6000, 20*time.Second)
			for at := 44; at < len(prompt); at += 2 {
				binary.LittleEndian.PutUint16(prompt[at:], binary.LittleEndian.Uint16(prompt[at:])+binary.LittleEndian.Uint16(high[at:]))
			}
			whistle := filepath.Join(t.TempDir(), "whistle.wav")
			for name, content := range map[string][]byte{filepath.Join(data, "prompts", "welcome", "wide.wav"): prompt, whistle: wavOf(16000, 1, 5000, 20*time.Second)} {
				if err := os.WriteFile(name, content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			f := startFunction(t, func(ev event) string {
				if ev.InvocationEventType == "NEW_INBOUND_CALL" {
					return actions("PlayAudio", object{"AudioSource": audio("welcome/wide.wav")})
				}
				return actions()
			})
			s := startIn(t, data, nil, config{peers: []string{peerAt(freePort(t))}, trunk: "audio: {codecs: [PCMU, G722]}", functions: []string{f.URL}}.yaml())
			caller := newPersonOf(t, directory.Audio{Codecs: []string{c.law}}, 0)
			l := caller.calls(t, s)
			ear := new(wideEar)
			l.Media().Connect(ear)
			says, err := clip.OpenFile(t.Context(), whistle)
			if err != nil {
				t.Fatal(err)
			}
			defer says.Close()
			l.Media().Play(says, func(error) {})
			ev := f.seen("NEW_INBOUND_CALL")[0].CallDetails
			body := object{"leg": ev.Participants[0].CallId, "tracks": "apart", "key": "x.wav"}
			if c.asked > 0 {
				body["rate"] = c.asked
			}
			rec := record(t, s, call.ID(ev.TransactionId), body)
			eventually(t, "the caller hearing the prompt", func() bool { return math.Abs(ear.lately(1000)+12.2) < 1 })
			<-time.After(2 * time.Second) // of sound
			s.ask(t, http.MethodDelete, rec, nil, nil)
			l.Hangup(0, nil)
			over(t, l)
			ear.mu.Lock()
			defer ear.mu.Unlock()
			for hz, want := range map[float64]bool{6000: c.law == "G722", 1000: true, 2000: false} {
				if least, most := levels(ear.heard, hz, 16000); want && math.Abs(most+12.2) > 1 || !want && least > -45 {
					t.Errorf("%v Hz is heard at %.1f to %.1f dB", hz, least, most)
				}
			}
			file := filepath.Join(data, "recordings", "x.wav")
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if rate := binary.LittleEndian.Uint32(b[24:]); rate != c.rate {
				t.Fatalf("the recording has %d Hz", rate)
			}
			tracks := wavTracks(t, file)
			for i, want := range []map[float64]bool{
				{5000: c.rate == 16000, 3000: false, 1000: false}, {6000: c.rate == 16000, 1000: true, 2000: false},
			} {
				for hz, want := range want {
					least, most := levels(tracks[i], hz, int(c.rate))
					if want && math.Abs(most+12.2) > 1 || !want && hz < float64(c.rate)/2 && least > -45 {
						t.Errorf("track %d: %v Hz at %.1f to %.1f dB", i, hz, least, most)
					}
				}
			}
		})
	}
}
