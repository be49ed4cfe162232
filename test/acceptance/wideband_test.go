package acceptance_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
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
