package acceptance_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/switchhook/switchhook/test/need"
)

// proxied is the program behind Kamailio, which has a socket towards the far ends and one towards us, and so records two routes
// (r2=on) in each dialog.
type proxied struct {
	story
	outer, inner int // Kamailio's ports
}

// newProxied starts both. The far ends' requests go to the program, ours to the callee.
func newProxied(t *testing.T) *proxied {
	t.Helper()
	path := need.Tool(t, "kamailio", "apt-get install kamailio")
	p := &proxied{outer: freePort(t), inner: freePort(t)}
	p.calleePort = freePort(t)
	p.f = startFunction(t, bridge("+14155550199"))
	p.s = start(t, configFor(p.inner, p.f.URL))
	dir := t.TempDir()
	cfg := filepath.Join(dir, "kamailio.cfg")
	text := strings.NewReplacer("OUTER", fmt.Sprint(p.outer), "INNER", fmt.Sprint(p.inner), "OURS", fmt.Sprint(p.s.addr().Port()), "CALLEE", fmt.Sprint(p.calleePort)).Replace(kamailioRoutes)
	if err := os.WriteFile(cfg, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "-f", cfg, "-m", "64", "-M", "8", "-DD", "-E", "-Y", dir, "-P", filepath.Join(dir, "pid"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		cmd.Wait()
		if t.Failed() {
			said, _ := os.ReadFile(log.Name())
			t.Logf("Kamailio says\n%s", tail(said, 3000))
		}
	})
	eventually(t, "Kamailio binding its ports", func() bool { return isTaken(t, p.outer) && isTaken(t, p.inner) })
	return p
}

const kamailioRoutes = `#!KAMAILIO
debug=0
log_stderror=yes
fork=yes
children=1
disable_tcp=yes
listen=udp:127.0.0.1:OUTER
listen=udp:127.0.0.1:INNER
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "siputils.so"
loadmodule "textops.so"
modparam("rr", "enable_double_rr", 1)
modparam("rr", "append_fromtag", 1)
request_route {
	if (!mf_process_maxfwd_header("10")) { sl_send_reply("483", "Too Many Hops"); exit; }
	if (has_totag()) {
		if (!loose_route()) { if (!is_method("ACK")) { sl_send_reply("404", "No Route"); } exit; }
		t_relay();
		exit;
	}
	if (is_method("CANCEL")) { if (t_check_trans()) { t_relay(); } exit; }
	t_check_trans();
	if ($sp == OURS) {
		$fs = "udp:127.0.0.1:OUTER";
		$du = "sip:127.0.0.1:CALLEE";
	} else {
		$fs = "udp:127.0.0.1:INNER";
		$du = "sip:127.0.0.1:OURS";
	}
	record_route();
	t_relay();
}
`

// A proxy with two sockets stands in front: calls, re-INVITE and BYE take both of its routes, whoever hangs up, on both legs.
func TestC19BehindKamailio(t *testing.T) {
	t.Parallel()
	again := func(seq int) string {
		return message{line: "INVITE [next_url] SIP/2.0", head: callerHead(freshVia, "INVITE", seq, peerTag), rows: []string{"[routes]", hops}, body: strings.Replace(offer, "o=- 1 1", "o=- 1 2", 1)}.String() +
			may("100") + take("200") + message{line: "ACK [next_url] SIP/2.0", head: callerHead(freshVia, "ACK", seq, peerTag), rows: []string{"[routes]", hops}, once: true}.String()
	}
	routed := func(status string) string { // two Via rows came
		return strings.Replace(onAnswer(status, "[last_Record-Route:]"), "Via:[$via]", lastVia, 1)
	}
	for name, sides := range map[string][2]string{
		"caller hangs up": {scenario(invite("User-to-User: 00aa;encoding=hex"), progress(), answered(), ack(), wait(50), again(2), wait(50), bye(3), take("200")),
			scenario(onInvite(), routed("180 Ringing"), routed("200 OK"), take("ACK"), take("BYE"), onLast("200 OK"))},
		"callee hangs up": {scenario(invite("User-to-User: 00aa;encoding=hex"), progress(), answered(), ack(), take("BYE"), onLast("200 OK")),
			scenario(onInvite(), routed("180 Ringing"), routed("200 OK"), take("ACK"), wait(50), onRequest("BYE", 1, "[routes]"), take("200"))},
		"caller gives up": {scenario(invite(), may("100"), take("180"), wait(50), cancel(), may("200"), take("487"), ackRefusal()), // Kamailio's own 200 may come late
			scenario(onInvite(), routed("180 Ringing"), take("CANCEL"), onLast("200 OK"), routed("487 Request Terminated"), take("ACK"))},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProxied(t)
			to := startSIPp(t, sides[1], "", p.calleePort)
			from := startSIPp(t, sides[0], fmt.Sprintf("127.0.0.1:%d", p.outer), freePort(t), "-s", "+12065550100")
			from.wait(t)
			to.wait(t)
			p.s.idle(t)
			for _, m := range append(to.received(t), from.received(t)...) {
				method, _, _ := strings.Cut(m, " ")
				hopByHop := method == "CANCEL" || name == "caller gives up" && method == "ACK"
				if method != "SIP/2.0" && !hopByHop && len(viaRows(m)) != 2 {
					t.Errorf("%s did not come by Kamailio:\n%s", method, m)
				}
			}
			if inv := first(t, to.received(t), "INVITE"); strings.Count(inv, "r2=on") != 2 {
				t.Errorf("not two routes were recorded:\n%s", inv)
			}
		})
	}
}

// viaRows gives the values of all Via rows.
func viaRows(m string) []string {
	var out []string
	for _, r := range rows(m, "Via") {
		out = append(out, strings.Split(r, ",")...)
	}
	return out
}
