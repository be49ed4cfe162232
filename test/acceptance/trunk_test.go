package acceptance_test

import (
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// When the first peer of a trunk refuses with 503, the second is called, with the same context; the caller notices nothing.
func TestSecondPeerAfter503(t *testing.T) {
	t.Parallel()
	one, two := freePort(t), freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, config{peers: []string{peerAt(one, "priority: 1"), peerAt(two, "priority: 2")}, functions: []string{f.URL}}.yaml())
	busy := startSIPp(t, scenario(onInvite(), onAnswer("503 Service Unavailable", "Retry-After: 30"), take("ACK")), "", one)
	up := startSIPp(t, callee(), "", two)
	from := startSIPp(t, caller("X-Account-Id: 4711"), s.SIP, freePort(t), "-s", "+12065550100")
	for _, p := range []*sipp{from, busy, up} {
		p.wait(t)
	}
	first, second := first(t, busy.received(t), "INVITE"), first(t, up.received(t), "INVITE")
	if row(t, first, "X-Account-Id") != row(t, second, "X-Account-Id") {
		t.Errorf("the second peer got other context:\n%s", second)
	}
	if strings.Contains(second, "sip:+14155550199@127.0.0.1:"+fmt.Sprint(one)) {
		t.Errorf("the second peer got the first one's Request-URI:\n%s", second)
	}
	if n := len(all(from.received(t), "SIP/2.0 503")); n != 0 {
		t.Error("the caller saw 503")
	}
	if n := len(f.seen("ACTION_FAILED")); n != 0 {
		t.Error("the function heard of it")
	}
}

// A busy callee is not asked for at the next peer: the refusal counts.
func TestBusyIsFinal(t *testing.T) {
	t.Parallel()
	one, two := freePort(t), newWire(t, "127.0.0.1:0")
	s := start(t, config{peers: []string{peerAt(one, "priority: 1"), peerAt(two.port(), "priority: 2")}, functions: []string{startFunction(t, bridge("+14155550199")).URL}}.yaml())
	busy := startSIPp(t, scenario(onInvite(), onAnswer("486 Busy Here"), take("ACK")), "", one)
	startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	busy.wait(t)
	two.quiet(200 * time.Millisecond)
}

// A peer that says nothing is passed over after five seconds; after three calls it is left alone for a while.
func TestSecondPeerAfterSilence(t *testing.T) {
	t.Parallel()
	silent, two := newWire(t, "127.0.0.1:0"), freePort(t)
	s := start(t, config{peers: []string{peerAt(silent.port(), "priority: 1"), peerAt(two, "priority: 2")}, functions: []string{startFunction(t, bridge("+14155550199")).URL}}.yaml())
	up := startSIPp(t, callee(), "", two, "-m", "4")
	var callers []*sipp
	for range 3 { // at once, so that it takes five seconds and not fifteen
		callers = append(callers, startSIPp(t, caller(), s.SIP, freePort(t), "-s", "+12065550100"))
	}
	for _, c := range callers {
		c.wait(t)
	}
	began := time.Now()
	startSIPp(t, caller(), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	if d := time.Since(began); d > 4*time.Second {
		t.Errorf("the fourth call took %v: the silent peer was tried again", d)
	}
	up.wait(t)
}

// peers gives what /api/trunks says of peers, by host and port.
func (s *server) peers(t *testing.T) map[string]bool {
	t.Helper()
	var got struct {
		Trunks []directory.Trunk
		Peers  []struct {
			Trunk, Peer string
			Up          bool
		}
	}
	s.get(t, "/api/trunks", &got)
	if len(got.Trunks) != 1 || got.Trunks[0].ID != "peers" {
		t.Errorf("trunks: %+v", got.Trunks)
	}
	out := map[string]bool{}
	for _, p := range got.Peers {
		out[p.Peer] = p.Up
	}
	return out
}

// A peer that is pinged goes down when it is silent or says 503, is not called then, and comes up with its first answer. The API,
// the metrics and the log tell.
func TestKeepalive(t *testing.T) {
	t.Parallel()
	far := newWire(t, "127.0.0.1:0")
	s := start(t, config{peers: []string{peerAt(far.port())}, trunk: "keepalive: 1s", functions: []string{startFunction(t, bridge("+14155550199")).URL}}.yaml())
	name := fmt.Sprintf("127.0.0.1:%d", far.port())
	answer := func(status string) {
		m := far.receive("OPTIONS")
		far.send(s.addr(), reply(m, status, "far", ""))
	}
	for i := 0; ; i++ {
		answer("503 Service Unavailable")
		if up, known := s.peers(t)[name]; known && !up {
			break
		}
		if i > 10 {
			t.Fatalf("eleven times 503, and the peer counts as up: %v", s.peers(t))
		}
	}
	if _, text := s.fetch(t, "/metrics"); !strings.Contains(text, fmt.Sprintf("switchhook_trunk_peer_up{peer=%q,trunk=\"peers\"} 0", name)) {
		t.Error("the metrics do not say that it is down")
	}
	startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	for len(far.got) > 0 {
		if m := (<-far.got).text; strings.HasPrefix(m, "INVITE") {
			t.Error("a peer that is down was called")
		} else {
			far.send(s.addr(), reply(m, "503 Service Unavailable", "far", ""))
		}
	}
	eventually(t, "the peer's return", func() bool { answer("200 OK"); return s.peers(t)[name] })
	if _, text := s.fetch(t, "/metrics"); !strings.Contains(text, fmt.Sprintf("switchhook_trunk_peer_up{peer=%q,trunk=\"peers\"} 1", name)) {
		t.Error("the metrics do not say that it is up")
	}
}

// Calls come from where a trunk allows them from, and from nowhere else.
func TestAllowList(t *testing.T) {
	t.Parallel()
	f := startFunction(t, bridge("+14155550199"))
	far := newWire(t, "127.0.0.1:0")
	s := start(t, config{peers: []string{peerAt(far.port())}, trunk: "allow: [127.0.2.0/24, 127.0.3.7]", functions: []string{f.URL}}.yaml())
	for at, want := range map[string]string{"127.0.2.1": "480", "127.0.2.254": "480", "127.0.3.7": "480", "127.0.3.8": "403", "127.0.0.1": "403", "127.0.1.255": "403"} {
		w := newWire(t, at+":0")
		for _, method := range []string{"INVITE", "OPTIONS"} {
			body, want := plainOffer, want
			if method == "OPTIONS" {
				body = ""
				if want == "480" {
					want = "200"
				}
			}
			req := ask(method, "sip:+12065550100@"+s.SIP, w.at, fmt.Sprint("allow", method, w.port()), body)
			w.send(s.addr(), req)
			if method == "INVITE" && want == "480" {
				far.send(s.addr(), reply(far.receive("INVITE"), "486 Busy Here", "far", ""))
			}
			m := w.receive("SIP/2.0 " + want)
			if method == "INVITE" {
				w.send(s.addr(), ackOf(req, m))
			}
		}
	}
	if n := len(f.seen("NEW_INBOUND_CALL")); n != 3 {
		t.Errorf("the function was asked %d times, want 3", n)
	}
}

// SIGTERM drains: the call that stands goes on, new ones are refused, peers and load balancers hear of it, the record is written
// before the program ends.
func TestDrain(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	data := t.TempDir()
	yaml := configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL)
	s := startIn(t, data, nil, yaml, "--drain", "30s")
	l := caller.calls(t, s)
	hears(t, "the callee", &callee.ear, 440)
	if status, _ := s.fetch(t, "/readyz"); status != http.StatusOK {
		t.Errorf("/readyz says %d before", status)
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, "/readyz saying 503", func() bool { status, _ := s.fetch(t, "/readyz"); return status == http.StatusServiceUnavailable })
	if status, _ := s.fetch(t, "/healthz"); status != http.StatusOK {
		t.Errorf("/healthz says %d while it drains", status)
	}
	startSIPp(t, readScenario(t, "c69-draining-uac"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	startSIPp(t, scenario(outside("OPTIONS", toServer), take("503")), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	before := callee.ear.Sound()
	eventually(t, "the standing call going on", func() bool { return callee.ear.Sound() > before+500*time.Millisecond })
	if !strings.Contains(s.logged(), "draining") {
		t.Error("the log does not tell")
	}
	l.Hangup(0, nil)
	over(t, l)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		t.Fatal("the last call is over, and the program goes on")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	again := startIn(t, data, nil, yaml)
	if c := again.calls(t, 1)[0]; c.Cause.Label != call.LabelNormal || len(c.Legs) != 2 || c.Answered.IsZero() {
		t.Errorf("the record of the call that stood: %+v", c)
	}
}

// Calls that outlast the drain are hung up, on both legs, and recorded.
func TestDrainIsBounded(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 0), newPerson(t, 0)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(int(callee.Addr().Port()), f.URL), "--drain", "500ms")
	l := caller.calls(t, s)
	far := <-callee.answers
	began := time.Now()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	over(t, l)
	select {
	case <-s.exited:
	case <-time.After(15 * time.Second):
		t.Fatal("the program goes on")
	}
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("it took %v", d)
	}
	if far.Ended().Cause.Label == "" {
		t.Error("the callee was not hung up")
	}
	if n := len(f.seen("HANGUP")); n == 0 {
		t.Error("the function was not told")
	}
}
