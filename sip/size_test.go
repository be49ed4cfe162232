package sip_test

import (
	"strings"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
)

// because finds a ledger entry by its reason.
func (e *events) because(why header.Reason) (found []call.Entry) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, en := range e.ledger {
		if en.Reason == why {
			found = append(found, en)
		}
	}
	return found
}

// on lays a change over Bob's trunk.
func on(f func(*directory.Trunk)) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) { f(&c.Trunks[1]) }
}

// C23: what becomes of a long INVITE is the trunk's choice, and the ledger tells of it.
func TestC23OversizeByTrunk(t *testing.T) {
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
		"tcp, with tcp":             {directory.OversizeTCP, nil, transport.TCP, []string{"TCP alone"}},
		"tcp, without tcp":          {directory.OversizeTCP, udp, "", []string{"TCP alone"}},
		"udp, with tcp":             {directory.OversizeUDP, nil, transport.UDP, []string{"in fragments"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, on(func(b *directory.Trunk) { b.Signalling.Oversize = c.how }))
				bob := r.phone(bobAt, c.udpOnly...)
				_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: long})
				if c.network == "" {
					e.refused(503)
				} else {
					inv := bob.receive("INVITE")
					if bob.over(inv) != c.network || !strings.EqualFold(inv.Via.Transport, c.network) {
						t.Errorf("over %s, Via %+v", bob.over(inv), inv.Via)
					}
					bob.answer(inv, 486, "bob", "")
					bob.receive("ACK")
					e.refused(486)
				}
				got := e.because(sip.BecauseOversize)
				if len(got) != len(c.told) {
					t.Fatalf("ledger: %+v", got)
				}
				for i, why := range c.told {
					en := got[i]
					if !strings.Contains(en.Detail, why) || en.Name != "Via" || en.Writer != call.WriterPlatform || en.Message != "INVITE" {
						t.Errorf("ledger: %+v, want %q", en, why)
					}
				}
			})
		})
	}
}

// C23: whatever its length, no INVITE of more than 1300 bytes goes out over UDP where there is TCP, and none that is well
// below over TCP.
func TestC23Boundary(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		over := map[string]int{}
		for n := 250; n < 700; n += 7 {
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: header.List{{Name: "X-Long", Value: strings.Repeat("x", n)}}})
			inv := bob.receive("INVITE")
			data, err := inv.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			network := bob.over(inv)
			over[network]++
			if network == transport.UDP && len(data) > 1300 || network == transport.TCP && len(data) < 1200 {
				t.Errorf("%d bytes over %s", len(data), network)
			}
			bob.answer(inv, 486, "bob", "")
			bob.receive("ACK")
			e.refused(486)
		}
		if over[transport.UDP] == 0 || over[transport.TCP] == 0 {
			t.Errorf("the lengths tell nothing: %v", over)
		}
	})
}

// A REFER with long context goes as its trunk's INVITEs do, and the ledger tells.
func TestC23LongRefer(t *testing.T) {
	long := header.List{{Name: "X-Long", Value: strings.Repeat("x", 1300)}}
	udp := []bool{true}
	for name, c := range map[string]struct {
		how     directory.Oversize
		udpOnly []bool
		network string // that the REFER takes; empty: the transfer is carried out here
		told    []string
	}{
		"tcp then udp, with tcp":    {directory.OversizeTry, nil, transport.TCP, []string{"REFER of"}},
		"tcp then udp, without tcp": {directory.OversizeTry, udp, transport.UDP, []string{"TCP is tried first", "TCP failed"}},
		"tcp, without tcp":          {directory.OversizeTCP, udp, "", []string{"TCP alone"}},
		"udp, with tcp":             {directory.OversizeUDP, nil, transport.UDP, []string{"in fragments"}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, on(func(b *directory.Trunk) { b.Signalling.Oversize, b.Transfer.Strategy = c.how, "header" }))
				bob := r.phone(bobAt, c.udpOnly...)
				leg, e, inv := r.callBob(bob, "bob")
				leg.Refer(call.Refer{To: "+12065550177"}, long)
				if c.network != "" {
					m := bob.receive("REFER")
					if bob.over(m) != c.network || m.Get("X-Long") != long[0].Value {
						t.Errorf("over %s", bob.over(m))
					}
					bob.answer(m, 202, "", "")
					bob.notify(inv, 1, "refer", "terminated", "SIP/2.0 200 OK")
					bob.receive("200")
				}
				if got := want[call.Referred](e); got.Anchor != (c.network == "") {
					t.Errorf("told %+v", got)
				}
				got := e.because(sip.BecauseOversize)
				if len(got) != len(c.told) {
					t.Fatalf("ledger: %+v", got)
				}
				for i, why := range c.told {
					if !strings.Contains(got[i].Detail, why) || got[i].Message != "REFER" {
						t.Errorf("ledger: %+v, want %q", got[i], why)
					}
				}
				leg.Hangup(call.Cause{}, nil)
				bob.answer(bob.receive("BYE"), 200, "", "")
			})
		})
	}
}

// An INVITE that is longer than the next hop takes is sent all the same, and the ledger says once what its rows cost.
func TestBudget(t *testing.T) {
	rows := header.List{{Name: "X-Long", Value: strings.Repeat("x", 400)}, {Name: "X-Short", Value: "1"}}
	inTime(t, func(t *testing.T) {
		r := newRig(t, on(func(b *directory.Trunk) { b.Signalling.Budget = 900 }))
		bob := r.phone(bobAt)
		for _, headers := range []header.List{rows, rows[1:]} {
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: headers})
			bob.answer(bob.receive("INVITE"), 486, "bob", "")
			bob.receive("ACK")
			e.refused(486)
			told := e.because(sip.BecauseBudget)
			if len(headers) == 1 && len(told) == 0 {
				continue
			}
			if len(told) != 1 || told[0].Name != "X-Long" || told[0].Action != header.Kept || !strings.Contains(told[0].Detail, "takes 900: X-Long 410, X-Short 12") {
				t.Errorf("ledger of %d rows: %+v", len(headers), told)
			}
		}
	})
	trunk := trunks().Trunks[1]
	trunk.Signalling.Budget = 900
	e, err := sip.Explain(call.Dial{To: "1", From: "2", Headers: rows}, &trunk, serverAt)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0
	for _, p := range e.Parts {
		sum += p.Bytes
	}
	if sum != e.Size || e.Budget != 900 || e.Parts[0] != (sip.Part{Name: "X-Long", Bytes: 410, Context: true}) {
		t.Errorf("%d of %d: %+v", sum, e.Size, e.Parts)
	}
	if d := e.Size - len(e.Text); d < 0 || d > 60 { // what the Via's branch may be longer
		t.Errorf("told %d bytes, sent %d", e.Size, len(e.Text))
	}
	if last := e.Changes[len(e.Changes)-1]; last.Reason != sip.BecauseBudget {
		t.Errorf("changes: %+v", e.Changes)
	}
}

// User-to-User that the trunk's kind of peer would cut is told of.
func TestBudgetOfUserToUser(t *testing.T) {
	trunk := trunks().Trunks[1]
	trunk.Profile = "genesys-cloud"
	for octets, told := range map[int]string{128: "", 129: "", 200: "200 octets, Genesys Cloud takes 129"} {
		d := call.Dial{To: "1", Headers: header.List{{Name: "User-to-User", Value: strings.Repeat("61", octets) + ";encoding=hex"}}}
		e, err := sip.Explain(d, &trunk, serverAt)
		if err != nil {
			t.Fatal(err)
		}
		last := e.Changes[len(e.Changes)-1]
		if (last.Reason == sip.BecauseBudget) != (told != "") || told != "" && last.Detail != told {
			t.Errorf("%d octets: %+v", octets, e.Changes)
		}
	}
}
