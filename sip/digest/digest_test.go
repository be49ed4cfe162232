package digest_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	oracle "github.com/icholy/digest"

	"github.com/switchhook/switchhook/sip/digest"
)

// The vectors of RFC 7616 section 3.9.1.
func TestC46Vectors(t *testing.T) {
	for algorithm, want := range map[digest.Algorithm]string{
		digest.MD5:    "8ca523f5e9506fed4657c9700eebdbec",
		digest.SHA256: "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
	} {
		c := digest.Credentials{
			User: "Mufasa", Realm: "http-auth@example.org", URI: "/dir/index.html", Algorithm: algorithm, QOP: "auth", NC: 1,
			Nonce:  "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
			CNonce: "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
		}
		if got := c.Expected("Circle of Life", "GET"); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
}

// What we answer is what another implementation answers, and what we write it reads.
func TestAgainstOracle(t *testing.T) {
	for _, algorithm := range []string{"SHA-256", "SHA-512-256", "MD5", ""} {
		for _, qop := range []string{`, qop="auth,auth-int"`, ""} {
			row := `Digest realm="a \"b\" c", nonce="dcd98b/+==", opaque="5ccc"` + qop
			if algorithm != "" {
				row += ", algorithm=" + algorithm
			}
			chosen, err := digest.Choose([]string{row}, func(realm string) bool { return realm == `a "b" c` }, true)
			if err != nil {
				t.Fatal(err)
			}
			var client digest.Client
			ours := client.Answer(chosen[0], digest.Login{User: "bob", Password: "zanzibar:x"}, "REGISTER", "sip:biloxi.com")
			read, err := oracle.ParseCredentials(ours.String())
			if err != nil {
				t.Fatalf("the oracle reads %s: %v", ours, err)
			}
			theirs, err := oracle.ParseChallenge(`Digest realm="a b c", nonce="dcd98b/+==", opaque="5ccc"` + qop + algorithmOf(algorithm))
			if err != nil {
				t.Fatal(err)
			}
			theirs.Realm = chosen[0].Realm
			want, err := oracle.Digest(theirs, oracle.Options{Method: "REGISTER", URI: "sip:biloxi.com", Username: "bob",
				Password: "zanzibar:x", Cnonce: ours.CNonce, Count: 1})
			if err != nil {
				t.Fatal(err)
			}
			if read.Response != want.Response || read.Nonce != "dcd98b/+==" || read.Opaque != "5ccc" {
				t.Errorf("%q%s: we answer %s, the oracle %s", algorithm, qop, read, want)
			}
		}
	}
}

func algorithmOf(name string) string {
	if name == "" {
		return ""
	}
	return ", algorithm=" + name
}

var (
	alice = netip.MustParseAddr("192.0.2.1")
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// login answers a server's preferred challenge that the oracle's own reader chooses, as a telephone would.
func login(t *testing.T, rows []string, method, uri, user, password string, count int) digest.Credentials {
	t.Helper()
	h := http.Header{}
	for _, r := range rows {
		h.Add("WWW-Authenticate", r)
	}
	ch, err := oracle.FindChallenge(h)
	if err != nil {
		t.Fatal(err)
	}
	c, err := oracle.Digest(ch, oracle.Options{Method: method, URI: uri, Username: user, Password: password, Count: count, Cnonce: "0a4f113b"})
	if err != nil {
		t.Fatal(err)
	}
	out, err := digest.ParseCredentials(c.String())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestC46Server(t *testing.T) {
	s := digest.NewServer(digest.ServerConfig{Realm: "switchhook"})
	rows := s.Challenges(alice, start, false)
	if len(rows) != 2 || !strings.Contains(rows[0], "algorithm=SHA-256") || !strings.Contains(rows[1], "algorithm=MD5") {
		t.Fatalf("challenges are %q, want SHA-256, then MD5", rows)
	}
	for _, r := range rows {
		if !strings.Contains(r, `qop="auth"`) || !strings.Contains(r, "opaque=") || strings.Contains(r, "stale") {
			t.Errorf("challenge %s", r)
		}
	}
	verify := func(c digest.Credentials, password string, known bool, at time.Duration) digest.Verdict {
		return s.Verify(c, "REGISTER", "sip:switchhook", alice, password, known, start.Add(at))
	}
	c := login(t, rows, "REGISTER", "sip:switchhook", "bob", "pass", 1)
	if v := verify(c, "pass", true, 0); v != digest.Proven {
		t.Fatalf("the right password: %v", v)
	}
	if v := verify(c, "pass", true, time.Second); v != digest.Stale {
		t.Errorf("the same count again: %v, want stale", v)
	}
	if v := verify(login(t, rows, "REGISTER", "sip:switchhook", "bob", "pass", 2), "pass", true, time.Second); v != digest.Proven {
		t.Errorf("the next count: %v", v)
	}
	if v := verify(login(t, rows[1:], "REGISTER", "sip:switchhook", "bob", "pass", 3), "pass", true, time.Second); v != digest.Proven {
		t.Errorf("MD5: %v", v)
	}
	if v := verify(login(t, rows, "REGISTER", "sip:switchhook", "bob", "wrong", 9), "pass", true, 0); v != digest.Wrong {
		t.Errorf("a wrong password: %v", v)
	}
	if v := verify(login(t, rows, "REGISTER", "sip:switchhook", "eve", "", 9), "", false, 0); v != digest.Wrong {
		t.Errorf("nobody, with an empty password: %v", v)
	}
	if v := verify(login(t, rows, "REGISTER", "sip:switchhook", "bob", "pass", 4), "pass", true, time.Hour); v != digest.Stale {
		t.Errorf("an old nonce: %v, want stale", v)
	}
	strong := digest.NewServer(digest.ServerConfig{Realm: "switchhook", Algorithms: []digest.Algorithm{digest.SHA256}})
	weak := login(t, strong.Challenges(alice, start, false), "REGISTER", "sip:switchhook", "bob", "pass", 1)
	weak.Algorithm = digest.MD5
	weak.Response = weak.Expected("pass", "REGISTER")
	if v := strong.Verify(weak, "REGISTER", "sip:switchhook", alice, "pass", true, start); v != digest.Wrong {
		t.Errorf("MD5 where it is not offered: %v", v)
	}
}

func TestS31Replay(t *testing.T) {
	s := digest.NewServer(digest.ServerConfig{Realm: "switchhook"})
	rows := s.Challenges(alice, start, false)
	c := login(t, rows, "REGISTER", "sip:switchhook", "bob", "pass", 1)
	for name, v := range map[string]digest.Verdict{
		"another method":    s.Verify(c, "INVITE", "sip:switchhook", alice, "pass", true, start),
		"another target":    s.Verify(c, "REGISTER", "sip:+15550100@switchhook", alice, "pass", true, start),
		"another host":      s.Verify(c, "REGISTER", "sip:elsewhere", alice, "pass", true, start),
		"another source":    s.Verify(c, "REGISTER", "sip:switchhook", alice.Next(), "pass", true, start),
		"another server":    digest.NewServer(digest.ServerConfig{Realm: "switchhook"}).Verify(c, "REGISTER", "sip:switchhook", alice, "pass", true, start),
		"a time to come":    s.Verify(c, "REGISTER", "sip:switchhook", alice, "pass", true, start.Add(-time.Minute)),
		"the time after it": s.Verify(c, "REGISTER", "sip:switchhook", alice, "pass", true, start.Add(6*time.Minute)),
	} {
		if v == digest.Proven {
			t.Errorf("credentials sent again for %s are taken", name)
		}
	}
	if v := s.Verify(c, "REGISTER", "sip:SWITCHHOOK;transport=tcp", alice, "pass", true, start); v != digest.Proven {
		t.Errorf("what a proxy may add to the target: %v", v)
	}
}

// A nonce that had to be forgotten is refused, never taken for a fresh one.
func TestS31BoundedMemory(t *testing.T) {
	s := digest.NewServer(digest.ServerConfig{Realm: "switchhook", MaxUses: 3})
	var used []digest.Credentials
	for i := range 10 {
		at := start.Add(time.Duration(i) * time.Second)
		c := login(t, s.Challenges(alice, at, false), "REGISTER", "sip:switchhook", "bob", "pass", 1)
		if v := s.Verify(c, "REGISTER", "sip:switchhook", alice, "pass", true, at); v != digest.Proven {
			t.Fatalf("login %d: %v", i, v)
		}
		used = append(used, c)
	}
	for i, c := range used {
		if v := s.Verify(c, "REGISTER", "sip:switchhook", alice, "pass", true, start.Add(10*time.Second)); v != digest.Stale {
			t.Errorf("credentials %d again: %v, want stale", i, v)
		}
	}
}

func TestC47Choose(t *testing.T) {
	const (
		strong = `Digest realm="a", nonce="1", algorithm=SHA-256, qop="auth"`
		other  = `Digest realm="b", nonce="2", algorithm=SHA-256, qop="auth"`
		weak   = `Digest realm="a", nonce="3"`
		odd    = `Digest realm="a", nonce="4", algorithm=TIGER`
		whole  = `Digest realm="a", nonce="5", algorithm=SHA-256, qop="auth-int"`
		basic  = `Basic realm="a"`
	)
	for _, c := range []struct {
		name  string
		rows  []string
		realm string
		weak  bool
		nonce string // of those chosen; empty for none
	}{
		{"the first that is known", []string{odd, strong, weak}, "", true, "1"},
		{"the server's order", []string{weak, strong}, "", true, "3"},
		{"never a weak one", []string{weak, strong}, "", false, "1"},
		{"own realm alone", []string{other, strong}, "a", false, "1"},
		{"S05 another realm", []string{other}, "a", true, ""},
		{"S05 weak alone", []string{weak}, "a", false, ""},
		{"C48 Basic alone", []string{basic}, "", true, ""},
		{"Basic beside Digest", []string{basic, strong}, "", false, "1"},
		{"one of each realm", []string{other, weak, strong}, "", false, "21"},
		{"auth-int alone", []string{whole}, "", true, ""},
		{"nothing", nil, "", true, ""},
	} {
		chosen, err := digest.Choose(c.rows, func(realm string) bool { return c.realm == "" || realm == c.realm }, c.weak)
		got := ""
		for _, ch := range chosen {
			got += ch.Nonce
		}
		if got != c.nonce || (c.nonce == "") != errors.Is(err, digest.ErrUnanswerable) {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.nonce)
		}
	}
}

func TestClientCounts(t *testing.T) {
	var c digest.Client
	for i, nonce := range []string{"x", "x", "y", "y"} {
		got := c.Answer(digest.Challenge{Realm: "r", Nonce: nonce, Algorithm: digest.SHA256, QOP: []string{"auth"}}, digest.Login{User: "u"}, "INVITE", "sip:a")
		if want := uint32(i%2 + 1); got.NC != want {
			t.Errorf("use %d of %s has count %d, want %d", i, nonce, got.NC, want)
		}
	}
	count := func(nonce string) uint32 {
		return c.Answer(digest.Challenge{Realm: "r", Nonce: nonce, Algorithm: digest.SHA256, QOP: []string{"auth"}}, digest.Login{User: "u"}, "INVITE", "sip:a").NC
	}
	for i := range 14 { // those of other calls, or of another proxy, come between
		count(fmt.Sprint("z", i))
	}
	if x, y := count("x"), count("y"); x != 3 || y != 3 {
		t.Errorf("nonces that come again have counts %d and %d, want 3", x, y)
	}
	for i := range 10_000 {
		count(fmt.Sprint("n", i))
	}
	if n := count("x"); n != 1 {
		t.Errorf("a nonce from long ago is remembered: count %d", n)
	}
}

func TestMalformed(t *testing.T) {
	for _, row := range []string{
		"", "Digest", "Digest realm", `Digest nonce="a`, `Digest nonce="a" realm="b"`, `Digest nonce="a", nonce="b"`, `Digest =`,
		`Digest nonce=`, `Digest nonce="a", algorithm=`, "Digest nonce=\"" + strings.Repeat("a", 5000) + `"`,
	} {
		if c, err := digest.ParseChallenge(row); err == nil {
			t.Errorf("%q gives %+v", row, c)
		}
	}
	for _, row := range []string{
		`Digest username="a"`, `Digest username="a", nonce="b", uri="c", response="d", nc=1`,
		`Digest username="a", nonce="b", uri="c", response="d", nc=00000000g`,
	} {
		if c, err := digest.ParseCredentials(row); err == nil {
			t.Errorf("%q gives %+v", row, c)
		}
	}
}

// longestRow is the longest row that is read. What is written of one may be longer, by the escapes of control characters that came
// without, and by what is written always; it is refused then, whatever it says.
const longestRow = 4096

func FuzzChallenge(f *testing.F) {
	f.Add(`Digest realm="atlanta.com", domain="sip:boxesbybob.com", qop="auth", nonce="f84f1cec41e6cbe5aea9c8e88d359", opaque="", stale=FALSE, algorithm=MD5`)
	f.Add(`Digest realm="a\"b", nonce=x,,qop=auth`)
	f.Fuzz(func(t *testing.T, row string) {
		c, err := digest.ParseChallenge(row)
		if err != nil {
			return
		}
		again, err := digest.ParseChallenge(c.String())
		if len(c.String()) > longestRow {
			if err == nil {
				t.Errorf("%d bytes are read", len(c.String()))
			}
			return
		}
		if err != nil || again.Realm != c.Realm || again.Nonce != c.Nonce || again.Stale != c.Stale || again.Algorithm != c.Algorithm {
			t.Errorf("%q is read as %+v, written as %s, read as %+v, %v", row, c, c, again, err)
		}
	})
}

func FuzzCredentials(f *testing.F) {
	f.Add(`Digest username="bob", realm="biloxi.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="sip:bob@biloxi.com", qop=auth, nc=00000001, cnonce="0a4f113b", response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"`)
	f.Add(`Digest username="a,b\\", nonce="", uri=sip:a, response=0`)
	f.Fuzz(func(t *testing.T, row string) {
		c, err := digest.ParseCredentials(row)
		if err != nil || c.QOP != "auth" {
			return
		}
		again, err := digest.ParseCredentials(c.String())
		if len(c.String()) > longestRow {
			if err == nil {
				t.Errorf("%d bytes are read", len(c.String()))
			}
			return
		}
		if err != nil || again != c {
			t.Errorf("%q is read as %+v, written as %s, read as %+v, %v", row, c, c, again, err)
		}
	})
}

// Who exists can't be told from the time that an answer takes: medians of many tries in turn.
func TestS04Timing(t *testing.T) {
	s := digest.NewServer(digest.ServerConfig{Realm: "switchhook"})
	c := login(t, s.Challenges(alice, start, false), "REGISTER", "sip:switchhook", "bob", "guess", 1)
	const tries = 4001
	var took [2][]time.Duration
	for i := range 2 * tries {
		known, password := i%2 == 0, "a word that nobody guesses"
		if !known {
			password = "no password has these words"
		}
		began := time.Now()
		if v := s.Verify(c, "REGISTER", "sip:switchhook", alice, password, known, start); v != digest.Wrong {
			t.Fatal(v)
		}
		took[i%2] = append(took[i%2], time.Since(began))
	}
	slices.Sort(took[0])
	slices.Sort(took[1])
	if a, b := took[0][tries/2], took[1][tries/2]; a > b*3/2 || b > a*3/2 {
		t.Errorf("a wrong password takes %v for one who exists, %v for one who does not", a, b)
	}
}
