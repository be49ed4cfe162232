package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/store/sqlite"
)

// typical gives what a bridged call with four context headers leaves: two legs, what became of each header on its way
// in, to the function, from the function and out, and the ladder of messages, events and actions.
func typical(i int) call.Finished {
	now := time.Now()
	in, out := call.NewLegID(1), call.NewLegID(1)
	from, to := fmt.Sprintf("+1206%07d", i%10_000_000), "+12065550100"
	cause := call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelNormal}
	f := call.Finished{Record: call.Record{
		ID: call.NewID(1), Account: "111122223333", Trunk: "dr3rbaar376u5r4ntcnlq4", Rule: "0f1f", App: "6f0a9d9e", From: from, To: to,
		Host: "dr3rbaar376u5r4ntcnlq4.voiceconnector.chime.aws", Start: now, Answered: now, End: now, Cause: cause,
		Legs: []call.LegRecord{
			{ID: in, Direction: call.In, From: from, To: to, SIPCallID: "1-21@192.0.2.1", Start: now, Answered: now, End: now, Cause: cause, Media: call.MediaStats{Codec: "PCMU", PacketsIn: 500, PacketsOut: 500}},
			{ID: out, Direction: call.Out, From: from, To: "+14255550199", SIPCallID: "6f0a9d9e@192.0.2.9", Start: now, Answered: now, End: now, Cause: cause, Media: call.MediaStats{Codec: "PCMU", PacketsIn: 500, PacketsOut: 500}},
		},
	}}
	context := header.List{
		{Name: "User-to-User", Value: "616d617a6f6e2d6368696d652d73646b2d70737474;encoding=hex"},
		{Name: "Diversion", Value: "<sip:+11234567891@public.test.com>;reason=unconditional;counter=1"},
		{Name: "X-CallId", Value: "56983520"}, {Name: "X-Customer", Value: "gold"},
	}
	for _, step := range []struct {
		leg     call.LegID
		message string
		d       call.Direction
	}{{in, "INVITE", call.In}, {in, "NEW_INBOUND_CALL", call.Out}, {out, "CallAndBridge", call.In}, {out, "INVITE", call.Out}} {
		for _, h := range context {
			f.Ledger = append(f.Ledger, call.Entry{At: now, Leg: step.leg, Message: step.message, Direction: step.d, Writer: call.WriterRule,
				Change: header.Change{Action: header.Kept, Field: h, Reason: "trusted"}})
		}
	}
	for j := range 16 {
		l := call.Log{At: now, Leg: in, Kind: call.LogMessage, Direction: call.In, Text: "200 OK"}
		if j%8 == 0 {
			l.Text, l.Headers = "INVITE sip:+12065550100@dr3rbaar376u5r4ntcnlq4.voiceconnector.chime.aws", context
		}
		f.Log = append(f.Log, l)
	}
	return f
}

// BenchmarkKeep gives, as cpu-µs/call, the whole process's CPU time per call: JSON, batches, and SQLite's work.
func BenchmarkKeep(b *testing.B) {
	for _, withLog := range []bool{false, true} {
		b.Run(fmt.Sprintf("log=%t", withLog), func(b *testing.B) {
			s, err := sqlite.Open(filepath.Join(b.TempDir(), "switchhook.db"), sqlite.Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			all := make([]call.Finished, 512)
			for i := range all {
				if all[i] = typical(i * 7919); !withLog {
					all[i].Log = nil
				}
			}
			before := cpu(b)
			b.ReportAllocs()
			b.ResetTimer()
			for i := range b.N {
				f := all[i%len(all)]
				f.Record.ID, f.Record.Start = call.NewID(1), f.Record.Start.Add(time.Duration(i)*time.Millisecond)
				if s.Keep(f); i%4096 == 4095 {
					flush(b, s)
				}
			}
			flush(b, s)
			b.StopTimer()
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/call")
			if st := s.Stats(); st.Dropped > 0 || st.Written != uint64(b.N) {
				b.Fatalf("%+v", st)
			}
		})
	}
}

func flush(b *testing.B, s *sqlite.Store) {
	if err := s.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkWrite gives the cost of one change of a directory with many numbers, the new snapshot included.
func BenchmarkWrite(b *testing.B) {
	s, err := sqlite.Open(filepath.Join(b.TempDir(), "switchhook.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var c directory.Content
	for i := range 10_000 {
		c.Numbers = append(c.Numbers, directory.Number{E164: fmt.Sprintf("+1206%07d", i), Account: "111122223333"})
	}
	if err := s.Put(context.Background(), c); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Numbers().Update(context.Background(), c.Numbers[0]); err != nil {
			b.Fatal(err)
		}
	}
}
