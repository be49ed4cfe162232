package rtp_test

import (
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/media/tone/tonetest"
)

// A prompt of 16 kHz is heard so by a far end with G.722, in packets of whatever length, in 8 kHz by the others, and by one
// that changes its codec in both ways, one after the other.
func TestPlayWide(t *testing.T) {
	for _, ms := range []int{0, 60} {
		_, b, _, sb := bridge(t, engine(t))
		speaks := func(c media.Codec) {
			wants(t, sb, b, func(r *media.Remote) {
				r.Codec, r.Ptime = c, time.Duration(ms)*time.Millisecond
				if c == media.G722 {
					r.TypeOut, r.TypeIn = 9, 9
				}
			})
		}
		listen := func(c media.Codec, payloadType byte) []int16 {
			var d codec.Decoder
			var out []int16
			for len(out) < 16000 {
				h := b.hear()
				if h.payloadType != payloadType {
					continue // sent before the change
				}
				var f [8 * media.FrameSamples]int16
				out = append(out, f[:d.DecodeWide(f[:], &media.Packet{Codec: c, Payload: h.payload})]...)
			}
			return out[8000:]
		}
		judge := func(what string, s []int16, has, lacks float64) {
			t.Helper()
			if got := tone.Loudness(s, has/2); math.Abs(got-tone.Level) > 1 { // which reckons with 8 kHz
				t.Errorf("%s: %v Hz at %.1f dB", what, has, got)
			}
			if got := tone.Loudness(s, lacks/2); got > -45 {
				t.Errorf("%s: %v Hz at %.1f dB", what, lacks, got)
			}
		}
		stop := sb.Play(tonetest.NewWhistle(), nil)
		speaks(media.G722)
		judge("G.722", listen(media.G722, 9), 5000, 1000)
		speaks(media.PCMU)
		judge("G.711", listen(media.PCMU, 0), 1000, 5000)
		speaks(media.G722)
		judge("G.722 again", listen(media.G722, 9), 5000, 1000)
		stop()
	}
}

// tick gives the same frame again and again.
type tick struct{}

func (tick) Next(f *media.Frame) error { f[0]++; return nil }

type wideTick struct{ tick }

func (wideTick) NextWide(f *media.WideFrame) error { f[0]++; return nil }

// BenchmarkPlay is 20 ms of a prompt, from its source to its socket.
func BenchmarkPlay(b *testing.B) {
	for name, c := range map[string]struct {
		codec media.Codec
		src   media.Source
	}{
		"G.711": {media.PCMU, tick{}}, "G.711 of 16 kHz": {media.PCMU, wideTick{}}, "G.722": {media.G722, tick{}}, "G.722 of 16 kHz": {media.G722, wideTick{}},
	} {
		b.Run(name, func(b *testing.B) {
			p := newPeer(b, loopback)
			s := open(b, engine(b), p)
			wants(b, s, p, func(r *media.Remote) { r.Codec = c.codec })
			frame := s.Put(c.src)
			b.ReportAllocs()
			for b.Loop() {
				frame()
			}
		})
	}
}
