package far

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/tone"
)

// Behaviour is one way in which a number of the carrier in a box answers.
type Behaviour struct {
	Ending string // the last digits of the number; empty: all others
	About  string // for people
	play   func(ctx context.Context, b *Box, l *Line)
}

// Behaviours is the table of the carrier in a box: the first ending that fits counts.
func Behaviours() []Behaviour {
	return []Behaviour{
		{"01", "answers and plays a tone of 440 Hz", func(ctx context.Context, b *Box, l *Line) { b.talk(ctx, l, withContext, hum) }},
		{"02", "is busy (486)", func(_ context.Context, _ *Box, l *Line) { l.Hangup(486, nil) }},
		{"03", "rings and never answers", func(ctx context.Context, _ *Box, l *Line) { ringOnly(ctx, l) }},
		{"04", "answers late, after 8 seconds, and echoes", late},
		{"05", "answers and hangs up after 2 seconds", early},
		{"06", "answers, presses 1 2 3 4 #, and echoes", func(ctx context.Context, b *Box, l *Line) { b.talk(ctx, l, withContext, digits) }},
		{"07", "answers and echoes; its network strips custom headers", func(ctx context.Context, b *Box, l *Line) { b.talk(ctx, l, stripped, echo) }},
		{"08", "answers and echoes; its network writes header names in lower case", func(ctx context.Context, b *Box, l *Line) { b.talk(ctx, l, lowered, echo) }},
		{"", "answers and echoes sound, and gives the context it got back in its 200", func(ctx context.Context, b *Box, l *Line) { b.talk(ctx, l, withContext, echo) }},
	}
}

// Box is the carrier in a box: it answers whatever is dialled, as the ending of the number says.
type Box struct {
	phone *Phone
	ctx   context.Context // ends with Close; lines are its children
	stop  context.CancelFunc
	lines sync.WaitGroup
	free  chan struct{} // one for each line that may still come
}

// maxLines bounds the lines that stand at once; one more is refused (503).
const maxLines = 500

// NewBox opens a carrier in a box. Incoming of the configuration is not used. Close it when done with.
func NewBox(c Config) (*Box, error) {
	b := &Box{free: make(chan struct{}, maxLines)}
	b.ctx, b.stop = context.WithCancel(context.Background())
	c.Incoming = b.incoming
	c.Product = "Switchhook carrier in a box"
	var err error
	if b.phone, err = NewPhone(c); err != nil {
		b.stop()
		return nil, fmt.Errorf("carrier in a box: %w", err)
	}
	return b, nil
}

// Phone gives the phone that the box is made of, for its address.
func (b *Box) Phone() *Phone { return b.phone }

// Close ends all lines.
func (b *Box) Close() error {
	b.stop()
	err := b.phone.Close()
	b.lines.Wait()
	return err
}

// incoming begins to behave; it must not block.
func (b *Box) incoming(l *Line) {
	select {
	case b.free <- struct{}{}:
	default:
		l.Hangup(503, nil)
		return
	}
	play := behaviour(l.Attempt().To)
	b.lines.Go(func() {
		defer func() { <-b.free }()
		play(b.ctx, b, l)
		l.Hangup(0, nil)
	})
}

// behaviour finds what a number does.
func behaviour(number string) func(context.Context, *Box, *Line) {
	for _, v := range Behaviours() {
		if strings.HasSuffix(number, v.Ending) {
			return v.play
		}
	}
	return nil // not reached: the last ending fits all
}

// talk rings a moment, answers with what the network makes of the context, and does something until the caller hangs up.
func (b *Box) talk(ctx context.Context, l *Line, network func(header.List) header.List, do func(context.Context, *Line, media.Session)) {
	rows := network(l.Attempt().Headers)
	l.Ring(rows)
	if sleep(ctx, 100*time.Millisecond) != nil {
		return
	}
	l.Answer(rows)
	if s := answered(ctx, l); s != nil {
		do(ctx, l, s)
		over(ctx, l)
	}
}

// answered waits until the caller has acknowledged our answer; nil when it does not.
func answered(ctx context.Context, l *Line) media.Session {
	for {
		select {
		case e, ok := <-l.Events():
			if !ok {
				return nil
			}
			if _, yes := e.(call.Answered); yes {
				return l.Media()
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// over waits until the caller is gone.
func over(ctx context.Context, l *Line) {
	for {
		select {
		case _, ok := <-l.Events():
			if !ok {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

func ringOnly(ctx context.Context, l *Line) {
	l.Ring(nil)
	over(ctx, l)
}

func late(ctx context.Context, b *Box, l *Line) {
	l.Ring(nil)
	wait, cancel := context.WithTimeout(ctx, 8*time.Second)
	defer cancel()
	over(wait, l) // the caller may give up meanwhile
	if wait.Err() != nil && ctx.Err() == nil {
		b.talk(ctx, l, withContext, echo)
	}
}

func early(ctx context.Context, _ *Box, l *Line) {
	l.Answer(nil)
	if answered(ctx, l) != nil {
		wait, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		over(wait, l)
	}
}

// echo sends what the caller says back to the caller.
func echo(_ context.Context, _ *Line, s media.Session) { s.Connect(s) }

// hum plays a tone until the line is over.
func hum(_ context.Context, _ *Line, s media.Session) { s.Play(Hum(440), func(error) {}) }

// Hum gives a tone of a frequency in Hz, longer than any call of a test.
func Hum(hz float64) media.Source { return tone.Sine(hz, 24*time.Hour) }

// digits presses a few keys, then echoes.
func digits(ctx context.Context, l *Line, s media.Session) {
	if sleep(ctx, 500*time.Millisecond) == nil && Press(ctx, s, "1234#") == nil {
		echo(ctx, l, s)
	}
}

// withContext gives the context as it came.
func withContext(rows header.List) header.List { return ofApp(rows) }

// stripped is what a network leaves that knows no custom headers.
func stripped(rows header.List) header.List {
	var out header.List
	for _, f := range ofApp(rows) {
		if !isCustom(f.Name) {
			out = append(out, f)
		}
	}
	return out
}

// lowered is what a network makes of names when it writes them in lower case.
func lowered(rows header.List) header.List {
	out := ofApp(rows).Clone()
	for i := range out {
		out[i].Name = strings.ToLower(out[i].Name)
	}
	return out
}

// ofApp gives the rows that a far end may give back: those of the application.
func ofApp(rows header.List) header.List {
	var out header.List
	for _, f := range rows {
		if isCustom(f.Name) || header.SameName(f.Name, "User-to-User") {
			out = append(out, f)
		}
	}
	return out
}

func isCustom(name string) bool { return len(name) > 2 && strings.EqualFold(name[:2], "X-") }
