package acceptance_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
)

// The carrier in a box answers each number as its ending says, through a server without any file, and a function that bridges.
func TestCarrierInABox(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		// The last two digits of the number that was called say which of the box's numbers is meant.
		called := ev.CallDetails.Participants[0].To
		return bridge("+14155550" + "0" + called[len(called)-2:])(ev)
	})
	// Eight numbers of --dev, each led to the one application.
	yaml := "apps:\n  - {id: app0, dialect: chime, settings: {LambdaArn: \"arn:aws:lambda:us-east-1:111122223333:function:f0\"}}\nrules:\n"
	for i := range 9 {
		yaml += fmt.Sprintf("  - {name: r%d, number: \"+120655501%02d\", apps: [app0]}\n", i, i)
	}
	s := start(t, yaml+fmt.Sprintf("functions: [{name: f0, url: %q}]\n", f.URL), "--dev")
	context4711 := header.List{{Name: "X-Account-Id", Value: "4711"}, {Name: "User-to-User", Value: "00c0ffee;encoding=hex"}}
	dial := func(t *testing.T, ending string) (*person, *far.Line) {
		t.Helper()
		p := newPerson(t, 440)
		l, err := p.Call(far.Outgoing{Number: "+1206555" + "01" + ending, Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+12065550142", Headers: context4711})
		if err != nil {
			t.Fatal(err)
		}
		return p, l
	}
	answered := func(t *testing.T, p *person, l *far.Line) header.List {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		rows, err := l.Wait(ctx)
		if err != nil {
			t.Fatal(err)
		}
		p.talk(l)
		return rows
	}
	value := func(rows header.List, name string) string {
		v, _ := rows.Get(name)
		return v
	}
	t.Run("00 echoes and gives the context back", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "00")
		rows := answered(t, p, l)
		if value(rows, "X-Account-Id") != "4711" || value(rows, "User-to-User") != "00c0ffee;encoding=hex" {
			t.Errorf("the answer brought %v", rows)
		}
		hears(t, "the caller", &p.ear, 440)
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("01 plays a tone", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "01")
		p.hums = 700
		answered(t, p, l)
		hears(t, "the caller", &p.ear, 440)
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("02 is busy", func(t *testing.T) {
		t.Parallel()
		_, l := dial(t, "02")
		over(t, l)
		if c := l.Cause(); c.SIP != 480 { // what the function says of a callee that did not answer
			t.Errorf("refused with %s", c)
		}
	})
	t.Run("03 rings until the caller gives up", func(t *testing.T) {
		t.Parallel()
		_, l := dial(t, "03")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		if _, err := l.Wait(ctx); ctx.Err() == nil {
			t.Errorf("it did not ring on: %v", err)
		}
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("04 answers late", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		p, l := dial(t, "04")
		answered(t, p, l)
		if d := time.Since(began); d < 7*time.Second || d > 12*time.Second {
			t.Errorf("answered after %v", d)
		}
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("05 hangs up", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "05")
		answered(t, p, l)
		began := time.Now()
		over(t, l)
		if d := time.Since(began); d < time.Second || d > 4*time.Second {
			t.Errorf("hung up after %v", d)
		}
	})
	t.Run("06 presses keys", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "06")
		answered(t, p, l)
		got := ""
		for len(got) < 5 {
			select {
			case d := <-p.digits:
				got += string(rune(d))
			case <-time.After(5 * time.Second):
				t.Fatalf("keys: %q", got)
			}
		}
		if got != "1234#" {
			t.Errorf("keys: %q", got)
		}
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("07 strips custom headers", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "07")
		rows := answered(t, p, l)
		if rows.Has("X-Account-Id") || value(rows, "User-to-User") == "" {
			t.Errorf("the answer brought %v", rows)
		}
		l.Hangup(0, nil)
		over(t, l)
	})
	t.Run("08 writes names in lower case", func(t *testing.T) {
		t.Parallel()
		p, l := dial(t, "08")
		rows := answered(t, p, l)
		lower := false
		for _, r := range rows {
			lower = lower || r.Name == "x-account-id" && r.Value == "4711"
		}
		if !lower {
			t.Errorf("the answer brought %v", rows)
		}
		l.Hangup(0, nil)
		over(t, l)
	})
}
