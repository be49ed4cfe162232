package locate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/sip/locate"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// zone is a name server: records by name and kind. A name that it does not have does not exist.
type zone struct {
	records map[string][]dns.RR
	asked   atomic.Int64
	at      netip.AddrPort
}

// newZone serves records, one a line, by UDP and TCP.
func newZone(t testing.TB, text string) *zone {
	t.Helper()
	z := &zone{records: map[string][]dns.RR{}}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		name := dns.CanonicalName(rr.Header().Name)
		z.records[name] = append(z.records[name], rr)
	}
	conn, listener := bothPorts(t)
	z.at = netip.MustParseAddrPort(conn.LocalAddr().String())
	for _, s := range []*dns.Server{{PacketConn: conn, Handler: z}, {Listener: listener, Handler: z}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = s.ActivateAndServe() }()
		<-started
		t.Cleanup(func() { _ = s.Shutdown(); <-done })
	}
	return z
}

// bothPorts listens on a port that is free for UDP and TCP.
func bothPorts(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 50 {
		conn, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		listener, err := net.Listen("tcp", conn.LocalAddr().String())
		if err == nil {
			return conn, listener
		}
		conn.Close()
	}
	t.Fatal("no port is free for both")
	return nil, nil
}

func (z *zone) ServeDNS(w dns.ResponseWriter, q *dns.Msg) {
	z.asked.Add(1)
	m := new(dns.Msg).SetReply(q)
	name := dns.CanonicalName(q.Question[0].Name)
	if _, ok := z.records[name]; !ok {
		m.Rcode = dns.RcodeNameError
	}
	for hops := 0; hops < 30; hops++ { // as a resolver does: aliases with what they lead to
		next := ""
		for _, rr := range z.records[name] {
			if c, ok := rr.(*dns.CNAME); ok {
				m.Answer, next = append(m.Answer, rr), dns.CanonicalName(c.Target)
			} else if rr.Header().Rrtype == q.Question[0].Qtype {
				m.Answer = append(m.Answer, rr)
			}
		}
		if next == "" {
			break
		}
		name = next
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		m.Truncate(1232)
	}
	_ = w.WriteMsg(m)
}

func finder(t testing.TB, servers ...netip.AddrPort) *locate.Locator {
	t.Helper()
	return locate.New(locate.Config{Servers: servers, Timeout: 500 * time.Millisecond, Hosts: filepath.Join(t.TempDir(), "none")})
}

// places gives an answer in words: "udp 192.0.2.1:5060".
func places(a locate.Answer) []string {
	var out []string
	for _, p := range a.Order(rand.New(rand.NewPCG(1, 2))) {
		out = append(out, fmt.Sprint(p.Network, " ", p.Addr))
	}
	return out
}

const zoneText = `
example.com. 60 NAPTR 50 50 "s" "SIPS+D2T" "" _sips._tcp.example.com.
example.com. 60 NAPTR 90 40 "s" "SIP+D2T" "" _sip._tcp.example.com.
example.com. 60 NAPTR 100 30 "s" "SIP+D2U" "" _sip._udp.example.com.
example.com. 60 NAPTR 10 50 "s" "SIP+D2S" "" _sip._sctp.example.com.
example.com. 60 NAPTR 1 50 "u" "E2U+sip" "!^.*$!sip:x@evil.example!" .
_sips._tcp.example.com. 300 SRV 0 1 5061 s1.example.com.
_sips._tcp.example.com. 300 SRV 1 1 5071 s2.example.com.
_sip._tcp.example.com. 300 SRV 0 1 5060 s1.example.com.
_sip._udp.example.com. 40 SRV 0 1 5060 s2.example.com.
s1.example.com. 300 A 192.0.2.1
s1.example.com. 300 AAAA 2001:db8::1
s2.example.com. 300 CNAME s3.example.com.
s3.example.com. 300 A 192.0.2.3
example.com. 300 A 192.0.2.9
srv.example. 60 A 192.0.2.9
_sip._udp.srv.example. 60 SRV 10 0 5062 s1.example.com.
plain.example. 1 A 192.0.2.9
none.example. 60 A 192.0.2.9
_sip._udp.none.example. 60 SRV 0 0 0 .
nowhere.example. 60 NAPTR 1 1 "s" "SIP+D2U" "" _sip._udp.nowhere.example.
nowhere.example. 60 A 192.0.2.9
_sip._udp.nowhere.example. 60 SRV 0 0 0 .
_sips._tcp.nowhere.example. 60 SRV 0 0 5061 .
other.example. 60 A 192.0.2.9
_sip._udp.other.example. 60 SRV 0 0 0 .
_sip._tcp.other.example. 60 SRV 0 0 5060 s3.example.com.
_sip._udp.odd.example. 60 SRV 0 0 0 .
_sip._udp.odd.example. 60 SRV 0 0 5060 s3.example.com.
`

// C22: a domain that says that it is not served so is not called at its addresses (RFC 2782).
func TestC22NoSuchService(t *testing.T) {
	z := newZone(t, zoneText)
	for _, q := range []locate.Query{
		{Host: "none.example"}, {Host: "none.example", Network: "udp"}, {Host: "nowhere.example"}, {Host: "nowhere.example", Secure: true},
	} {
		if a, err := finder(t, z.at).Find(t.Context(), q); !errors.Is(err, locate.ErrNoService) {
			t.Errorf("%+v: %v, %v", q, places(a), err)
		}
	}
	if a, err := finder(t, z.at).Find(t.Context(), locate.Query{Host: "none.example", Port: 5060}); err != nil || len(places(a)) != 1 {
		t.Errorf("with a port, where no SRV counts: %v, %v", places(a), err)
	}
}

// C22: RFC 3263 section 4, with a real name server.
func TestC22Locate(t *testing.T) {
	z := newZone(t, zoneText)
	for _, c := range []struct {
		name  string
		query locate.Query
		want  []string
		ttl   time.Duration
	}{
		{"NAPTR, its order, and SRV", locate.Query{Host: "example.com"}, []string{
			"tls [2001:db8::1]:5061", "tls 192.0.2.1:5061", "tls 192.0.2.3:5071",
			"tcp [2001:db8::1]:5060", "tcp 192.0.2.1:5060", "udp 192.0.2.3:5060"}, 40 * time.Second},
		{"a network is given: its SRV", locate.Query{Host: "example.com", Network: "tcp"}, []string{
			"tcp [2001:db8::1]:5060", "tcp 192.0.2.1:5060"}, 300 * time.Second},
		{"sips: TLS alone", locate.Query{Host: "example.com", Secure: true}, []string{
			"tls [2001:db8::1]:5061", "tls 192.0.2.1:5061", "tls 192.0.2.3:5071"}, 60 * time.Second},
		{"a port is given: addresses", locate.Query{Host: "example.com", Port: 5080}, []string{"udp 192.0.2.9:5080"}, 300 * time.Second},
		{"no NAPTR: SRV", locate.Query{Host: "srv.example"}, []string{"udp [2001:db8::1]:5062", "udp 192.0.2.1:5062"}, 60 * time.Second},
		{"no SRV of the network: addresses", locate.Query{Host: "srv.example", Network: "tls"}, []string{"tls 192.0.2.9:5061"}, 60 * time.Second},
		{"neither; a TTL below what is sensible", locate.Query{Host: "plain.example"}, []string{"udp 192.0.2.9:5060"}, 5 * time.Second},
		{"no such service, but another", locate.Query{Host: "other.example"}, []string{"tcp 192.0.2.3:5060"}, 60 * time.Second},
		{"no such service, and no other is known", locate.Query{Host: "none.example", Network: "tcp"}, []string{"tcp 192.0.2.9:5060"}, 60 * time.Second},
		{"no such service beside a server", locate.Query{Host: "odd.example"}, []string{"udp 192.0.2.3:5060"}, 60 * time.Second},
		{"a trailing dot", locate.Query{Host: "plain.example."}, []string{"udp 192.0.2.9:5060"}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			a, err := finder(t, z.at).Find(t.Context(), c.query)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, places(a)); diff != "" || a.TTL != c.ttl || a.Static {
				t.Errorf("TTL %v, static %v, %s", a.TTL, a.Static, diff)
			}
		})
	}
	var b strings.Builder // too long for UDP, and the best at the end
	for i := range 60 {
		fmt.Fprintf(&b, "_sip._udp.long.example. 60 SRV 9 1 5060 t%d.long.example.\nt%d.long.example. 60 A 192.0.2.%d\n", i, i, i)
	}
	b.WriteString("_sip._udp.long.example. 60 SRV 1 1 5060 t.long.example.\nt.long.example. 60 A 192.0.2.200\nlong.example. 60 A 192.0.2.9\n")
	a, err := finder(t, newZone(t, b.String()).at).Find(t.Context(), locate.Query{Host: "long.example"})
	if all := places(a); err != nil || all[0] != "udp 192.0.2.200:5060" || len(all) != 8 {
		t.Errorf("of a long answer: %v, %v", all, err)
	}
	for _, host := range []string{"nobody.example", "s1..example", strings.Repeat("a.", 200)} {
		if a, err := finder(t, z.at).Find(t.Context(), locate.Query{Host: host}); err == nil {
			t.Errorf("%s: %+v", host, a)
		}
	}
}

// Weights say how often a server is the first of its priority.
func TestC22Weights(t *testing.T) {
	addr := func(last byte) []netip.Addr { return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, last})} }
	a := locate.Answer{Targets: []locate.Target{
		{Priority: 2, Weight: 100, Addrs: addr(9)}, {Priority: 1, Weight: 30, Addrs: addr(1)}, {Priority: 1, Weight: 10, Addrs: addr(2)}, {Priority: 1, Addrs: addr(3)},
	}}
	random, first := rand.New(rand.NewPCG(3, 4)), map[byte]int{}
	for range 4000 {
		order := a.Order(random)
		first[order[0].Addr.Addr().As4()[3]]++
		if len(order) != 4 || order[3].Addr.Addr() != addr(9)[0] {
			t.Fatalf("%v", order)
		}
	}
	if first[1] < 2850 || first[1] > 3150 || first[1]+first[2] != 4000 {
		t.Errorf("first: %v, want 3 to 1", first)
	}
}

// S40: what name servers say is bounded, and costs bounded time.
func TestS40HostileNameServer(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "many.example. 60 A 10.%d.%d.1\n_sip._udp.many.example. 60 SRV %d 1 5060 t%d.many.example.\nt%d.many.example. 60 A 10.1.%d.%d\n", i/250, i%250, i, i, i, i/250, i%250)
		fmt.Fprintf(&b, "many.example. 60 NAPTR %d 1 \"s\" \"SIP+D2U\" \"\" _sip._udp.many.example.\n", i)
	}
	for i := range 100 {
		fmt.Fprintf(&b, "wide.example. 60 NAPTR %d 1 \"s\" \"SIP+D2U\" \"\" n%d.wide.example.\n", i, i)
		fmt.Fprintf(&b, "deep.example. 60 NAPTR %d 1 \"s\" \"SIP+D2U\" \"\" n%d.deep.example.\n", i, i)
		fmt.Fprintf(&b, "n%d.deep.example. 60 SRV 1 1 5060 t%d.deep.example.\nt%d.deep.example. 60 A 192.0.2.%d\n", i, i, i, i)
	}
	for i := range 40 {
		fmt.Fprintf(&b, "c%d.chain.example. 60 CNAME c%d.chain.example.\n", i, i+1)
	}
	b.WriteString(`
c40.chain.example. 60 A 192.0.2.1
wide.example. 60 A 192.0.2.1
loop.example. 60 CNAME pool.example.
pool.example. 60 CNAME loop.example.
self.example. 60 NAPTR 1 1 "s" "SIP+D2U" "" self.example.
self.example. 60 NAPTR 1 1 "" "SIP+D2U" "" self.example.
_sip._udp.self.example. 60 SRV 0 0 5060 _sip._udp.self.example.
`)
	z := newZone(t, b.String())
	for _, c := range []struct {
		host string
		most int    // places
		want string // of the error
	}{
		{"many.example", 8, ""}, {"c0.chain.example", 0, "aliases"}, {"c35.chain.example", 1, ""}, {"loop.example", 0, "aliases"}, {"self.example", 0, "no address"},
		{"wide.example", 1, ""}, {"deep.example", 8, ""}, // its own questions leave those for addresses
	} {
		t.Run(c.host, func(t *testing.T) {
			before, began := z.asked.Load(), time.Now()
			a, err := finder(t, z.at).Find(t.Context(), locate.Query{Host: c.host})
			if err != nil && (c.want == "" || !strings.Contains(err.Error(), c.want)) || err == nil && c.want != "" {
				t.Errorf("error %v, want %q", err, c.want)
			}
			if n := len(places(a)); n > c.most || c.want == "" && n == 0 {
				t.Errorf("%d places", n)
			}
			if n := z.asked.Load() - before; n > 50 || time.Since(began) > 3*time.Second {
				t.Errorf("%d questions in %v", n, time.Since(began))
			}
		})
	}
}

// A name server that is dead is passed over; where none answers, names are looked up by the system and by /etc/hosts all
// the same.
func TestNameServersDead(t *testing.T) {
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	dead := netip.MustParseAddrPort(silent.LocalAddr().String())
	z := newZone(t, zoneText)
	if a, err := finder(t, dead, z.at).Find(t.Context(), locate.Query{Host: "plain.example", Port: 5060}); err != nil || len(places(a)) != 1 {
		t.Errorf("%+v, %v", a, err)
	}
	began := time.Now()
	if _, err := finder(t, dead).Find(t.Context(), locate.Query{Host: "plain.example"}); err == nil || time.Since(began) > 3*time.Second {
		t.Errorf("%v after %v", err, time.Since(began))
	}
}

// Names of /etc/hosts are what it says, and names without a dot are the system's: no name server is asked for either.
func TestStaticNames(t *testing.T) {
	hosts := filepath.Join(t.TempDir(), "hosts")
	if err := os.WriteFile(hosts, []byte("# local\n192.0.2.7 PBX.example.com pbx # ours\n2001:db8::7\tpbx.example.com\nnonsense pbx.example.com\n127.0.0.1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	looked := []string{}
	l := locate.New(locate.Config{Hosts: hosts, Timeout: time.Millisecond, Lookup: func(_ context.Context, host string) ([]netip.Addr, error) {
		looked = append(looked, host)
		return []netip.Addr{netip.MustParseAddr("::ffff:192.0.2.8"), netip.MustParseAddr("192.0.2.8")}, nil
	}})
	for host, want := range map[string][]string{
		"pbx.example.com": {"tls 192.0.2.7:5061", "tls [2001:db8::7]:5061"},
		"kamailio":        {"tls 192.0.2.8:5061"},
		"localhost":       {"tls 127.0.0.1:5061", "tls [::1]:5061"},
	} {
		a, err := l.Find(t.Context(), locate.Query{Host: host, Network: "tls"})
		if err != nil || !slices.Equal(places(a), want) || a.Static != (host != "kamailio") {
			t.Errorf("%s: %v, %v", host, places(a), err)
		}
	}
	if !slices.Equal(looked, []string{"kamailio"}) {
		t.Errorf("looked up %v", looked)
	}
	l = locate.New(locate.Config{Hosts: hosts, Lookup: func(context.Context, string) ([]netip.Addr, error) { return nil, nil }})
	if _, err := l.Find(t.Context(), locate.Query{Host: "nobody"}); !errors.Is(err, locate.ErrNone) {
		t.Error(err)
	}
}
