package sip_test

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
)

// withCallers gives the directory two trunks whose callers have passwords: one that lists addresses, one that does not.
func withCallers(cfg *sip.Config, c *directory.Content) {
	cfg.Endpoints = sip.Endpoints{Realm: "example.com"}
	trusted := header.Trusted()
	callers := []directory.Caller{{User: "other", Password: "x"}, {User: "pbx", Password: "pbx's"}}
	c.Trunks = append(c.Trunks,
		directory.Trunk{ID: "listed", Account: "000000000003", Host: "listed.example", Callers: callers, Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.77/32")}, In: trusted, Out: trusted},
		directory.Trunk{ID: "anywhere", Account: "000000000003", Host: "anywhere.example", Callers: callers, In: trusted, Out: trusted},
		directory.Trunk{ID: "out", Account: "000000000003", Host: "out.example", Callers: callers, OutOnly: true, In: trusted, Out: trusted})
}

// A trunk's callers prove who they are at each call, after the list of addresses, or in its place.
func TestCallers(t *testing.T) {
	for name, c := range map[string]struct {
		from           netip.AddrPort
		host           string
		user, password string
		weak           bool
		want           string // the last answer; empty: the call comes in
	}{
		"from a listed address":     {phoneAt, "listed.example", "pbx", "pbx's", false, ""},
		"with MD5":                  {phoneAt, "listed.example", "pbx", "pbx's", true, ""},
		"by its address alone":      {phoneAt, "192.0.2.1", "pbx", "pbx's", false, ""},
		"wrong password":            {phoneAt, "listed.example", "pbx", "x", false, "401"},
		"nobody of this name":       {phoneAt, "listed.example", "nobody", "pbx's", false, "401"},
		"from another address":      {phone2At, "listed.example", "pbx", "pbx's", false, "403"},
		"from anywhere":             {phone2At, "anywhere.example", "pbx", "pbx's", false, ""},
		"from anywhere, wrong":      {phone2At, "anywhere.example", "pbx", "x", false, "401"},
		"by a trunk that calls out": {phone2At, "out.example", "pbx", "pbx's", false, "403"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withCallers)
				l := r.line(c.from, c.user, c.password)
				l.weak = c.weak
				inv := l.callTo("sip:+12065550101@"+c.host, "c1")
				l.send(inv)
				if c.want == "403" {
					l.receive("403")
					return
				}
				refusal := l.receive("401")
				l.acknowledge(inv, refusal)
				again := l.prove(inv, refusal)
				l.send(again)
				if c.want != "" {
					l.receive(c.want)
					return
				}
				a := r.attempt()
				if a.Login != c.user || a.Endpoint != "" || a.Account != "000000000003" || a.Headers.Has("Authorization") {
					t.Errorf("attempt %+v", a.Attempt)
				}
				a.leg.Hangup(call.Cause{SIP: 486}, nil)
				l.receive("486")
			})
		})
	}
}

// Who guesses the password of a trunk's caller is shut out, for that trunk alone.
func TestCallersGuessed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withCallers)
		l := r.line(phone2At, "pbx", "wrong")
		try := func(n int, answer string) {
			t.Helper()
			inv := l.callTo("sip:+12065550101@anywhere.example", fmt.Sprint("c", n))
			l.send(inv)
			refusal := l.receive("401")
			l.acknowledge(inv, refusal)
			l.send(l.prove(inv, refusal))
			if answer != "" {
				l.receive(answer)
			}
		}
		for n := range 10 {
			try(n, "401")
		}
		if outs := r.s.Lockouts(); len(outs) != 1 || outs[0].User != "anywhere/pbx" {
			t.Fatalf("lockouts %+v", outs)
		}
		l.password = "pbx's"
		try(10, "401")
		pass(5*time.Minute + time.Second)
		try(11, "")
		r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
		l.receive("486")
	})
}

// OPTIONS is answered and told of where it comes by a trunk: from its addresses without a password, from elsewhere with one.
func TestPinged(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withCallers)
		l := r.line(phoneAt, "pbx", "pbx's")
		if _, _, ok := r.s.Pinged("listed"); ok {
			t.Error("a ping is told of before there was one")
		}
		l.send(l.make("OPTIONS", "sip:listed.example", "o1"))
		l.receive("200")
		at, from, ok := r.s.Pinged("listed")
		if !ok || from != phoneAt || !at.Equal(time.Now()) {
			t.Errorf("the last ping was %v from %v at %v, want %v", ok, from, at, time.Now())
		}
		o := l.make("OPTIONS", "sip:anywhere.example", "o2")
		l.send(o)
		refusal := l.receive("401")
		if _, _, ok := r.s.Pinged("anywhere"); ok {
			t.Error("a stranger's ping counts")
		}
		l.send(l.prove(o, refusal))
		l.receive("200")
		if _, _, ok := r.s.Pinged("anywhere"); !ok {
			t.Error("a caller's ping does not count")
		}
	})
}
