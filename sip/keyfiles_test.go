package sip_test

import (
	"log/slog"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// A disk that does not answer, as that of a network, holds no handshake up, in or out: what was read last is used on. What
// has changed meanwhile is read when it answers again.
func TestSlowDiskHoldsNoHandshakeUp(t *testing.T) {
	inTime(t, func(t *testing.T) {
		ca, dir := testca.New(t), t.TempDir()
		cert, key := testca.Files(t, dir, ca.Issue([]string{"us.example.com"}))
		r := secureRig(t, ca, func(cfg *sip.Config, c *directory.Content) {
			cfg.TLS = directory.TLS{Cert: cert, CertKey: key}
			c.Trunks[0].TLS.Need = true
		})
		answers := make(chan struct{})
		var held atomic.Int64
		r.s.Disk(func() { held.Add(1); <-answers })
		testca.Files(t, dir, ca.Issue([]string{"us.example.com", "and-another-one.example.com"}))
		pass(5 * time.Second)
		if held.Load() == 0 {
			t.Fatal("nobody looks whether the files have changed")
		}
		begun := time.Now()
		alice := r.securePhone(aliceAt, ca.Issue([]string{"alice.example.com"}))
		alice.sendTo(securely(ca, "in"), alice.invite("in"))
		r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
		alice.receive("486")
		bob := r.securePhone(pbxAt, ca.Issue([]string{pbx}))
		_, e := r.dial(call.Dial{Trunk: "secure", To: "+1", From: "+2"})
		bob.answer(bob.receive("INVITE"), 486, "b", "")
		bob.receive("ACK")
		e.refused(486)
		r.s.Reload() // which an operator asks for, and which he is not kept from stopping the program by
		if d := time.Since(begun); d > 2*time.Second {
			t.Errorf("they took %v", d)
		}
		close(answers)
		pass(3 * time.Second)
		again := r.securePhone(netip.MustParseAddrPort("198.51.100.8:5060"), ca.Issue([]string{"x.example.com"}))
		to := securely(ca, "again")
		to.Secure.Config.ServerName = "and-another-one.example.com"
		again.sendTo(to, again.request("OPTIONS", "again", 1, ""))
		again.receive("403") // a stranger, by the new certificate
	})
}

// Files of a trunk that nobody needed before, on a disk that does not answer: who needs them first waits a little, and those
// who come then not at all. Both are told.
func TestSlowDiskOfANewTrunk(t *testing.T) {
	ca := testca.New(t)
	var now atomic.Pointer[directory.Snapshot]
	now.Store(directory.NewSnapshot(directory.Content{}))
	s := realServer(t, directory.Content{}, func(c *sip.Config) {
		c.Log = slog.New(slog.DiscardHandler)
		c.Directory = now.Load
		c.Transport.Listen = append(c.Transport.Listen, transport.Listen{Network: transport.TLS, Addr: netip.MustParseAddrPort("127.0.0.1:0")})
		c.TLS.Cert, c.TLS.CertKey = testca.Files(t, t.TempDir(), ca.Issue([]string{"us.example.com"}))
	})
	answers := make(chan struct{})
	defer close(answers)
	s.Disk(func() { <-answers })
	now.Store(directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{{ID: "new", In: header.Trusted(), Out: header.Trusted(),
		Peers: []directory.Peer{{Host: "127.0.0.1", Port: 9, Transport: transport.TLS}}, Options: directory.Options{TLS: directory.TLS{Roots: ca.File()}}}}}))
	for range 3 {
		e := newEvents(t)
		s.Dial(call.NewLegID(0), call.Dial{Trunk: "new", To: "1", From: "2"}, e.report)
		if end := want[call.LegEnded](e); end.Cause.Label != call.LabelUnreachable || !strings.Contains(end.Cause.Text, "not read yet") {
			t.Errorf("cause: %+v", end.Cause)
		}
	}
}
