package signature_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/signature"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// pair gives a key pair as PEM.
func pair(t testing.TB, key crypto.Signer) (private, public []byte) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub})
}

func keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]crypto.Signer{"EdDSA": ed, "ES256": ec, "RS256": r}
}

func both(t testing.TB, key crypto.Signer) (*signature.Signer, *signature.Verifier) {
	t.Helper()
	private, public := pair(t, key)
	s, err := signature.NewSigner(private, "k1")
	if err != nil {
		t.Fatal(err)
	}
	v, err := signature.NewVerifier(public)
	if err != nil {
		t.Fatal(err)
	}
	return s, v
}

func sample() signature.Message {
	return signature.Message{
		CallID: "8f1c2d", From: `"Anna" <sip:+12065550100@192.0.2.1>;tag=a1`, To: "<sip:+12065550111@203.0.113.1>",
		Rows: header.List{
			{Name: "Via", Value: "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1"},
			{Name: "User-to-User", Value: "00616263;encoding=hex"},
			{Name: "X-Account-Id", Value: "4711"},
			{Name: "Diversion", Value: "<sip:+12065550122@192.0.2.1>;reason=no-answer"},
			{Name: "Diversion", Value: "<sip:+12065550133@192.0.2.1>;reason=unconditional"},
			{Name: "User-Agent", Value: "Switchhook"},
		},
	}
}

func signed(t testing.TB, s *signature.Signer, m signature.Message, at time.Time) signature.Message {
	t.Helper()
	value, err := s.Sign(m, at)
	if err != nil {
		t.Fatal(err)
	}
	m.Rows = m.Rows.With(signature.Header, value)
	return m
}

// What each kind of key signs is verified by its public half, once, and by no other key's.
func TestKeys(t *testing.T) {
	all := keys(t)
	for name, key := range all {
		s, v := both(t, key)
		m := signed(t, s, sample(), noon)
		if err := v.Verify(m, noon); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := v.Verify(m, noon); !errors.Is(err, signature.Replayed) {
			t.Errorf("%s, again: %v", name, err)
		}
		for other, k := range keys(t) {
			_, v := both(t, k)
			want := error(signature.Algorithm)
			if other == name {
				want = signature.Wrong
			}
			if err := v.Verify(signed(t, s, sample(), noon), noon); !errors.Is(err, want) {
				t.Errorf("%s by a key of %s: %v, want %v", name, other, err, want)
			}
		}
	}
}

// Nothing that is signed can be changed, moved, added or taken away; what a hop writes for itself can.
func TestTampering(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, v := both(t, key)
	rapid.Check(t, func(t *rapid.T) {
		m := sample()
		value, err := s.Sign(m, noon)
		if err != nil {
			t.Fatal(err)
		}
		m.Rows = slices.Clone(m.Rows)
		flip := func(text string) string {
			i := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			b := []byte(text)
			b[i] ^= byte(rapid.SampledFrom([]int{1, 2, 4, 8, 16, 32}).Draw(t, "bit"))
			return string(b)
		}
		i := rapid.IntRange(1, 4).Draw(t, "row")
		switch how := rapid.SampledFrom([]string{"callid", "from", "to", "value", "swap", "add", "take", "rename", "signature", "time"}).Draw(t, "how"); how {
		case "callid":
			m.CallID = flip(m.CallID)
		case "from":
			m.From = flip(m.From)
		case "to":
			m.To = flip(m.To)
		case "value":
			m.Rows[i].Value = flip(m.Rows[i].Value)
		case "swap":
			j := 1 + i%4
			m.Rows[i], m.Rows[j] = m.Rows[j], m.Rows[i]
		case "add":
			m.Rows = slices.Insert(m.Rows, i, header.Field{Name: rapid.SampledFrom([]string{"X-New", "x-account-id", "P-Asserted-Identity"}).Draw(t, "name"), Value: "1"})
		case "take":
			m.Rows = slices.Delete(m.Rows, i, i+1)
		case "rename":
			m.Rows[i].Name = "X-Other"
		case "signature":
			value = flip(value)
		case "time": // to a minute that is fresh again
			head, rest, _ := strings.Cut(value, ".")
			text, err := base64.RawURLEncoding.DecodeString(head)
			if err != nil {
				t.Fatal(err)
			}
			text = bytes.Replace(text, fmt.Appendf(nil, "%d", noon.Unix()), fmt.Appendf(nil, "%d", noon.Unix()+1), 1)
			value = base64.RawURLEncoding.EncodeToString(text) + "." + rest
		}
		m.Rows = append(m.Rows, header.Field{Name: signature.Header, Value: value})
		if err := v.Verify(m, noon); err == nil {
			t.Fatalf("holds: %+v", m)
		}
	})
	m := sample()
	value, err := s.Sign(m, noon)
	if err != nil {
		t.Fatal(err)
	}
	m.Rows = header.List{{Name: "Record-Route", Value: "<sip:proxy;lr>"}, {Name: "V", Value: "x"}, {Name: "user-to-user", Value: m.Rows[1].Value},
		m.Rows[2], m.Rows[3], m.Rows[4], {Name: "Max-Forwards", Value: "69"}, {Name: "x-switchhook-signature", Value: value}}
	if err := v.Verify(m, noon); err != nil {
		t.Errorf("after a proxy: %v", err)
	}
}

// S28: the tricks that tokens are known for.
func TestS28(t *testing.T) {
	all := keys(t)
	s, v := both(t, all["RS256"])
	good := signed(t, s, sample(), noon)
	value, _ := good.Rows.Get(signature.Header)
	_, public := pair(t, all["RS256"])
	m := sample()
	b64 := base64.RawURLEncoding.EncodeToString
	head := func(more string) string {
		return b64(fmt.Appendf(nil, `{"alg":"RS256","typ":"switchhook-context+jws","iat":%d,"nonce":"0123456789abcdef"%s}`, noon.Unix(), more))
	}
	hs := func() string {
		h := b64(fmt.Appendf(nil, `{"alg":"HS256","typ":"switchhook-context+jws","iat":%d,"nonce":"0123456789abcdef"}`, noon.Unix()))
		mac := hmac.New(sha256.New, public)
		mac.Write([]byte(h + "." + b64(m.Canonical())))
		return h + ".." + b64(mac.Sum(nil))
	}()
	none := b64(fmt.Appendf(nil, `{"alg":"none","typ":"switchhook-context+jws","iat":%d,"nonce":"0123456789abcdef"}`, noon.Unix()))
	_, sig, _ := strings.Cut(value, "..")
	for name, c := range map[string]struct {
		value string
		want  signature.Invalid
	}{
		"alg none":                         {none + "..", signature.Algorithm},
		"alg none, with a signature":       {none + ".." + sig, signature.Algorithm},
		"HS256 with the public key":        {hs, signature.Algorithm},
		"another header, same signature":   {head("") + ".." + sig, signature.Wrong},
		"jku":                              {head(`,"jku":"http://127.0.0.1:1/keys"`) + ".." + sig, signature.Wrong},
		"x5u":                              {head(`,"x5u":"http://127.0.0.1:1/cert"`) + ".." + sig, signature.Wrong},
		"kid of a path":                    {head(`,"kid":"../../etc/passwd"`) + ".." + sig, signature.Wrong},
		"crit":                             {head(`,"crit":["b64"],"b64":false`) + ".." + sig, signature.Malformed},
		"a payload of its own":             {head("") + "." + b64([]byte("x")) + "." + sig, signature.Malformed},
		"another type":                     {b64(fmt.Appendf(nil, `{"alg":"RS256","typ":"JWT","iat":%d,"nonce":"0123456789abcdef"}`, noon.Unix())) + ".." + sig, signature.Malformed},
		"without nonce":                    {b64(fmt.Appendf(nil, `{"alg":"RS256","typ":"switchhook-context+jws","iat":%d}`, noon.Unix())) + ".." + sig, signature.Malformed},
		"a megabyte of dots":               {strings.Repeat(".", 1<<20), signature.TooLong},
		"8 KiB of dots":                    {strings.Repeat(".", 8<<10), signature.Malformed},
		"blanks":                           {strings.Replace(value, "..", ". .", 1), signature.Malformed},
		"empty":                            {"", signature.Malformed},
		"JSON form":                        {`{"payload":"","signatures":[]}`, signature.Malformed},
		"iat of a string":                  {b64([]byte(`{"alg":"RS256","typ":"switchhook-context+jws","iat":"now","nonce":"0123456789abcdef"}`)) + ".." + sig, signature.Malformed},
		"the same octets, written anew":    {loose(value), signature.Malformed},
		"a header that is nested too deep": {b64([]byte(strings.Repeat("[", 3000))) + ".." + sig, signature.Malformed},
	} {
		bad := sample()
		bad.Rows = bad.Rows.With(signature.Header, c.value)
		if err := v.Verify(bad, noon); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	twice := good
	twice.Rows = good.Rows.With(signature.Header, value)
	if err := v.Verify(twice, noon); !errors.Is(err, signature.Several) {
		t.Errorf("two rows: %v", err)
	}
	if err := v.Verify(sample(), noon); !errors.Is(err, signature.Missing) {
		t.Errorf("no row: %v", err)
	}
	if err := v.Verify(good, noon); err != nil {
		t.Errorf("after all that: %v", err)
	}
}

// loose gives another text for the same octets, where the last character has bits to spare.
func loose(value string) string {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(digits, value[len(value)-1])
	return value[:len(value)-1] + string(digits[last^1])
}

// S30: a signature holds once, and for a minute either way; what was seen is forgotten when it can't be fresh any more.
func TestS30Replay(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, v := both(t, key)
	for after, want := range map[time.Duration]error{
		0: nil, 59 * time.Second: nil, -59 * time.Second: nil, 61 * time.Second: signature.Stale, -61 * time.Second: signature.Stale, time.Hour: signature.Stale,
	} {
		if err := v.Verify(signed(t, s, sample(), noon), noon.Add(after)); !errors.Is(err, want) {
			t.Errorf("after %v: %v, want %v", after, err, want)
		}
	}
	_, v = both(t, key)
	for i := range 400 { // each is sent again as late as it is fresh
		at := noon.Add(time.Duration(i) * 7 * time.Second)
		early := signed(t, s, sample(), at.Add(fresh))
		if err := v.Verify(early, at); err != nil {
			t.Fatal(err)
		}
		for _, later := range []time.Duration{0, time.Minute, 2 * time.Minute} {
			other, err := signature.NewVerifier(publicOf(t, key))
			if err != nil {
				t.Fatal(err)
			}
			if err := other.Verify(early, at.Add(later)); err != nil {
				t.Fatalf("%v is not fresh: %v", later, err)
			}
		}
		if err := v.Verify(early, at.Add(2*fresh)); !errors.Is(err, signature.Replayed) {
			t.Fatalf("call %d, two minutes later: %v", i, err)
		}
	}
}

const fresh = time.Minute

// S30: what held in another run does not hold again in this one, nor what held with keys that were changed since.
func TestS30Restart(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	s, v := both(t, key)
	v.Begin(noon.Add(-time.Hour), nil)
	old := signed(t, s, sample(), noon)
	if err := v.Verify(old, noon); err != nil {
		t.Fatal(err)
	}
	_, changed := both(t, key)
	changed.Begin(noon.Add(2*time.Second), v)
	if err := changed.Verify(old, noon.Add(3*time.Second)); !errors.Is(err, signature.Replayed) {
		t.Errorf("with other keys: %v", err)
	}
	if err := changed.Verify(signed(t, s, sample(), noon), noon.Add(3*time.Second)); err != nil {
		t.Errorf("another, signed before the keys were changed: %v", err)
	}
	_, again := both(t, key)
	again.Begin(noon.Add(2*time.Second+300*time.Millisecond), nil)
	if err := again.Verify(old, noon.Add(3*time.Second)); !errors.Is(err, signature.Stale) {
		t.Errorf("after a restart: %v", err)
	}
	if err := again.Verify(signed(t, s, sample(), noon.Add(2*time.Second)), noon.Add(3*time.Second)); err != nil {
		t.Errorf("signed in the second of the restart: %v", err)
	}
}

func publicOf(t testing.TB, key crypto.Signer) []byte {
	_, public := pair(t, key)
	return public
}

// Keys that are none, too short or of another kind are refused when they are read.
func TestBadKeys(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, public := pair(t, p384)
	good, goodPublic := pair(t, keys(t)["EdDSA"])
	for name, text := range map[string][]byte{
		"nothing": nil, "text": []byte("key"), "another curve": private, "a public one": goodPublic,
		"garbage": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte{1, 2}}),
		"locked":  pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: []byte{1}}),
	} {
		if _, err := signature.NewSigner(text, ""); err == nil {
			t.Errorf("%s signs", name)
		}
	}
	for name, text := range map[string][]byte{
		"nothing": nil, "text": []byte("key"), "another curve": public, "a private one": good,
		"garbage": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte{1, 2}}),
	} {
		if _, err := signature.NewVerifier(text); err == nil {
			t.Errorf("%s verifies", name)
		}
	}
}

// The canonical form is that of the document, byte for byte, and its example holds.
func TestVector(t *testing.T) {
	want := "switchhook-context-1\n" +
		"call-id:8f1c2d\n" +
		"from:\"Anna\" <sip:+12065550100@192.0.2.1>;tag=a1\n" +
		"to:<sip:+12065550111@203.0.113.1>\n" +
		"user-to-user:00616263;encoding=hex\n" +
		"x-account-id:4711\n" +
		"diversion:<sip:+12065550122@192.0.2.1>;reason=no-answer\n" +
		"diversion:<sip:+12065550133@192.0.2.1>;reason=unconditional\n"
	if got := string(sample().Canonical()); got != want {
		t.Errorf("canonical form:\n%s\nwant:\n%s", got, want)
	}
	doc := documented(t)
	v, err := signature.NewVerifier([]byte(doc.public))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(doc.text, strings.TrimSuffix(want, "\n")) {
		t.Error("the document has another canonical form")
	}
	m := sample()
	m.Rows = m.Rows.With(signature.Header, doc.value)
	if err := v.Verify(m, noon); err != nil {
		t.Errorf("the document's example: %v", err)
	}
}

// example is what the document shows.
type example struct{ text, public, value string }

// documented reads the example of docs/context.md.
func documented(t *testing.T) example {
	t.Helper()
	text, err := os.ReadFile("../../docs/context.md")
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-----BEGIN PUBLIC KEY-----", "-----END PUBLIC KEY-----"
	_, rest, ok := strings.Cut(string(text), begin)
	key, rest, ok2 := strings.Cut(rest, end)
	_, value, ok3 := strings.Cut(rest, signature.Header+": ")
	if !ok || !ok2 || !ok3 {
		t.Fatal("docs/context.md has no example of a signature")
	}
	return example{text: string(text), public: begin + key + end + "\n", value: strings.Fields(value)[0]}
}

// BenchmarkVerify is what a call in by a trunk with keys costs beside.
func BenchmarkVerify(b *testing.B) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		b.Fatal(err)
	}
	s, v := both(b, key)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Verify(signed(b, s, sample(), noon), noon); err != nil && !errors.Is(err, signature.Full) {
			b.Fatal(err)
		}
	}
}

// FuzzVerify: whatever comes as a signature, it does not hold and costs little.
func FuzzVerify(f *testing.F) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	s, v := both(f, key)
	value, err := s.Sign(sample(), noon)
	if err != nil {
		f.Fatal(err)
	}
	head, err := json.Marshal(map[string]any{"alg": "EdDSA", "typ": "switchhook-context+jws", "iat": noon.Unix(), "nonce": "0123456789abcdef"})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{value, base64.RawURLEncoding.EncodeToString(head) + "..AAAA", "..", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		m := sample()
		m.Rows = m.Rows.With(signature.Header, text)
		if err := v.Verify(m, noon); err == nil && text != value {
			t.Errorf("%q holds", text)
		}
	})
}
