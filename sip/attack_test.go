package sip_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/locate"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// S23: who has not proved that it is there gets one answer to an INVITE, however long the ACK does not come, and the same
// one again where it asks again: a forged address brings nobody more than was sent.
func TestS23RefusedOnce(t *testing.T) {
	const carols = "From: <sip:carol@example.com>;tag=x"
	for name, c := range map[string]struct {
		status, uri string
		rows        []string
	}{
		"a stranger":        {"403", "sip:+12065550100@example.com", []string{"From: <sip:x@elsewhere.example>;tag=x"}},
		"as an endpoint":    {"401", "sip:+12065550100@example.com", []string{carols}},
		"what we can't do":  {"420", "sip:+12065550100@example.com", []string{carols, "Require: all"}},
		"sips":              {"416", "sips:+12065550100@example.com", []string{carols}},
		"inside a dialog":   {"481", "sip:+12065550100@example.com", []string{"To: <sip:a@example.com>;tag=guessed"}},
		"both of the last":  {"420", "sip:+12065550100@example.com", []string{"To: <sip:a@example.com>;tag=guessed", "Require: all"}},
		"a URI of no phone": {"416", "http://example.com", []string{"To: <sip:a@example.com>;tag=guessed"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t))
				victim := r.line(phoneAt, "carol", "")
				inv := victim.callTo(c.uri, "c1", c.rows...)
				victim.send(inv)
				refusal := <-victim.got
				if fmt.Sprint(refusal.Status) != c.status {
					t.Errorf("answered with %d, want %s", refusal.Status, c.status)
				}
				victim.quiet(3 * time.Second)
				victim.send(inv)
				if again := victim.receive(c.status); again.ToTag != refusal.ToTag {
					t.Error("asked again, the answer is another one")
				}
				victim.quiet(time.Minute)
			})
		})
	}
}

// S01: whoever writes the address of a registered telephone into its datagrams does not shut it out, for as long as it is
// registered.
func TestS01RegisteredIsNotShutOut(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		carol.register(200, "r1", "Contact: <sip:carol@198.51.100.77>;expires=3600")
		carol.send(carol.prove(carol.make("OPTIONS", "sip:example.com", "o1"), askedOf(carol)))
		carol.receive("200") // which keeps it from being shut out for a shorter time
		pass(50 * time.Minute)
		for i := range 100 {
			carol.send(carol.make("OPTIONS", "sip:example.com", fmt.Sprint("forged", i), "From: <sip:x@elsewhere.example>;tag=x"))
			carol.receive("403")
		}
		_, e := r.dial(call.Dial{Endpoint: "carol"})
		carol.answer(carol.receive("INVITE"), 486, "c", "")
		carol.receive("ACK")
		e.refused(486)
		if bans := r.s.Bans(); len(bans) != 0 {
			t.Errorf("banned: %+v", bans)
		}
	})
}

// askedOf gives the challenge that a telephone gets.
func askedOf(l *line) *message.Message {
	l.send(l.make("OPTIONS", "sip:example.com", "asked"))
	return l.receive("401")
}

// S04: all addresses of an IPv6 host are one guesser.
func TestS04LockoutOfIPv6(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t), func(cfg *sip.Config, _ *directory.Content) {
			cfg.Transport.Listen = append(cfg.Transport.Listen, transport.Listen{Network: transport.UDP, Addr: serverAt6})
		})
		try := func(host, password, status string) {
			t.Helper()
			l := r.line(netip.MustParseAddrPort("[2001:db8:7:"+host+"]:5060"), "carol", password)
			m := l.make("REGISTER", "sip:example.com", "r"+host)
			l.sendTo(transport.Target{Network: transport.UDP, Addr: serverAt6}, m)
			l.sendTo(transport.Target{Network: transport.UDP, Addr: serverAt6}, l.prove(m, l.receive("401")))
			l.receive(status)
		}
		for i := range 10 {
			try(fmt.Sprintf("1::%x", i+1), "guess", "401")
		}
		try("1::ff", "carol's", "401") // right, and too late
		try("2::1", "carol's", "200")
	})
}

// S04: who is shut out at one name is not let in again by guessing many others.
func TestS04ManyNames(t *testing.T) {
	wrong, locked := sip.Guesses()
	from, now := phoneAt.Addr(), time.Now()
	for range 9 {
		wrong(from, "carol", now)
	}
	for i := range 50_000 {
		wrong(from, fmt.Sprint(i), now)
	}
	if !wrong(from, "carol", now) || !locked(from, "carol", now) {
		t.Error("the guesses at it are forgotten")
	}
	for i := range 20_000 { // all of them shut out: some must go
		for range 10 {
			wrong(from, fmt.Sprint("more", i), now)
		}
	}
	if !locked(from, "more19999", now) {
		t.Error("the last one is not shut out")
	}
}

// S21: who asks for a transfer has the target dialled on its own account, though the call is another's: an endpoint that
// calls somebody's application spends none of his money.
func TestS21TransferOnOnesOwnAccount(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		eve := r.line(phoneAt, "eve", "eve's")
		inv := eve.callTo("sip:+12065550100@example.com", "c1")
		eve.send(inv)
		refusal := eve.receive("401")
		eve.acknowledge(inv, refusal)
		eve.send(eve.prove(inv, refusal))
		a := r.attempt()
		a.leg.Answer(nil)
		ok := eve.receive("200")
		seq := eve.seq
		for _, m := range []*message.Message{eve.request("ACK", "c1", seq, ok.ToTag), eve.refer(seq+1, ok.ToTag, "<sip:+5312345678@example.com>")} {
			m.Set("From", inv.Get("From"))
			eve.send(m)
		}
		want[call.Answered](a.events)
		eve.receive("202")
		eve.told("refer", "active", "100")
		if d := want[call.Asked](a.events).Dial; d.Account != "000000000002" || d.To != "+5312345678" {
			t.Errorf("asked for %+v", d)
		}
		a.leg.Hangup(call.Cause{}, nil)
		eve.answer(eve.receive("BYE"), 200, "", "")
	})
}

// S06: an endpoint that has proved who it is begins nothing with what exists inside dialogs alone.
func TestS06ProvenEndpoint(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		for _, method := range []string{"REFER", "NOTIFY", "BYE", "INFO", "UPDATE", "PRACK"} {
			m := carol.make(method, "sip:dave@example.com", "m"+method, "Refer-To: <sip:+5312345678@example.com>", "Event: refer", "Subscription-State: active", "RAck: 1 1 INVITE")
			carol.send(m)
			carol.send(carol.prove(m, carol.receive("401")))
			carol.receive("481")
		}
		if r.s.Legs() != 0 {
			t.Error("a leg came of it")
		}
	})
}

// S23: an endpoint that has proved who it is makes us send its requests nowhere else: neither to an address nor to a name
// of its Contact, which is not even looked up.
func TestS23ContactOfEndpoint(t *testing.T) {
	for _, host := range []string{"203.0.113.1", "10.0.0.5:6379;transport=tcp", "slow.example.org", "198.51.100.77;maddr=203.0.113.1"} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, withEndpoints(t), func(cfg *sip.Config, _ *directory.Content) {
				cfg.Locate = func(_ context.Context, q locate.Query) (locate.Answer, error) {
					t.Errorf("looked up %v", q)
					return locate.Answer{}, context.Canceled
				}
			})
			carol, victim := r.line(phoneAt, "carol", "carol's"), r.phone(bobAt)
			inv := carol.callTo("sip:+12065550100@example.com", "c1")
			inv.Set("Contact", "<sip:carol@"+host+">")
			carol.send(inv)
			refusal := carol.receive("401")
			carol.acknowledge(inv, refusal)
			carol.send(carol.prove(inv, refusal))
			a := r.attempt()
			a.leg.Answer(nil)
			ok := carol.receive("200")
			ack := carol.request("ACK", "c1", carol.seq, ok.ToTag)
			ack.Set("From", inv.Get("From"))
			carol.send(ack)
			want[call.Answered](a.events)
			a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
			carol.answer(carol.receive("BYE"), 200, "", "")
			a.events.ended(call.LabelNormal)
			victim.quiet(time.Minute)
		})
	}
}

// S40: names that far ends name, however many and slow they are, leave room for those of the trunks' peers.
func TestS40NamesOfFarEnds(t *testing.T) {
	inTime(t, func(t *testing.T) {
		answer := &locate.Answer{TTL: time.Second, Targets: []locate.Target{target("udp", bobAt, 1)}}
		var queries []locate.Query
		r := newRig(t, byName(answer, &queries), func(cfg *sip.Config, _ *directory.Content) {
			cfg.Locate = func(ctx context.Context, q locate.Query) (locate.Answer, error) {
				if q.Host == "example.com" {
					return *answer, nil
				}
				<-ctx.Done()
				return locate.Answer{}, ctx.Err()
			}
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		for i := range 100 {
			inv := alice.invite(fmt.Sprint("c", i))
			inv.Set("Contact", fmt.Sprintf("<sip:alice@slow%d.example.org>", i))
			alice.send(inv)
			a := r.attempt()
			a.leg.Answer(nil)
			alice.ack(inv, alice.receive("200"))
			want[call.Answered](a.events)
			a.leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil) // whose BYE must be sent somewhere
		}
		pass(3 * time.Second)
		_, e := r.dial(call.Dial{Trunk: "name", To: "1", From: "2"})
		bob.answer(bob.receiveIn("INVITE", time.Second), 486, "b", "")
		e.refused(486)
		pass(time.Minute)
	})
}

// S39: a far end that wants ever longer sessions is not asked for ever.
func TestS39InsatiableMinSE(t *testing.T) {
	for _, d := range []call.Dial{{Trunk: "bob", To: "1", From: "2"}, {Endpoint: "carol", From: "2"}} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, withEndpoints(t))
			far := r.line(bobAt, "carol", "carol's")
			if d.Endpoint != "" {
				far = r.line(phoneAt, "carol", "carol's")
				far.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
			}
			_, e := r.dial(d)
			for i := range 5 {
				far.answer(far.receive("INVITE"), 422, fmt.Sprint("f", i), "", fmt.Sprintf("Min-SE: %d", 2000+i))
				far.receive("ACK")
			}
			e.refused(422)
		})
	}
}

// S36: what a call's context says is its account's to read, in the ledger: the program's log, however talkative, tells none of
// it, neither of calls that go well nor of those that are refused or can't be read.
func TestS36LogTellsNoContext(t *testing.T) {
	const secret = "4111111111111111"
	inTime(t, func(t *testing.T) {
		var log logged
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			cfg.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.Trunks[0].In.Limits.RowBytes, c.Trunks[0].In.Oversize = 60, header.OversizeRefuse
			c.Trunks[1].Claims = directory.Claims{Over: 20, URL: "https://sbc.example"}
			c.Trunks[1].Transfer.Strategy = "both"
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		uui := "User-to-User: 00" + secret + ";encoding=hex"
		refused := func(m *message.Message, status string) {
			alice.send(m)
			ack := alice.request("ACK", m.CallID, 1, alice.receive(status).ToTag)
			ack.Set("Via", m.Get("Via"))
			alice.send(ack)
		}
		refused(alice.invite("long", uui, "X-Long: "+strings.Repeat(secret, 5)), "513")
		refused(alice.invite("extension", uui, "Require: sec-agree"), "420")
		broken := alice.invite("broken", uui, "X-Card: "+secret)
		broken.Set("Max-Forwards", "many")
		alice.send(broken)
		alice.receive("400")
		inv := alice.invite("good", uui, "X-Card: "+secret)
		alice.send(inv)
		a := r.attempt()
		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", For: a.id, Headers: a.Headers})
		out := bob.receive("INVITE")
		bob.answer(out, 200, "bob", answer, uui)
		bob.receive("ACK")
		want[call.Answered](e)
		a.leg.Answer(header.List{{Name: "X-Card", Value: secret}})
		alice.ack(inv, alice.receive("200"))
		want[call.Answered](a.events)
		leg.Refer(call.Refer{To: "3"}, header.List{{Name: "X-Card", Value: secret}})
		bob.answer(bob.receive("REFER"), 603, "", "")
		want[call.Referred](e)
		for l, p := range map[*sip.Leg]*phone{leg: bob, a.leg: alice} {
			l.Hangup(call.Cause{By: call.ByApp}, header.List{{Name: "X-Card", Value: secret}})
			p.answer(p.receive("BYE"), 200, "", "", "X-Card: "+secret)
		}
		pass(time.Minute)
		if got := log.String(); strings.Contains(got, secret) || !strings.Contains(got, "call refused") {
			t.Errorf("the log:\n%s", got)
		}
	})
}
