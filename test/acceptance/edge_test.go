package acceptance_test

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// admin are the arguments with which a command asks a server.
func admin(s *server) []string {
	return []string{"--api", "http://" + s.HTTP, "--key", "admin", "--secret", "admin-secret"}
}

// S01: a scanner is banned; the operator sees it, with why, in the list, the metrics and the log, and can lift it. A call
// of a trunk goes on.
func TestS01Banned(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	scanner := newWire(t, "127.0.66.9:0")
	eventually(t, "a ban", func() bool {
		for i := range 20 {
			scanner.send(v.s.addr(), ask("REGISTER", "sip:"+v.s.SIP, scanner.at, fmt.Sprint("ban", i, time.Now().UnixNano()), "", "User-Agent: friendly-scanner"))
		}
		return strings.Contains(v.s.logged(), "source banned")
	})
	r := run(t, nil, append([]string{"bans", "--json"}, admin(v.s)...)...)
	var bans []struct{ Source, Reason string }
	if err := json.Unmarshal([]byte(r.out), &bans); err != nil || len(bans) != 1 || bans[0].Source != "127.0.66.9/32" || bans[0].Reason == "" {
		t.Errorf("%v: %s%s", err, r.out, r.err)
	}
	if _, text := v.s.fetch(t, "/metrics"); !strings.Contains(text, "switchhook_sip_sources_banned 1") {
		t.Error("the metrics don't tell")
	}
	for len(scanner.got) > 0 {
		<-scanner.got
	}
	scanner.send(v.s.addr(), ask("OPTIONS", "sip:"+v.s.SIP, scanner.at, "banned", ""))
	scanner.quiet(300 * time.Millisecond)
	if r := run(t, nil, append([]string{"bans", "--lift", "127.0.66.9"}, admin(v.s)...)...); r.code != 0 {
		t.Errorf("%+v", r)
	}
	if r := run(t, nil, append([]string{"bans", "--lift", "127.0.66.9"}, admin(v.s)...)...); r.code == 0 || !strings.Contains(r.err, "no ban") {
		t.Errorf("lifted twice: %+v", r)
	}
	scanner.send(v.s.addr(), ask("OPTIONS", "sip:"+v.s.SIP, scanner.at, "lifted", ""))
	scanner.receive("SIP/2.0 403")
	v.unharmed(t, 0)
}

// S04: who is shut out after wrong passwords stands in the operator's list, with the user, and can be let in again at once.
func TestS04LockoutIsListed(t *testing.T) {
	t.Parallel()
	s := start(t, endpointsConfig)
	phone := newWire(t, "127.0.66.10:0")
	register := func(n int, password, want string) {
		t.Helper()
		const address, uri = "<sip:ann@pbx.test>", "sip:pbx.test"
		own := []string{"From: " + address + ";tag=r", "To: " + address, fmt.Sprintf("Contact: <sip:ann@%s>", phone.at), fmt.Sprint("Call-ID: lockout", n)}
		phone.send(s.addr(), ask("REGISTER", uri, phone.at, fmt.Sprint("a", n), "", own...))
		chosen, err := digest.Choose(rows(phone.receive("SIP/2.0 401"), "WWW-Authenticate"), func(string) bool { return true }, true)
		if err != nil {
			t.Fatal(err)
		}
		proof := new(digest.Client).Answer(chosen[0], digest.Login{User: "ann", Password: password}, "REGISTER", uri)
		phone.send(s.addr(), ask("REGISTER", uri, phone.at, fmt.Sprint("b", n), "", append(own, "CSeq: 2 REGISTER", "Authorization: "+proof.String())...))
		phone.receive("SIP/2.0 " + want)
	}
	for i := range 10 {
		register(i, "guess", "401")
	}
	register(10, "ann-secret", "401")
	r := run(t, nil, append([]string{"bans", "--json"}, admin(s)...)...)
	var bans []struct{ Source, User, Reason string }
	if err := json.Unmarshal([]byte(r.out), &bans); err != nil || len(bans) != 1 || bans[0].Source != "127.0.66.10/32" || bans[0].User != "ann" || bans[0].Reason != "wrong passwords" {
		t.Errorf("%v: %s%s", err, r.out, r.err)
	}
	if r := run(t, nil, append([]string{"bans"}, admin(s)...)...); !strings.Contains(r.out, "USER") || !strings.Contains(r.out, "ann") {
		t.Errorf("%s%s", r.out, r.err)
	}
	if r := run(t, nil, append([]string{"bans", "--lift", "127.0.66.10", "--user", "bob"}, admin(s)...)...); r.code == 0 || !strings.Contains(r.err, "no ban") {
		t.Errorf("of another user: %+v", r)
	}
	if r := run(t, nil, append([]string{"bans", "--lift", "127.0.66.10", "--user", "ann"}, admin(s)...)...); r.code != 0 {
		t.Errorf("%+v", r)
	}
	register(11, "ann-secret", "200")
}

// What strangers may send is the operator's to say: how many faults, for how long they are shut out, and who never is.
func TestGuardSettings(t *testing.T) {
	t.Parallel()
	s := start(t, configFor(freePort(t), startFunction(t, waits).URL)+"sip: {guard: {faults: 3, window: 1h, ban: 2s, allow: [127.0.66.41]}}\n")
	scanner, friend := newWire(t, "127.0.66.40:0"), newWire(t, "127.0.66.41:0")
	knock := func(w *wire, i int) {
		w.send(s.addr(), ask("OPTIONS", "sip:"+s.SIP, w.at, fmt.Sprintf("knock%d-%d", w.port(), i), ""))
	}
	for i := range 10 {
		knock(friend, i)
		friend.receive("SIP/2.0 403")
		if knock(scanner, i); i < 4 { // what came first has begun to wear off
			scanner.receive("SIP/2.0 403")
		}
	}
	scanner.quiet(200 * time.Millisecond)
	eventually(t, "the end of the ban", func() bool {
		knock(scanner, 100+int(time.Now().UnixNano()%1e6))
		return len(scanner.got) > 0
	})
}

// C49: the program is called and calls over TLS, and shows a new certificate after SIGHUP.
func TestC49TLS(t *testing.T) {
	t.Parallel()
	ca, dir := testca.New(t), t.TempDir()
	cert, key := testca.Files(t, dir, ca.Issue([]string{"us.example.com"}))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	invites := make(chan string, 1)
	pbx := ca.Issue([]string{"pbx.example.com"})
	go func() {
		raw, err := listener.Accept()
		if err != nil {
			return
		}
		c := tls.Server(raw, &tls.Config{Certificates: []tls.Certificate{pbx}, MinVersion: tls.VersionTLS12})
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		buf := make([]byte, 8192)
		n, _ := c.Read(buf)
		req := string(buf[:n])
		fmt.Fprint(c, reply(req, "486 Busy Here", "pbx", ""))
		invites <- req
		_, _ = c.Read(buf) // the ACK
		c.Close()
	}()
	f := startFunction(t, bridge("+14155550199"))
	secure := freePort(t)
	s := start(t, config{
		peers: []string{fmt.Sprintf("{host: 127.0.0.1, port: %d, transport: tls}", listener.Addr().(*net.TCPAddr).Port)}, functions: []string{f.URL},
		trunk: fmt.Sprintf("tls: {roots: %q, names: [pbx.example.com]}", ca.File()),
		more:  fmt.Sprintf("sip: {listen: [\"tls://127.0.0.1:%d\"], tls: {cert: %q, key: %q}}\n", secure, cert, key),
	}.yaml())
	at := fmt.Sprintf("127.0.0.1:%d", secure)
	dial := func(name string) (*tls.Conn, error) {
		return tls.Dial("tcp", at, &tls.Config{RootCAs: ca.Pool(), ServerName: name, MinVersion: tls.VersionTLS12})
	}
	c, err := dial("us.example.com")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	inv := strings.Replace(ask("INVITE", "sip:+12065550100@"+at, c.LocalAddr().(*net.TCPAddr).AddrPort(), "tls-call", plainOffer), "SIP/2.0/UDP", "SIP/2.0/TLS", 1)
	if _, err := fmt.Fprint(c, inv); err != nil {
		t.Fatal(err)
	}
	in := bufio.NewReader(c)
	got := ""
	for !strings.Contains(got, "SIP/2.0 480") {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatalf("%v after\n%s", err, got)
		}
		got += line
	}
	out := <-invites
	if !strings.Contains(out, "Via: SIP/2.0/TLS ") || !strings.Contains(rowOf(out, "Contact"), ";transport=tls") || !strings.HasPrefix(out, "INVITE sip:+14155550199@") {
		t.Errorf("called with\n%s", out)
	}
	testca.Files(t, dir, ca.Issue([]string{"new.example.com", "and-longer.example.com"}))
	if err := s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the new certificate", func() bool {
		c, err := dial("new.example.com")
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
	alive(t, s)
}

// nameServer serves records, one to a line as a zone has them, and gives its address.
func nameServer(t *testing.T, records ...string) string {
	t.Helper()
	var zone []dns.RR
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		zone = append(zone, rr)
	}
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, done := make(chan struct{}), make(chan struct{})
	name := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		for _, rr := range zone {
			if rr.Header().Rrtype == q.Question[0].Qtype && strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { defer close(done); _ = name.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = name.Shutdown(); <-done })
	return conn.LocalAddr().String()
}

// C22: the servers of a domain are found by SRV at the name server that the file names; the second is called when the
// first is dead.
func TestC22SRV(t *testing.T) {
	t.Parallel()
	callee := newPerson(t, 1000)
	dead := newWire(t, "127.0.0.1:0") // takes all and answers nothing
	names := nameServer(t, fmt.Sprintf("_sip._udp.carrier.example. 60 SRV 1 1 %d a.carrier.example.", dead.port()),
		fmt.Sprintf("_sip._udp.carrier.example. 60 SRV 2 1 %d a.carrier.example.", callee.Addr().Port()), "a.carrier.example. 60 A 127.0.0.1")
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, config{peers: []string{"{host: carrier.example}"}, functions: []string{f.URL}, more: fmt.Sprintf("sip: {dns: [%q]}\n", names)}.yaml())
	caller := newPerson(t, 440)
	line := caller.calls(t, s)
	if m := dead.receive("INVITE"); !strings.HasPrefix(m, "INVITE sip:+14155550199@carrier.example SIP/2.0") {
		t.Errorf("the first server got\n%s", m)
	}
	hears(t, "the callee", &callee.ear, 440)
	line.Hangup(0, nil)
	over(t, line)
}

// C17: a call that two servers send to each other ends, with less than 70 hops.
func TestC17TwoServers(t *testing.T) {
	t.Parallel()
	one, two := freePort(t), freePort(t)
	f := startFunction(t, bridge("+12065550100"))
	a := start(t, configFor(two, f.URL), "--sip", fmt.Sprintf("127.0.0.1:%d", one))
	b := start(t, configFor(one, f.URL), "--sip", fmt.Sprintf("127.0.0.1:%d", two))
	startSIPp(t, refused(480, "Max-Forwards: 20"), a.SIP, freePort(t), "-s", "+12065550100").wait(t)
	a.idle(t)
	b.idle(t)
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 20 {
		t.Errorf("the call came %d times, want 20", n)
	}
}
