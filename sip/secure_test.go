package sip_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

const pbx = "pbx.example.com"

var pbxAt = netip.MustParseAddrPort("203.0.113.50:5060")

func over5061(at netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(at.Addr(), 5061) }

// secureRig is a rig that listens for TLS too, with a trunk whose peer is reached by TLS and one whose callers must show
// a certificate.
func secureRig(t *testing.T, ca *testca.CA, change ...func(*sip.Config, *directory.Content)) *rig {
	t.Helper()
	cert, key := testca.Files(t, t.TempDir(), ca.Issue([]string{"us.example.com"}))
	trusted := header.Trusted()
	return newRig(t, append([]func(*sip.Config, *directory.Content){func(cfg *sip.Config, c *directory.Content) {
		cfg.TLS = directory.TLS{Cert: cert, CertKey: key}
		cfg.Transport.Listen = append(cfg.Transport.Listen, transport.Listen{Network: transport.TLS, Addr: over5061(serverAt)})
		cfg.Lookup = func(_ context.Context, host string) ([]netip.Addr, error) {
			if host == pbx {
				return []netip.Addr{pbxAt.Addr()}, nil
			}
			return nil, errors.New("no such host")
		}
		roots := directory.Options{TLS: directory.TLS{Roots: ca.File()}}
		mutual := directory.Options{TLS: directory.TLS{Roots: roots.TLS.Roots, Mutual: true, Names: []string{"sbc.example.com"}}}
		c.Trunks = append(c.Trunks,
			directory.Trunk{ID: "secure", Account: "000000000001", In: trusted, Out: trusted, Options: roots,
				Peers: []directory.Peer{{Host: pbx, Transport: transport.TLS}}},
			directory.Trunk{ID: "mutual", Account: "000000000001", In: trusted, Out: trusted, Options: mutual})
	}}, change...)...)
}

// securePhone is a far end that speaks TLS alone.
func (r *rig) securePhone(at netip.AddrPort, cert tls.Certificate) *phone {
	r.t.Helper()
	sockets, err := transport.New(transport.Config{
		Listen: []transport.Listen{{Network: transport.TLS, Addr: over5061(at)}}, Network: r.net.Host(at.Addr()),
		TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	p := &phone{t: r.t, at: over5061(at), sockets: sockets, network: transport.TLS, got: make(chan *message.Message, 1000),
		came: map[*message.Message]transport.Incoming{}}
	sockets.Serve(func(in transport.Incoming) {
		p.mu.Lock()
		p.came[in.Msg] = in
		p.mu.Unlock()
		p.got <- in.Msg
	})
	r.t.Cleanup(func() { sockets.Close() })
	return p
}

// to is how a phone reaches the server over TLS, showing certificates.
func securely(ca *testca.CA, name string, show ...tls.Certificate) transport.Target {
	return transport.Target{Network: transport.TLS, Addr: over5061(serverAt), Secure: &transport.Secure{
		Name: name, Config: &tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", Certificates: show, MinVersion: tls.VersionTLS12}}}
}

// C49: a call to a trunk's peer over TLS: all of it on one connection, which Via and Contact say.
func TestC49CallOverTLS(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca := testca.New(t)
		r := secureRig(t, ca)
		bob := r.securePhone(pbxAt, ca.Issue([]string{pbx}))
		leg, e := r.dial(call.Dial{Trunk: "secure", To: "+1", From: "+2"})
		inv := bob.receive("INVITE")
		if inv.Via.Transport != "TLS" || inv.URI != "sip:+1@"+pbx+";transport=tls" || !strings.HasSuffix(inv.Get("Contact"), ":5061;transport=tls>") ||
			!strings.Contains(inv.Get("Via"), ";alias") || bob.over(inv) != transport.TLS {
			t.Errorf("%+v", inv.Headers)
		}
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
		if n := bob.sockets.Flows(); n != 1 {
			t.Errorf("%d connections", n)
		}
	})
}

// S38: a dialog that began over TLS goes on over TLS, whatever network a Contact asks for.
func TestS38StaysOverTLS(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca := testca.New(t)
		r := secureRig(t, ca)
		bob, plain := r.securePhone(pbxAt, ca.Issue([]string{pbx})), r.phone(pbxAt)
		leg, e := r.dial(call.Dial{Trunk: "secure", To: "+1", From: "+2"})
		inv := bob.receive("INVITE")
		ok := message.NewResponse(inv, 200, "")
		ok.Tag("bob")
		ok.Add("Contact", "<sip:bob@"+pbxAt.String()+";transport=udp>")
		ok.Add("Content-Type", "application/sdp")
		ok.Body = crlf(answer)
		bob.reply(inv, ok)
		bob.receive("ACK")
		want[call.Answered](e)
		leg.Hold(true)
		bob.answer(bob.receive("INVITE"), 200, "bob", way("recvonly", "3"))
		bob.receive("ACK")
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		want[call.LegEnded](e)
		plain.quiet(time.Second)
	})
}

// C49: who must show a certificate gets in with the right one alone, over TLS alone.
func TestC49MutualTLS(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca := testca.New(t)
		r := secureRig(t, ca)
		stranger := netip.MustParseAddrPort("198.51.100.77:5060")
		sbc := r.securePhone(stranger, ca.Issue([]string{"sbc.example.com"}))
		right, other := ca.Issue([]string{"sbc.example.com"}), testca.New(t).Issue([]string{"sbc.example.com"})
		for name, c := range map[string]struct {
			show []tls.Certificate
			want string
		}{
			"right": {[]tls.Certificate{right}, ""}, "none": {nil, "403"}, "other CA": {[]tls.Certificate{other}, "403"},
			"other name": {[]tls.Certificate{ca.Issue([]string{"x.example.com"})}, "403"},
			"expired":    {[]tls.Certificate{ca.Issue([]string{"sbc.example.com"}, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })}, "403"},
		} {
			inv := sbc.invite(strings.ReplaceAll(name, " ", "-"))
			sbc.sendTo(securely(ca, name, c.show...), inv)
			if c.want != "" {
				sbc.receive(c.want)
				continue
			}
			a := r.attempt()
			if a.Trunk != "mutual" {
				t.Errorf("%s came by %q", name, a.Trunk)
			}
			a.leg.Hangup(call.Cause{SIP: 486}, nil)
			sbc.receive("486")
			want[call.LegEnded](a.events)
		}
		udp := r.phone(stranger)
		udp.send(udp.invite("udp"))
		udp.receive("403")
	})
}

// C49: a trunk whose calls come in over TLS alone takes none over UDP from the same address.
func TestC49NeedTLS(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca := testca.New(t)
		for _, need := range []bool{true, false} {
			r := secureRig(t, ca, func(_ *sip.Config, c *directory.Content) { c.Trunks[0].TLS.Need = need })
			alice := r.phone(aliceAt)
			alice.send(alice.invite("udp"))
			if need {
				alice.receive("403")
			} else {
				r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
				alice.receive("486")
			}
			secure := r.securePhone(aliceAt, ca.Issue([]string{"alice.example.com"}))
			secure.sendTo(securely(ca, "alice"), secure.invite("tls"))
			a := r.attempt()
			if a.Trunk != "alice" {
				t.Errorf("came by %q", a.Trunk)
			}
			a.leg.Hangup(call.Cause{SIP: 486}, nil)
			secure.receive("486")
		}
	})
}

// C49: a sips call goes over TLS or not at all, and says sips in its Contact.
func TestC49Sips(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca := testca.New(t)
		r := secureRig(t, ca)
		alice := r.phone(aliceAt)
		inv := alice.invite("sips-udp")
		inv.URI = "sips:+12065550100@192.0.2.1"
		alice.send(inv)
		alice.receive("416")

		sbc := r.securePhone(netip.MustParseAddrPort("198.51.100.77:5060"), ca.Issue([]string{"sbc.example.com"}))
		inv = sbc.invite("sips-tls")
		inv.URI = "sips:+12065550100@192.0.2.1"
		inv.Set("Contact", "<sips:sbc@198.51.100.77>")
		sbc.sendTo(securely(ca, "sbc", ca.Issue([]string{"sbc.example.com"})), inv)
		a := r.attempt()
		a.leg.Answer(nil)
		if ok := sbc.receive("200"); ok.Get("Contact") != "<sips:192.0.2.1:5061>" {
			t.Errorf("Contact %s", ok.Get("Contact"))
		}
		a.leg.Hangup(call.Cause{}, nil)
		pass(40 * time.Second)

		bob := r.securePhone(pbxAt, ca.Issue([]string{pbx}))
		plain := r.phone(pbxAt)
		_, e := r.dial(call.Dial{Trunk: "secure", To: "1", From: "2", URI: "sips:1@" + pbx})
		inv = bob.receive("INVITE")
		if !strings.HasPrefix(inv.Get("Contact"), "<sips:") {
			t.Errorf("Contact %s", inv.Get("Contact"))
		}
		bob.answer(inv, 302, "x", "", "Contact: <sip:2@"+pbx+">")
		bob.receive("ACK")
		want[call.LegEnded](e)
		plain.quiet(time.Minute)
	})
}

// C49: requests to a peer that proved itself and asked for it go by the connection that the peer opened.
func TestC49ConnectionReuse(t *testing.T) {
	for name, flows := range map[string]int{pbx: 1, "sbc.example.com": 2} { // who may call, and is not the peer, gets none of its calls
		inTime(t, func(t *testing.T) {
			ca := testca.New(t)
			r := secureRig(t, ca, func(_ *sip.Config, c *directory.Content) {
				for i := range c.Trunks {
					if c.Trunks[i].ID == "secure" {
						c.Trunks[i].TLS.Mutual, c.Trunks[i].TLS.Names = true, []string{"sbc.example.com"}
					}
				}
			})
			bob := r.securePhone(pbxAt, ca.Issue([]string{pbx}))
			m := bob.request("OPTIONS", "o1", 1, "")
			m.Set("Via", m.Get("Via")+";alias")
			bob.sendTo(securely(ca, "bob", ca.Issue([]string{name})), m)
			bob.receive("200")
			_, e := r.dial(call.Dial{Trunk: "secure", To: "1", From: "2"})
			bob.answer(bob.receive("INVITE"), 486, "x", "")
			bob.receive("ACK")
			want[call.LegEnded](e)
			if n := bob.sockets.Flows(); n != flows {
				t.Errorf("%s: %d connections, want %d", name, n, flows)
			}
		})
	}
}

// farEnd is a TLS listener on this machine that shows a certificate and answers nothing.
func farEnd(t *testing.T, cert tls.Certificate) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12})
			_ = s.SetDeadline(time.Now().Add(5 * time.Second))
			_ = s.Handshake()
			_, _ = s.Read(make([]byte, 1))
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().(*net.TCPAddr).Port
}

// S38: a peer that does not prove to be who it should is not called: the leg ends as unreachable and says why. Names are
// matched whole, by RFC 5922.
func TestS38PeerCertificates(t *testing.T) {
	ca := testca.New(t)
	wild := []string{"*.example.com"}
	for name, c := range map[string]struct {
		cert  tls.Certificate
		names []string
		want  string // "" : it is taken
	}{
		"right":           {cert: ca.Issue([]string{"localhost"})},
		"sip URI":         {cert: ca.Issue([]string{"sip:localhost", "other.example.com"})},
		"other sip URI":   {cert: ca.Issue([]string{"sip:other.example.com", "localhost"}), want: `the certificate is for "other.example.com", not for localhost`},
		"named":           {cert: ca.Issue([]string{"carrier.example.com"}), names: []string{"carrier.example.com"}},
		"wildcard":        {cert: ca.Issue(wild), names: []string{"a.example.com"}, want: "not for localhost or a.example.com"},
		"named wildcard":  {cert: ca.Issue(wild), names: wild},
		"common name":     {cert: ca.Issue(nil, func(c *x509.Certificate) { c.Subject.CommonName = "localhost" })},
		"other CA":        {cert: testca.New(t).Issue([]string{"localhost"}), want: "unknown authority"},
		"expired":         {cert: ca.Issue([]string{"localhost"}, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }), want: "expired"},
		"not valid yet":   {cert: ca.Issue([]string{"localhost"}, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), want: "not yet valid"},
		"common name too": {cert: ca.Issue([]string{"x.example.com"}, func(c *x509.Certificate) { c.Subject.CommonName = "localhost" }), want: "not for localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			port := farEnd(t, c.cert)
			s := realServer(t, directory.Content{Trunks: []directory.Trunk{{
				ID: "t", Account: "000000000001", In: header.Trusted(), Out: header.Trusted(),
				Peers:   []directory.Peer{{Host: "localhost", Port: port, Transport: transport.TLS}},
				Options: directory.Options{TLS: directory.TLS{Roots: ca.File(), Names: c.names}},
			}}}, nil)
			e := newEvents(t)
			s.Dial(call.NewLegID(0), call.Dial{Trunk: "t", To: "1", From: "2", Timeout: 300 * time.Millisecond}, e.report)
			end := want[call.LegEnded](e)
			switch {
			case c.want == "" && end.Cause.Label == call.LabelUnreachable && strings.Contains(end.Cause.Text, "TLS"):
				t.Errorf("not taken: %+v", end.Cause)
			case c.want != "" && (end.Cause.Label != call.LabelUnreachable || !strings.Contains(end.Cause.Text, c.want) || !strings.Contains(end.Cause.Text, "TLS with 127.0.0.1")):
				t.Errorf("cause: %+v, want %s", end.Cause, c.want)
			}
		})
	}
}

// realServer is a server on sockets of this machine.
func realServer(t *testing.T, content directory.Content, change func(*sip.Config)) *sip.Server {
	t.Helper()
	snapshot := directory.NewSnapshot(content)
	any := netip.MustParseAddrPort("127.0.0.1:0")
	cfg := sip.Config{
		Transport: transport.Config{Listen: both(any)}, Directory: func() *directory.Snapshot { return snapshot }, Shards: 1, Log: slog.New(slog.DiscardHandler),
		Media: func(netip.Addr) (sip.Session, error) { return nil, fmt.Errorf("no media") },
	}
	r := &rig{}
	cfg.Media = func(netip.Addr) (sip.Session, error) {
		return &fakeSession{at: netip.MustParseAddrPort("127.0.0.1:10000"), open: &r.sessions, shared: &r.mu}, nil
	}
	if change != nil {
		change(&cfg)
	}
	s, err := sip.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Serve()
	t.Cleanup(func() { s.Close() })
	return s
}

// S38: at the addresses of a trunk that needs a certificate there is no connection without the right one; and a new
// certificate of ours is shown as soon as its files are there.
func TestS38ConnectionsIn(t *testing.T) {
	ca, dir := testca.New(t), t.TempDir()
	cert, key := testca.Files(t, dir, ca.Issue([]string{"first.example.com"}))
	s := realServer(t, directory.Content{Trunks: []directory.Trunk{{
		ID: "t", Account: "000000000001", In: header.Trusted(), Out: header.Trusted(), Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		Options: directory.Options{TLS: directory.TLS{Roots: ca.File(), Mutual: true, Names: []string{pbx}}},
	}}}, func(c *sip.Config) {
		c.TLS = directory.TLS{Cert: cert, CertKey: key}
		c.Transport.Listen = append(c.Transport.Listen, transport.Listen{Network: transport.TLS, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
	})
	at := ""
	for _, l := range s.Addrs() {
		if l.Network == transport.TLS {
			at = l.Addr.String()
		}
	}
	try := func(server string, show ...tls.Certificate) error {
		c, err := tls.Dial("tcp", at, &tls.Config{RootCAs: ca.Pool(), ServerName: server, Certificates: show, MinVersion: tls.VersionTLS12})
		if err != nil {
			return err
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		if _, err := c.Write([]byte("\r\n\r\n")); err != nil {
			return err
		}
		_, err = c.Read(make([]byte, 2)) // TLS 1.3 tells only now what became of the certificate
		return err
	}
	if err := try("first.example.com", ca.Issue([]string{pbx})); err != nil {
		t.Errorf("the right certificate: %v", err)
	}
	for name, show := range map[string][]tls.Certificate{
		"none": nil, "other CA": {testca.New(t).Issue([]string{pbx})}, "other name": {ca.Issue([]string{"x.example.com"})},
	} {
		if err := try("first.example.com", show...); err == nil {
			t.Errorf("%s: connected", name)
		}
	}
	old := &tls.Config{RootCAs: ca.Pool(), ServerName: "first.example.com", Certificates: []tls.Certificate{ca.Issue([]string{pbx})}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	if _, err := tls.Dial("tcp", at, old); err == nil || !strings.Contains(err.Error(), "protocol version") {
		t.Errorf("TLS 1.1: %v", err)
	}
	testca.Files(t, dir, ca.Issue([]string{"second.example.com", "much-longer-than-the-first.example.com"}))
	s.Reload()
	if err := try("second.example.com", ca.Issue([]string{pbx})); err != nil {
		t.Errorf("after the files changed: %v", err)
	}
}

// Who runs the server is told why a call that no trunk lets in is refused.
func TestStrangersCallsAreTold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var log logged
		r := secureRig(t, testca.New(t), func(cfg *sip.Config, c *directory.Content) {
			cfg.Log = slog.New(slog.NewTextHandler(&log, nil))
			for i := range c.Trunks {
				if c.Trunks[i].ID == "mutual" {
					c.Trunks[i].Allow = []netip.Prefix{netip.MustParsePrefix("198.51.100.77/32")}
				}
			}
		})
		for at, want := range map[string]string{
			"198.51.100.66:5060": `"call of a stranger refused" source=198.51.100.66:5060 network=udp callId=stranger-198.51.100.66 to=sip:`,
			"198.51.100.77:5060": `reason="trunk mutual takes calls over TLS alone, from who shows a certificate`,
		} {
			p := r.phone(netip.MustParseAddrPort(at))
			p.send(p.invite("stranger-" + p.at.Addr().String()))
			p.receive("403")
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: no %s in\n%s", at, want, &log)
			}
		}
	})
}

// Operators hear of a certificate of theirs that ends soon, and each day that it has ended.
func TestCertificateEnds(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var log logged
		ca := testca.New(t)
		cert, key := testca.Files(t, t.TempDir(), ca.Issue([]string{"us.example.com"}, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(time.Hour) }))
		r := secureRig(t, ca, func(cfg *sip.Config, _ *directory.Content) {
			cfg.TLS, cfg.Log = directory.TLS{Cert: cert, CertKey: key}, slog.New(slog.NewTextHandler(&log, nil))
		})
		if end := r.s.Certificates()[cert]; !end.Equal(time.Now().Add(time.Hour)) {
			t.Errorf("it ends at %v", end)
		}
		pass(25 * time.Hour)
		soon, late := strings.Count(log.String(), "ends soon"), strings.Count(log.String(), "has expired")
		if soon != 1 || late != 1 || !strings.Contains(log.String(), cert) {
			t.Errorf("told %d times that it ends and %d times that it has:\n%s", soon, late, &log)
		}
	})
}
