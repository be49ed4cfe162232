package dialog_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// end is one user agent: a set of dialogs on a stack of its own.
type end struct {
	t      testing.TB
	at     netip.AddrPort
	layer  *transaction.Layer
	set    *dialog.Set
	events chan dialog.Event // of the dialogs that come in
	last   chan *dialog.Dialog
	full   chan error
	mute   bool // re-INVITEs only ring
}

func (e *end) Request(tx *transaction.Server) {
	if tx.Msg().ToTag != "" {
		e.set.Request(tx)
		return
	}
	d, err := e.set.Incoming(tx, "<sip:"+e.at.String()+">", func(ev dialog.Event) {
		if ev.Tx != nil && e.mute && ev.Kind == dialog.Modified {
			_ = e.dialogOf().Respond(ev.Tx, dialog.Response{Status: 180})
		} else if ev.Tx != nil {
			_ = e.dialogOf().Respond(ev.Tx, dialog.Response{Status: 200})
		}
		e.events <- ev
	})
	if err != nil {
		e.full <- err
		_ = tx.Respond(message.NewResponse(tx.Msg(), 503, ""))
		return
	}
	e.last <- d
}

// dialogOf gives the dialog that came in last.
func (e *end) dialogOf() *dialog.Dialog {
	d := <-e.last
	e.last <- d
	return d
}

func (e *end) Cancelled(tx *transaction.Server, m *message.Message) { e.set.Cancelled(tx, m) }
func (e *end) Ack(m *message.Message, in transport.Incoming)        { e.set.Ack(m, in) }
func (e *end) Stray(in transport.Incoming)                          { e.set.Stray(in.Msg) }

func newEnd(t testing.TB, net *memnet.Net, at string, limit int) *end {
	t.Helper()
	e := &end{t: t, at: netip.MustParseAddrPort(at), events: make(chan dialog.Event, 100), last: make(chan *dialog.Dialog, 1), full: make(chan error, 1)}
	sockets, err := transport.New(transport.Config{
		Listen: []transport.Listen{{Network: transport.UDP, Addr: e.at}}, Network: net.Host(e.at.Addr())})
	if err != nil {
		t.Fatal(err)
	}
	e.layer = transaction.New(transaction.Config{Transport: sockets, User: e, Shards: 1})
	e.set = dialog.New(dialog.Config{Layer: e.layer, Max: limit,
		Resolve: func(_, uri string, _ transport.Target, then func(transport.Target, error)) {
			u, err := header.ParseURI(uri)
			if err != nil {
				then(transport.Target{}, err)
				return
			}
			a, err := netip.ParseAddr(u.Host)
			then(transport.Target{Network: transport.UDP, Addr: netip.AddrPortFrom(a, uint16(u.Port))}, err)
		}})
	e.layer.Start()
	t.Cleanup(func() {
		if err := sockets.Close(); err != nil {
			t.Error(err)
		}
		e.layer.Close()
	})
	return e
}

// do runs f on the shard.
func (e *end) do(f func()) {
	done := make(chan struct{})
	e.layer.Post("c", func() { f(); close(done) })
	<-done
}

// call makes the caller's end and invites.
func (e *end) call(to *end) (*dialog.Dialog, chan dialog.Event) {
	e.t.Helper()
	return e.callBy(identity(e, to), to)
}

func (e *end) callBy(id dialog.Identity, to *end) (*dialog.Dialog, chan dialog.Event) {
	e.t.Helper()
	events := make(chan dialog.Event, 100)
	var d *dialog.Dialog
	e.do(func() {
		var err error
		d, err = e.set.Outgoing(id, func(ev dialog.Event) { events <- ev })
		if err != nil {
			e.t.Errorf("outgoing: %v", err)
			return
		}
		if err := d.Invite(d.Request("INVITE"), transport.Target{Network: transport.UDP, Addr: to.at}); err != nil {
			e.t.Errorf("invite: %v", err)
		}
		if err := d.Invite(d.Request("INVITE"), transport.Target{}); !errors.Is(err, dialog.ErrState) {
			e.t.Errorf("second invite: %v", err)
		}
	})
	return d, events
}

func identity(from, to *end) dialog.Identity {
	return dialog.Identity{CallID: "c", Tag: "caller", Local: "<sip:a@" + from.at.String() + ">", Remote: "<sip:b@b>",
		Contact: "<sip:" + from.at.String() + ">", Target: "sip:" + to.at.String()}
}

// expect waits for an event of the kind, which must be the next but for the 100.
func expect(t *testing.T, ch chan dialog.Event, k dialog.Kind) dialog.Event {
	t.Helper()
	for e := range ch {
		if e.Kind == dialog.Provisional && e.Msg.Status == 100 {
			continue
		}
		if e.Kind != k {
			t.Fatalf("event %d, want %d", e.Kind, k)
		}
		return e
	}
	panic("unreachable")
}

func TestBothEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a, b := newEnd(t, net, "192.0.2.1:5060", 0), newEnd(t, net, "192.0.2.2:5060", 0)
		caller, heard := a.call(b)
		callee := b.dialogOf()
		var trace []string
		b.do(func() {
			callee.Trace(func(sent bool, m *message.Message) {
				trace = append(trace, map[bool]string{true: "> ", false: "< "}[sent]+m.Method+m.Reason)
			})
			tx := callee.INVITE()
			for _, status := range []int{180, 200} {
				if err := callee.Respond(tx, dialog.Response{Status: status, Type: "text/plain", Body: []byte("x")}); err != nil {
					t.Error(err)
				}
			}
			if callee.INVITE() != nil {
				t.Error("the INVITE is answered")
			}
			callee.Bye(header.List{{Name: "X-Why", Value: "so"}}) // waits for the ACK
		})
		expect(t, heard, dialog.Provisional)
		expect(t, heard, dialog.Accepted)
		expect(t, b.events, dialog.Acknowledged)
		if e := expect(t, heard, dialog.Left); e.Msg.Get("X-Why") != "so" {
			t.Errorf("BYE: %+v", e.Msg)
		}
		if e := expect(t, b.events, dialog.Over); e.Msg.Status != 200 || e.Err != nil {
			t.Errorf("over: %+v", e)
		}
		time.Sleep(time.Second) // in the bubble's time: nothing more shall come
		if d := cmp.Diff([]string{"> Ringing", "> OK", "< ACK", "> BYE", "< OK"}, trace); d != "" {
			t.Errorf("trace (-want +got):\n%s", d)
		}
		if a.set.Len()+b.set.Len() != 0 {
			t.Errorf("%d and %d dialogs are left", a.set.Len(), b.set.Len())
		}
		a.do(func() { caller.Bye(nil); caller.Cancel(nil); caller.End() }) // nothing happens any more
		synctest.Wait()
		if len(heard)+len(b.events) != 0 {
			t.Error("more events")
		}
	})
}

func TestByeWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a, b := newEnd(t, net, "192.0.2.1:5060", 0), newEnd(t, net, "192.0.2.2:5060", 0)
		caller, heard := a.call(b)
		callee := b.dialogOf()
		b.do(func() { _ = callee.Respond(callee.INVITE(), dialog.Response{Status: 200}) })
		expect(t, heard, dialog.Accepted)
		expect(t, b.events, dialog.Acknowledged)
		net.Lose(func(_, _ netip.AddrPort, _ []byte) bool { return true })
		a.do(func() { caller.Bye(nil) })
		if e := expect(t, heard, dialog.Over); !errors.Is(e.Err, transaction.ErrTimeout) {
			t.Errorf("over: %+v", e)
		}
		b.do(func() { callee.Bye(nil) })
		expect(t, b.events, dialog.Over)
		if a.set.Len()+b.set.Len() != 0 {
			t.Errorf("%d and %d dialogs are left", a.set.Len(), b.set.Len())
		}
	})
}

func TestFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net := memnet.New()
		a, b := newEnd(t, net, "192.0.2.1:5060", 1), newEnd(t, net, "192.0.2.2:5060", 1)
		b.do(func() {
			if _, err := b.set.Outgoing(identity(b, a), func(dialog.Event) {}); err != nil {
				t.Error(err)
			}
		})
		caller, heard := a.call(b)
		if err := <-b.full; !errors.Is(err, dialog.ErrFull) {
			t.Errorf("incoming: %v", err)
		}
		if e := expect(t, heard, dialog.Refused); e.Msg.Status != 503 {
			t.Errorf("refused: %+v", e)
		}
		a.do(func() {
			if _, err := a.set.Outgoing(identity(a, b), nil); !errors.Is(err, dialog.ErrFull) {
				t.Errorf("outgoing: %v", err)
			}
			caller.End()
			caller.End()
			if a.set.Len() != 0 {
				t.Errorf("%d dialogs", a.set.Len())
			}
		})
	})
}

func TestDraft(t *testing.T) {
	m := dialog.Draft(dialog.Identity{CallID: "c", Tag: "t", Local: "<sip:a@a>", Remote: "<sip:b@b>", Contact: "<sip:c>", Target: "sip:d"}, "OPTIONS")
	want := header.List{{Name: "Max-Forwards", Value: "70"}, {Name: "From", Value: "<sip:a@a>;tag=t"}, {Name: "To", Value: "<sip:b@b>"},
		{Name: "Call-ID", Value: "c"}, {Name: "CSeq", Value: "1 OPTIONS"}, {Name: "Contact", Value: "<sip:c>"}}
	if d := cmp.Diff(want, m.Headers); d != "" || m.URI != "sip:d" {
		t.Errorf("%s (-want +got):\n%s", m.URI, d)
	}
}
