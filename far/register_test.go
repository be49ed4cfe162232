package far_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/registrar"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// exchange is a server at which telephones register, over all networks.
type exchange struct {
	*sip.Server
	ca       *testca.CA
	media    *rtp.Engine
	attempts chan call.Attempt
}

func openExchange(t *testing.T) exchange {
	t.Helper()
	x := exchange{ca: testca.New(t), attempts: make(chan call.Attempt, 1)}
	cert, key := testca.Files(t, t.TempDir(), x.ca.Issue([]string{"127.0.0.1"}))
	r, err := registrar.Open(t.Context(), registrar.Config{})
	if err != nil {
		t.Fatal(err)
	}
	x.media, err = rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	snapshot := directory.NewSnapshot(directory.Content{Endpoints: []directory.Endpoint{{User: "1001", Account: "1", Password: "se:cr@t"}}})
	at := netip.MustParseAddrPort("127.0.0.1:0")
	x.Server, err = sip.New(sip.Config{
		Transport: transport.Config{Listen: []transport.Listen{{Network: transport.UDP, Addr: at}, {Network: transport.TCP, Addr: at}, {Network: transport.TLS, Addr: at}}},
		Directory: func() *directory.Snapshot { return snapshot }, Endpoints: sip.Endpoints{Registrar: r}, TLS: directory.TLS{Cert: cert, CertKey: key},
		Media: func(toward netip.Addr) (sip.Session, error) { return x.media.Open(toward) }, Shards: 1,
		Receive: func(at call.Attempt, open sip.Open) {
			x.attempts <- at
			open(call.NewLegID(0), func(call.Event) {}).Hangup(call.Cause{SIP: 486}, nil)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	x.Serve()
	t.Cleanup(func() {
		for _, err := range []error{x.Close(), x.media.Close(), r.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return x
}

// port gives the port of a network.
func (x exchange) port(network string) int {
	for _, l := range x.Addrs() {
		if l.Network == network {
			return int(l.Addr.Port())
		}
	}
	return 0
}

// A phone registers, is called where it registered, and calls as who it is, over each network; with a wrong password it does not.
func TestPhoneRegisters(t *testing.T) {
	for _, network := range []string{transport.UDP, transport.TCP, transport.TLS} {
		t.Run(network, func(t *testing.T) {
			x := openExchange(t)
			lines := make(chan *far.Line, 1)
			p, err := far.NewPhone(far.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Media: x.media,
				TLS: directory.TLS{Roots: x.ca.File()}, Incoming: func(l *far.Line) { lines <- l }})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			defer cancel()
			at := far.Registrar{User: "1001", Password: "se:cr@t", Host: "127.0.0.1", Port: x.port(network), Transport: directory.Transport(network)}
			if err := p.Register(ctx, at); err != nil {
				t.Fatal(err)
			}
			x.Dial(call.NewLegID(0), call.Dial{Endpoint: "1001"}, func(call.Event) {})
			select {
			case l := <-lines:
				l.Hangup(486, nil)
			case <-ctx.Done():
				t.Error("it is not called")
			}
			line, err := p.Call(far.Outgoing{Number: "2", From: "1001", Host: at.Host, Port: at.Port, Transport: at.Transport})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := line.Wait(ctx); line.Cause().SIP != 486 {
				t.Errorf("its call: %v", err)
			}
			if a := <-x.attempts; a.Endpoint != "1001" || a.From != "1001" || a.To != "2" {
				t.Errorf("it calls as %+v", a)
			}
			if err := p.Close(); err != nil {
				t.Error(err)
			}

			other, err := far.NewPhone(far.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Media: x.media, TLS: directory.TLS{Roots: x.ca.File()}})
			if err != nil {
				t.Fatal(err)
			}
			at.Password = "guessed"
			if err := other.Register(ctx, at); err == nil || !strings.Contains(err.Error(), "1001 is not registered at 127.0.0.1: 401") {
				t.Errorf("with a wrong password: %v", err)
			}
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
