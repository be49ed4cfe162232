package engine_test

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
)

// Whatever is commanded and whatever the far ends do, in any order: each accepted operation has exactly one Done, each
// leg exactly one LegEnded, which is the last that is heard of it; who is joined is parted; nothing stays open.
func TestEveryOperationEndsOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.SampledFrom([]int{1, 4, 32}).Draw(t, "events") // few: the driver is too slow now and then
		w := newWorld(func(cfg *engine.Config) { cfg.Limits.Events = most })
		c, a := w.inbound()
		heard := make(chan *history)
		go func() {
			h := newHistory()
			for ev := range c.Events() {
				h.add(ev)
			}
			heard <- h
		}()
		legs := []*fakeLeg{a}
		ops := map[call.OpID]call.LegID{}
		anyLeg := func() *fakeLeg { return rapid.SampledFrom(legs).Draw(t, "leg") }
		command := func(cmd call.Command) {
			k, err := c.Do(ctx, cmd)
			if err == nil && k.Op != 0 {
				if _, stop := cmd.(call.Stop); !stop {
					ops[k.Op] = k.Leg
				}
			}
			switch cmd := cmd.(type) {
			case call.Dial:
				if err == nil {
					legs = append(legs, <-w.dialed)
				}
			case call.Fork:
				for range cmd.Dials {
					if err == nil {
						legs = append(legs, <-w.dialed)
					}
				}
			}
			for len(w.dialed) > 0 { // of transfers and replacements: as they come
				legs = append(legs, <-w.dialed)
			}
		}
		clip := func() []call.Clip {
			return clips(rapid.SampledFrom([]string{"1x1", "2x3", "0x0", "slow", "missing"}).Draw(t, "clip"))
		}
		t.Repeat(map[string]func(*rapid.T){
			"ring":   func(*rapid.T) { command(call.Ring{Leg: anyLeg().id}) },
			"answer": func(*rapid.T) { command(call.Answer{Leg: anyLeg().id}) },
			"hangup": func(*rapid.T) { command(call.Hangup{Leg: anyLeg().id, Cause: byApp}) },
			"play": func(*rapid.T) {
				command(call.Play{Leg: anyLeg().id, Clips: clip(), Times: rapid.IntRange(-1, 2).Draw(t, "times"), Until: "1"})
			},
			"say":  func(*rapid.T) { command(call.Say{Leg: anyLeg().id, Text: clip()[0].Key}) },
			"dial": func(*rapid.T) { command(call.Dial{To: "+12065550199"}) },
			"join": func(*rapid.T) { command(call.Join{A: anyLeg().id, B: anyLeg().id}) },
			"fork": func(*rapid.T) { command(call.Fork{Dials: forks(rapid.IntRange(0, 3).Draw(t, "targets"))}) },
			"hold": func(*rapid.T) { command(call.Hold{Leg: anyLeg().id, On: rapid.Bool().Draw(t, "on")}) },
			"mute": func(*rapid.T) { command(call.Mute{Leg: anyLeg().id, On: rapid.Bool().Draw(t, "on")}) },
			"digits": func(*rapid.T) {
				command(call.SendDigits{Leg: anyLeg().id, Digits: rapid.SampledFrom([]string{"1", "9"}).Draw(t, "keys")})
			},
			"keys end": func(*rapid.T) { anyLeg().finishDigits() },
			"refer": func(*rapid.T) {
				command(call.Refer{Leg: anyLeg().id, To: rapid.SampledFrom([]string{"1", "anchored"}).Draw(t, "target")})
			},
			"refer with":   func(*rapid.T) { command(call.Refer{Leg: anyLeg().id, With: anyLeg().id}) },
			"far refers":   func(*rapid.T) { anyLeg().ask("1") },
			"far declines": func(*rapid.T) { anyLeg().report(call.Referred{Anchor: true}) },
			"far says": func(*rapid.T) {
				anyLeg().report(call.Referred{Cause: &call.Cause{Label: rapid.SampledFrom([]call.Label{call.LabelNormal, call.LabelBusy}).Draw(t, "label")}})
			},
			"far calls in": func(*rapid.T) {
				anyLeg().report(call.Replacement{Token: rapid.SampledFrom([]uint64{1, 13}).Draw(t, "token")})
			},
			"far holds": func(*rapid.T) { anyLeg().report(call.Held{On: true}) },
			"part":      func(*rapid.T) { command(call.Part{Leg: anyLeg().id}) },
			"stop":      func(*rapid.T) { command(call.Stop{Op: call.OpID(rapid.IntRange(1, 9).Draw(t, "op"))}) },
			"far ring":  func(*rapid.T) { anyLeg().ring() },
			"far answer": func(*rapid.T) {
				if l := anyLeg(); l.dir == call.Out {
					l.answer()
				}
			},
			"far hangup": func(*rapid.T) { anyLeg().hangup() },
			"far busy":   func(*rapid.T) { anyLeg().end(busy) },
			"far press":  func(*rapid.T) { anyLeg().press('1') },
			"tick":       func(*rapid.T) { anyLeg().withMedia().tick() },
			"ask":        func(*rapid.T) { go c.Ask(ctx, nil) },
		})
		go c.Close(byApp)
		var h *history
		select {
		case h = <-heard:
		case <-time.After(10 * time.Second):
			t.Fatal("the events are not closed")
		}
		<-c.Done()
		for op, leg := range ops {
			if done, ended := h.dones[op]; !ended || done != leg && leg != "" {
				t.Errorf("operation %d of leg %s: Done for leg %q", op, leg, h.dones[op])
			}
		}
		if len(h.dones) != len(ops) {
			t.Errorf("%d Dones for %d operations", len(h.dones), len(ops))
		}
		for len(w.dialed) > 0 {
			legs = append(legs, <-w.dialed)
		}
		for _, l := range legs {
			told := l.id == a.id || l.dial.To == "+12065550199" || h.taken[l.id] // others the driver does not know of
			if told != h.ended[l.id] && (told || most == 32) {                   // what came too late for a slow driver was not told: Transferred
				t.Errorf("leg %s ended: %t; want %t", l.id, h.ended[l.id], told)
			}
		}
		if err := errors.Join(h.faults...); err != nil {
			t.Error(err)
		}
		if open, _ := w.bucket.counts(); open != 0 {
			t.Errorf("%d streams left open", open)
		}
		if n := len(w.left()); n != 1 {
			t.Errorf("%d records", n)
		}
	})
}

// history is what a driver heard, checked as it comes.
type history struct {
	dones  map[call.OpID]call.LegID
	ended  map[call.LegID]bool
	peers  map[call.LegID]call.LegID
	taken  map[call.LegID]bool // legs that took another's place
	faults []error
}

// forks are dials to n targets.
func forks(n int) []call.Dial {
	all := make([]call.Dial, n)
	for i := range all {
		all[i].To = "+12065550199"
	}
	return all
}

func newHistory() *history {
	return &history{map[call.OpID]call.LegID{}, map[call.LegID]bool{}, map[call.LegID]call.LegID{}, map[call.LegID]bool{}, nil}
}

func (h *history) fault(text string) { h.faults = append(h.faults, errors.New(text)) }

func (h *history) of(legs ...call.LegID) {
	for _, l := range legs {
		if h.ended[l] {
			h.fault("an event after LegEnded")
		}
	}
}

func (h *history) add(ev call.Event) {
	switch ev := ev.(type) {
	case call.Ringing:
		h.of(ev.Leg)
	case call.Answered:
		h.of(ev.Leg)
	case call.Digit:
		h.of(ev.Leg)
	case call.Joined:
		h.of(ev.A, ev.B)
		if h.peers[ev.A] != "" || h.peers[ev.B] != "" {
			h.fault("joined while joined")
		}
		h.peers[ev.A], h.peers[ev.B] = ev.B, ev.A
	case call.Parted:
		h.of(ev.A, ev.B)
		if h.peers[ev.A] != ev.B {
			h.fault("parted though not joined")
		}
		delete(h.peers, ev.A)
		delete(h.peers, ev.B)
	case call.Done:
		h.of(ev.Leg)
		if _, twice := h.dones[ev.Op]; twice {
			h.fault("two Dones for one operation")
		}
		h.dones[ev.Op] = ev.Leg
		if ev.Result.Leg != "" {
			h.taken[ev.Result.Leg] = true
		}
	case call.Held:
		h.of(ev.Leg)
	case call.Transferred:
		h.of(ev.Leg, ev.Peer, ev.To)
		h.taken[ev.To] = true
	case call.LegEnded:
		h.of(ev.Leg)
		h.ended[ev.Leg] = true
	}
}
