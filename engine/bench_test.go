package engine_test

import (
	"runtime"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
)

// quietLeg is the cheapest leg.
type quietLeg struct{ report call.Report }

func (l *quietLeg) Ring(int, header.List)                {}
func (l *quietLeg) Early(header.List)                    {}
func (l *quietLeg) Answer(header.List)                   {}
func (l *quietLeg) Hangup(why call.Cause, _ header.List) { l.report(call.LegEnded{Cause: why}) }
func (l *quietLeg) Media() media.Session                 { return nil }
func (l *quietLeg) Describe() call.LegRecord             { return call.LegRecord{} }

// A command from the driver to the call and back.
func BenchmarkCommand(b *testing.B) {
	w := newWorld(func(cfg *engine.Config) { cfg.Log = false })
	c, _ := w.inbound()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Do(ctx, call.Note{}); err != nil {
			b.Fatal(err)
		}
	}
	c.Close(byApp)
}

// A leg's report to the driver.
func BenchmarkReport(b *testing.B) {
	w := newWorld(nil)
	c, a := w.inbound()
	b.ReportAllocs()
	for b.Loop() {
		a.report(call.Digit{Digit: '1'})
		<-c.Events()
	}
	c.Close(byApp)
}

// An inbound call from its start to its record.
func BenchmarkCall(b *testing.B) {
	e := engine.New(engine.Config{Record: func(call.Finished) {}})
	b.ReportAllocs()
	for b.Loop() {
		c := e.Start(call.Origin{}, func(_ call.LegID, r call.Report) engine.Leg { return &quietLeg{report: r} })
		c.Close(byApp)
	}
}

// What a standing call takes, its driver's goroutine included and its legs' own needs not.
func BenchmarkStanding(b *testing.B) {
	const n = 5000
	e := engine.New(engine.Config{Dialer: quietDialer{}, Record: func(call.Finished) {}})
	for b.Loop() {
		before := memory()
		calls := make([]*engine.Call, n)
		for i := range calls {
			calls[i] = e.Start(call.Origin{}, func(_ call.LegID, r call.Report) engine.Leg { return &quietLeg{report: r} })
			go drive(calls[i])
		}
		for _, c := range calls { // each driver has come to its wait
			if _, err := c.Ask(ctx, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(memory()-before)/n/1000, "kB/call")
		for _, c := range calls {
			c.End(byApp)
		}
		e.Wait()
	}
}

// A transfer from the far end's wish to the old leg's end: what the call's own work costs, without signalling.
func BenchmarkTransfer(b *testing.B) {
	w := newWorld(func(cfg *engine.Config) { cfg.Log, cfg.Limits.Dials, cfg.Limits.Events = false, 1<<30, 1<<16 })
	c, a := w.inbound()
	go func() {
		for range c.Events() {
		}
	}()
	c.Do(ctx, call.Answer{Leg: a.id})
	c.Do(ctx, call.Dial{To: "+12065550199"})
	at := <-w.dialed
	at.answer()
	c.Do(ctx, call.Join{A: a.id, B: at.id})
	b.ReportAllocs()
	for b.Loop() {
		at.ask("+12065550177")
		to := <-w.dialed
		to.answer()
		c.Do(ctx, call.Note{}) // until all that is done
		at.hangup()
		at = to
	}
	c.Close(byApp)
}

// drive dials a second leg and listens.
func drive(c *engine.Call) {
	c.Do(ctx, call.Dial{To: "+12065550199"})
	for ev := range c.Events() {
		if r, ok := ev.(call.Request); ok {
			r.Reply(nil, nil)
		}
	}
	c.Close(byApp)
}

type quietDialer struct{}

func (quietDialer) Dial(_ call.LegID, _ call.Dial, r call.Report) engine.Leg {
	return &quietLeg{report: r}
}

func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
