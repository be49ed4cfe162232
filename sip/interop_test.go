package sip_test

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/test/need"
)

// bridge is a server on real sockets that answers, lets ring, or connects with a callee, as the called user says.
type bridge struct {
	s  *sip.Server
	at netip.AddrPort
}

func newBridge(t *testing.T, callee int) *bridge {
	t.Helper()
	lo := netip.MustParseAddr("127.0.0.1")
	engine, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: lo}}, PortMin: 20000, PortMax: 21000})
	if err != nil {
		t.Fatal(err)
	}
	trusted := header.Trusted()
	snapshot := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{{ID: "out", In: trusted, Out: trusted,
		Peers: []directory.Peer{{Host: lo.String(), Port: callee}}}}})
	b := &bridge{}
	port := free(t)
	b.at = netip.AddrPortFrom(lo, uint16(port))
	b.s, err = sip.New(sip.Config{
		Transport: transport.Config{Listen: both(b.at)}, TrustLoopback: true, Log: slog.New(slog.DiscardHandler),
		Directory: func() *directory.Snapshot { return snapshot },
		Media:     func(a netip.Addr) (sip.Session, error) { return engine.Open(a) },
		Receive:   b.take,
	})
	if err != nil {
		t.Fatal(err)
	}
	b.s.Serve()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := b.s.Drain(ctx); err != nil && !t.Failed() {
			t.Error(err)
		}
		if err := b.s.Close(); err != nil {
			t.Error(err)
		}
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func (b *bridge) take(at call.Attempt, open sip.Open) {
	id := call.NewLegID(0)
	var in, out *sip.Leg
	known := make(chan struct{})
	in = open(id, func(e call.Event) {
		if e, ok := e.(call.LegEnded); ok && at.To == "bridge" {
			<-known
			out.Hangup(e.Cause, e.Headers)
		}
		if _, ok := e.(call.Answered); ok && at.To == "hold" {
			<-known
			in.Hold(true)
			time.AfterFunc(300*time.Millisecond, func() { in.Hold(false) }) // so long it lasts
		}
	})
	switch at.To {
	case "ring":
		in.Ring(0, nil)
	case "answer", "hold":
		in.Answer(nil)
	default:
		out = b.s.Dial(call.NewLegID(0), call.Dial{Trunk: "out", To: at.To, From: at.From, Headers: at.Headers, For: id}, func(e call.Event) {
			switch e := e.(type) {
			case call.Ringing:
				in.Ring(e.Status, e.Headers)
			case call.Answered:
				in.Answer(e.Headers)
			case call.LegEnded:
				in.Hangup(e.Cause, e.Headers)
			}
		})
	}
	close(known)
}

// free gives a port that nobody has.
func free(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	port := c.LocalAddr().(*net.UDPAddr).Port
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
	if err != nil {
		return free(t)
	}
	l.Close()
	return port
}

// scenario begins a SIPp scenario of test/acceptance/interop.
func scenario(t *testing.T, name string, port int, args ...string) *exec.Cmd {
	t.Helper()
	sipp := need.Tool(t, "sipp", "apt-get install sip-tester")
	file, err := filepath.Abs("../test/acceptance/interop/sipp/" + name + ".xml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), sipp, append([]string{"-sf", file, "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-nostdin",
		"-timeout", "30s", "-timeout_error", "-trace_err", "-error_file", filepath.Join(dir, "errors.log")}, args...)...)
	c.Env, c.Dir = append(os.Environ(), "TERM=xterm"), dir
	return c
}

// TestSIPp plays our scenarios against the server over UDP and TCP: SIPp is not of our making, and so sees with other
// eyes what we send.
func TestSIPp(t *testing.T) {
	for _, tt := range []struct{ uac, uas, user string }{
		{"c24-delayed-offer-uac", "", "answer"},
		{"c33-cancel-uac", "", "ring"},
		{"c34-early-bye-uac", "", "ring"},
		{"c35-hold-uac", "", "answer"},
		{"c35-hold-uac", "callee", "bridge"},
		{"held-uac", "", "hold"},
		{"c64-context-uac", "c64-context-uas", "bridge"},
		{"c24-delayed-offer-uac", "c58-redirect-uas", "bridge"},
		{"c24-delayed-offer-uac", "c12-silent-tag-uas", "bridge"},
	} {
		for _, mode := range []string{"u1", "t1"} {
			t.Run(fmt.Sprint(tt.uac, tt.uas, mode), func(t *testing.T) {
				port := free(t)
				b := newBridge(t, port)
				var uas *exec.Cmd
				if tt.uas != "" {
					uas = scenario(t, tt.uas, port, "-m", "3")
					if err := uas.Start(); err != nil {
						t.Fatal(err)
					}
					waitBound(t, port)
				}
				uac := scenario(t, tt.uac, free(t), "-m", "3", "-r", "10", "-s", tt.user, "-t", mode, b.at.String())
				if out, err := uac.CombinedOutput(); err != nil {
					t.Errorf("caller: %v\n%s", err, failure(out, uac.Dir))
				}
				if uas != nil {
					if err := uas.Wait(); err != nil {
						t.Errorf("callee: %v\n%s", err, failure(nil, uas.Dir))
					}
				}
			})
		}
	}
}

// failure gives what SIPp says of its failure.
func failure(out []byte, dir string) string {
	text, _ := os.ReadFile(filepath.Join(dir, "errors.log"))
	return string(text) + string(out[max(0, len(out)-1500):])
}

// waitBound waits until a program has the port, which trying to bind it would disturb.
func waitBound(t *testing.T, port int) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); <-tick.C {
		table, err := os.ReadFile("/proc/net/udp")
		if err != nil {
			need.Missing(t, "/proc/net/udp can't be read: "+err.Error())
		}
		if strings.Contains(string(table), fmt.Sprintf(" 0100007F:%04X ", port)) {
			return
		}
	}
	t.Fatal("SIPp has not bound its port")
}
