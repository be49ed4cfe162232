package acceptance_test

import (
	"strings"
	"testing"
	"time"
)

// standing gives the id of the one call that stands, once two legs of it are answered.
func (s *server) standing(t *testing.T) string {
	t.Helper()
	var id string
	eventually(t, "a call of two answered legs", func() bool {
		var live struct{ Calls []struct{ ID string } }
		s.get(t, "/api/live", &live)
		if len(live.Calls) != 1 {
			return false
		}
		id = live.Calls[0].ID
		var one struct {
			Legs []struct{ Answered string }
		}
		s.get(t, "/api/live/"+id, &one)
		return len(one.Legs) == 2 && one.Legs[0].Answered != "" && one.Legs[1].Answered != ""
	})
	return id
}

// operate runs a command of the program's on a call of the server's.
func (s *server) operate(t *testing.T, command string, args ...string) ran {
	t.Helper()
	return run(t, nil, append([]string{command, "--api", "http://" + s.HTTP, "--key", "admin", "--secret", "admin-secret"}, args...)...)
}

// An operator puts a party on hold and takes it off (C35), and presses keys at it (C55), here by INFO as its trunk says.
func TestOperatorHoldsAndPressesKeys(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, config{peers: []string{peerAt(port)}, functions: []string{f.URL}, trunk: "audio: {keys: info}"}.yaml())
	modified := func(direction string) string {
		agreed := message{line: "SIP/2.0 200 OK", head: []string{"[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"},
			rows: []string{"Contact: <sip:caller@[local_ip]:[local_port]>"}, body: offer + "a=" + direction + "\n"}
		return take("INVITE") + agreed.String() + take("ACK")
	}
	info := take("INFO") + onLast("200 OK")
	callee := startSIPp(t, callee(), "", port)
	caller := startSIPp(t, scenario(invite(), progress(), answered(), ack(), modified("recvonly"), modified("sendrecv"), info, info,
		take("INFO"), onLast("603 Decline"), bye(2), take("200")), s.SIP, freePort(t), "-s", "+12065550100")
	id := s.standing(t)
	for _, args := range [][]string{{"hold", id, "1"}, {"hold", id, "1", "--off"}, {"keys", id, "1", "7#"}} {
		if r := s.operate(t, args[0], args[1:]...); r.code != 0 {
			t.Errorf("%v: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
		if args[0] == "hold" { // what is said last counts: each shall be said
			want := map[bool]string{true: "a=sendrecv", false: "a=sendonly"}[len(args) == 4]
			eventually(t, want, func() bool {
				invites := all(caller.received(t), "INVITE")
				return len(invites) > 0 && strings.Contains(invites[len(invites)-1], want)
			})
		}
	}
	if r := s.operate(t, "keys", id, "1", "5"); r.code == 0 || !strings.Contains(r.err, "603") {
		t.Errorf("refused keys: exit code %d\n%s%s", r.code, r.out, r.err)
	}
	caller.wait(t)
	callee.wait(t)
	s.idle(t)
	infos := all(caller.received(t), "INFO")
	for i, want := range []string{"Signal=7", "Signal=#", "Signal=5"} {
		if !strings.Contains(infos[i], want) {
			t.Errorf("INFO %d does not say %s:\n%s", i, want, infos[i])
		}
	}
	for _, args := range [][]string{{"hold", id, "1"}, {"keys", id, "1", "x"}} {
		if r := s.operate(t, args[0], args[1:]...); r.code == 0 {
			t.Errorf("%v of a call that is over: %s", args, r.out)
		}
	}
}

// An operator mutes a party: the other hears it no more, and it still hears the other.
func TestOperatorMutes(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(callee.port(), f.URL))
	line := caller.calls(t, s)
	hears(t, "the callee", &callee.ear, 440)
	id := s.standing(t)
	for _, on := range []bool{true, false} {
		args := []string{id, "1"}
		if !on {
			args = append(args, "--off")
		}
		if r := s.operate(t, "mute", args...); r.code != 0 {
			t.Fatalf("mute %v: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
		near, far := caller.ear.Sound(), callee.ear.Sound()
		eventually(t, "the caller hearing the callee all the time", func() bool { return caller.ear.Sound() > near+400*time.Millisecond })
		if d := callee.ear.Sound() - far; on && d > 100*time.Millisecond || !on && d < 200*time.Millisecond {
			t.Errorf("muted %v: the callee heard %v", on, d)
		}
	}
	line.Hangup(0, nil)
	over(t, line)
	s.idle(t)
}
