package far_test

import (
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
)

// A phone has nobody who would call somebody else for it: it refuses to be transferred at once, and who asked goes on without it.
func TestPhoneRefusesToBeTransferred(t *testing.T) {
	lo := netip.MustParseAddr("127.0.0.1")
	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: lo}}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	at := netip.AddrPortFrom(lo, 0)
	phone, err := far.NewPhone(far.Config{Listen: at, Media: m, Incoming: func(l *far.Line) { l.Answer(nil) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { phone.Close() })
	snapshot := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{{ID: "phone", In: header.Trusted(), Out: header.Trusted(),
		Peers: []directory.Peer{{Host: lo.String(), Port: int(phone.Addr().Port())}}, Options: directory.Options{Transfer: directory.Transfer{Strategy: "header"}}}}})
	s, err := sip.New(sip.Config{
		Transport: transport.Config{Listen: []transport.Listen{{Network: transport.UDP, Addr: at}}}, Log: slog.New(slog.DiscardHandler),
		Directory: func() *directory.Snapshot { return snapshot }, Media: func(a netip.Addr) (sip.Session, error) { return m.Open(a) },
		Receive: func(call.Attempt, sip.Open) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() { s.Close() })
	events := make(chan call.Event, 64)
	leg := s.Dial(call.NewLegID(0), call.Dial{To: "100", Trunk: "phone"}, func(e call.Event) { events <- e })
	late := time.After(5 * time.Second)
	for {
		select {
		case e := <-events:
			switch e := e.(type) {
			case call.Answered:
				leg.Refer(call.Refer{Leg: e.Leg, To: "200"}, nil)
			case call.Referred:
				if !e.Anchor {
					t.Errorf("what became of it: %+v", e)
				}
				return
			case call.LegEnded:
				t.Fatalf("the leg ended: %v", e.Cause)
			}
		case <-late:
			t.Fatal("nothing is heard of the transfer")
		}
	}
}
