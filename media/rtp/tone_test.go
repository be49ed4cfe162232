package rtp_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/media/tone"
)

// phone is a far end that is itself a session: it plays a tone and listens.
func phone(t *testing.T, e *rtp.Engine) (*rtp.Session, *tone.Detector) {
	t.Helper()
	s, err := e.Open(loopback)
	if err != nil {
		t.Fatal(err)
	}
	d := tone.NewDetector(440, 1000, 480)
	s.Connect(media.PortFunc(func(p *media.Packet) {
		var f media.Frame
		d.Add(f[:codec.Decode(p.Codec, f[:], p.Payload)])
	}))
	return s, d
}

// Each side hears the other's tone, also where the codecs differ; and while a prompt plays to one, that one hears it.
func TestEachHearsTheOther(t *testing.T) {
	ours, theirs := engine(t), engine(t)
	remote := func(s *rtp.Session, c media.Codec) media.Remote {
		r := media.Remote{RTP: s.Local(), Codec: c}
		if c == media.PCMA {
			r.TypeOut, r.TypeIn = 8, 8
		}
		return r
	}
	for _, codecs := range [][2]media.Codec{{media.PCMU, media.PCMU}, {media.PCMU, media.PCMA}} {
		var legs, phones [2]*rtp.Session
		var heard [2]*tone.Detector
		for i := range legs {
			leg, err := ours.Open(loopback)
			if err != nil {
				t.Fatal(err)
			}
			legs[i] = leg
			phones[i], heard[i] = phone(t, theirs)
			for _, err := range []error{leg.SetRemote(remote(phones[i], codecs[i])), phones[i].SetRemote(remote(leg, codecs[i]))} {
				if err != nil {
					t.Fatal(err)
				}
			}
		}
		legs[0].Connect(legs[1])
		legs[1].Connect(legs[0])
		phones[0].Play(tone.Sine(440, -1), nil)
		phones[1].Play(tone.Sine(1000, -1), nil)
		const enough = 400 * time.Millisecond
		wait(t, func() bool { return heard[0].Heard(1000) >= enough && heard[1].Heard(440) >= enough })
		if a, b := heard[0].Heard(440), heard[1].Heard(1000); a+b > 0 {
			t.Errorf("they hear themselves, for %v and %v", a, b)
		}
		legs[1].Play(tone.Sine(480, -1), nil)
		wait(t, func() bool { return heard[1].Heard(480) >= enough })
		if st := legs[0].Stats(); st.Discarded != 0 {
			t.Errorf("%+v", st)
		}
	}
}
