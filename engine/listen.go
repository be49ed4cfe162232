package engine

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/tone"
)

// ToneListener is what a [Leg] offers beside whose trunk may want tones of the network to be recognised (call.Tone). It is
// asked once the leg has media.
type ToneListener interface{ ListensForTones() bool }

// listenForTones begins to, where the leg's trunk wants it.
func (c *Call) listenForTones(l *leg) {
	if t, ok := l.Leg.(ToneListener); !ok || !t.ListensForTones() {
		return
	}
	e := &toneEar{tones: tone.NewListener(), tell: func(k tone.Kind) {
		c.inbox.put(func() {
			if l.state < ending {
				c.notes.log(l.id, call.Log{Kind: call.LogNote, Text: "tone of the network heard: " + string(k)})
				c.tell(l, call.Tone{Leg: l.id, Tone: string(k)})
			}
		})
	}}
	l.taps = append(l.taps, tap{says: e})
	l.tap()
}

// toneEar recognises tones in packets. Packets that did not come, as in silence that is not sent, are silence.
type toneEar struct {
	tones   *tone.Listener
	tell    func(tone.Kind)
	decode  codec.Decoder
	source  uint32
	due     uint32 // the next timestamp
	begun   bool
	samples [1600]int16
}

// longestGap is how much silence a gap between packets may stand for, in samples; more is another conversation.
const longestGap = 10 * codec.Rate

// Write implements [media.Port].
func (e *toneEar) Write(p *media.Packet) {
	if p.Event || p.Noise {
		return
	}
	gap := int32(p.Timestamp - e.due)
	switch {
	case !e.begun || p.Source != e.source || gap > longestGap || gap < -longestGap:
		e.begun, e.source, gap = true, p.Source, 0
	case gap < 0: // late, or come before
		return
	}
	for gap > 0 {
		n := min(int(gap), len(e.samples))
		clear(e.samples[:n])
		e.add(n)
		gap -= int32(n)
	}
	n := e.decode.Decode(e.samples[:], p)
	e.due = p.Timestamp + uint32(n)
	e.add(n)
}

func (e *toneEar) add(n int) {
	if k := e.tones.Add(e.samples[:n]); k != "" {
		e.tell(k)
	}
}
