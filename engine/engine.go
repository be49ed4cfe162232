package engine

import (
	"log/slog"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/mix"
)

// Config is what an engine needs. Dialer and Record must be set; what one of the others would be needed
// for is refused without it.
type Config struct {
	Node    uint16       // marks the IDs of calls and legs made here
	Dialer  Dialer       // places outbound legs
	Opener  media.Opener // opens stored audio
	Speaker Speaker      // turns text into speech
	Talker  Talker       // lets bots talk
	Clock   *mix.Clock   // beats recordings
	Rooms   *mix.Rooms   // where legs of all calls meet
	// Recorder keeps what is recorded; its time to store a file bounds the end of a call.
	Recorder *clip.Recorder
	// Record is given what a call leaves, once, when it is over. It must not block.
	Record func(call.Finished)
	// Checkpoint is given what a driver wants kept for another node, if set. It must not block.
	Checkpoint func(id call.ID, state []byte)
	Limits     Limits
	Log        bool             // keep each call's log, the material of its ladder; its notes are kept in any case
	Now        func() time.Time // time.Now when nil
	Logger     *slog.Logger     // for our own faults; slog.Default when nil
}

// Limits bound what one call may take. Zero values mean the default.
type Limits struct {
	Legs        int           // legs at one time: 16
	Dials       int           // legs in all: 1000
	Operations  int           // operations at one time: 16
	Events      int           // events that the driver has not read: 32; one more ends the call, label app-slow
	Ledger      int           // entries of the ledger: 512; the last says how many more there were
	LedgerBytes int           // memory of the ledger, as call.Entry.Size has it: 256 KiB; as above
	Log         int           // entries of the log: 512; as above
	LogBytes    int           // memory of the log, as call.Log.Size has it: 256 KiB; as above
	Hangup      time.Duration // from a leg's hang-up to its end: 40 s, more than SIP's own 32 s
	Legless     time.Duration // how long a driver may keep a call without a leg: 5 min
}

func (l Limits) withDefaults() Limits {
	number := func(n *int, d int) {
		if *n <= 0 {
			*n = d
		}
	}
	number(&l.Legs, 16)
	number(&l.Dials, 1000)
	number(&l.Operations, 16)
	number(&l.Events, 32)
	number(&l.Ledger, 512)
	number(&l.LedgerBytes, 256<<10)
	number(&l.Log, 512)
	number(&l.LogBytes, 256<<10)
	if l.Hangup <= 0 {
		l.Hangup = 40 * time.Second
	}
	if l.Legless <= 0 {
		l.Legless = 5 * time.Minute
	}
	return l
}

// Engine runs calls. Safe for concurrent use.
type Engine struct {
	cfg     Config
	replies sync.Pool // of *reply
	calls   sync.WaitGroup
	tally   tally
}

// New makes an engine.
func New(cfg Config) *Engine {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	return &Engine{cfg: cfg}
}

// Start begins a call. For an inbound call open makes its leg: it is called once, before Start returns, with the leg's
// ID and where to report; it may return nil when the leg is over already, having reported so. For a call that the
// application asked for, open is nil. Whoever drives the call must [Call.Close] it.
func (e *Engine) Start(o call.Origin, open func(call.LegID, call.Report) Leg) *Call {
	if o.At.IsZero() {
		o.At = e.cfg.Now()
	}
	lim := &e.cfg.Limits
	c := &Call{
		e: e, id: call.NewID(e.cfg.Node),
		inbox:  newInbox(),
		events: make(chan call.Event, lim.Events+lim.Legs+lim.Operations),
		ending: make(chan struct{}),
		done:   make(chan struct{}),
	}
	c.origin.At = o.At
	c.notes = notes{limits: lim, keepLog: e.cfg.Log, now: c.now}
	if open != nil {
		l := c.newLeg(call.In)
		l.record.From, l.record.To, l.record.Trunk = o.From, o.To, o.Trunk
		l.place(open(l.id, c.reporter(l)))
		o.Leg = l.id
	}
	c.origin = o
	c.notes.book(o.Leg, o.Ledger)
	c.origin.Ledger = nil
	e.calls.Add(1)
	go c.run()
	return c
}

// Wait waits until every call is over. No call may be started meanwhile.
func (e *Engine) Wait() { e.calls.Wait() }

// now is the call's own clock: what the call lasts is right even if the machine's clock is set meanwhile.
func (c *Call) now() time.Time {
	began := c.origin.At
	return began.Add(c.e.cfg.Now().Sub(began))
}

// after calls f in the call's goroutine after d, if the call still runs then.
func (c *Call) after(d time.Duration, f func()) *time.Timer {
	return time.AfterFunc(d, func() { c.inbox.put(f) })
}
