package acceptance_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/switchhook/switchhook/sip/transport/testca"
)

// SIPp of Debian speaks no TLS. What it says over TCP goes through a pipe, byte for byte, which speaks TLS in its place.

// overTLS has a server listen for TLS and call the callee over TLS: its trunk asks for pbx.example.com there, and the callee shows a
// certificate for name. It gives where the caller's TCP goes, and the port at which the callee is reached.
func overTLS(t *testing.T, c *config, name string, calleePort int) (server string, reached int) {
	t.Helper()
	ca := testca.New(t)
	cert, key := testca.Files(t, t.TempDir(), ca.Issue([]string{"us.example.com"}))
	secure := fmt.Sprintf("127.0.0.1:%d", freePort(t))
	callee := pipe(t, tlsListener(t, &tls.Config{Certificates: []tls.Certificate{ca.Issue([]string{name})}, MinVersion: tls.VersionTLS12}), func() (net.Conn, error) {
		return net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", calleePort))
	})
	c.peers = []string{fmt.Sprintf("{host: 127.0.0.1, port: %d, transport: tls}", callee.Port)}
	c.trunk = fmt.Sprintf("tls: {roots: %q, names: [pbx.example.com]}", ca.File())
	c.more += fmt.Sprintf("sip: {listen: [%q], tls: {cert: %q, key: %q}}\n", "tls://"+secure, cert, key)
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	caller := pipe(t, plain, func() (net.Conn, error) {
		return tls.Dial("tcp", secure, &tls.Config{RootCAs: ca.Pool(), ServerName: "us.example.com", MinVersion: tls.VersionTLS12})
	})
	return caller.String(), callee.Port
}

func tlsListener(t *testing.T, c *tls.Config) net.Listener {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// pipe passes on what comes over each connection to a listener, both ways, until one side ends. It gives where the listener is.
func pipe(t *testing.T, l net.Listener, dial func() (net.Conn, error)) *net.TCPAddr {
	t.Helper()
	accept(t, l, func(in net.Conn) {
		out, err := dial()
		if err != nil {
			return // the test sees that nothing comes back
		}
		defer out.Close()
		go func() {
			defer in.Close()
			_, _ = io.Copy(in, out)
		}()
		_, _ = io.Copy(out, in)
	})
	at, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		t.Fatalf("%v is no TCP address", l.Addr())
	}
	return at
}
