package sip_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// told tells whether the leg's log has a line with this text.
func (e *events) told(text string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.log, func(l call.Log) bool { return strings.Contains(l.Text, text) })
}

// C23: a long INVITE to a contact that registered over UDP takes the way that the endpoint's oversize says, as on a trunk,
// and the ledger tells; over TCP and UDP it is one telephone that rings.
func TestC23OversizeToEndpoint(t *testing.T) {
	long := header.List{{Name: "X-Long", Value: strings.Repeat("x", 1200)}}
	udp := []bool{true}
	for name, c := range map[string]struct {
		how     directory.Oversize
		udpOnly []bool
		network string // that the INVITE takes; empty: the call fails
		told    []string
	}{
		"tcp then udp, with tcp":    {directory.OversizeTry, nil, transport.TCP, []string{"TCP is tried first"}},
		"tcp then udp, without tcp": {directory.OversizeTry, udp, transport.UDP, []string{"TCP is tried first", "TCP failed"}},
		"tcp, without tcp":          {directory.OversizeTCP, udp, "", []string{"TCP alone"}},
		"udp, with tcp":             {directory.OversizeUDP, nil, transport.UDP, []string{"in fragments"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t), func(_ *sip.Config, content *directory.Content) {
					content.Endpoints[0].Options.Signalling = directory.Signalling{Oversize: c.how, Budget: 900}
				})
				desk := &line{phone: r.phone(phoneAt, c.udpOnly...), user: "carol", password: "carol's"}
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
				_, e := r.dial(call.Dial{Endpoint: "carol", From: "2", Headers: long})
				if c.network == "" {
					e.refused(480)
				} else {
					inv := desk.receive("INVITE")
					if len(inv.Get("X-Long")) != 1200 || desk.over(inv) != c.network || !strings.EqualFold(inv.Via.Transport, c.network) {
						t.Errorf("over %s, Via %+v", desk.over(inv), inv.Via)
					}
					desk.answer(inv, 180, "d", "")
					want[call.Ringing](e)
					pass(10 * time.Second)
					desk.answer(inv, 486, "d", "")
					desk.receive("ACK")
					e.refused(486)
				}
				got := e.because(sip.BecauseOversize)
				if len(got) != len(c.told) || len(e.because(sip.BecauseBudget)) != 1 {
					t.Fatalf("ledger: %+v", e.ledger)
				}
				for i, why := range c.told {
					if !strings.Contains(got[i].Detail, why) {
						t.Errorf("ledger: %+v, want %q", got[i], why)
					}
				}
			})
		})
	}
}

// A contact that takes a TCP connection and says nothing on it is rung over UDP after a while.
func TestC23SilentTCPAtEndpoint(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		desk := r.line(phoneAt, "carol", "carol's")
		desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
		_, e := r.dial(call.Dial{Endpoint: "carol", Headers: header.List{{Name: "X-Long", Value: strings.Repeat("x", 1200)}}})
		if first := desk.receive("INVITE"); desk.over(first) != transport.TCP {
			t.Errorf("the first came over %s", desk.over(first))
		}
		inv := desk.receive("INVITE")
		if desk.over(inv) != transport.UDP {
			t.Errorf("the second came over %s", desk.over(inv))
		}
		desk.answer(inv, 486, "d", "")
		desk.receive("ACK")
		e.refused(486)
	})
}

// forward answers an INVITE with 302.
func (p *phone) forward(contact string) {
	p.t.Helper()
	inv := p.receive("INVITE")
	m := message.NewResponse(inv, 302, "")
	m.Tag("forwards")
	m.Add("Contact", contact)
	p.reply(inv, m)
	p.receive("ACK")
}

// C58: a telephone that forwards its calls is followed to other endpoints of its account, with a Diversion where they are
// trusted, and nowhere else.
func TestC58EndpointForwards(t *testing.T) {
	for name, c := range map[string]struct {
		contact string
		dave    string // the URI that dave is called at; empty: nobody is
		why     string // he is not
	}{
		"to an endpoint by our address": {"<sip:dave@192.0.2.1>", "sip:dave@198.51.100.78", ""},
		"to an endpoint by our name":    {"<sip:dave@example.com>;q=0.5", "sip:dave@198.51.100.78", ""},
		"to another account's":          {"<sip:eve@example.com>", "", "no endpoint of the account"},
		"to itself":                     {"<sip:carol@example.com>", "", "it was called before"},
		"to a number":                   {"<sip:+12065550100@example.com>", "", "no endpoint of the account"},
		"to an endpoint by our domain":  {"<sip:dave@pbx.example.org>", "sip:dave@198.51.100.78", ""},
		"to somebody else's domain":     {"<sip:dave@pbx.example.net>", "", "neither the telephone nor one of ours"},
		"to somebody else's host":       {"<sip:dave@198.51.100.99>", "", "neither the telephone nor one of ours"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t), func(_ *sip.Config, content *directory.Content) { content.Endpoints[1].Trusted = true })
				desk, other := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "dave", "dave's")
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>", "To: <sip:carol@pbx.example.org>")
				other.register(200, "r2", "Contact: <sip:dave@198.51.100.78>")
				leg, e := r.dial(call.Dial{Endpoint: "carol", From: "+12065550100", Headers: header.List{{Name: "X-Customer", Value: "7"}}})
				desk.forward(c.contact)
				if c.dave == "" {
					e.refused(302)
					if !e.told(c.why) {
						t.Errorf("the log does not tell %q: %+v", c.why, e.log)
					}
					return
				}
				inv := other.receive("INVITE")
				if inv.URI != c.dave || inv.Get("X-Customer") != "7" || !strings.HasPrefix(inv.Get("Diversion"), "<sip:carol@192.0.2.1>") {
					t.Errorf("INVITE to %s: %+v", inv.URI, inv.Headers)
				}
				other.answer(inv, 200, "x", answer)
				other.receive("ACK")
				want[call.Answered](e)
				leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				other.answer(other.receive("BYE"), 200, "", "")
				e.ended(call.LabelNormal)
			})
		})
	}
}

// Two telephones that forward to each other end the call.
func TestC58EndpointsForwardInALoop(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		desk, other := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "dave", "dave's")
		desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>")
		other.register(200, "r2", "Contact: <sip:dave@198.51.100.78>")
		_, e := r.dial(call.Dial{Endpoint: "carol"})
		desk.forward("<sip:dave@example.com>")
		other.forward("<sip:carol@example.com>")
		e.refused(302)
	})
}

// bothFamilies lets the server be reached, and open media, by both families of addresses.
func bothFamilies(cfg *sip.Config, _ *directory.Content) {
	cfg.Transport.Listen = append(cfg.Transport.Listen, both(serverAt6)...)
	open := cfg.Media
	cfg.Media = func(far netip.Addr) (sip.Session, error) {
		s, err := open(far)
		if f, ok := s.(*fakeSession); ok && far.Is6() {
			f.at = netip.AddrPortFrom(serverAt6.Addr(), f.at.Port())
		}
		return s, err
	}
}

// C67: contacts of both families of addresses ring at once, each offered media of its own family; the media of the one
// that answers is the leg's.
func TestC67RingsBothFamilies(t *testing.T) {
	const sixth = `v=0
o=- 2 2 IN IP6 2001:db8::6
s=-
c=IN IP6 2001:db8::6
t=0 0
m=audio 6000 RTP/AVP 0
`
	phone6 := netip.MustParseAddrPort("[2001:db8::6]:5060")
	for name, newer := range map[string]bool{"IPv6 answers": true, "IPv4 answers": false} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withEndpoints(t), bothFamilies)
				desk, mobile := r.line(phoneAt, "carol", "carol's"), r.line(phone6, "carol", "carol's")
				desk.register(200, "r1", "Contact: <sip:carol@198.51.100.77>;q=0.5")
				mobile.server = serverAt6
				mobile.register(200, "r2", "Contact: <sip:carol@[2001:db8::6]>")
				leg, e := r.dial(call.Dial{Endpoint: "carol"})
				six, four := mobile.receive("INVITE"), desk.receive("INVITE")
				if !strings.Contains(string(six.Body), "c=IN IP6 2001:db8::1") || !strings.Contains(string(four.Body), "c=IN IP4 192.0.2.1") {
					t.Fatalf("offers:\n%s\n%s", six.Body, four.Body)
				}
				winner, won, loser, lost, body := desk.phone, four, mobile.phone, six, answer
				if newer {
					winner, won, loser, lost, body = loser, lost, winner, won, sixth
				}
				loser.answer(lost, 180, "l", "")
				want[call.Ringing](e)
				winner.answer(won, 183, "w", body)
				e.none(time.Second) // whose media it will be is not known yet
				winner.answer(won, 200, "w", body)
				loser.answer(loser.receive("CANCEL"), 200, "l", "")
				loser.answer(lost, 487, "l", "")
				loser.receive("ACK")
				winner.receive("ACK")
				want[call.Answered](e)
				s, ok := leg.Media().(*fakeSession)
				if !ok || s.Local().Addr().Is6() != newer || s.remote.RTP.Addr().Is6() != newer {
					t.Errorf("media %+v", s)
				}
				leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				winner.answer(winner.receive("BYE"), 200, "", "")
				e.ended(call.LabelNormal)
			})
		})
	}
}
