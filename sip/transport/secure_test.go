package transport_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

var secureAddr = netip.AddrPortFrom(ourAddr.Addr(), 5061)

// secured makes a bubble whose layer listens for TLS too; refusals are collected.
func secured(t *testing.T, change func(*transport.Config), test func(*rig, *testca.CA, *refusals)) {
	t.Helper()
	ca := testca.New(t)
	refused := &refusals{}
	bubble(t, func(c *transport.Config) {
		c.Listen = append(c.Listen, transport.Listen{Network: transport.TLS, Addr: secureAddr})
		c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{ca.Issue([]string{"us.example.com"})},
			ClientAuth: tls.RequestClientCert, Time: time.Now}
		c.Refused = refused.hear
		if change != nil {
			change(c)
		}
	}, func(r *rig) { test(r, ca, refused) })
}

type refusals struct {
	mu  sync.Mutex
	all []error
}

func (r *refusals) hear(_ netip.AddrPort, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, err)
}

func (r *refusals) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := errors.Join(r.all...); err != nil {
		return err.Error()
	}
	return ""
}

func (r *rig) tls(cfg *tls.Config) (*stream, error) {
	raw, err := r.peer.Dial(context.Background(), secureAddr)
	if err != nil {
		r.Fatal(err)
	}
	c := tls.Client(raw, cfg)
	if err := c.Handshake(); err != nil {
		raw.Close()
		return nil, err
	}
	s := &stream{Conn: c, done: make(chan struct{})}
	go s.collect()
	synctest.Wait()
	return s, nil
}

// C49: requests come in over TLS, with who sent them; the answer goes back by the same connection, and so does a request of
// ours that names the flow.
func TestC49ListenTLS(t *testing.T) {
	secured(t, nil, func(r *rig, ca *testca.CA, _ *refusals) {
		mine := ca.Issue([]string{"pbx.example.com"})
		s, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", Certificates: []tls.Certificate{mine}})
		if err != nil {
			t.Fatal(err)
		}
		r.write(s, strings.ReplaceAll(tcpRequest("INVITE", "v=0\r\n"), "SIP/2.0/TCP", "SIP/2.0/TLS"))
		got := r.heard.take()
		if len(got) != 1 || got[0].Network != transport.TLS || got[0].Peer == nil || len(got[0].Peer.Chain) != 1 || !got[0].Peer.Chain[0].Equal(mine.Leaf) {
			t.Fatalf("%+v", got)
		}
		to := got[0].Reply()
		if to.Addr.Port() != 5061 {
			t.Errorf("answers go to %v, were the flow gone", to.Addr)
		}
		if err := r.layer.Send(to, respondTo(t, got[0], 200), nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if !strings.HasPrefix(s.text(), "SIP/2.0 200 OK\r\n") {
			t.Errorf("got %q", s.text())
		}
		s.Close()
		synctest.Wait()
		if err := r.layer.Send(to, respondTo(t, got[0], 200), nil); !errors.Is(err, transport.ErrNoPath) {
			t.Errorf("sent after the connection was gone: %v", err)
		}
		asked := 0
		for range 3 {
			got[0].Peer.Recall("trunk", func() any { asked++; return asked })
		}
		if asked != 1 {
			t.Errorf("verified %d times", asked)
		}
	})
}

// S38: old versions, renegotiation and what is no handshake are refused, and told.
func TestS38OldVersions(t *testing.T) {
	secured(t, nil, func(r *rig, ca *testca.CA, refused *refusals) {
		if _, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}); err == nil {
			t.Error("TLS 1.1 is taken")
		}
		weak := []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_ECDHE_ECDSA_WITH_RC4_128_SHA}
		if _, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", MaxVersion: tls.VersionTLS12, CipherSuites: weak}); err == nil {
			t.Error("weak ciphers are taken")
		}
		synctest.Wait()
		for _, what := range []string{"unsupported versions", "no cipher suite"} {
			if !strings.Contains(refused.String(), what) {
				t.Errorf("not told of %s: %s", what, refused)
			}
		}
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			s, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", MaxVersion: version})
			if err != nil {
				t.Fatalf("%x: %v", version, err)
			}
			s.Close()
		}
	})
}

// S11: a handshake that stalls ends at its time, and holds nobody else up.
func TestS11StalledHandshake(t *testing.T) {
	secured(t, nil, func(r *rig, ca *testca.CA, refused *refusals) {
		var stalled []*stream
		for _, begin := range []string{"", "\x16\x03\x01", "OPTIONS sip:x SIP/2.0\r\n"} {
			raw, err := r.peer.Dial(context.Background(), secureAddr)
			if err != nil {
				t.Fatal(err)
			}
			s := &stream{Conn: raw, done: make(chan struct{})}
			go s.collect()
			if _, err := io.WriteString(raw, begin); err != nil {
				t.Fatal(err)
			}
			stalled = append(stalled, s)
		}
		s, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com"})
		if err != nil {
			t.Fatal("others wait: ", err)
		}
		r.sleep(9 * time.Second)
		if stalled[0].closed() || !stalled[2].closed() {
			t.Error("ended too early, or what is no handshake not at once")
		}
		r.sleep(2 * time.Second)
		for i, s := range stalled {
			if !s.closed() {
				t.Errorf("connection %d still stands", i)
			}
		}
		if s.Close(); !strings.Contains(refused.String(), "deadline") {
			t.Errorf("not told: %s", refused)
		}
	})
}

// acceptTLS is a far end that is called over TLS: it gives what it read of each connection.
func acceptTLS(t *testing.T, l net.Listener, cfg *tls.Config) <-chan *stream {
	out := make(chan *stream, 10)
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			s := &stream{Conn: tls.Server(raw, cfg), done: make(chan struct{})}
			go s.collect()
			out <- s
		}
	}()
	return out
}

// C49: connections are opened over TLS, shared by those who trust the same, and by no others.
func TestC49DialTLS(t *testing.T) {
	secured(t, nil, func(r *rig, ca *testca.CA, _ *refusals) {
		at := netip.AddrPortFrom(peerAddr.Addr(), 5061)
		l, err := r.peer.Listen(at)
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		came := acceptTLS(t, l, &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{"pbx.example.com"})}})
		send := func(name string) error {
			secure := &transport.Secure{Name: name, Config: &tls.Config{RootCAs: ca.Pool(), ServerName: "pbx.example.com", MinVersion: tls.VersionTLS12}}
			var failed error
			if err := r.layer.Send(transport.Target{Network: transport.TLS, Addr: at, Secure: secure}, []byte(tcpRequest("OPTIONS", "")), func(err error) { failed = err }); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			return failed
		}
		for _, name := range []string{"a", "a", "b"} {
			if err := send(name); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if len(came) != 2 {
			t.Errorf("%d connections, want one for a and one for b", len(came))
		}
		if s := <-came; strings.Count(s.text(), "OPTIONS sip:") != 2 {
			t.Errorf("a's brought %q", s.text())
		}
		if err := r.layer.Send(transport.Target{Network: transport.TLS, Addr: at}, []byte("x"), nil); !errors.Is(err, transport.ErrNoPath) {
			t.Errorf("without knowing whom to trust: %v", err)
		}
	})
}

// S38: a far end that does not prove to be who it should is sent nothing, and the error says why.
func TestS38WrongCertificates(t *testing.T) {
	ca := testca.New(t)
	l, err := transport.New(transport.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l.Serve(func(transport.Incoming) { t.Error("heard something") })
	defer l.Close()
	expired := func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }
	for name, c := range map[string]struct {
		cert tls.Certificate
		want string
	}{
		"other CA":   {testca.New(t).Issue([]string{"pbx.example.com"}), "signed by unknown authority"},
		"other name": {ca.Issue([]string{"other.example.com"}), "not pbx.example.com"},
		"expired":    {ca.Issue([]string{"pbx.example.com"}, expired), "expired"},
	} {
		t.Run(name, func(t *testing.T) {
			far, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			came := acceptTLS(t, far, &tls.Config{Certificates: []tls.Certificate{c.cert}})
			secure := &transport.Secure{Name: name, Config: &tls.Config{RootCAs: ca.Pool(), ServerName: "pbx.example.com", MinVersion: tls.VersionTLS12}}
			at := netip.MustParseAddrPort(far.Addr().String())
			failed := make(chan error, 1)
			if err := l.Send(transport.Target{Network: transport.TLS, Addr: at, Secure: secure}, []byte("secret"), func(err error) { failed <- err }); err != nil {
				t.Fatal(err)
			}
			if err := <-failed; !strings.Contains(err.Error(), "TLS with "+at.String()) || !strings.Contains(err.Error(), c.want) {
				t.Error(err)
			}
			s := <-came
			if <-s.done; s.text() != "" {
				t.Errorf("sent %q", s.text())
			}
			far.Close()
		})
	}
}

// C49: a connection that a far end opened and asked to be used for requests too is (RFC 5923), by who trusts it alone.
func TestC49Alias(t *testing.T) {
	secured(t, nil, func(r *rig, ca *testca.CA, _ *refusals) {
		s, err := r.tls(&tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		r.write(s, tcpRequest("OPTIONS", ""))
		in := r.heard.take()[0]
		at := netip.AddrPortFrom(peerAddr.Addr(), 5061)
		mine := &transport.Secure{Name: "mine", Config: &tls.Config{}}
		r.layer.Alias(in.Flow, transport.TLS, at, mine)
		if err := r.layer.Send(transport.Target{Network: transport.TLS, Addr: at, Secure: mine}, []byte("by the alias"), nil); err != nil {
			t.Error(err)
		}
		other := &transport.Secure{Name: "other", Config: &tls.Config{}}
		if err := r.layer.Send(transport.Target{Network: transport.TLS, Addr: at, Secure: other}, []byte("by another"), nil); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		if got := s.text(); got != "by the alias" {
			t.Errorf("sent %q", got)
		}
		s.Close()
		synctest.Wait()
		if r.layer.Flows() != 0 {
			t.Error("a flow is left")
		}
	})
}

// S01: what is not admitted is not read: no datagram, no connection.
func TestS01NotAdmitted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		malformed := 0
		var closed sync.Map
		l, err := transport.New(transport.Config{
			Network: n.Host(ourAddr.Addr()), Listen: []transport.Listen{{Network: transport.UDP, Addr: ourAddr}, {Network: transport.TCP, Addr: ourAddr}},
			Admit:     func(a netip.Addr, _ time.Time) bool { _, no := closed.Load(a); return !no },
			Malformed: func(in transport.Incoming) { malformed++ },
		})
		if err != nil {
			t.Fatal(err)
		}
		h := &heard{}
		l.Serve(h.handle)
		defer l.Close()
		peer := n.Host(peerAddr.Addr())
		udp, err := peer.ListenPacket(peerAddr)
		if err != nil {
			t.Fatal(err)
		}
		defer udp.Close()
		tcp, err := peer.Dial(context.Background(), ourAddr)
		if err != nil {
			t.Fatal(err)
		}
		send := func() {
			_ = udp.WriteTo([]byte(request("OPTIONS", "SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1")), ourAddr)
			_ = udp.WriteTo([]byte(strings.Repeat("junk", 10)), ourAddr)
			_, _ = io.WriteString(tcp, tcpRequest("OPTIONS", ""))
			synctest.Wait()
		}
		send()
		if got := h.methods(); got != "OPTIONS OPTIONS" || malformed != 1 {
			t.Errorf("heard %s, %d malformed", got, malformed)
		}
		closed.Store(peerAddr.Addr(), true)
		send()
		again, err := peer.Dial(context.Background(), ourAddr)
		if err == nil {
			defer again.Close()
			_, _ = io.WriteString(again, tcpRequest("OPTIONS", ""))
		}
		synctest.Wait()
		if got := h.methods(); got != "" || l.Flows() != 0 || malformed != 1 {
			t.Errorf("heard %q, %d flows, %d malformed", got, l.Flows(), malformed)
		}
	})
}
