package engine_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// ctx is never done.
var ctx = context.Background()

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeLeg is a leg whose far end the test plays.
type fakeLeg struct {
	id     call.LegID
	dir    call.Direction
	dial   call.Dial
	report call.Report
	slow   bool        // does not acknowledge our answer
	deaf   bool        // does not report its end when hung up: the test does
	told   chan string // what the engine told it

	mu      sync.Mutex
	session *fakeSession
	sent    []func() // keys that are being sent
	relayed []string // keys of the leg joined with it
	settles func()   // what it was asked for and has not done; done before Settle is over
	over    bool
}

func newLeg(id call.LegID, dir call.Direction, r call.Report) *fakeLeg {
	return &fakeLeg{id: id, dir: dir, report: r, told: make(chan string, 1024)}
}

func (l *fakeLeg) withMedia() *fakeSession {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == nil {
		l.session = &fakeSession{}
	}
	return l.session
}

func (l *fakeLeg) Ring(int, header.List) { l.told <- "ring" }

func (l *fakeLeg) Early(header.List) {
	l.told <- "early"
	l.withMedia()
}

func (l *fakeLeg) Answer(header.List) {
	l.told <- "answer"
	l.withMedia()
	if !l.slow {
		l.report(call.Answered{})
	}
}

func (l *fakeLeg) Hangup(why call.Cause, _ header.List) {
	l.told <- "hangup " + string(why.Label)
	if !l.deaf {
		l.end(why)
	}
}

func (l *fakeLeg) Media() media.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.session == nil {
		return nil
	}
	return l.session
}

func (l *fakeLeg) Describe() call.LegRecord {
	return call.LegRecord{SIPCallID: "dialog-of-" + string(l.id)}
}

func (l *fakeLeg) RelayDigit(digit byte, _ time.Duration, signalled bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.relayed = append(l.relayed, fmt.Sprintf("%c %v", digit, signalled))
}

func (l *fakeLeg) Settle(f func()) {
	if l.settles != nil {
		l.settles()
	}
	f()
}

func (l *fakeLeg) Hold(on bool) { l.told <- fmt.Sprint("hold ", on) }

// SendDigits never ends by itself; "9" fails at once, "8" finds the media closed.
func (l *fakeLeg) SendDigits(keys string, _, _ time.Duration, done func(error)) func() {
	l.told <- "digits " + keys
	if keys == "9" {
		done(errors.New("no keys"))
		return func() {}
	}
	if keys == "8" {
		done(fmt.Errorf("press: %w", media.ErrClosed))
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	once := sync.OnceFunc(func() { done(nil) })
	l.sent = append(l.sent, once)
	return once
}

// finishDigits ends what is being sent.
func (l *fakeLeg) finishDigits() {
	l.mu.Lock()
	sent := l.sent
	l.sent = nil
	l.mu.Unlock()
	for _, done := range sent {
		done()
	}
}

func (l *fakeLeg) Refer(r call.Refer, h header.List) {
	l.told <- "refer"
	if r.To == "anchored" {
		l.report(call.Referred{Anchor: true})
	}
}

func (l *fakeLeg) Notify(status int) { l.told <- fmt.Sprint("notify ", status) }

func (l *fakeLeg) Carry(context, fresh header.List) header.List {
	return header.Inherit(context, fresh)
}

// ask is the far end's wish that its peer be transferred.
func (l *fakeLeg) ask(to string, h ...header.Field) {
	l.report(call.Asked{Dial: call.Dial{To: to, Headers: h}})
}

// end reports the leg's end, once.
func (l *fakeLeg) end(why call.Cause) {
	l.mu.Lock()
	over := l.over
	l.over = true
	s := l.session
	l.mu.Unlock()
	if over {
		return
	}
	if s != nil {
		s.Close()
	}
	l.report(call.LegEnded{Cause: why})
}

// far end acts.
func (l *fakeLeg) ring() { l.report(call.Ringing{}) }
func (l *fakeLeg) progress() {
	l.withMedia()
	l.report(call.Progress{})
}
func (l *fakeLeg) hangup() { l.end(byPeer) }
func (l *fakeLeg) answer() {
	l.withMedia()
	l.report(call.Answered{Headers: header.List{{Name: "X-From", Value: "far"}}})
}
func (l *fakeLeg) press(d byte) { l.withMedia().press(d) }

var (
	byPeer = call.Cause{By: call.ByPeer, Q850: 16, Label: call.LabelNormal}
	byApp  = call.Cause{By: call.ByApp, Q850: 16, Label: call.LabelNormal}
	busy   = call.Cause{SIP: 486, Q850: 17, By: call.ByPeer, Label: call.LabelBusy}
)

// fakeSession is a leg's media; the test is its clock.
type fakeSession struct {
	mu      sync.Mutex
	to      media.Port
	src     media.Source
	done    func(error)
	digit   func(byte, time.Duration)
	closed  bool
	hears   func(*media.Packet) // what is written
	in, out media.Port          // taps
	codec   media.Codec         // that its far end speaks, if the test says so
}

func (s *fakeSession) Write(p *media.Packet) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hears != nil {
		s.hears(p)
	}
	if s.out != nil {
		s.out.Write(p)
	}
}

// says lets the far end say something.
func (s *fakeSession) says(p *media.Packet) {
	s.mu.Lock()
	in, to := s.in, s.to
	s.mu.Unlock()
	for _, port := range []media.Port{in, to} {
		if port != nil {
			port.Write(p)
		}
	}
}

func (s *fakeSession) Connect(p media.Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.to = p
}

func (s *fakeSession) connected() media.Port {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.to
}

func (s *fakeSession) Play(src media.Source, done func(error)) func() {
	s.mu.Lock()
	before, closed := s.done, s.closed
	if !closed {
		s.src, s.done = src, done
	}
	s.mu.Unlock()
	if before != nil {
		before(context.Canceled)
	}
	if closed {
		done(context.Canceled)
	}
	return func() { s.finish(src, context.Canceled) }
}

// finish ends what plays, if it is src.
func (s *fakeSession) finish(src media.Source, err error) {
	s.mu.Lock()
	done := s.done
	if done == nil || s.src != src {
		s.mu.Unlock()
		return
	}
	s.src, s.done = nil, nil
	s.mu.Unlock()
	done(err)
}

// tick plays 20 ms and gives the frame's first sample; false when nothing plays.
func (s *fakeSession) tick() (int16, bool) {
	s.mu.Lock()
	src := s.src
	s.mu.Unlock()
	if src == nil {
		return 0, false
	}
	var f media.Frame
	if err := src.Next(&f); err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		s.finish(src, err)
		return 0, false
	}
	return f[0], true
}

func (s *fakeSession) OnDigit(f func(byte, time.Duration)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.digit = f
}

func (s *fakeSession) press(d byte) {
	s.mu.Lock()
	f := s.digit
	s.mu.Unlock()
	if f != nil {
		f(d, 80*time.Millisecond)
	}
}

func (s *fakeSession) SendDigits(_ string, _, _ time.Duration, _ bool, done func(error)) func() {
	done(nil)
	return func() {}
}
func (s *fakeSession) Tap(in, out media.Port) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.in, s.out = in, out
}
func (s *fakeSession) Mute(bool) {}

func (s *fakeSession) Stats() media.Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return media.Stats{Codec: s.codec}
}

// speak says which codec the far end speaks.
func (s *fakeSession) speak(c media.Codec) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.codec = c
}

func (s *fakeSession) Close() {
	s.mu.Lock()
	s.closed = true
	src := s.src
	s.mu.Unlock()
	if src != nil {
		s.finish(src, context.Canceled)
	}
}

// fakeBucket opens clips named "<sample>x<frames>"; it counts what is open. "missing" can't be opened, "slow" is not
// before its context is done.
type fakeBucket struct {
	mu   sync.Mutex
	open int
	all  int
}

func (b *fakeBucket) Open(ctx context.Context, bucket, key string) (media.Stream, error) {
	switch key {
	case "missing":
		return nil, errors.New("no such object")
	case "broken":
		panic("the bucket broke")
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	var sample int16
	var frames int
	if _, err := fmt.Sscanf(key, "%dx%d", &sample, &frames); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open++
	b.all++
	return &fakeStream{b: b, sample: sample, left: frames}, nil
}

func (b *fakeBucket) Say(ctx context.Context, s call.Say) (media.Stream, error) {
	return b.Open(ctx, "", s.Text)
}

func (b *fakeBucket) counts() (open, all int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.all
}

type fakeStream struct {
	b      *fakeBucket
	sample int16
	left   int
}

func (s *fakeStream) Next(f *media.Frame) error {
	if s.left == 0 {
		return io.EOF
	}
	s.left--
	*f = media.Frame{s.sample}
	return nil
}

func (s *fakeStream) Close() error {
	s.b.mu.Lock()
	defer s.b.mu.Unlock()
	s.b.open--
	return nil
}

// world is an engine with its surroundings.
type world struct {
	*engine.Engine
	bucket fakeBucket
	dialed chan *fakeLeg
	deaf   bool // dialled legs do not report their end by themselves

	mu       sync.Mutex
	finished []call.Finished
}

func newWorld(change func(*engine.Config)) *world {
	w := &world{dialed: make(chan *fakeLeg, 1024)}
	cfg := engine.Config{
		Node: 7, Dialer: w, Opener: &w.bucket, Speaker: &w.bucket, Log: true,
		Logger: slog.New(slog.DiscardHandler),
		Record: func(f call.Finished) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.finished = append(w.finished, f)
		},
	}
	if change != nil {
		change(&cfg)
	}
	w.Engine = engine.New(cfg)
	return w
}

func (w *world) Dial(id call.LegID, d call.Dial, r call.Report) engine.Leg {
	if d.To == "nowhere" {
		r(call.LegEnded{Cause: call.Cause{By: call.ByPlatform, Label: call.LabelNoRoute}})
		return nil
	}
	l := newLeg(id, call.Out, r)
	l.dial, l.deaf = d, w.deaf
	w.dialed <- l
	return l
}

// Adopt hands over a leg that takes another's place: 13 there is none.
func (w *world) Adopt(token uint64, id call.LegID, r call.Report) engine.Leg {
	if token == 13 {
		r(call.LegEnded{Cause: call.Cause{By: call.ByPeer, Label: call.LabelCancelled}})
		return nil
	}
	l := newLeg(id, call.In, r)
	l.deaf = w.deaf
	w.dialed <- l
	return l
}

func (w *world) left() []call.Finished {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.finished
}

// inbound begins a call with an inbound leg.
func (w *world) inbound() (*engine.Call, *fakeLeg) {
	var l *fakeLeg
	c := w.Start(call.Origin{Attempt: call.Attempt{Account: "111122223333", From: "+12065550100", To: "+12065550101"}},
		func(id call.LegID, r call.Report) engine.Leg {
			l = newLeg(id, call.In, r)
			return l
		})
	return c, l
}

// do gives a command that must be accepted.
func do(t testing.TB, c *engine.Call, cmd call.Command) call.Ticket {
	t.Helper()
	ticket, err := c.Do(context.Background(), cmd)
	if err != nil {
		t.Fatalf("%#v refused: %v", cmd, err)
	}
	return ticket
}

// next waits for an event of type E, which must be the next.
func next[E call.Event](t testing.TB, c *engine.Call) E {
	t.Helper()
	select {
	case ev, ok := <-c.Events():
		if !ok {
			t.Fatalf("events closed; want a %T", *new(E))
		}
		e, ok := ev.(E)
		if !ok {
			t.Fatalf("got event %#v; want a %T", ev, e)
		}
		return e
	case <-time.After(5 * time.Second):
		t.Fatalf("no event; want a %T", *new(E))
	}
	panic("not reached")
}

// drain gives what is left in the events of a call that is over.
func drain(c *engine.Call) []call.Event {
	var all []call.Event
	for ev := range c.Events() {
		all = append(all, ev)
	}
	return all
}
