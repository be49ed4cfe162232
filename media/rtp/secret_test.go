package rtp_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/media/srtp"
	"github.com/switchhook/switchhook/media/tone"
	"github.com/switchhook/switchhook/test/need"
)

const usual = "AES_CM_128_HMAC_SHA1_80"

// secretKey gives a key of a suite; each mark another one.
func secretKey(suite string, mark byte) media.Crypto {
	for _, s := range srtp.Suites() {
		if s.Name == suite {
			return media.Crypto{Suite: suite, Key: strings.Repeat(string(rune('A'+mark)), s.Key+s.Salt)}
		}
	}
	return media.Crypto{}
}

// secretPeer is a far end that speaks and hears SRTP.
type secretPeer struct {
	*peer
	in, out *srtp.Context
	r       media.Remote
}

func newSecretPeer(t testing.TB, suite string) *secretPeer {
	t.Helper()
	p := &secretPeer{peer: newPeer(t, loopback)}
	p.r = p.remote()
	p.key(secretKey(suite, 1), secretKey(suite, 2))
	return p
}

// key makes the keys those of what it hears, and says.
func (p *secretPeer) key(in, out media.Crypto) {
	p.t.Helper()
	var err error
	if p.in, err = srtp.New(in); err != nil {
		p.t.Fatal(err)
	}
	if p.out, err = srtp.New(out); err != nil {
		p.t.Fatal(err)
	}
	p.r.CryptoOut, p.r.CryptoIn = in, out
}

// sealed gives the next 20 ms whose bytes are all mark.
func (p *secretPeer) sealed(mark byte) []byte {
	p.t.Helper()
	b, err := p.out.Seal(make([]byte, 0, 300), packet(0, false, p.seq, p.ts, p.ssrc, bytes.Repeat([]byte{mark}, 160)...))
	if err != nil {
		p.t.Fatal(err)
	}
	p.seq, p.ts = p.seq+1, p.ts+160
	return b
}

// hearSecret gives the first byte of the next packet.
func (p *secretPeer) hearSecret() byte {
	p.t.Helper()
	b := make([]byte, 2000)
	if err := p.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
		p.t.Fatal(err)
	}
	n, err := p.conn.Read(b)
	if err != nil {
		p.t.Fatal(err)
	}
	plain, ok := p.in.Open(make([]byte, 0, 2000), b[:n])
	if !ok || len(plain) != 172 {
		p.t.Fatalf("%d bytes that are not sealed with our key", n)
	}
	return plain[12]
}

// secretBridge is a far end with SRTP joined to one without.
func secretBridge(t testing.TB, suite string) (a *secretPeer, b *peer, sa, sb *rtp.Session) {
	t.Helper()
	e := engine(t)
	a, b = newSecretPeer(t, suite), newPeer(t, loopback)
	sa, sb = mustOpen(t, e), open(t, e, b)
	if err := sa.SetRemote(a.r); err != nil {
		t.Fatal(err)
	}
	sa.Connect(sb)
	sb.Connect(sa)
	return a, b, sa, sb
}

// A leg with SRTP and one without hear each other, in each suite.
func TestC54SecureLegAndPlainLeg(t *testing.T) {
	for _, suite := range srtp.Suites() {
		t.Run(suite.Name, func(t *testing.T) {
			a, b, sa, sb := secretBridge(t, suite.Name)
			for i := range byte(10) {
				a.send(sa.Local(), a.sealed(i+1))
				if h := b.hear(); h.payload[0] != i+1 || len(h.payload) != 160 {
					t.Fatalf("%+v", h)
				}
				b.speak(sb.Local(), i+100)
				if got := a.hearSecret(); got != i+100 {
					t.Fatalf("%d", got)
				}
			}
			if st := sa.Stats(); !st.Secure || st.PacketsIn != 10 || st.Discarded != 0 || st.Lost != 0 {
				t.Errorf("%+v", st)
			}
			if sb.Stats().Secure {
				t.Error("the plain leg counts as secure")
			}
		})
	}
}

// A thousand packets with bad tags, in the midst of audio, from the far end's own address and from elsewhere: they are
// counted, and nothing else happens.
func TestS18BadTags(t *testing.T) {
	a, b, sa, _ := secretBridge(t, usual)
	stranger := newPeer(t, loopback)
	a.send(sa.Local(), a.sealed(200))
	b.hear()
	for i := range 1000 {
		bad := a.sealed(7)
		switch i % 4 {
		case 0:
			bad[len(bad)-1] ^= 0x80
		case 1:
			bad = packet(0, false, a.seq, a.ts, a.ssrc, make([]byte, 170)...)
		case 2:
			bad = bad[:20]
		case 3:
			bad[8] ^= 1 // of another source
		}
		a.send(sa.Local(), bad)
		stranger.send(sa.Local(), bad)
		if i%10 == 0 {
			good := a.sealed(byte(i / 10))
			a.send(sa.Local(), good)
			if h := b.hear(); h.payload[0] != byte(i/10) {
				t.Fatalf("after %d bad ones: %+v", i, h)
			}
		}
	}
	a.send(sa.Local(), a.sealed(201))
	if h := b.hear(); h.payload[0] != 201 {
		t.Errorf("%+v", h)
	}
	// The stranger's stop at the connected socket.
	if st := sa.Stats(); st.PacketsIn != 102 || st.Discarded != 1000 {
		t.Errorf("%+v", st)
	}
}

// Nobody without the key is believed to be the far end, wherever a packet comes from.
func TestC52NobodyWithoutTheKeyIsBelieved(t *testing.T) {
	a, b, sa, _ := secretBridge(t, usual)
	for range 20 { // from the address of SDP itself: enough to be believed, were it plain
		a.speak(sa.Local(), 66)
	}
	a.send(sa.Local(), a.sealed(1))
	if h := b.hear(); h.payload[0] != 1 {
		t.Errorf("%+v", h)
	}
}

// A new key of a re-INVITE counts at once, what was under way with the old one is still heard; the same keys go on.
func TestC52Rekeying(t *testing.T) {
	a, b, sa, sb := secretBridge(t, usual)
	a.send(sa.Local(), a.sealed(1))
	b.hear()
	if err := sa.SetRemote(a.r); err != nil { // as a session refresh does
		t.Fatal(err)
	}
	a.send(sa.Local(), a.sealed(2))
	if h := b.hear(); h.payload[0] != 2 {
		t.Errorf("%+v", h)
	}
	late := a.sealed(3)
	a.key(secretKey("AEAD_AES_128_GCM", 3), secretKey("AEAD_AES_128_GCM", 4))
	if err := sa.SetRemote(a.r); err != nil {
		t.Fatal(err)
	}
	a.send(sa.Local(), late)
	if h := b.hear(); h.payload[0] != 3 {
		t.Errorf("%+v", h)
	}
	a.send(sa.Local(), a.sealed(4))
	if h := b.hear(); h.payload[0] != 4 {
		t.Errorf("%+v", h)
	}
	b.speak(sb.Local(), 5)
	if got := a.hearSecret(); got != 5 {
		t.Errorf("%d", got)
	}
	bad := a.r
	bad.CryptoIn.Key = "short"
	if err := sa.SetRemote(bad); err == nil {
		t.Error("a key that is none")
	}
	plain := a.r
	plain.CryptoIn, plain.CryptoOut = media.Crypto{}, media.Crypto{}
	if err := sa.SetRemote(plain); err != nil {
		t.Fatal(err)
	}
	a.speak(sa.Local(), 6)
	if h := b.hear(); h.payload[0] != 6 || sa.Stats().Secure {
		t.Errorf("%+v", h)
	}
}

// The counter goes on when the sequence numbers begin anew, both ways (RFC 3711 section 3.3.1).
func TestC52RollOver(t *testing.T) {
	a, b, sa, sb := secretBridge(t, usual)
	a.seq = 65000
	for i := range 1000 {
		a.send(sa.Local(), a.sealed(byte(i)))
		if h := b.hear(); h.payload[0] != byte(i) {
			t.Fatalf("packet %d: %+v", i, h)
		}
	}
	for i := range byte(100) { // gaps of the source are gaps of ours: three times through all numbers
		b.seq += 2000
		b.speak(sb.Local(), i)
		if got := a.hearSecret(); got != i {
			t.Fatalf("packet %d back: %d", i, got)
		}
	}
}

// What another implementation seals is heard.
func TestC52FromAnother(t *testing.T) {
	program := need.Tool(t, "ffmpeg", "apt-get install ffmpeg")
	for _, suite := range []string{usual, "AES_CM_128_HMAC_SHA1_32"} {
		s := mustOpen(t, engine(t))
		k := secretKey(suite, 5)
		far := newPeer(t, loopback) // keeps a port free that is nobody's
		r := media.Remote{RTP: far.addr(), Signalling: loopback, Codec: media.PCMU, CryptoIn: k, CryptoOut: k}
		if err := s.SetRemote(r); err != nil {
			t.Fatal(err)
		}
		ears := tone.NewDetector(440)
		s.Connect(media.PortFunc(func(p *media.Packet) {
			var f [1600]int16
			ears.Add(f[:codec.Decode(p.Codec, f[:], p.Payload)])
		}))
		cmd := exec.Command(program, "-loglevel", "error", "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000:duration=1.5",
			"-c:a", "pcm_mulaw", "-f", "rtp", "-srtp_out_suite", suite, "-srtp_out_params", base64.StdEncoding.EncodeToString([]byte(k.Key)),
			fmt.Sprintf("srtp://%v?localaddr=%v", s.Local(), loopback))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		wait(t, func() bool { return ears.Heard(440) > time.Second })
	}
}

// BenchmarkRelaySecure is BenchmarkRelay with SRTP on one side; the far end's own part of the cryptography is in it.
func BenchmarkRelaySecure(b *testing.B) {
	for _, suite := range srtp.Suites() {
		b.Run(suite.Name, func(b *testing.B) {
			x, y, sx, _ := secretBridge(b, suite.Name)
			buf, plain, sealed := make([]byte, 2000), packet(0, false, 0, 0, 1, make([]byte, 160)...), make([]byte, 0, 300)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				plain[2], plain[3] = byte(i>>8), byte(i)
				out, err := x.out.Seal(sealed, plain)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := x.conn.WriteToUDPAddrPort(out, sx.Local()); err != nil {
					b.Fatal(err)
				}
				if _, _, err := y.conn.ReadFromUDPAddrPort(buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
