package invoke_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/invoke"
)

func rogue(t testing.TB, mode string) invoke.Declared {
	return invoke.Declared{Name: "one", Command: []string{built(t, "rogue")}, Env: map[string]string{"MODE": mode}}
}

func TestRulesBroken(t *testing.T) {
	for mode, c := range map[string]struct {
		answer string
		kind   invoke.Kind
		typ    string
		printd string // that it prints
	}{
		"answers twice":       {answer: `"first"`, printd: "202 400"},
		"answers another":     {answer: `"own"`, printd: "400 202"},
		"answers nothing":     {answer: ``},
		"answers no JSON":     {answer: `{not json`},
		"unknown routes":      {answer: `"ok"`, printd: "404 404"},
		"asks again":          {kind: invoke.Crashed, typ: "Runtime.ExitError", printd: "next: 403"},
		"breaks off":          {kind: invoke.Crashed, typ: "Runtime.TruncatedResponse"},
		"streams an error":    {kind: invoke.Crashed, typ: "Streamed"},
		"strange error":       {kind: invoke.Crashed},
		"error without words": {kind: invoke.Crashed},
		"exits at once":       {kind: invoke.Crashed, typ: "Runtime.ExitError"},
		"init error":          {kind: invoke.Crashed, typ: "Runtime.BadLuck"},
	} {
		t.Run(mode, func(t *testing.T) {
			d := rogue(t, mode)
			d.Concurrency = 1
			f := one(t, d)
			var l lines
			ctx := invoke.WithLines(t.Context(), l.add)
			for range 2 { // the second time it may be the same process
				b, err := f.Invoke(ctx, []byte(`{}`))
				var e *invoke.Error
				switch {
				case c.kind == "" && (err != nil || string(b) != c.answer):
					t.Fatalf("got %q, %v", b, err)
				case c.kind != "" && (!errors.As(err, &e) || e.Kind != c.kind || e.Type != c.typ):
					t.Fatalf("got %q, %#v", b, err)
				case e != nil && !utf8.ValidString(e.Message):
					t.Fatalf("message is %q", e.Message)
				}
			}
			if c.printd != "" {
				eventually(t, "prints "+c.printd, func() bool { return strings.Contains(strings.Join(l.got(), "\n"), c.printd) })
			}
		})
	}
}

func TestNeverStarts(t *testing.T) {
	for _, mode := range []string{"never asks", "floods at start"} {
		t.Run(mode, func(t *testing.T) {
			d := rogue(t, mode)
			d.InitTimeout = 200 * time.Millisecond
			e := fault(t, t.Context(), one(t, d), `{}`)
			if e.Kind != invoke.TimedOut || !strings.Contains(e.Message, "did not ask for an event within 200ms") {
				t.Errorf("got %v", e)
			}
		})
	}
	t.Run("caller gives up first", func(t *testing.T) {
		d := rogue(t, "never asks")
		d.Timeout = 100 * time.Millisecond
		e := fault(t, t.Context(), one(t, d), `{}`)
		if e.Kind != invoke.TimedOut {
			t.Errorf("got %v", e)
		}
	})
}

// A start that failed is not repeated for a while: a call is refused at once, so that the next function gets it.
func TestFailedStartBacksOff(t *testing.T) {
	count := filepath.Join(t.TempDir(), "starts")
	f := one(t, invoke.Declared{Command: []string{"sh", "-c", `echo x >> "$COUNT"; exit 1`}, Env: map[string]string{"COUNT": count}})
	for range 200 {
		fault(t, t.Context(), f, `{}`)
	}
	b, err := os.ReadFile(count)
	if err != nil {
		t.Fatal(err)
	}
	if starts := strings.Count(string(b), "x"); starts > 8 {
		t.Errorf("%d starts for 200 invocations", starts)
	}
}

func TestTimeLimitKillsTheProcessAndItsChildren(t *testing.T) {
	var l lines
	d := invoke.Declared{Command: []string{built(t, "echo")}, Timeout: 300 * time.Millisecond}
	f := one(t, d)
	e := fault(t, invoke.WithLines(t.Context(), l.add), f, `{"do":"fork","n":1}`)
	if e.Kind != invoke.TimedOut {
		t.Fatalf("got %v", e)
	}
	var child int
	if _, err := fmt.Sscanf(strings.Join(l.got(), "\n"), "child %d", &child); err != nil {
		t.Fatalf("lines %q: %v", l.got(), err)
	}
	eventually(t, "the child is gone", func() bool { return !alive(child) })
	if _, err := f.Invoke(t.Context(), []byte(`{}`)); err != nil {
		t.Errorf("and then: %v", err)
	}
}

// Children that hold the pipe open don't keep anything from ending.
func TestCloseLeavesNothingRunning(t *testing.T) {
	i, err := invoke.New(invoke.Config{Functions: []invoke.Declared{{Name: "f", Command: []string{built(t, "echo")}}}})
	if err != nil {
		t.Fatal(err)
	}
	f := find(t, i, "f")
	r := ask(t, f, `{"do":"fork"}`)
	if !alive(r.PID) || !alive(r.Child) {
		t.Fatalf("%+v: not alive before Close", r)
	}
	var under sync.WaitGroup
	var l lines
	for range 3 {
		under.Go(func() {
			_, err := f.Invoke(invoke.WithLines(t.Context(), l.add), []byte(`{"do":"hang"}`))
			if e := (*invoke.Error)(nil); !errors.As(err, &e) || e.Kind != invoke.Unreachable {
				t.Errorf("under way: %v", err)
			}
		})
	}
	eventually(t, "three hang", func() bool { return len(l.got()) == 3 })
	if err := i.Close(); err != nil {
		t.Fatal(err)
	}
	under.Wait()
	eventually(t, "the child is gone", func() bool { return !alive(r.Child) })
	if alive(r.PID) {
		t.Error("the process outlives Close")
	}
	for _, line := range l.got() {
		if pid, err := strconv.Atoi(strings.TrimPrefix(line, "pid ")); err != nil || alive(pid) {
			t.Errorf("%q outlives Close", line)
		}
	}
	if e := fault(t, t.Context(), f, `{}`); e.Kind != invoke.Unreachable {
		t.Errorf("after Close: %v", e)
	}
	if err := i.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}

// A program that dies by SIGKILL can end nothing; its functions find out themselves.
func TestNothingRunsWhenTheProgramWasKilled(t *testing.T) {
	functions := []invoke.Declared{
		{Name: "go", Command: []string{built(t, "echo")}},
		{Name: "node", Dir: "testdata/node/esm", Handler: "index.handler"},
		{Name: "python", Dir: "testdata/python", Handler: "app.handler"},
	}
	if os.Getenv("INVOKE_TEST_VICTIM") != "" {
		i := open(t, invoke.Config{Functions: functions})
		for _, d := range functions {
			fmt.Println("victim", ask(t, find(t, i, d.Name), `{}`).PID)
		}
		fmt.Println("victim ready")
		select {}
	}
	victim := exec.Command(os.Args[0], "-test.run", "^"+t.Name()+"$")
	victim.Env = append(os.Environ(), "INVOKE_TEST_VICTIM=1", "TMPDIR="+t.TempDir())
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	var pids []int
	for s := bufio.NewScanner(out); s.Scan() && s.Text() != "victim ready"; {
		var pid int
		if _, err := fmt.Sscanf(s.Text(), "victim %d", &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	victim.Process.Kill()
	victim.Wait()
	if len(pids) != len(functions) {
		t.Fatalf("started %v", pids)
	}
	for n, pid := range pids {
		eventually(t, functions[n].Name+" ends", func() bool { return !alive(pid) })
	}
}

// Who goes away does not take the process along: it answers late, and serves the next.
func TestLateAnswerIsDropped(t *testing.T) {
	f := one(t, invoke.Declared{Command: []string{built(t, "echo")}, Concurrency: 1})
	before := ask(t, f, `{}`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := f.Invoke(ctx, []byte(`{"do":"wait","n":200}`)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	after := ask(t, f, `{"text":"mine"}`)
	if after.PID != before.PID || after.Event.Text != "mine" {
		t.Errorf("before %+v, after %+v", before, after)
	}
}

// A process that answers but does not come back holds nobody up, and is killed when its time is over.
func TestLingeringProcess(t *testing.T) {
	d := rogue(t, "lingers")
	d.Concurrency, d.Timeout = 2, 600*time.Millisecond
	f := one(t, d)
	start := time.Now()
	for range 2 {
		if b, err := f.Invoke(t.Context(), nil); err != nil || string(b) != `"lingering"` {
			t.Fatalf("got %s, %v", b, err)
		}
	}
	if e := fault(t, t.Context(), f, `{}`); e.Kind != invoke.Throttled {
		t.Errorf("both linger: %v", e)
	}
	eventually(t, "a new one serves", func() bool {
		_, err := f.Invoke(t.Context(), nil)
		return err == nil
	})
	if d := time.Since(start); d < 600*time.Millisecond {
		t.Errorf("killed after %v", d)
	}
}

func TestAllBusyIsThrottled(t *testing.T) {
	i := open(t, invoke.Config{
		Functions: []invoke.Declared{{Name: "one", Command: []string{built(t, "echo")}, Concurrency: 1, Timeout: time.Second}},
		Retry:     invoke.Retry{Attempts: 1},
	})
	f := find(t, i, "one")
	ask(t, f, `{}`)
	var l lines
	var under sync.WaitGroup
	under.Go(func() {
		if _, err := f.Invoke(invoke.WithLines(t.Context(), l.add), []byte(`{"do":"hang"}`)); err == nil {
			t.Error("a function that hangs answered")
		}
	})
	eventually(t, "hangs", func() bool { return len(l.got()) == 1 })
	start := time.Now()
	if e := fault(t, t.Context(), f, `{}`); e.Kind != invoke.Throttled {
		t.Errorf("got %v", e)
	}
	if d := time.Since(start); d < 125*time.Millisecond || d > 500*time.Millisecond {
		t.Errorf("refused after %v, want an eighth of the limit", d)
	}
	under.Wait()
}

func TestLongAndManyLines(t *testing.T) {
	var l lines
	f := one(t, rogue(t, "long lines"))
	for range 2 { // the second event ends the first one's open line
		if _, err := f.Invoke(invoke.WithLines(t.Context(), l.add), nil); err != nil {
			t.Fatal(err)
		}
	}
	got := l.got()
	if len(got) < 3 || len(got[0]) != 8192+len("…") || !strings.HasSuffix(got[0], "é…") {
		t.Fatalf("%d lines, the first of %d bytes", len(got), len(got[0]))
	}
	if diff := cmp.Diff([]string{"short", "without end"}, got[1:3]); diff != "" {
		t.Error(diff)
	}

	var many lines
	f = one(t, rogue(t, "floods"))
	if b, err := f.Invoke(invoke.WithLines(t.Context(), many.add), nil); err != nil || string(b) != `"flooded"` {
		t.Fatalf("got %q, %v", b, err)
	}
	got = many.got()
	if len(got) < 1000 || len(got) > 3000 || got[999] != "flood 999" {
		t.Errorf("%d lines of 200,000 came through", len(got))
	}
	if !strings.Contains(strings.Join(got[1000:], "\n"), "lines left out") {
		t.Errorf("nothing tells of the lines left out: %q", got[1000:])
	}
}

func TestConcurrency(t *testing.T) {
	f := one(t, invoke.Declared{Command: []string{built(t, "echo")}, Concurrency: 4, IdleTimeout: 100 * time.Millisecond})
	var mu sync.Mutex
	pids := map[int]int{}
	var all sync.WaitGroup
	for n := range 64 {
		all.Go(func() {
			r := ask(t, f, fmt.Sprintf(`{"do":"wait","n":10,"text":"%d"}`, n))
			if r.Event.Text != strconv.Itoa(n) {
				t.Errorf("%d got the answer of %s", n, r.Event.Text)
			}
			mu.Lock()
			defer mu.Unlock()
			pids[r.PID]++
		})
	}
	all.Wait()
	if len(pids) < 2 || len(pids) > 4 {
		t.Errorf("served by %v", pids)
	}
	left := func() (n int) {
		for pid := range pids {
			if alive(pid) {
				n++
			}
		}
		return n
	}
	// The one that stays may be one that was started and then not needed.
	eventually(t, "at most one process is left", func() bool { return left() <= 1 })
}

// One caller after the other is served by one process: who has just answered is waited for, though not for ever, so that
// a machine under load may see one or two more.
func TestSerialCallersShareAProcess(t *testing.T) {
	f := one(t, invoke.Declared{Command: []string{built(t, "echo")}})
	pids := map[int]bool{}
	for range 200 {
		pids[ask(t, f, `{}`).PID] = true
	}
	if len(pids) > 3 {
		t.Errorf("%d processes for one caller", len(pids))
	}
}

func TestCrashesUnderLoad(t *testing.T) {
	f := one(t, invoke.Declared{Command: []string{built(t, "echo")}, Concurrency: 3})
	var all sync.WaitGroup
	for n := range 60 {
		all.Go(func() {
			if n%4 == 0 {
				if e := fault(t, t.Context(), f, `{"do":"exit","text":"x"}`); e.Kind != invoke.Crashed {
					t.Errorf("got %v", e)
				}
				return
			}
			ctx, cancel := t.Context(), context.CancelFunc(func() {})
			if n%4 == 1 {
				ctx, cancel = context.WithTimeout(ctx, time.Duration(n)*time.Millisecond)
			}
			defer cancel()
			if _, err := f.Invoke(ctx, []byte(`{"do":"wait","n":3}`)); err != nil && ctx.Err() == nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
