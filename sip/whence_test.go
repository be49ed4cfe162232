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
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

var thiefAt = netip.MustParseAddrPort("203.0.113.66:5060")

// S32: who is no address of the trunk goes on in none of its calls, though he knows Call-ID and tags: what he sends is
// answered as if there were no call, and changes nothing, the ACK that would bring an answer of his own included.
func TestS32DialogOfATrunk(t *testing.T) {
	inTime(t, func(t *testing.T) {
		log := new(strings.Builder)
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Log = slog.New(slog.NewTextHandler(log, nil)) })
		alice, bob, thief := r.phone(aliceAt), r.phone(bobAt), r.phone(thiefAt)
		inv := alice.invite("c1")
		inv.Body = nil // the ACK would bring where our audio goes
		inv.Del("Content-Type")
		alice.send(inv)
		a := r.attempt()
		a.leg.Answer(nil)
		ok := alice.receive("200")
		steal := func(method string, seq int) {
			t.Helper()
			m := thief.request(method, "c1", seq, ok.ToTag)
			m.Add("Refer-To", "<sip:+5312345678@203.0.113.66>")
			m.Add("Content-Type", "application/sdp")
			m.Body = crlf(strings.ReplaceAll(offer, "198.51.100.1", "203.0.113.66"))
			thief.send(m)
			if method != "ACK" {
				thief.receive("481")
			}
		}
		steal("ACK", 1)
		a.events.none(time.Second)
		ack := alice.request("ACK", "c1", 1, alice.receive("200").ToTag)
		ack.Add("Content-Type", "application/sdp")
		ack.Body = crlf(offer)
		alice.send(ack)
		want[call.Answered](a.events)
		for i, method := range []string{"BYE", "INVITE", "UPDATE", "INFO", "REFER"} {
			steal(method, 90+i)
		}
		a.events.none(time.Second)
		if at := r.remote().RTP; at != netip.MustParseAddrPort("198.51.100.1:4000") {
			t.Errorf("media goes to %v", at)
		}
		if got := log.String(); !strings.Contains(got, `msg="request inside a call refused"`) || !strings.Contains(got, "trunk=alice") || !strings.Contains(got, "signalling.inside") {
			t.Errorf("log: %s", got)
		}
		alice.send(alice.request("BYE", "c1", 2, ok.ToTag)) // whose number is as if there had been nothing
		alice.receive("200")
		a.events.ended(call.LabelNormal)

		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"}) // nor in one that we placed
		out := bob.receive("INVITE")
		bob.answer(out, 200, "b", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		thief.send(inside(thief, out, "BYE", 5))
		thief.receive("481")
		e.none(time.Second)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		e.ended(call.LabelNormal)
	})
}

// inside makes a request of a callee in the dialog of our INVITE, which it answered with the tag b.
func inside(p *phone, inv *message.Message, method string, seq int) *message.Message {
	m := p.request(method, inv.CallID, seq, "")
	m.Set("From", inv.Get("To")+";tag=b")
	m.Set("To", inv.Get("From"))
	return m
}

// S32: the end of a call comes from wherever the trunk is: another address of its list or of its peers, by address or by name, one that
// the far end named itself, and any where the trunk says so.
func TestS32AddressesOfATrunk(t *testing.T) {
	const name = "sbc.example.com"
	by := func(change func(*directory.Trunk)) func(*sip.Config, *directory.Content) {
		return func(cfg *sip.Config, c *directory.Content) {
			cfg.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
				if host != name {
					return nil, fmt.Errorf("no such host")
				}
				return []netip.Addr{bobAt.Addr(), thiefAt.Addr()}, nil
			}
			change(&c.Trunks[1])
		}
	}
	named := []directory.Peer{{Host: name, Port: 5060}}
	for what, c := range map[string]struct {
		change  func(*directory.Trunk)
		contact string
		route   string
		status  string
	}{
		"elsewhere": {func(*directory.Trunk) {}, bobAt.String(), "", "481"},
		"its list":  {func(tr *directory.Trunk) { tr.Allow = []netip.Prefix{netip.MustParsePrefix("203.0.113.64/29")} }, bobAt.String(), "", "200"},
		"its list, outOnly": {func(tr *directory.Trunk) {
			tr.OutOnly, tr.Allow = true, []netip.Prefix{netip.MustParsePrefix("203.0.113.64/29")}
		}, bobAt.String(), "", "200"},
		"another peer": {func(tr *directory.Trunk) {
			tr.Peers = append(tr.Peers, directory.Peer{Host: thiefAt.Addr().String(), Priority: 2})
		}, bobAt.String(), "", "200"},
		"a peer's name":    {func(tr *directory.Trunk) { tr.Peers = named }, bobAt.String(), "", "200"},
		"its Contact":      {func(*directory.Trunk) {}, thiefAt.String(), "", "200"},
		"its Record-Route": {func(*directory.Trunk) {}, bobAt.String(), "<sip:" + thiefAt.String() + ";lr>", "200"},
		"anyone":           {func(tr *directory.Trunk) { tr.Signalling.Inside = directory.InsideAnyone }, bobAt.String(), "", "200"},
	} {
		t.Run(what, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, by(c.change))
				bob, other := r.phone(bobAt), r.phone(thiefAt)
				_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
				callee := bob
				var inv *message.Message
				select {
				case inv = <-bob.got:
				case inv = <-other.got: // the name is both
					callee, other = other, bob
				case <-time.After(time.Minute):
					t.Fatal("no INVITE")
				}
				ok := message.NewResponse(inv, 200, "")
				ok.Tag("b")
				ok.Add("Contact", "<sip:bob@"+c.contact+">")
				if c.route != "" {
					ok.Add("Record-Route", c.route)
				}
				ok.Add("Content-Type", "application/sdp")
				ok.Body = crlf(answer)
				callee.reply(inv, ok)
				want[call.Answered](e)
				pass(time.Second)
				for len(other.got) > 0 { // an ACK to where it wants to be called
					<-other.got
				}
				other.send(inside(other, inv, "BYE", 5))
				other.receive(c.status)
				if c.status != "200" {
					callee.send(inside(callee, inv, "BYE", 6))
				}
				e.ended(call.LabelNormal)
				pass(time.Second)
			})
		})
	}
}

// S32: where a trunk needs TLS, a call that began so is not gone on with over UDP, though it came from the right address.
func TestS32NeedTLS(t *testing.T) {
	for _, inside := range []directory.Inside{directory.InsideTrunk, directory.InsideAnyone} {
		inTime(t, func(t *testing.T) {
			ca := testca.New(t)
			r := secureRig(t, ca, func(_ *sip.Config, c *directory.Content) {
				c.Trunks[0].TLS.Need, c.Trunks[0].Signalling.Inside = true, inside
			})
			secure, plain := r.securePhone(aliceAt, ca.Issue([]string{"alice.example.com"})), r.phone(aliceAt)
			to := securely(ca, "alice")
			inv := secure.invite("c1")
			secure.sendTo(to, inv)
			a := r.attempt()
			a.leg.Answer(nil)
			ok := secure.receive("200")
			secure.sendTo(to, secure.request("ACK", "c1", 1, ok.ToTag))
			want[call.Answered](a.events)
			for i, method := range []string{"BYE", "INVITE", "INFO"} {
				plain.send(plain.request(method, "c1", 20+i, ok.ToTag))
				plain.receive("481")
				over := plain.request(method, "c1", 30+i, ok.ToTag)
				over.Set("Via", strings.Replace(over.Get("Via"), "/UDP", "/TCP", 1))
				plain.sendTo(transport.Target{Network: transport.TCP, Addr: serverAt}, over)
				plain.receive("481")
			}
			a.events.none(time.Second)
			secure.sendTo(to, secure.request("BYE", "c1", 2, ok.ToTag))
			secure.receive("200")
			a.events.ended(call.LabelNormal)
		})
	}
}
