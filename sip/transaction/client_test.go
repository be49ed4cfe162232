package transaction_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

func TestTimersAandB(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("INVITE")
		r.sleep(time.Minute)
		r.wantSeen("INVITE@0 INVITE@0.5 INVITE@1.5 INVITE@3.5 INVITE@7.5 INVITE@15.5 INVITE@31.5")
		if !errors.Is(o.err, transaction.ErrTimeout) || o.String() != "err" {
			t.Errorf("told %s, %v", o, o.err)
		}
		r.wantEmpty()
	})
}

func TestTimersEandF(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("OPTIONS")
		r.sleep(time.Minute)
		r.wantSeen("OPTIONS@0 OPTIONS@0.5 OPTIONS@1.5 OPTIONS@3.5 OPTIONS@7.5 OPTIONS@11.5 OPTIONS@15.5 OPTIONS@19.5 OPTIONS@23.5 OPTIONS@27.5 OPTIONS@31.5")
		if !errors.Is(o.err, transaction.ErrTimeout) {
			t.Error(o.err)
		}
		r.wantEmpty()
	})
}

func TestTimerEAfterProvisional(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("OPTIONS")
		r.send(answer(r.next(), 100)...)
		r.sleep(9 * time.Second)
		r.wantSeen("OPTIONS@4 OPTIONS@8")
		r.sleep(time.Minute)
		if o.String() != "100 err" || !errors.Is(o.err, transaction.ErrTimeout) {
			t.Errorf("%s, %v", o, o.err)
		}
	})
}

func TestProvisionalEndsRepetitionOfInvite(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("INVITE")
		req := r.next()
		r.send(answer(req, 180)...)
		r.send(answer(req, 183)...)
		r.sleep(10 * time.Minute)
		r.quiet()
		if o.String() != "180 183" {
			t.Error(o)
		}
		r.send(answer(req, 200)...)
		if o.String() != "180 183 200" {
			t.Error(o)
		}
	})
}

// TestRefusal: the ACK goes to each copy of the refusal until Timer D; the user hears it once.
func TestRefusal(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("INVITE")
		req := r.next()
		r.send(answer(req, 486)...)
		ack := r.next()
		for _, name := range []string{"Via", "From", "Call-ID", "Route"} {
			if ack.Get(name) != req.Get(name) || ack.Get(name) == "" {
				t.Errorf("%s of ACK is %q, of INVITE %q", name, ack.Get(name), req.Get(name))
			}
		}
		if ack.Method != "ACK" || ack.URI != req.URI || ack.Get("CSeq") != "7 ACK" || ack.ToTag != "peer" || ack.ViaCount() != 1 {
			t.Errorf("ACK is %+v", ack.Message)
		}
		r.sleep(500 * time.Millisecond)
		r.send(answer(req, 486)...)
		r.sleep(31 * time.Second)
		r.send(answer(req, 486)...)
		r.wantSeen("ACK@0.5 ACK@31.5")
		r.sleep(time.Second)
		r.send(answer(req, 486)...)
		r.quiet()
		r.send(answer(req, 200)...)
		if o.String() != "486" || len(r.user.strays) != 1 {
			t.Errorf("%s, %d strays", o, len(r.user.strays))
		}
		r.wantEmpty()
	})
}

// TestRefusalAgain: every copy of a refusal of 300 to 699 is acknowledged again, and nothing else that comes late is.
func TestRefusalAgain(t *testing.T) {
	for _, status := range []int{300, 302, 486, 699} {
		bubble(t, nil, func(r *rig) {
			_, o := r.call("INVITE")
			req := r.next()
			for range 3 {
				r.send(answer(req, status)...)
			}
			r.wantSeen("ACK@0 ACK@0 ACK@0")
			r.send(answer(req, 180)...)
			r.send(answer(req, 200)...)
			r.quiet()
			r.sleep(time.Minute)
			if o.String() != fmt.Sprint(status) {
				t.Error(o)
			}
			r.wantEmpty()
		})
	}
}

// TestRefusalThatCantBeAcknowledged: its To is longer than a request of ours may bear. Nothing is sent, however often it
// comes, and the user hears of it.
func TestRefusalThatCantBeAcknowledged(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("INVITE")
		lines := answer(r.next(), 486)
		for i, line := range lines {
			if strings.HasPrefix(line, "To: ") {
				lines[i] = "To: <sip:alice@192.0.2.2>;tag=peer;x=" + strings.Repeat("x", message.MaxRow)
			}
		}
		r.send(lines...)
		r.send(lines...)
		r.quiet()
		if o.String() != "486" {
			t.Error(o)
		}
		r.sleep(time.Minute)
		r.wantEmpty()
	})
}

// TestAccepted: repeated and forked 2xx reach the user until Timer M; after it they are strays (RFC 6026).
func TestAccepted(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c, o := r.call("INVITE")
		req := r.next()
		r.send(answer(req, 180)...)
		r.send(answer(req, 200)...)
		r.send(answer(req, 200)...)
		r.send(answer(req, 180)...) // late
		r.send(answer(req, 500)...) // forbidden
		r.sleep(31 * time.Second)
		r.send(answer(req, 200)...)
		r.sleep(2 * time.Second)
		r.send(answer(req, 200)...)
		if o.String() != "180 200 200 200" || len(r.user.strays) != 1 {
			t.Errorf("%s, %d strays", o, len(r.user.strays))
		}
		r.on(func() { c.Cancel(nil) })
		r.quiet()
		r.wantEmpty()
	})
}

func TestTimerK(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("BYE")
		req := r.next()
		r.send(answer(req, 200)...)
		r.send(answer(req, 200)...)
		if r.layer.Stats().Clients != 1 {
			t.Error("gone before Timer K")
		}
		r.sleep(6 * time.Second)
		r.send(answer(req, 200)...)
		if o.String() != "200" || len(r.user.strays) != 0 {
			t.Errorf("%s, %d strays", o, len(r.user.strays))
		}
		r.wantEmpty()
	})
}

// TestCancelWaits: no CANCEL before a provisional response came (RFC 3261 section 9.1).
func TestCancelWaits(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c, o := r.call("INVITE")
		req := r.next()
		r.on(func() {
			c.Cancel(header.List{{Name: "Reason", Value: "SIP;cause=200"}})
			c.Cancel(nil)
		})
		r.quiet()
		r.sleep(time.Second)
		r.wantSeen("INVITE@0.5")
		r.send(answer(req, 180)...)
		cancel := r.next()
		if cancel.Method != "CANCEL" || cancel.Via.Branch != req.Via.Branch || cancel.Get("CSeq") != "7 CANCEL" ||
			cancel.Get("To") != req.Get("To") || cancel.Get("Reason") != "SIP;cause=200" || cancel.Get("Route") == "" || cancel.URI != req.URI {
			t.Errorf("CANCEL is %+v", cancel.Message)
		}
		r.sleep(500 * time.Millisecond)
		r.wantSeen("CANCEL@1.5")
		r.send(answer(cancel, 200)...)
		r.send(answer(req, 487)...)
		if ack := r.next(); ack.Method != "ACK" {
			t.Error("no ACK")
		}
		r.sleep(time.Minute)
		r.quiet()
		if o.String() != "180 487" {
			t.Error(o)
		}
		r.wantEmpty()
	})
}

func TestCancelCrosses200(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c, o := r.call("INVITE")
		req := r.next()
		r.send(answer(req, 180)...)
		r.on(func() { c.Cancel(nil) })
		cancel := r.next()
		r.send(answer(req, 200)...)
		r.send(answer(cancel, 481)...)
		r.sleep(time.Minute)
		if o.String() != "180 200" { // ACK and BYE are the user's
			t.Error(o)
		}
		r.quiet()
		r.wantEmpty()
	})
}

func TestCancelledAndForgotten(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		c, o := r.call("INVITE")
		req := r.next()
		r.send(answer(req, 180)...)
		r.on(func() { c.Cancel(nil) })
		r.send(answer(r.next(), 200)...)
		r.sleep(time.Minute)
		if o.String() != "180 err" || !errors.Is(o.err, transaction.ErrTimeout) {
			t.Errorf("%s, %v", o, o.err)
		}
		r.wantEmpty()
	})
}

// TestManyResponses: a user that hears 200 provisional responses costs nothing but their telling.
func TestManyResponses(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("INVITE")
		req := r.next()
		for range 200 {
			r.send(answer(req, 183)...)
		}
		r.send(answer(req, 200)...)
		if len(o.heard) != 201 {
			t.Errorf("%d heard", len(o.heard))
		}
	})
}

func TestForeignResponsesAreDropped(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		_, o := r.call("OPTIONS")
		req := r.next()
		two := answer(req, 200)
		two[1] += ", SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK2"
		r.send(two...)
		other := answer(req, 200)
		for i := range other {
			other[i] = strings.Replace(other[i], "CSeq: 7 OPTIONS", "CSeq: 7 INVITE", 1)
		}
		r.send(other...)
		if o.String() != "" {
			t.Error(o)
		}
		if len(r.user.strays) != 0 {
			t.Error("another method's response passed for a late 2xx")
		}
		r.send(answer(req, 200)...)
		if o.String() != "200" {
			t.Error(o)
		}
	})
}

func TestSendFails(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		for name, c := range map[string]struct {
			change func(*message.Message)
			to     transport.Target
			want   error
		}{
			"unfit": {func(m *message.Message) { m.Add("X-A", "v\r\nEvil: 1") }, transport.Target{Network: "udp", Addr: peerAddr}, message.ErrMessage},
			"too long": {func(m *message.Message) {
				// beyond a datagram, within a message; our Via and four digits come to it
				data, _ := m.Append(nil)
				m.Body = make([]byte, 65_522-len(data)-len("Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK012345678901234567890123\r\n0000"))
			}, transport.Target{Network: "udp", Addr: peerAddr}, transaction.ErrTransport},
			"nowhere":   {nil, transport.Target{Network: "sctp", Addr: peerAddr}, transaction.ErrTransport},
			"no socket": {nil, transport.Target{Network: "udp"}, transaction.ErrTransport},
			"refused":   {nil, transport.Target{Network: "tcp", Addr: peerAddr}, transaction.ErrTransport},
		} {
			for _, method := range []string{"INVITE", "OPTIONS"} {
				o := &outcome{}
				r.on(func() {
					m := outgoing(method)
					if c.change != nil {
						c.change(m)
					}
					r.layer.Send(m, c.to, o.on)
					if len(o.heard) != 0 {
						t.Errorf("%s: told before Send returned", name)
					}
				})
				r.sleep(time.Second)
				if !errors.Is(o.err, c.want) || len(o.heard) != 1 {
					t.Errorf("%s: told %s, %v", name, o, o.err)
				}
			}
		}
		r.sleep(time.Minute)
		r.quiet()
		r.wantEmpty()
	})
}

func TestTooManyClients(t *testing.T) {
	bubble(t, func(c *transaction.Config) { c.MaxClients = 1 }, func(r *rig) {
		_, first := r.call("INVITE")
		_, second := r.call("OPTIONS")
		if first.String() != "" || !errors.Is(second.err, transaction.ErrOverload) {
			t.Errorf("%s, %v", first, second.err)
		}
		if s := r.layer.Stats(); s.Clients != 1 {
			t.Errorf("%+v", s)
		}
	})
}

// TestSentAgain: a request may go to the next target; it has our one Via each time.
func TestSentAgain(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		m := outgoing("INVITE")
		to := transport.Target{Network: transport.UDP, Addr: peerAddr}
		for range 2 {
			r.on(func() { r.layer.Send(m, to, (&outcome{}).on) })
		}
		a, b := r.next(), r.next()
		if a.ViaCount() != 1 || b.ViaCount() != 1 || a.Via.Branch == b.Via.Branch || !a.Via.Cookie() || a.Via.RPort != 0 {
			t.Errorf("Via %+v, then %+v", a.Via, b.Via)
		}
	})
}

func TestSendAck(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		m := outgoing("ACK")
		for range 2 {
			r.on(func() {
				if err := r.layer.SendAck(m, transport.Target{Network: transport.UDP, Addr: peerAddr}); err != nil {
					t.Error(err)
				}
			})
		}
		a, b := r.next(), r.next()
		if a.Method != "ACK" || a.Get("Via") != b.Get("Via") || a.ViaCount() != 1 {
			t.Errorf("%q, then %q", a.Get("Via"), b.Get("Via"))
		}
		r.sleep(time.Minute)
		r.quiet()
	})
}
