package srtp_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/srtp"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// packet is an RTP packet of a source.
func packet(seq uint16, ssrc uint32, payload ...byte) []byte {
	b := []byte{0x80, 0, byte(seq >> 8), byte(seq), 0, 0, 0, 1}
	return append(binary.BigEndian.AppendUint32(b, ssrc), payload...)
}

func key(t testing.TB, suite string) media.Crypto {
	t.Helper()
	for _, s := range srtp.Suites() {
		if s.Name == suite {
			return media.Crypto{Suite: suite, Key: strings.Repeat("k", s.Key) + strings.Repeat("s", s.Salt)}
		}
	}
	t.Fatal("no such suite")
	return media.Crypto{}
}

func context(t testing.TB, c media.Crypto) *srtp.Context {
	t.Helper()
	ctx, err := srtp.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return ctx
}

func seal(t testing.TB, c *srtp.Context, p []byte) []byte {
	t.Helper()
	b, err := c.Seal(make([]byte, 0, len(p)+srtp.Room), p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The master key of RFC 3711 appendix B.3 gives the session keys printed there: what is sealed with the one is what the
// others, used as sections 4.1.1 and 4.2.1 say, give.
func TestC52KeyDerivationOfRFC3711(t *testing.T) {
	c := context(t, media.Crypto{
		Suite: "AES_CM_128_HMAC_SHA1_80", Key: string(unhex(t, "E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6")),
	})
	cipherKey, salt := unhex(t, "C61E7A93744F39EE10734AFE3FF7A087"), unhex(t, "30CBBC08863D8C85D49DB34A9AE1")
	authKey := unhex(t, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4")
	plain := packet(0x1234, 0xcafebabe, bytes.Repeat([]byte{0xab}, 16)...)

	iv := append(bytes.Clone(salt), 0, 0)
	for i, b := range unhex(t, "cafebabe 00000000 1234") { // source, roll-over counter, number
		iv[4+i] ^= b
	}
	block, err := aes.NewCipher(cipherKey)
	if err != nil {
		t.Fatal(err)
	}
	want := bytes.Clone(plain)
	cipher.NewCTR(block, iv).XORKeyStream(want[12:], want[12:])
	tag := hmac.New(sha1.New, authKey)
	tag.Write(want)
	tag.Write(make([]byte, 4))
	want = append(want, tag.Sum(nil)[:10]...)
	if got := seal(t, c, plain); !bytes.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
}

// Each suite opens what it sealed, past the end of the sequence numbers, late and out of order; nothing else.
func TestC52Suites(t *testing.T) {
	for _, s := range srtp.Suites() {
		t.Run(s.Name, func(t *testing.T) {
			k := key(t, s.Name)
			k.MKI = map[string]string{"AES_CM_128_HMAC_SHA1_32": "\x01", "AEAD_AES_128_GCM": "\x00\x00\x00\x07"}[s.Name]
			from, to := context(t, k), context(t, k)
			dst := make([]byte, 0, 400)
			var held []byte
			for i := range 70000 {
				p := packet(uint16(65000+i), 9, append([]byte{byte(i), byte(i >> 8)}, "what is to stay secret"...)...)
				sealed := seal(t, from, p)
				if i == 1000 {
					held = sealed
					continue
				}
				if bytes.Contains(sealed, p[12:]) {
					t.Fatal("not secret")
				}
				got, ok := to.Open(dst, sealed)
				if !ok || !bytes.Equal(got, p) {
					t.Fatalf("packet %d: %x, %v", i, got, ok)
				}
				if i == 1050 { // the one held back comes late, but once only
					if got, ok = to.Open(dst, held); !ok || got[12] != byte(1000&0xff) {
						t.Errorf("late: %x %v", got, ok)
					}
					if _, ok = to.Open(dst, held); ok {
						t.Error("replayed")
					}
				}
				if i%5000 == 7 {
					sealed[len(sealed)-1] ^= 1
					if _, ok = to.Open(dst, sealed); ok {
						t.Fatal("a wrong tag")
					}
				}
			}
			if _, ok := to.Open(dst, held); ok {
				t.Error("replayed an hour later")
			}
		})
	}
}

func TestC52Control(t *testing.T) {
	for _, s := range srtp.Suites() {
		from, to := context(t, key(t, s.Name)), context(t, key(t, s.Name))
		report := unhex(t, "80c90001 00001234")
		sealed, err := from.SealControl(make([]byte, 0, 100), report)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := to.OpenControl(make([]byte, 0, 100), sealed); !ok || !bytes.Equal(got, report) {
			t.Errorf("%s: %x %v", s.Name, got, ok)
		}
		if _, ok := to.OpenControl(make([]byte, 0, 100), sealed); ok {
			t.Errorf("%s: replayed", s.Name)
		}
		if _, ok := to.OpenControl(make([]byte, 0, 100), report); ok {
			t.Errorf("%s: not sealed at all", s.Name)
		}
	}
}

// A far end that names ever new sources does not fill the memory.
func TestSourcesAreBounded(t *testing.T) {
	k := key(t, "AES_CM_128_HMAC_SHA1_80")
	from, to := context(t, k), context(t, k)
	dst, opened := make([]byte, 0, 100), 0
	for i := range uint32(200) {
		if _, ok := to.Open(dst, seal(t, from, packet(1, i, 1))); ok {
			opened++
		}
	}
	if opened < 10 || opened > 100 {
		t.Errorf("%d sources", opened)
	}
	if _, ok := to.Open(dst, seal(t, from, packet(2, 0, 1))); !ok {
		t.Error("the first is heard no more")
	}
}

func TestBadKeys(t *testing.T) {
	good := key(t, "AES_CM_128_HMAC_SHA1_80")
	for name, c := range map[string]media.Crypto{
		"nothing": {}, "unknown": {Suite: "F8_128_HMAC_SHA1_80", Key: good.Key}, "short": {Suite: good.Suite, Key: good.Key[1:]},
		"long": {Suite: good.Suite, Key: good.Key + "x"}, "of another": {Suite: "AEAD_AES_256_GCM", Key: good.Key},
	} {
		if _, err := srtp.New(c); !errors.Is(err, srtp.ErrKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever comes, nothing that was not sealed is opened, and what was still is.
func FuzzOpen(f *testing.F) {
	k := key(f, "AEAD_AES_128_GCM")
	f.Add(seal(f, context(f, k), packet(1, 1, 1, 2, 3))[:20])
	f.Add([]byte{0x9f, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0x80, 200, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		from, to := context(t, k), context(t, k)
		dst := make([]byte, 0, 4096)
		if len(b) > 4000 {
			return
		}
		if _, ok := to.Open(dst, b); ok {
			t.Fatal("opened")
		}
		if _, ok := to.OpenControl(dst, b); ok {
			t.Fatal("opened as RTCP")
		}
		if _, ok := to.Open(dst, seal(t, from, packet(1, 1, 1))); !ok {
			t.Fatal("not opened")
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	for _, s := range srtp.Suites() {
		b.Run(s.Name, func(b *testing.B) {
			from, to := context(b, key(b, s.Name)), context(b, key(b, s.Name))
			p := packet(0, 7, make([]byte, 160)...)
			sealed, plain := make([]byte, 0, 400), make([]byte, 0, 400)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				p[2], p[3] = byte(i>>8), byte(i)
				out, err := from.Seal(sealed, p)
				if err != nil {
					b.Fatal(err)
				}
				if _, ok := to.Open(plain, out); !ok {
					b.Fatal("not opened")
				}
			}
		})
	}
}
