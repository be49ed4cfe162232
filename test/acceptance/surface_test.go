package acceptance_test

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip/transport/testca"
	"github.com/switchhook/switchhook/test/need"
)

// listening gives the sockets that a process listens on, as "tcp 127.0.0.1:8080".
func listening(t *testing.T, pid int) []string {
	t.Helper()
	own := map[string]bool{}
	fds, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(fds) == 0 {
		need.Missing(t, "this system has no /proc that tells of sockets")
	}
	for _, fd := range fds {
		if target, err := os.Readlink(fd); err == nil {
			own[strings.TrimSuffix(strings.TrimPrefix(target, "socket:["), "]")] = true
		}
	}
	var out []string
	for _, network := range []string{"tcp", "tcp6", "udp", "udp6"} {
		table, err := os.ReadFile(fmt.Sprintf("/proc/%d/net/%s", pid, network))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(table)) {
			f := strings.Fields(line)
			if len(f) > 9 && own[f[9]] && (f[3] == "0A" || f[3] == "07") { // LISTEN; a UDP socket that is not connected
				out = append(out, network+" "+socketAddr(t, f[1]))
			}
		}
	}
	slices.Sort(out)
	return out
}

// socketAddr reads an address as the kernel writes it: 0100007F:1F90.
func socketAddr(t *testing.T, text string) string {
	t.Helper()
	host, port, _ := strings.Cut(text, ":")
	n, err := strconv.ParseUint(port, 16, 16)
	if err != nil || len(host) != 8 {
		return text
	}
	var b [4]byte
	for i := range b {
		v, err := strconv.ParseUint(host[6-2*i:8-2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		b[i] = byte(v)
	}
	return netip.AddrPortFrom(netip.AddrFrom4(b), uint16(n)).String()
}

// S42: the program listens where it says, and nowhere else; it tells nothing of itself without a key but whether it lives and
// what it counts.
func TestS42OwnPorts(t *testing.T) {
	t.Parallel()
	s := start(t, configFor(freePort(t), startFunction(t, bridge("+14155550199")).URL))
	want := []string{"tcp " + s.HTTP, "tcp " + s.SIP, "udp " + s.SIP}
	slices.Sort(want)
	if got := listening(t, s.cmd.Process.Pid); !slices.Equal(got, want) {
		t.Errorf("it listens on %q, want %q", got, want)
	}
	for path, want := range map[string]int{
		"/healthz": 200, "/readyz": 200, "/metrics": 200, "/api/calls": 401, "/api/live": 401, "/api/trunks": 401, "/api/openapi.json": 401, "/api/": 401,
		"/debug/pprof/": 404, "/debug/vars": 404, "/.git/config": 404, "/..%2f..%2fetc/passwd": 404, "/switchhook.db": 404,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTP+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.StatusCode; got != want {
			t.Errorf("GET %s: %d, want %d", path, got, want)
		}
	}
}

// The sockets of a call's media are open while it stands, and closed when it is over.
func TestMediaPortsComeAndGo(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 0), newPerson(t, 0)
	s := start(t, configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL))
	before := listening(t, s.cmd.Process.Pid)
	l := caller.calls(t, s)
	if n := len(listening(t, s.cmd.Process.Pid)) - len(before); n < 2 || n > 4 {
		t.Errorf("%d sockets for two legs", n)
	}
	l.Hangup(0, nil)
	over(t, l)
	s.idle(t)
	eventually(t, "the end of the media's sockets", func() bool { return slices.Equal(listening(t, s.cmd.Process.Pid), before) })
}

// --dev opens the loopback alone, and lets no page of a browser in that was led there by another name.
func TestDevIsForThisMachine(t *testing.T) {
	t.Parallel()
	s := start(t, "", "--dev")
	for _, at := range listening(t, s.cmd.Process.Pid) {
		if !strings.Contains(at, " 127.0.0.1:") {
			t.Errorf("it listens on %s", at)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for name, tt := range map[string]struct {
		host, origin string
		want         int
	}{
		"by its address":      {"", "", 200},
		"as localhost":        {"localhost:8080", "", 200},
		"by a foreign name":   {"rebound.example", "", 401},
		"from a foreign page": {"", "http://evil.example", 401},
	} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.HTTP+"/api/calls", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.host != "" {
			req.Host = tt.host
		}
		if tt.origin != "" {
			req.Header.Set("Origin", tt.origin)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tt.want {
			t.Errorf("%s: %d, want %d", name, resp.StatusCode, tt.want)
		}
	}
}

// S23: a request that names another place as its sender is answered where it came from, and a far end can't lead us to others.
func TestS23Reflection(t *testing.T) {
	t.Parallel()
	victim, source := newWire(t, "127.0.9.7:0"), newWire(t, "127.0.0.1:0")
	f := startFunction(t, bridge("+14155550199"))
	callee := newWire(t, "127.0.0.1:0")
	s := start(t, configFor(callee.port(), f.URL))
	for i, via := range []string{
		fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKv1", victim.at), fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKv2;rport", victim.at),
		fmt.Sprintf("SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKv3;received=127.0.9.7", victim.port()), fmt.Sprintf("SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKv4;maddr=127.0.9.7;rport=%d", victim.port()),
	} {
		source.send(s.addr(), ask("OPTIONS", "sip:"+s.SIP, source.at, fmt.Sprint("reflect", i), "", "Via: "+via))
	}
	for i, target := range []string{fmt.Sprintf("sip:x@%s", victim.at), fmt.Sprintf("sip:+12065550100@%s", victim.at)} { // neither a proxy nor a redirector
		inv := ask("INVITE", target, source.at, fmt.Sprint("relay", i), plainOffer, "Route: <sip:"+victim.at.String()+";lr>")
		source.send(s.addr(), inv)
		if i == 1 { // the number is ours, whatever the host says: it goes to its function, not to the host
			callee.send(s.addr(), reply(callee.receive("INVITE"), "486 Busy Here", "far", ""))
		}
		source.send(s.addr(), ackOf(inv, source.receive("SIP/2.0 4")))
	}
	victim.quiet(500 * time.Millisecond)
}

// S42 with all that can be had: TLS, telephones, name servers, a trunk where we register. It listens where the file says and nowhere
// else, and what was added to the API needs the key too.
func TestS42OwnPortsWithAll(t *testing.T) {
	t.Parallel()
	ca := testca.New(t)
	cert, key := testca.Files(t, t.TempDir(), ca.Issue([]string{"127.0.0.1"}))
	port := freePort(t)
	peer := newWire(t, "127.0.0.1:0")
	s := start(t, fmt.Sprintf(`account: "111122223333"
keys: [{kind: admin, id: admin, secret: admin-secret}]
sip: {listen: ["udp://127.0.0.1:%[1]d", "tcp://127.0.0.1:%[1]d", "tls://127.0.0.1:%[2]d"], tls: {cert: %[3]s, key: %[4]s}, dns: [127.0.0.1]}
endpoints: [{user: alice, password: secret-of-alice}]
trunks: [{id: carrier, peers: [%[5]s], login: {user: us, password: ours, register: true}}]
`, port, port+1, cert, key, peerAt(peer.port())), "--sip", "")
	peer.send(s.addr(), reply(peer.receive("REGISTER"), "200 OK", "peer", "", "Contact: <sip:us@127.0.0.1>;expires=3600"))
	want := []string{"tcp " + s.HTTP, fmt.Sprintf("tcp 127.0.0.1:%d", port), fmt.Sprintf("tcp 127.0.0.1:%d", port+1), fmt.Sprintf("udp 127.0.0.1:%d", port)}
	slices.Sort(want)
	if got := listening(t, s.cmd.Process.Pid); !slices.Equal(got, want) {
		t.Errorf("it listens on %q, want %q", got, want)
	}
	for path, methods := range map[string][]string{"registrations": {"GET"}, "bans": {"GET"}, "bans/127.0.0.1": {"DELETE"}, "live/00000000-0000-0000-0000-000000000000": {"GET"},
		"calls/00000000-0000-0000-0000-000000000000/recordings": {"POST"}, "calls/00000000-0000-0000-0000-000000000000/transfer": {"POST"},
		"calls/00000000-0000-0000-0000-000000000000/hangup": {"POST"}, "calls/00000000-0000-0000-0000-000000000000/legs/00000000-0000-0000-0000-000000000000/room": {"POST", "DELETE"}} {
		for _, method := range methods {
			req, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.HTTP+"/api/"+path, strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != http.StatusUnauthorized {
				t.Errorf("%s /api/%s without a key: %s", method, path, resp.Status)
			}
		}
	}
}
