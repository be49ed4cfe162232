package tone

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Kind is what a tone of the network says (ITU-T E.180).
type Kind string

// The kinds.
const (
	Dial       Kind = "dial"       // a number may be dialled
	Ringing    Kind = "ringback"   // the far end rings
	Busy       Kind = "busy"       // it is in a call
	Congestion Kind = "congestion" // there is no way to it
	SIT        Kind = "sit"        // special information: a recorded announcement follows
)

const ms = time.Millisecond

// even is a tone that is as long as the silence after it.
func even(d time.Duration, hz ...float64) []Part { return []Part{{hz, d}, {nil, d}} }

// lasting is a tone without end.
func lasting(hz ...float64) []Part { return []Part{{hz, time.Hour}} }

// networks are the tones of countries, after ITU-T E.180 supplement 2; "eu" is what most of Europe and others have.
var networks = map[string]map[Kind][]Part{
	"us": {
		Dial: lasting(350, 440), Busy: even(500*ms, 480, 620), Congestion: even(250*ms, 480, 620),
		Ringing: {{[]float64{440, 480}, 2000 * ms}, {nil, 4000 * ms}},
		SIT:     {{[]float64{950}, 330 * ms}, {[]float64{1400}, 330 * ms}, {[]float64{1800}, 330 * ms}, {nil, 1000 * ms}},
	},
	"uk": {
		Dial: lasting(350, 450), Busy: even(375*ms, 400),
		Congestion: {{[]float64{400}, 400 * ms}, {nil, 350 * ms}, {[]float64{400}, 225 * ms}, {nil, 525 * ms}},
		Ringing:    {{[]float64{400, 450}, 400 * ms}, {nil, 200 * ms}, {[]float64{400, 450}, 400 * ms}, {nil, 2000 * ms}},
	},
	"eu": {
		Dial: lasting(425), Busy: even(500*ms, 425), Congestion: even(250*ms, 425),
		Ringing: {{[]float64{425}, 1000 * ms}, {nil, 4000 * ms}},
	},
	"fr": {
		Dial: lasting(440), Busy: even(500*ms, 440), Congestion: even(250*ms, 440),
		Ringing: {{[]float64{440}, 1500 * ms}, {nil, 3500 * ms}},
	},
	"jp": {
		Dial: lasting(400), Busy: even(500*ms, 400),
		Ringing: {{[]float64{384, 416}, 1000 * ms}, {nil, 2000 * ms}}, // 400 Hz modulated with 16 Hz
	},
}

// Network gives a tone of a country's network, for ever; special information is the same everywhere. "us", "uk", "eu", "fr"
// and "jp" are known.
func Network(country string, kind Kind) (*Tone, error) {
	known := networks[strings.ToLower(country)]
	parts := known[kind]
	if parts == nil && known != nil && kind == SIT {
		parts = networks["us"][SIT]
	}
	if parts == nil {
		return nil, fmt.Errorf("%s tone of %q: not known", kind, country)
	}
	return New(-1, parts...), nil
}

const (
	hop     = 160       // samples between two looks
	window  = 400       // samples looked at: 50 ms, so that 20 Hz are told from each other
	step    = 20 * ms   // of a look
	settled = 2         // looks that prove a change
	murky   = 4         // looks that prove that it is no tone: from one to the next there is a moment of both
	proofOn = 2500 * ms // of a tone without end
	fits    = 0.6       // of the power, for frequencies to be what is heard
	partner = 0.12      // of the power that each of two has at the least
	far     = -40.0     // dB below a full-scale sine: less is silence
	allowed = 60 * ms   // by which a part may be longer or shorter, or a sixth of it
	history = 10        // stretches that are remembered
	fades   = 0.999     // by which the loudest of late is forgotten, each look
)

// stretch is a time in which one thing was heard.
type stretch struct {
	what int // index of Listener.sets; quietly or other
	long time.Duration
}

const (
	quietly = -1
	other   = -2
)

// pattern is one line of the table, as it is listened for.
type pattern struct {
	kind  Kind
	sets  []int // of each part
	parts []Part
	need  int // parts in a row that prove it; 0: one without end
}

// Listener recognises the tones of all networks that [Network] makes, by frequencies and cadence: busy and congestion after
// two periods, ringback after one, dial after two and a half seconds, special information at its end. Not for several
// goroutines.
type Listener struct {
	sets     [][]float64 // the frequencies that are heard together
	patterns []pattern
	buf      []int16
	loud     float64   // power of the loudest window of late
	past     []stretch // over, latest last
	now      stretch
	next     stretch // what may follow now, once it is settled
	seen     int     // looks that it did
	told     Kind
}

// NewListener makes a listener.
func NewListener() *Listener {
	l := &Listener{buf: make([]int16, 0, window), now: stretch{what: other}}
	for _, country := range []string{"us", "uk", "eu", "fr", "jp"} {
		for _, kind := range []Kind{Busy, Congestion, Ringing, SIT, Dial} {
			if parts := networks[country][kind]; parts != nil {
				l.patterns = append(l.patterns, l.listenFor(kind, parts))
			}
		}
	}
	return l
}

func (l *Listener) listenFor(kind Kind, parts []Part) pattern {
	p := pattern{kind: kind, parts: parts}
	for _, part := range parts {
		set := quietly
		if len(part.Hz) > 0 {
			set = slices.IndexFunc(l.sets, func(hz []float64) bool { return slices.Equal(hz, part.Hz) })
			if set < 0 {
				set, l.sets = len(l.sets), append(l.sets, part.Hz)
			}
		}
		p.sets = append(p.sets, set)
	}
	switch kind {
	case Busy, Congestion:
		p.need = max(4, len(parts))
	case Ringing:
		p.need = len(parts)
	case SIT:
		p.need = 3 // what follows is speech
	}
	return p
}

// Add listens to samples of 8 kHz. It gives the kind that is recognised with them; empty for none. A tone that goes on is
// told once.
func (l *Listener) Add(samples []int16) (heard Kind) {
	for len(samples) > 0 {
		n := min(len(samples), window-len(l.buf))
		l.buf = append(l.buf, samples[:n]...)
		samples = samples[n:]
		if len(l.buf) < window {
			break
		}
		if kind := l.look(l.judge(l.buf)); kind != "" {
			heard = kind
		}
		l.buf = l.buf[:copy(l.buf, l.buf[hop:])]
	}
	return heard
}

// judge tells what a window holds.
func (l *Listener) judge(s []int16) int {
	all := power(s)
	l.loud = max(l.loud*fades, all)
	if decibels(all) < far || all < l.loud/2 { // half a window of a tone is where it begins or ends
		return quietly
	}
	best, most := other, fits*all
	for i, hz := range l.sets {
		sum, least := 0.0, math.Inf(1)
		for _, f := range hz {
			p := goertzel(s, f)
			sum, least = sum+p, min(least, p)
		}
		if len(hz) > 1 && least < partner*all {
			continue
		}
		if sum > most {
			best, most = i, sum
		}
	}
	return best
}

// look takes in what the latest window holds. A change counts once it has settled, from when it began.
func (l *Listener) look(what int) Kind {
	if what == l.now.what {
		l.now.long += l.next.long + step
		l.next.long, l.seen = 0, 0
		return l.lasts()
	}
	need := settled
	if what != l.next.what {
		l.next.what, l.seen = what, 0 // what was between belongs to what comes
	}
	if l.seen++; l.next.what == other {
		need = murky
	}
	if l.next.long += step; l.seen < need {
		return ""
	}
	return l.change()
}

// change ends a stretch.
func (l *Listener) change() Kind {
	l.past = append(l.past, l.now)
	if len(l.past) > history {
		l.past = l.past[:copy(l.past, l.past[1:])]
	}
	l.now, l.next, l.seen = l.next, stretch{what: other - 1}, 0
	for i := range l.patterns {
		if p := &l.patterns[i]; p.need > 0 && p.ends(l.past) {
			return l.tell(p.kind)
		}
	}
	if l.now.what == other { // speech, say: whatever comes next is to be told anew
		l.told = ""
	}
	return ""
}

// lasts hears a tone that goes on.
func (l *Listener) lasts() Kind {
	if l.now.long < proofOn {
		return ""
	}
	for i := range l.patterns {
		if p := &l.patterns[i]; p.need == 0 && p.sets[0] == l.now.what {
			return l.tell(p.kind)
		}
	}
	return ""
}

func (l *Listener) tell(k Kind) Kind {
	if k == l.told {
		return ""
	}
	l.told = k
	return k
}

// ends tells whether what was heard ends with the pattern, wherever in its round.
func (p *pattern) ends(past []stretch) bool {
	if len(past) < p.need {
		return false
	}
	past = past[len(past)-p.need:]
	for from := range p.parts {
		if p.kind == SIT && from > 0 {
			return false
		}
		if p.from(past, from) {
			return true
		}
	}
	return false
}

func (p *pattern) from(past []stretch, from int) bool {
	for i, s := range past {
		k := (from + i) % len(p.parts)
		want := p.parts[k].For
		if s.what != p.sets[k] || (s.long-want).Abs() > max(allowed, want/6) {
			return false
		}
	}
	return true
}
