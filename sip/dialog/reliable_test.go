package dialog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

// pair is two ends that know each other, with the caller's INVITE out.
func pair(t *testing.T) (a, b *end, caller, callee *dialog.Dialog, heard chan dialog.Event) {
	t.Helper()
	net := memnet.New()
	a, b = newEnd(t, net, "192.0.2.1:5060", 0), newEnd(t, net, "192.0.2.2:5060", 0)
	caller, heard = a.call(b)
	return a, b, caller, b.dialogOf(), heard
}

// C27: reliable responses go out one at a time; what waits keeps its order, and the 2xx comes last. Each PRACK bears what the
// user of the caller's end gave.
func TestC27Line(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, caller, callee, heard := pair(t)
		var sent []string
		b.do(func() {
			callee.Trace(func(out bool, m *message.Message) {
				if out && !m.IsRequest() && m.CSeq.Method == "INVITE" {
					sent = append(sent, fmt.Sprint(m.Status))
				}
			})
			tx := callee.INVITE()
			for i, status := range []int{183, 180, 181, 180, 182, 180, 181, 180, 182, 180, 181, 180, 200} {
				r := dialog.Response{Status: status, Reliable: status < 200, Type: "text/plain"}
				if i == 0 {
					r.Body = []byte("offer")
				}
				if err := callee.Respond(tx, r); err != nil {
					t.Error(err)
				}
			}
			if len(sent) != 1 || callee.INVITE() == nil {
				t.Errorf("sent %v before a PRACK", sent)
			}
		})
		for range 9 { // the line is bounded
			if e := expect(t, heard, dialog.Provisional); e.Reply == nil {
				t.Error("a reliable response has no Reply")
			}
			if e := expect(t, heard, dialog.Replied); e.Msg == nil || e.Msg.Status != 200 {
				t.Errorf("PRACK was answered with %+v", e)
			}
		}
		expect(t, heard, dialog.Accepted)
		synctest.Wait()
		if d := cmp.Diff([]string{"183", "180", "181", "180", "182", "180", "181", "180", "182", "200"}, sent); d != "" {
			t.Errorf("sent (-want +got):\n%s", d)
		}
		a.do(func() { caller.Bye(nil) })
		expect(t, heard, dialog.Over)
	})
}

// C28: without any PRACK the INVITE ends with 504, and nothing is left of the dialog.
func TestC28Unconfirmed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a, b := newEnd(t, net, "192.0.2.1:5060", 0), newEnd(t, net, "192.0.2.2:5060", 0)
		net.Lose(func(_, _ netip.AddrPort, data []byte) bool { return len(data) > 5 && string(data[:5]) == "PRACK" })
		_, heard := a.call(b)
		callee := b.dialogOf()
		b.do(func() { _ = callee.Respond(callee.INVITE(), dialog.Response{Status: 180, Reliable: true}) })
		expect(t, heard, dialog.Provisional)
		expect(t, b.events, dialog.Unconfirmed)
		for {
			e := <-heard
			if e.Kind == dialog.Refused && e.Msg.Status == 504 {
				break
			}
			if e.Kind != dialog.Replied || !errors.Is(e.Err, transaction.ErrTimeout) {
				t.Fatalf("event %+v", e)
			}
		}
		if b.set.Len() != 0 {
			t.Errorf("%d dialogs are left", b.set.Len())
		}
	})
}

// A re-INVITE of ours: one at a time, acknowledged with what the user gave; other requests go beside it.
func TestModify(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, caller, callee, heard := pair(t)
		b.do(func() { _ = callee.Respond(callee.INVITE(), dialog.Response{Status: 200}) })
		expect(t, heard, dialog.Accepted)
		expect(t, b.events, dialog.Acknowledged)
		answers := make(chan int, 3)
		a.do(func() {
			m := caller.Request("INVITE")
			if err := caller.Modify(m, func(resp *message.Message, reply *dialog.Reply, err error) {
				reply.Type, reply.Body = "text/plain", []byte("answer")
				answers <- resp.Status
				caller.Bye(header.List{{Name: "X-Why", Value: "so"}}) // not before the ACK
				if err != nil {
					t.Error(err)
				}
			}); err != nil {
				t.Error(err)
			}
			if err := caller.Modify(caller.Request("INVITE"), nil); !errors.Is(err, dialog.ErrState) || caller.Modifiable() {
				t.Errorf("second: %v", err)
			}
			if err := caller.Ask(caller.Request("INFO"), func(resp *message.Message, _ error) { answers <- resp.Status }); err != nil {
				t.Error(err)
			}
		})
		expect(t, b.events, dialog.Modified)
		expect(t, b.events, dialog.Asked)
		if e := expect(t, b.events, dialog.Acknowledged); string(e.Msg.Body) != "answer" {
			t.Errorf("ACK: %+v", e.Msg)
		}
		if e := expect(t, b.events, dialog.Left); e.Msg.Get("X-Why") != "so" {
			t.Errorf("BYE: %+v", e.Msg)
		}
		if one, two := <-answers, <-answers; one != 200 || two != 200 {
			t.Errorf("answers %d, %d", one, two)
		}
		expect(t, heard, dialog.Over)
		a.do(func() {
			if err := caller.Ask(caller.Request("INFO"), nil); !errors.Is(err, dialog.ErrState) {
				t.Errorf("after the end: %v", err)
			}
		})
	})
}

// A re-INVITE that rings and is never answered comes to its end, and the next one may go.
func TestModifyUnanswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, caller, callee, heard := pair(t)
		b.do(func() { _ = callee.Respond(callee.INVITE(), dialog.Response{Status: 200}) })
		expect(t, heard, dialog.Accepted)
		expect(t, b.events, dialog.Acknowledged)
		b.mute = true
		over := make(chan error, 1)
		start := time.Now()
		a.do(func() {
			if err := caller.Modify(caller.Request("INVITE"), func(_ *message.Message, _ *dialog.Reply, err error) { over <- err }); err != nil {
				t.Error(err)
			}
		})
		if err := <-over; !errors.Is(err, transaction.ErrTimeout) || time.Since(start) < 3*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		a.do(func() {
			if !caller.Modifiable() {
				t.Error("no other re-INVITE may go")
			}
		})
	})
}

// BenchmarkCall is one whole call between two ends on one machine: INVITE, 180 with PRACK or without, 200, ACK, BYE.
func BenchmarkCall(b *testing.B) {
	for _, reliable := range []bool{false, true} {
		b.Run(fmt.Sprint("reliable=", reliable), func(b *testing.B) {
			net := memnet.New()
			one, two := newEnd(b, net, "192.0.2.1:5060", 0), newEnd(b, net, "192.0.2.2:5060", 0)
			two.mute = true
			b.ReportAllocs()
			id := identity(one, two)
			for n := 0; b.Loop(); n++ {
				id.CallID = fmt.Sprint("c", n)
				caller, heard := one.callBy(id, two)
				callee := two.dialogOf()
				two.do(func() {
					tx := callee.INVITE()
					_ = callee.Respond(tx, dialog.Response{Status: 180, Reliable: reliable})
					_ = callee.Respond(tx, dialog.Response{Status: 200})
				})
				for e := range heard {
					if e.Kind == dialog.Accepted {
						break
					}
				}
				one.do(func() { caller.Bye(nil) })
				for e := range heard {
					if e.Kind == dialog.Over {
						break
					}
				}
				for e := range two.events {
					if e.Kind == dialog.Left {
						break
					}
				}
				<-two.last
			}
		})
	}
}

// A response that waited and can't be written is told of, and the others go on.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b, caller, callee, heard := pair(t)
		b.do(func() {
			tx := callee.INVITE()
			for _, r := range []dialog.Response{
				{Status: 180, Reliable: true}, {Status: 181, Reliable: true, Headers: header.List{{Name: "X", Value: "a\r\nb"}}}, {Status: 200},
			} {
				if err := callee.Respond(tx, r); err != nil {
					t.Error(err)
				}
			}
		})
		expect(t, heard, dialog.Provisional)
		if e := expect(t, b.events, dialog.Confirmed); e.Tx == nil {
			t.Error("no transaction")
		}
		if e := expect(t, b.events, dialog.Unsent); !errors.Is(e.Err, message.ErrMessage) {
			t.Errorf("error: %v", e.Err)
		}
		expect(t, heard, dialog.Replied)
		expect(t, heard, dialog.Accepted)
		a.do(func() { caller.Bye(nil) })
		expect(t, heard, dialog.Over)
	})
}
