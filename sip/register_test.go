package sip_test

import (
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/registrar"
)

var (
	phoneAt  = netip.MustParseAddrPort("198.51.100.77:5060")
	phone2At = netip.MustParseAddrPort("198.51.100.78:5060")
)

// withEndpoints gives the directory two endpoints of one account and one of another.
func withEndpoints(t *testing.T) func(*sip.Config, *directory.Content) {
	t.Helper()
	return func(cfg *sip.Config, c *directory.Content) {
		r, err := registrar.Open(t.Context(), registrar.Config{})
		if err != nil {
			t.Fatal(err)
		}
		cfg.Endpoints = sip.Endpoints{Registrar: r, Realm: "example.com"}
		c.Endpoints = []directory.Endpoint{
			{User: "carol", Account: "000000000001", Password: "carol's", Contacts: 3},
			{User: "dave", Account: "000000000001", Password: "dave's"},
			{User: "eve", Account: "000000000002", Password: "eve's"},
		}
	}
}

// line is one telephone's account, with the state that its digest client keeps.
type line struct {
	*phone
	user, password string
	seq            int
	client         digest.Client
	weak           bool // it knows MD5 alone
	plain          bool // it says no rport
}

func (r *rig) line(at netip.AddrPort, user, password string) *line {
	return &line{phone: r.phone(at), user: user, password: password}
}

// make makes a request of the endpoint outside of dialogs.
func (l *line) make(method, uri, callID string, rows ...string) *message.Message {
	l.seq++
	m := l.request(method, callID, l.seq, "")
	m.URI = uri
	m.Set("From", fmt.Sprintf("<sip:%s@example.com>;tag=%s", l.user, l.user))
	if method == "REGISTER" {
		m.Set("To", fmt.Sprintf("<sip:%s@example.com>", l.user))
		m.Del("Contact")
	}
	for _, row := range rows {
		n, v, _ := strings.Cut(row, ": ")
		if strings.EqualFold(n, "Contact") && method == "REGISTER" || n == "Path" {
			m.Add(n, v)
		} else {
			m.Set(n, v)
		}
	}
	return m
}

// prove answers a challenge: the request again, with credentials.
func (l *line) prove(m, refusal *message.Message) *message.Message {
	l.t.Helper()
	var rows []string
	for row := range refusal.Headers.Values("WWW-Authenticate") {
		if !l.weak || strings.Contains(row, "algorithm=MD5") {
			rows = append(rows, row)
		}
	}
	chosen, err := digest.Choose(rows, func(realm string) bool { return realm == "example.com" }, true)
	if err != nil {
		l.t.Fatal(err)
	}
	l.seq++
	l.branch++
	again := *m
	again.Headers = m.Headers.Clone()
	again.Set("CSeq", fmt.Sprintf("%d %s", l.seq, m.Method))
	again.Set("Via", fmt.Sprintf("SIP/2.0/%s %s;rport;branch=z9hG4bKp%s%d", strings.ToUpper(l.network), l.at, l.user, l.branch))
	if l.plain {
		again.Set("Via", strings.Replace(again.Get("Via"), ";rport", "", 1))
	}
	again.Set("Authorization", l.client.Answer(chosen[0], digest.Login{User: l.user, Password: l.password}, m.Method, m.URI).String())
	return &again
}

// register registers and gives the answer, which must have this status after one challenge.
func (l *line) register(status int, callID string, rows ...string) *message.Message {
	l.t.Helper()
	m := l.make("REGISTER", "sip:example.com", callID, rows...)
	l.send(m)
	l.send(l.prove(m, l.receive("401")))
	return l.receive(fmt.Sprint(status))
}

func contactsOf(m *message.Message) string {
	var out []string
	for v := range m.Headers.Values("Contact") {
		out = append(out, v)
	}
	return strings.Join(out, " | ")
}

func TestC45Register(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		here := "Contact: <sip:carol@198.51.100.77:5060>"
		if got := contactsOf(carol.register(200, "r1", here, "Expires: 600")); got != "<sip:carol@198.51.100.77:5060>;expires=600" {
			t.Errorf("after the first: %s", got)
		}
		other := `Contact: <sip:carol@198.51.100.77:5070>;q=0.3;expires=120;+sip.instance="<urn:uuid:1>"`
		if got := contactsOf(carol.register(200, "r1", other)); !strings.Contains(got, ";expires=600 | ") || !strings.Contains(got, `:5070>;expires=120;+sip.instance="<urn:uuid:1>"`) {
			t.Errorf("after the second: %s", got)
		}
		if got := contactsOf(carol.register(200, "r1", `Contact: <sip:carol@198.51.100.77:5080>;expires=120;+sip.instance="<urn:uuid:1>"`)); strings.Contains(got, "5070") {
			t.Errorf("the device came back elsewhere: %s", got)
		}
		if got := contactsOf(carol.register(200, "r1")); strings.Count(got, "<sip:") != 2 {
			t.Errorf("asked for what there is: %s", got)
		}
		brief := carol.register(423, "r1", here, "Expires: 10")
		if brief.Get("Min-Expires") != "60" {
			t.Errorf("423 with Min-Expires %q", brief.Get("Min-Expires"))
		}
		pass(121 * time.Second)
		if got := contactsOf(carol.register(200, "r1")); strings.Count(got, "<sip:") != 1 {
			t.Errorf("after one has expired: %s", got)
		}
		carol.register(400, "r1", "Contact: *")
		carol.register(400, "r1", "Contact: *", "Expires: 60")
		if got := contactsOf(carol.register(200, "r1", "Contact: *", "Expires: 0")); got != "" {
			t.Errorf("after all were removed: %s", got)
		}
		path := carol.register(200, "r1", here, "Supported: path", "Path: <sip:p1.example.com;lr>")
		if path.Get("Path") != "<sip:p1.example.com;lr>" {
			t.Errorf("Path is %q", path.Get("Path"))
		}
		for i := range 2 {
			carol.register(200, "r1", fmt.Sprintf("Contact: <sip:carol@198.51.100.77:%d>", 6000+i))
		}
		if got := contactsOf(carol.register(200, "r1", "Contact: <sip:carol@198.51.100.77:7000>")); strings.Count(got, "<sip:") != 3 || strings.Contains(got, ":5060>") {
			t.Errorf("one more than there may be: %s", got)
		}
		var many []string
		for i := range 4 {
			many = append(many, fmt.Sprintf("Contact: <sip:carol@198.51.100.77:%d>", 8000+i))
		}
		carol.register(403, "r1", many...)
		carol.register(200, "r1", here)
		late := carol.make("REGISTER", "sip:example.com", "r1", here)
		carol.send(late)
		old := carol.prove(late, carol.receive("401"))
		old.Set("CSeq", "1 REGISTER")
		carol.send(old)
		carol.receive("500")
		carol.register(403, "r2", here, "To: <sip:dave@example.com>") // nobody registers for somebody else
		if got := contactsOf(r.line(phone2At, "dave", "dave's").register(200, "r3")); got != "" {
			t.Errorf("dave is at %s", got)
		}
		carol.send(carol.make("REGISTER", "sip:example.com", "r1", here, "Require: gruu"))
		if r := carol.receive("420"); r.Get("Unsupported") != "gruu" {
			t.Errorf("Unsupported is %q", r.Get("Unsupported"))
		}
	})
}

func TestC46Challenges(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "carol's")
		m := carol.make("REGISTER", "sip:example.com", "r1")
		carol.send(m)
		refusal := carol.receive("401")
		var rows []string
		for row := range refusal.Headers.Values("WWW-Authenticate") {
			rows = append(rows, row)
		}
		if len(rows) != 2 || !strings.Contains(rows[0], "algorithm=SHA-256") || !strings.Contains(rows[1], "algorithm=MD5") {
			t.Fatalf("challenges are %q", rows)
		}
		proof := carol.prove(m, refusal)
		carol.send(proof)
		carol.receive("200")
		pass(40 * time.Second) // the transaction is forgotten
		proof.Set("Via", fmt.Sprintf("SIP/2.0/UDP %s;branch=z9hG4bKreplay", phoneAt))
		carol.send(proof)
		if again := carol.receive("401"); !strings.Contains(again.Get("WWW-Authenticate"), "stale=true") {
			t.Error("a nonce count used twice is not called stale")
		}
		old := r.line(phone2At, "dave", "dave's")
		old.weak = true
		old.register(200, "r2", "Contact: <sip:dave@198.51.100.78>")
		if rs := old.make("REGISTER", "sip:example.com", "r2"); rs != nil {
			rs.Set("To", "<sip:carol@example.com>")
			old.send(rs)
			old.send(old.prove(rs, old.receive("401")))
			old.receive("403")
		}
	})
}

func TestS04UsersAreNotTold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		size := map[string][]int{}
		for _, user := range []string{"carol", "nobod"} {
			l := r.line(netip.AddrPortFrom(phoneAt.Addr(), uint16(5060+len(size))), user, "wrong")
			for i := range 2 {
				m := l.make("REGISTER", "sip:example.com", "reg-"+user)
				l.send(m)
				refusal := l.receive("401")
				l.send(l.prove(m, refusal))
				again := l.receive("401")
				for _, a := range []*message.Message{refusal, again} {
					data, err := a.Append(nil)
					if err != nil {
						t.Fatal(err)
					}
					size[user] = append(size[user], len(data))
					if strings.Contains(string(data), "stale") {
						t.Errorf("try %d of %s: a wrong password is called stale", i, user)
					}
				}
			}
		}
		if fmt.Sprint(size["carol"]) != fmt.Sprint(size["nobod"]) {
			t.Errorf("answers for one who exists and one who does not have %v and %v bytes", size["carol"], size["nobod"])
		}
	})
}

// The log, and it alone, tells why a telephone is not let in: once for each row of wrong passwords, and when it is shut out.
// Each wrong password is one fault.
func TestS04Told(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var log logged
		r := newRig(t, withEndpoints(t), func(cfg *sip.Config, _ *directory.Content) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		try := func(l *line, n int, to string) {
			t.Helper()
			for range n {
				m := l.make("REGISTER", "sip:example.com", "r"+l.user, "To: <sip:"+to+"@example.com>")
				l.send(m)
				l.send(l.prove(m, l.receive("401")))
				select {
				case <-l.got:
				case <-time.After(time.Second):
					t.Error("no answer")
				}
			}
		}
		try(r.line(phoneAt, "carol", "guess"), 10, "carol")
		try(r.line(phone2At, "nobody", "guess"), 3, "nobody")
		try(r.line(netip.MustParseAddrPort("198.51.100.79:5060"), "dave", "dave's"), 1, "carol")
		for want, n := range map[string]int{
			`"endpoint not let in" user=carol source=198.51.100.77:5060 method=REGISTER reason="wrong password"`:                            1,
			`"endpoint not let in" user=nobody source=198.51.100.78:5060 method=REGISTER reason="there is no endpoint of this user"`:        1,
			`"password guessed too often: shut out for a while" source=198.51.100.77:5060 user=carol`:                                       1,
			`"endpoint not let in" user=dave source=198.51.100.79:5060 method=REGISTER reason="it registers the address of another: carol"`: 1,
		} {
			if got := strings.Count(log.String(), want); got != n {
				t.Errorf("%s: told %d times, want %d:\n%s", want, got, n, &log)
			}
		}
		if st, _ := r.s.Strangers(); st.Faults != 14+13 {
			t.Errorf("%d faults told, want those of 14 requests without a password and of 13 wrong ones", st.Faults)
		}
	})
}

func TestS04Lockout(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol := r.line(phoneAt, "carol", "guess")
		try := func(l *line, want string) {
			t.Helper()
			m := l.make("REGISTER", "sip:example.com", "r"+l.at.String())
			l.send(m)
			l.send(l.prove(m, l.receive("401")))
			l.receive(want)
		}
		for range 10 {
			try(carol, "401")
		}
		if st, _ := r.s.Strangers(); st.Faults != 20 {
			t.Errorf("%d faults: 10 requests without a password and 10 with a wrong one", st.Faults)
		}
		carol.password = "carol's"
		try(carol, "401") // right, and too late
		elsewhere := r.line(phone2At, "carol", "carol's")
		try(elsewhere, "200") // another address is not shut out
		pass(6 * time.Minute)
		try(carol, "200")
	})
}

// S04: operators see who is shut out, of which user, and let him in again before his time is over.
func TestS04LockoutIsLifted(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		lines := map[string]*line{}
		l := r.line(phoneAt, "carol", "")
		for _, user := range []string{"carol", "dave", "nobody"} {
			same := *l
			same.user, lines[user] = user, &same
		}
		try := func(user, password, want string) {
			t.Helper()
			l := lines[user]
			l.password = password
			m := l.make("REGISTER", "sip:example.com", "r"+user)
			l.send(m)
			l.send(l.prove(m, l.receive("401")))
			l.receive(want)
		}
		for i, user := range []string{"carol", "dave", "nobody"} {
			for j := range 9 + i { // carol's is not one yet
				try(user, fmt.Sprint("guess", j), "401")
			}
			pass(time.Second)
		}
		outs := r.s.Lockouts()
		if len(outs) != 2 || outs[0].User != "dave" || outs[1].User != "nobody" || outs[0].Source.String() != phoneAt.Addr().String()+"/32" ||
			outs[0].Until.Sub(outs[0].Since) != 5*time.Minute || outs[0].Since.After(time.Now()) {
			t.Fatalf("%+v", outs)
		}
		try("dave", "dave's", "401")
		other := netip.MustParseAddr("192.0.2.99")
		for _, c := range []struct {
			source netip.Addr
			user   string
			want   bool
		}{{other, "", false}, {other, "dave", false}, {phoneAt.Addr(), "carol", false}, {phoneAt.Addr(), "dave", true}, {phoneAt.Addr(), "dave", false}} {
			if got := r.s.Lift(c.source, c.user); got != c.want {
				t.Errorf("lift %v %q: %v", c.source, c.user, got)
			}
		}
		try("dave", "dave's", "200")
		if outs := r.s.Lockouts(); len(outs) != 1 || !r.s.Lift(netip.AddrFrom16(phoneAt.Addr().As16()), "") || len(r.s.Lockouts()) != 0 {
			t.Errorf("%+v", outs)
		}
		for range 10 {
			try("nobody", "guess", "401")
		}
		pass(5 * time.Minute)
		if outs := r.s.Lockouts(); len(outs) != 0 || r.s.Lift(phoneAt.Addr(), "nobody") {
			t.Errorf("after its time: %+v", outs)
		}
	})
}

// REGISTER is 405 where there are no endpoints.
func TestC45NoEndpoints(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		alice.send(alice.request("REGISTER", "r", 1, ""))
		alice.receive("405")
	})
}

// Who asks again and again without ever giving a password is heard no more for a while; who gives it is forgiven.
func TestS01UnprovenAreShutOut(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withEndpoints(t))
		carol, scanner := r.line(phoneAt, "carol", "carol's"), r.line(phone2At, "100", "")
		answered := 0
		for i := range 2000 {
			scanner.send(scanner.make("REGISTER", "sip:example.com", fmt.Sprint("scan", i)))
			pass(time.Millisecond)
			select {
			case <-scanner.got:
				answered++
			default:
			}
		}
		if answered == 0 || answered > 1000 {
			t.Errorf("%d of 2,000 were answered", answered)
		}
		for i := range 300 {
			carol.register(200, fmt.Sprint("r", i), "Contact: <sip:carol@198.51.100.77>")
		}
	})
}
