package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/digest"
	"github.com/switchhook/switchhook/sip/message"
)

// withLogin gives Bob's trunk our account there.
func withLogin(l directory.Login) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) { c.Trunks[1].Login = l }
}

var bobsLogin = directory.Login{User: "switch", Password: "secret", Realm: "bob.example.com"}

// challenge answers a request with a challenge.
func (p *phone) challenge(req *message.Message, status int, rows ...string) {
	name := "WWW-Authenticate: "
	if status == 407 {
		name = "Proxy-Authenticate: "
	}
	for i := range rows {
		rows[i] = name + rows[i]
	}
	p.answer(req, status, "challenge", "", rows...)
	if req.Method == "INVITE" {
		p.receive("ACK")
	}
}

// proof reads the credentials of a request and tells whether they hold for Bob's account.
func proof(t *testing.T, m *message.Message, status int) digest.Credentials {
	t.Helper()
	name := "Authorization"
	if status == 407 {
		name = "Proxy-Authorization"
	}
	c, err := digest.ParseCredentials(m.Get(name))
	if err != nil {
		t.Fatalf("%s %s: %v", m.Method, name, err)
	}
	var again digest.Client
	want := again.Answer(digest.Challenge{Realm: c.Realm, Nonce: c.Nonce, Algorithm: c.Algorithm}, digest.Login{User: "switch", Password: "secret"}, m.Method, m.URI)
	if c.QOP == "" && c.Response != want.Response || c.User != "switch" || c.URI != m.URI {
		t.Errorf("%s bears credentials %v", m.Method, c)
	}
	return c
}

// challengeOf is a challenge without protection, so that a test can compute the answer.
func challengeOf(realm, nonce, algorithm string) string {
	return fmt.Sprintf("Digest realm=%q, nonce=%q, algorithm=%s", realm, nonce, algorithm)
}

func TestC47DigestClient(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withLogin(bobsLogin))
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		first := bob.receive("INVITE")
		if first.Headers.Has("Authorization") {
			t.Error("credentials before any challenge")
		}
		bob.challenge(first, 407, challengeOf("elsewhere", "n0", "SHA-256"), challengeOf("bob.example.com", "n1", "SHA-256"))
		second := bob.receive("INVITE")
		if c := proof(t, second, 407); c.Realm != "bob.example.com" || c.Nonce != "n1" || c.Algorithm != digest.SHA256 {
			t.Errorf("credentials %v", c)
		}
		if second.CSeq.Number != first.CSeq.Number+1 || second.CallID != first.CallID || second.FromTag != first.FromTag || second.ToTag != "" {
			t.Errorf("the second INVITE: CSeq %d, Call-ID %s, To-tag %q", second.CSeq.Number, second.CallID, second.ToTag)
		}
		bob.answer(second, 180, "b", "")
		want[call.Ringing](e)
		bob.answer(second, 200, "b", answer)
		if ack := bob.receive("ACK"); ack.Get("Proxy-Authorization") != second.Get("Proxy-Authorization") {
			t.Errorf("the ACK bears %q (RFC 3261 section 22.1)", ack.Get("Proxy-Authorization"))
		}
		want[call.Answered](e)
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bye := bob.receive("BYE")
		bob.challenge(bye, 401, challengeOf("bob.example.com", "n2", "SHA-256"))
		bye2 := bob.receive("BYE")
		proof(t, bye2, 401)
		if bye2.CSeq.Number != bye.CSeq.Number+1 {
			t.Errorf("the second BYE has CSeq %d after %d", bye2.CSeq.Number, bye.CSeq.Number)
		}
		bob.answer(bye2, 200, "", "")
		e.ended(call.LabelNormal)
	})
}

// A re-INVITE that is challenged goes out again with credentials, and so does its ACK.
func TestC47Reinvite(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withLogin(bobsLogin))
		bob := r.phone(bobAt)
		leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		bob.answer(bob.receive("INVITE"), 200, "b", answer)
		bob.receive("ACK")
		want[call.Answered](e)
		leg.Hold(true)
		first := bob.receive("INVITE")
		bob.challenge(first, 407, challengeOf("bob.example.com", "n1", "SHA-256"))
		again := bob.receive("INVITE")
		proof(t, again, 407)
		if again.ToTag != "b" || again.CSeq.Number != first.CSeq.Number+1 {
			t.Errorf("the re-INVITE has To-tag %q, CSeq %d after %d", again.ToTag, again.CSeq.Number, first.CSeq.Number)
		}
		bob.answer(again, 200, "", answer+"a=recvonly\n")
		if ack := bob.receive("ACK"); ack.Get("Proxy-Authorization") == "" {
			t.Error("the ACK bears no credentials")
		}
		leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
	})
}

// The nonce count goes on where a server gives one nonce twice; a stale nonce is answered anew, a wrong password is not
// sent again and again.
func TestC47CountsAndStale(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withLogin(bobsLogin))
		bob := r.phone(bobAt)
		ch := `Digest realm="bob.example.com", nonce="n1", algorithm=SHA-256, qop="auth"`
		_, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		bob.challenge(bob.receive("INVITE"), 401, ch)
		second := bob.receive("INVITE")
		if c := proof(t, second, 401); c.NC != 1 {
			t.Errorf("count %d, want 1", c.NC)
		}
		bob.challenge(second, 401, ch+", stale=true")
		third := bob.receive("INVITE")
		if c := proof(t, third, 401); c.NC != 2 {
			t.Errorf("count %d, want 2", c.NC)
		}
		bob.challenge(third, 401, ch+", stale=true")
		e.refused(401)
		bob.quiet(time.Second)

		_, e = r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		bob.challenge(bob.receive("INVITE"), 401, ch)
		bob.challenge(bob.receive("INVITE"), 401, `Digest realm="bob.example.com", nonce="n3", algorithm=SHA-256, qop="auth"`)
		e.refused(401)
		bob.quiet(time.Second)
	})
}

func TestC48BasicIsRefused(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, withLogin(bobsLogin))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		bob.challenge(bob.receive("INVITE"), 401, `Basic realm="bob.example.com"`)
		e.refused(401)
		bob.quiet(time.Second)
	})
}

func TestS05DigestLeak(t *testing.T) {
	for name, c := range map[string]struct {
		login     directory.Login
		challenge string
	}{
		"another trunk's realm":      {bobsLogin, challengeOf("other.example.com", "n", "SHA-256")},
		"MD5 where that is too weak": {bobsLogin, challengeOf("bob.example.com", "n", "MD5")},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, withLogin(c.login))
				bob := r.phone(bobAt)
				leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
				bob.answer(bob.receive("INVITE"), 200, "b", answer)
				bob.receive("ACK")
				want[call.Answered](e)
				leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
				bob.challenge(bob.receive("BYE"), 407, c.challenge)
				e.ended(call.LabelNormal)
				bob.quiet(time.Second)
			})
		})
	}
	t.Run("a realm that only a request inside a call meets", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			l := bobsLogin
			l.Realm = ""
			r := newRig(t, withLogin(l))
			bob := r.phone(bobAt)
			leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
			bob.challenge(bob.receive("INVITE"), 401, challengeOf("a", "n", "SHA-256"))
			bob.answer(bob.receive("INVITE"), 200, "b", answer)
			bob.receive("ACK")
			want[call.Answered](e)
			leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
			bob.challenge(bob.receive("BYE"), 407, challengeOf("b", "n", "SHA-256"))
			e.ended(call.LabelNormal)
			bob.quiet(time.Second)
		})
	})
	t.Run("who is no peer of the trunk", func(t *testing.T) {
		inTime(t, func(t *testing.T) {
			r := newRig(t, withLogin(bobsLogin))
			bob, eve := r.phone(bobAt), r.phone(bob2At)
			leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
			inv := bob.receive("INVITE")
			ok := message.NewResponse(inv, 200, "")
			ok.Tag("b")
			ok.Add("Contact", "<sip:eve@"+bob2At.String()+">")
			ok.Add("Content-Type", "application/sdp")
			ok.Body = crlf(answer)
			bob.reply(inv, ok)
			eve.receive("ACK")
			want[call.Answered](e)
			leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
			eve.challenge(eve.receive("BYE"), 401, challengeOf("bob.example.com", "n", "SHA-256"))
			e.ended(call.LabelNormal)
			eve.quiet(time.Second)
			e.mu.Lock()
			defer e.mu.Unlock()
			told := false
			for _, l := range e.log {
				told = told || strings.Contains(l.Text, "no peer of the trunk")
			}
			if !told {
				t.Error("the log does not tell of the challenge that was not answered")
			}
		})
	})
}

// A carrier that renames its realm is answered in the new one, in calls that stand too from then on; in the old one as
// well, for its servers are not all renamed at once.
func TestC47RealmIsRenamed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		l := bobsLogin
		l.Realm = ""
		r := newRig(t, withLogin(l))
		bob := r.phone(bobAt)
		for i, realm := range []string{"old.example.com", "new.example.com", "old.example.com"} {
			leg, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
			bob.challenge(bob.receive("INVITE"), 401, challengeOf(realm, fmt.Sprint("n", i), "SHA-256"))
			second := bob.receive("INVITE")
			if c := proof(t, second, 401); c.Realm != realm {
				t.Errorf("credentials of realm %q, want %q", c.Realm, realm)
			}
			bob.answer(second, 200, "b", answer)
			bob.receive("ACK")
			want[call.Answered](e)
			leg.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
			bob.challenge(bob.receive("BYE"), 401, challengeOf(realm, fmt.Sprint("b", i), "SHA-256"))
			bye := bob.receive("BYE")
			proof(t, bye, 401)
			bob.answer(bye, 200, "", "")
			e.ended(call.LabelNormal)
		}
	})
}

// Two locks, one behind the other or at once: each is answered in its own realm, and what opened the first goes along. A
// password that one does not take is not tried again.
func TestC47TwoLocks(t *testing.T) {
	proxy := `Digest realm="proxy.example.com", nonce="p1", algorithm=SHA-256, qop="auth"`
	far := `Digest realm="far.example.com", nonce="f1", algorithm=SHA-256, qop="auth"`
	noRealm := bobsLogin
	noRealm.Realm = ""
	realms := func(t *testing.T, m *message.Message, counts ...uint32) {
		t.Helper()
		p, f := proof(t, m, 407), proof(t, m, 401)
		if p.Realm != "proxy.example.com" || f.Realm != "far.example.com" || p.NC != counts[0] || f.NC != counts[1] {
			t.Errorf("credentials %v and %v, want counts %v", p, f, counts)
		}
		if m.Headers.Count("Proxy-Authorization") != 1 || m.Headers.Count("Authorization") != 1 {
			t.Errorf("rows: %+v", m.Headers)
		}
	}
	inTime(t, func(t *testing.T) {
		r := newRig(t, withLogin(noRealm))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{To: "+12065550100", Trunk: "bob"})
		bob.challenge(bob.receive("INVITE"), 407, proxy)
		bob.challenge(bob.receive("INVITE"), 401, far)
		both := bob.receive("INVITE")
		realms(t, both, 2, 1)
		bob.answer(both, 486, "b", "")
		bob.receive("ACK")
		e.refused(486)

		_, e = r.dial(call.Dial{To: "+12065550100", Trunk: "bob"}) // a proxy that forks gives both
		inv := bob.receive("INVITE")
		bob.answer(inv, 401, "c", "", "WWW-Authenticate: "+far, "Proxy-Authenticate: "+proxy)
		bob.receive("ACK")
		both = bob.receive("INVITE")
		realms(t, both, 3, 2)
		bob.answer(both, 407, "c", "", "Proxy-Authenticate: "+proxy)
		bob.receive("ACK")
		e.refused(407)
		bob.quiet(time.Second)

		_, e = r.dial(call.Dial{To: "+12065550100", Trunk: "bob"}) // ever another realm
		for i := range 3 {
			bob.challenge(bob.receive("INVITE"), 401, challengeOf(fmt.Sprint("r", i), "n", "SHA-256"))
		}
		e.refused(401)
		bob.quiet(time.Second)

		_, e = r.dial(call.Dial{To: "+12065550100", Trunk: "bob"}) // more than anybody needs
		rows := []string{}
		for i := range 20 {
			rows = append(rows, challengeOf(fmt.Sprint("many", i), "n", "SHA-256"))
		}
		bob.challenge(bob.receive("INVITE"), 401, rows...)
		many := bob.receive("INVITE")
		if n := many.Headers.Count("Authorization"); n != 4 {
			t.Errorf("%d credentials", n)
		}
		bob.answer(many, 486, "b", "")
		bob.receive("ACK")
		e.refused(486)
	})
}
