package engine_test

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
)

// hears plays a session to its end and gives what was heard, without silence; at most n frames.
func hears(s *fakeSession, n int) []int16 {
	var got []int16
	for range n {
		synctest.Wait() // the next stream is open, if there is one
		sample, ok := s.tick()
		if !ok {
			break
		}
		got = append(got, sample)
	}
	return got
}

func TestPlay(t *testing.T) {
	for name, tc := range map[string]struct {
		cmd   call.Command
		ticks int
		act   func(c *engine.Call, a *fakeLeg)
		want  []int16
		err   error
		digit byte
	}{
		"one clip":             {cmd: call.Play{Clips: clips("5x3")}, ticks: 99, want: []int16{5, 5, 5}},
		"clips without a gap":  {cmd: call.Play{Clips: clips("5x2", "6x1", "7x2")}, ticks: 99, want: []int16{5, 5, 6, 7, 7}},
		"twice":                {cmd: call.Play{Clips: clips("5x1", "6x1"), Times: 2}, ticks: 99, want: []int16{5, 6, 5, 6}},
		"an empty clip":        {cmd: call.Play{Clips: clips("5x1", "0x0", "6x1")}, ticks: 99, want: []int16{5, 0, 6}},
		"speech":               {cmd: call.Say{Text: "8x2"}, ticks: 99, want: []int16{8, 8}},
		"until a digit":        {cmd: call.Play{Clips: clips("5x9"), Until: "#1"}, ticks: 2, act: press("21"), want: []int16{5, 5}, digit: '1'},
		"speech until a digit": {cmd: call.Say{Text: "5x9", Until: "*"}, ticks: 2, act: press("*"), want: []int16{5, 5}, digit: '*'},
		"for ever until the leg ends": {
			cmd: call.Play{Clips: clips("5x1"), Times: -1}, ticks: 6, want: []int16{5, 5, 5, 5, 5, 5}, err: call.ErrLegEnded,
			act: func(_ *engine.Call, a *fakeLeg) { a.hangup() },
		},
		"nothing, for ever, costs no more than silence": {
			cmd: call.Play{Clips: clips("0x0"), Times: -1}, ticks: 3, want: []int16{0, 0, 0}, err: call.ErrLegEnded,
			act: func(_ *engine.Call, a *fakeLeg) { a.hangup() },
		},
		"stopped": {cmd: call.Play{Clips: clips("5x9")}, ticks: 1, want: []int16{5}, err: call.ErrStopped, act: stop},
		"stopped while it is opened": {
			cmd: call.Play{Clips: clips("slow")}, ticks: 1, err: call.ErrStopped, act: stop,
		},
		"replaced": {
			cmd: call.Play{Clips: clips("5x9")}, ticks: 1, want: []int16{5}, err: call.ErrStopped,
			act: func(c *engine.Call, a *fakeLeg) { c.Do(ctx, call.Say{Leg: a.id, Text: "6x1"}) },
		},
		"the call ends": {
			cmd: call.Play{Clips: clips("5x9")}, ticks: 1, want: []int16{5}, err: call.ErrStopped,
			act: func(c *engine.Call, _ *fakeLeg) { c.End(byApp) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(nil)
				c, a := w.inbound()
				do(t, c, call.Answer{Leg: a.id})
				next[call.Answered](t, c)
				switch cmd := tc.cmd.(type) {
				case call.Play:
					cmd.Leg = a.id
					do(t, c, cmd)
				case call.Say:
					cmd.Leg = a.id
					do(t, c, cmd)
				}
				if diff := cmp.Diff(tc.want, hears(a.withMedia(), tc.ticks)); diff != "" {
					t.Errorf("heard (-want +got):\n%s", diff)
				}
				if tc.act != nil {
					tc.act(c, a)
				}
				ev := <-c.Events()
				for _, digit := ev.(call.Digit); digit; _, digit = ev.(call.Digit) {
					ev = <-c.Events()
				}
				if d, ok := ev.(call.Done); !ok || d.Op != 1 || !errors.Is(d.Err, tc.err) || d.Result.Digit != tc.digit {
					t.Errorf("got %#v", ev)
				}
				c.Close(byApp)
				if open, all := w.bucket.counts(); open != 0 || all > 8 {
					t.Errorf("%d of %d streams left open", open, all)
				}
			})
		})
	}
}

func TestPlayWhatIsMissing(t *testing.T) {
	for name, tc := range map[string]struct {
		keys []string
		want string
	}{
		"first":  {[]string{"missing"}, "open /missing: no such object"},
		"second": {[]string{"5x9", "missing"}, "open /missing: no such object"},
		"broken": {[]string{"5x9", "broken"}, "the operation broke: the bucket broke"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(nil)
			c, a := w.inbound()
			k := do(t, c, call.Play{Leg: a.id, Clips: clips(tc.keys...)})
			d := next[call.Done](t, c)
			if d.Op != k.Op || d.Err == nil || d.Err.Error() != tc.want {
				t.Errorf("got %#v", d)
			}
			c.Close(byApp)
			if open, _ := w.bucket.counts(); open != 0 {
				t.Errorf("%d streams left open", open)
			}
		})
	}
}

func TestPlayNothing(t *testing.T) {
	w := newWorld(func(cfg *engine.Config) { cfg.Speaker = nil })
	c, a := w.inbound()
	for _, cmd := range []call.Command{call.Play{Leg: a.id}, call.Say{Leg: a.id, Text: "no engine"}} {
		if _, err := c.Do(ctx, cmd); err == nil {
			t.Errorf("%#v accepted", cmd)
		}
	}
	c.Close(byApp)
}

// An unanswered caller hears early media, and what plays goes on after the answer.
func TestPlayBeforeAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a := w.inbound()
		do(t, c, call.Play{Leg: a.id, Clips: clips("5x4")})
		if told := <-a.told; told != "early" {
			t.Errorf("the leg was told %q", told)
		}
		first := hears(a.withMedia(), 2)
		do(t, c, call.Answer{Leg: a.id})
		if diff := cmp.Diff([]int16{5, 5, 5, 5}, append(first, hears(a.withMedia(), 9)...)); diff != "" {
			t.Error(diff)
		}
		next[call.Answered](t, c)
		next[call.Done](t, c)
		c.Close(byApp)
	})
}

// Joined before there is anything to hear: they hear each other as soon as both have media.
func TestJoinBeforeMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(nil)
		c, a := w.inbound()
		k := do(t, c, call.Dial{To: "+12065550199"})
		b := <-w.dialed
		do(t, c, call.Join{A: a.id, B: k.Leg})
		do(t, c, call.Join{A: k.Leg, B: a.id}) // already
		if told := <-a.told; told != "early" {
			t.Errorf("the caller's leg was told %q", told)
		}
		synctest.Wait()
		if len(c.Events()) != 0 {
			t.Errorf("got %#v before there is media", <-c.Events())
		}
		b.withMedia()
		b.report(call.Progress{})
		next[call.Progress](t, c)
		next[call.Joined](t, c)
		if a.withMedia().connected() != b.withMedia() || b.withMedia().connected() != a.withMedia() {
			t.Error("they do not hear each other")
		}
		other := do(t, c, call.Dial{To: "+12065550198"})
		do(t, c, call.Join{A: a.id, B: other.Leg})
		next[call.Parted](t, c)
		if b.withMedia().connected() != nil {
			t.Error("a parted leg is still heard")
		}
		c.Close(byApp)
	})
}

func clips(keys ...string) []call.Clip {
	var all []call.Clip
	for _, k := range keys {
		all = append(all, call.Clip{Key: k})
	}
	return all
}

func press(digits string) func(*engine.Call, *fakeLeg) {
	return func(_ *engine.Call, a *fakeLeg) {
		for _, d := range []byte(digits) {
			a.press(d)
		}
	}
}

func stop(c *engine.Call, _ *fakeLeg) { c.Do(ctx, call.Stop{Op: 1}) }
