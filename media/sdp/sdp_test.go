package sdp_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
)

var (
	local = sdp.Local{Addr: netip.MustParseAddrPort("198.51.100.1:10000")}
	six   = sdp.Local{Addr: netip.MustParseAddrPort("[2001:db8::100]:10000")}

	addrs = cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})
)

// text makes a description of lines.
func text(lines ...string) []byte { return []byte(strings.Join(lines, "\r\n") + "\r\n") }

// body makes a usual description with an audio stream of these lines.
func body(lines ...string) []byte {
	return text(append([]string{"v=0", "o=alice 1 1 IN IP4 192.0.2.1", "s=-", "c=IN IP4 192.0.2.1", "t=0 0"}, lines...)...)
}

func remote(change ...func(*media.Remote)) media.Remote {
	r := media.Remote{RTP: netip.MustParseAddrPort("192.0.2.1:4000"), Codec: media.PCMU}
	for _, f := range change {
		f(&r)
	}
	return r
}

func TestAnswer(t *testing.T) {
	for _, c := range []struct {
		name  string
		offer []byte
		local sdp.Local
		want  media.Remote
		lines string // that the answer's streams consist of
	}{
		{"the usual", body("m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20"), local,
			remote(func(r *media.Remote) { r.EventIn, r.EventOut, r.Ptime = 101, 101, 20*time.Millisecond }),
			"m=audio 10000 RTP/AVP 0 101|a=rtpmap:0 PCMU/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-15|a=ptime:20|a=sendrecv"},
		{"the offerer's preference", body("m=audio 4000 RTP/AVP 18 8 0"), local,
			remote(func(r *media.Remote) { r.Codec, r.TypeIn, r.TypeOut = media.PCMA, 8, 8 }),
			"m=audio 10000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=ptime:20|a=sendrecv"},
		{"only what we have", body("m=audio 4000 RTP/AVP 8 0"), sdp.Local{Addr: local.Addr, Codecs: []media.Codec{media.PCMU}}, remote(),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"dynamic types, odd case, several event rates", body("m=audio 4000 RTP/AVP 96 97 98", "a=rtpmap:96 pcmu/8000/1", "a=rtpmap:97 telephone-event/48000", "a=rtpmap:98 Telephone-Event/8000"), local,
			remote(func(r *media.Remote) { r.TypeIn, r.TypeOut, r.EventIn, r.EventOut = 96, 96, 98, 98 }),
			"m=audio 10000 RTP/AVP 96 98|a=rtpmap:96 PCMU/8000|a=rtpmap:98 telephone-event/8000|a=fmtp:98 0-15|a=ptime:20|a=sendrecv"},
		{"a static type given another meaning", body("m=audio 4000 RTP/AVP 0 8", "a=rtpmap:0 SPEEX/8000"), local,
			remote(func(r *media.Remote) { r.Codec, r.TypeIn, r.TypeOut = media.PCMA, 8, 8 }),
			"m=audio 10000 RTP/AVP 8|a=rtpmap:8 PCMA/8000|a=ptime:20|a=sendrecv"},
		{"no events for us", body("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:101 telephone-event/8000"), sdp.Local{Addr: local.Addr, NoEvents: true}, remote(),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"streams that we don't want keep their places", body("m=video 5000 RTP/AVP 96 97", "a=rtpmap:96 VP8/90000", "m=audio 4002 RTP/SAVP 0", "m=audio 4000/2 RTP/AVP 0", "m=audio 4004 RTP/AVP 0", "m=application 0 UDP/BFCP *"), local, remote(),
			"m=video 0 RTP/AVP 96|m=audio 0 RTP/SAVP 0|m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv|m=audio 0 RTP/AVP 0|m=application 0 UDP/BFCP *"},
		{"on hold", body("m=audio 4000 RTP/AVP 0", "a=sendonly"), local,
			remote(func(r *media.Remote) { r.Direction = media.RecvOnly }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=recvonly"},
		{"on hold for the session", body("a=inactive", "m=audio 4000 RTP/AVP 0"), local,
			remote(func(r *media.Remote) { r.Direction = media.Inactive }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=inactive"},
		{"on hold as before RFC 3264", body("m=audio 4000 RTP/AVP 0", "c=IN IP4 0.0.0.0"), local,
			remote(func(r *media.Remote) { r.RTP, r.Direction = netip.AddrPort{}, media.RecvOnly }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=recvonly"},
		{"both hold", body("m=audio 4000 RTP/AVP 0", "a=recvonly"), sdp.Local{Addr: local.Addr, Direction: media.RecvOnly},
			remote(func(r *media.Remote) { r.Direction = media.Inactive }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=inactive"},
		{"an address of the stream, RTCP elsewhere", body("m=audio 4000 RTP/AVP 0", "c=IN IP4 192.0.2.2", "a=rtcp:53020 IN IP4 192.0.2.3"), local,
			remote(func(r *media.Remote) {
				r.RTP, r.RTCP = netip.MustParseAddrPort("192.0.2.2:4000"), netip.MustParseAddrPort("192.0.2.3:53020")
			}),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"RTCP at an address that is none", body("m=audio 4000 RTP/AVP 0", "a=rtcp:4007", "a=rtcp:9 IN IP4 224.0.0.1"), local,
			remote(func(r *media.Remote) { r.RTCP = netip.MustParseAddrPort("192.0.2.1:4007") }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"bare line feeds, no session address, senseless ptime", []byte("v=0\no=bob 1 1 IN IP4 host.example.com\ns=\nt=0 0\nm=audio 4000 RTP/AVP 0\nc=IN IP4 192.0.2.1\na=ptime:1000000000\nm=video 6024 RTP/AVP 107\nc=IN IP6 2001:db8::1"), local, remote(),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv|m=video 0 RTP/AVP 107"},
		{"IPv6", text("v=0", "o=- 1 1 IN IP6 ::1", "s=-", "c=IN IP6 2001:db8::20", "t=0 0", "m=audio 4000 RTP/AVP 0"), six,
			remote(func(r *media.Remote) { r.RTP = netip.MustParseAddrPort("[2001:db8::20]:4000") }),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"IPv4 written as IPv6", text("v=0", "o=- 1 1 IN IP6 ::1", "s=-", "c=IN IP6 ::ffff:192.0.2.1", "t=0 0", "m=audio 4000 RTP/AVP 0"), local, remote(),
			"m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, far, err := sdp.Answer(c.offer, c.local)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, far, addrs); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(c.lines, streams(t, answer)); d != "" {
				t.Error(d)
			}
		})
	}
}

// streams gives a description's lines from the first m= on.
func streams(t *testing.T, b []byte) string {
	t.Helper()
	s := string(b)
	i := strings.Index(s, "m=")
	if i < 0 || !strings.HasSuffix(s, "\r\n") || strings.Count(s, "\n") != strings.Count(s, "\r\n") {
		t.Fatalf("no streams, or ends of lines that are not CRLF: %q", s)
	}
	return strings.ReplaceAll(strings.TrimSuffix(s[i:], "\r\n"), "\r\n", "|")
}

func TestSessionPart(t *testing.T) {
	offer := text("v=0", "o=- 1 1 IN IP4 192.0.2.1", "s=x", "c=IN IP4 192.0.2.1", "t=3338481189 3370017201", "m=audio 4000 RTP/AVP 0")
	for _, c := range []struct {
		local sdp.Local
		offer []byte
		want  string
	}{
		{local, offer, "IN IP4 198.51.100.1|s=-|c=IN IP4 198.51.100.1|t=3338481189 3370017201"},
		{six, text("v=0", "o=- 1 1 IN IP6 ::1", "s=x", "c=IN IP6 2001:db8::1", "m=audio 4000 RTP/AVP 0"), "IN IP6 2001:db8::100|s=-|c=IN IP6 2001:db8::100|t=0 0"},
	} {
		answer, _, err := sdp.Answer(c.offer, c.local)
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(string(answer), "\r\n", "|")
		if !strings.HasPrefix(got, "v=0|o=- ") || !strings.Contains(got, c.want+"|m=") {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestS14Refused(t *testing.T) {
	audio := "m=audio 4000 RTP/AVP 0"
	many := body(audio)
	for range 10000 {
		many = append(many, "m=audio 1 RTP/AVP 0\r\n"...)
	}
	for _, c := range []struct {
		name  string
		offer []byte
		want  error
	}{
		{"nothing", nil, sdp.ErrSyntax},
		{"not SDP", []byte("<xml/>"), sdp.ErrSyntax},
		{"NUL in an attribute", body(audio, "a=x:\x00"), sdp.ErrSyntax},
		{"no streams", body(), sdp.ErrNoMedia},
		{"no audio", body("m=video 5000 RTP/AVP 96"), sdp.ErrNoMedia},
		{"audio refused", body("m=audio 0 RTP/AVP 0"), sdp.ErrNoMedia},
		{"no codec in common", body("m=audio 4000 RTP/AVP 18 3 4294967296"), sdp.ErrNoMedia},
		{"encrypted only", body("m=audio 4000 RTP/SAVP 0"), sdp.ErrCrypto},
		{"events only", body("m=audio 4000 RTP/AVP 101", "a=rtpmap:101 telephone-event/8000"), sdp.ErrNoMedia},
		{"port beyond all", body("m=audio 65536 RTP/AVP 0"), sdp.ErrSyntax},
		{"negative port", body("m=audio -1 RTP/AVP 0"), sdp.ErrSyntax},
		{"no formats", body("m=audio 4000 RTP/AVP"), sdp.ErrSyntax},
		{"no address", text("v=0", "s=-", audio), sdp.ErrSyntax},
		{"multicast", body(audio, "c=IN IP4 224.2.1.1/127"), sdp.ErrAddress},
		{"multicast without its TTL", body(audio, "c=IN IP4 239.0.0.1"), sdp.ErrAddress},
		{"broadcast", body(audio, "c=IN IP4 255.255.255.255"), sdp.ErrAddress},
		{"loopback", body(audio, "c=IN IP4 127.0.0.1"), sdp.ErrAddress},
		{"metadata service", body(audio, "c=IN IP4 169.254.169.254"), sdp.ErrAddress},
		{"a name", body(audio, "c=IN IP4 media.example.com"), sdp.ErrAddress},
		{"a range", body(audio, "c=IN IP4 192.0.2.1/3"), sdp.ErrAddress},
		{"the wrong family", body(audio, "c=IN IP6 2001:db8::1"), sdp.ErrAddress},
		{"a lie about the family", body(audio, "c=IN IP6 192.0.2.1"), sdp.ErrAddress},
		{"a zone", body(audio, "c=IN IP6 fe80::1%eth0"), sdp.ErrAddress},
		{"10,000 streams", many, sdp.ErrLimit},
		{"too long", body(audio, "a=fmtp:0 "+strings.Repeat("x", 65536)), sdp.ErrLimit},
		{"a long format", body("m=audio 4000 RTP/AVP " + strings.Repeat("9", 100)), sdp.ErrLimit},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := sdp.Answer(c.offer, local)
			if !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

// Big but within bounds: 64 KiB of attributes, thousands of candidates and formats.
func TestS14LargeIsRead(t *testing.T) {
	for _, lines := range [][]string{
		{"m=audio 4000 RTP/AVP 0", "a=fmtp:0 " + strings.Repeat("x", 60000)},
		{"m=audio 4000 RTP/AVP 0", strings.TrimSuffix(strings.Repeat("a=candidate:1\r\n", 4000), "\r\n")},
		{"m=audio 4000 RTP/AVP 0" + strings.Repeat(" 127", 10000)},
	} {
		if _, _, err := sdp.Answer(body(lines...), local); err != nil {
			t.Error(err)
		}
	}
}

func TestLoopbackAmongItsLike(t *testing.T) {
	offer := body("m=audio 4000 RTP/AVP 0", "c=IN IP4 127.0.0.1")
	for _, l := range []sdp.Local{
		{Addr: netip.MustParseAddrPort("127.0.0.1:10000")},
		{Addr: local.Addr, Signalling: netip.MustParseAddr("127.0.0.1")},
	} {
		if _, far, err := sdp.Answer(offer, l); err != nil || far.Signalling != l.Signalling {
			t.Errorf("%+v %v", far, err)
		}
	}
}

func TestOfferAndAccept(t *testing.T) {
	offer := sdp.Offer(local)
	if got := streams(t, offer); got != "m=audio 10000 RTP/AVP 0 8 101|a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=rtpmap:101 telephone-event/8000|a=fmtp:101 0-15|a=ptime:20|a=sendrecv" {
		t.Error(got)
	}
	for _, c := range []struct {
		name   string
		answer []byte
		want   media.Remote
		err    error
	}{
		{"one of ours", body("m=audio 4000 RTP/AVP 8"), remote(func(r *media.Remote) { r.Codec, r.TypeIn, r.TypeOut = media.PCMA, 8, 8 }), nil},
		{"events under another type", body("m=audio 4000 RTP/AVP 0 96", "a=rtpmap:96 telephone-event/8000"), remote(func(r *media.Remote) { r.EventIn, r.EventOut = 101, 96 }), nil},
		{"a codec that was not offered first", body("m=audio 4000 RTP/AVP 18 0"), remote(), nil},
		{"only listening", body("m=audio 4000 RTP/AVP 0", "a=recvonly"), remote(func(r *media.Remote) { r.Direction = media.SendOnly }), nil},
		{"refused", body("m=audio 0 RTP/AVP 0"), media.Remote{}, sdp.ErrNoMedia},
		{"no stream", body(), media.Remote{}, sdp.ErrNoMedia},
		{"another kind", body("m=video 4000 RTP/AVP 0"), media.Remote{}, sdp.ErrNoMedia},
		{"none of ours", body("m=audio 4000 RTP/AVP 18"), media.Remote{}, sdp.ErrNoMedia},
		{"loopback", body("m=audio 4000 RTP/AVP 0", "c=IN IP4 127.0.0.1"), media.Remote{}, sdp.ErrAddress},
		{"garbage", []byte("x"), media.Remote{}, sdp.ErrSyntax},
	} {
		t.Run(c.name, func(t *testing.T) {
			far, err := sdp.Accept(offer, c.answer, sdp.Local{})
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			if d := cmp.Diff(c.want, far, addrs); err == nil && d != "" {
				t.Error(d)
			}
		})
	}
}

// In a dialog: the same words again have the same version, other words the next; numbers and places are kept.
func TestPrior(t *testing.T) {
	offer := body("m=video 5000 RTP/AVP 96", "m=audio 4000 RTP/AVP 0 97", "a=rtpmap:97 telephone-event/8000")
	first, _, err := sdp.Answer(offer, local)
	if err != nil {
		t.Fatal(err)
	}
	l := local
	l.Prior = first
	again, _, err := sdp.Answer(offer, l)
	if err != nil || string(again) != string(first) {
		t.Errorf("the same offer is answered\n%s, before\n%s", again, first)
	}
	l.Direction = media.SendOnly
	held := sdp.Offer(l)
	if got := streams(t, held); got != "m=video 0 RTP/AVP 96|m=audio 10000 RTP/AVP 0 8 97|a=rtpmap:0 PCMU/8000|a=rtpmap:8 PCMA/8000|a=rtpmap:97 telephone-event/8000|a=fmtp:97 0-15|a=ptime:20|a=sendonly" {
		t.Error(got)
	}
	id := func(b []byte) []string { return strings.Fields(strings.Split(string(b), "\r\n")[1])[1:3] }
	if a, b := id(first), id(held); a[0] != b[0] || a[1] != "1" || b[1] != "2" {
		t.Errorf("o= of %v, then %v", a, b)
	}
	l.Prior = held
	if b := sdp.Offer(l); string(b) != string(held) {
		t.Errorf("an offer of nothing new\n%s after\n%s", b, held)
	}
}

func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("testdata/rfc5118/*.sdp")
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		l := local
		if sdp.Where(b).Is6() {
			l = six
		}
		// All are well-formed; those that offer G.711 are answered.
		want := error(nil)
		if !strings.Contains(string(b), "RTP/AVP 0") {
			want = sdp.ErrNoMedia
		}
		if _, _, err := sdp.Answer(b, l); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", f, err, want)
		}
	}
}

func FuzzAnswer(f *testing.F) {
	files, _ := filepath.Glob("testdata/rfc5118/*.sdp")
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Add(body("m=audio 4000 RTP/SAVP 9 13 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+cm+"|2^20|1:4 -X", "a=rtcp-mux", "a=maxptime:30"))
	f.Add(body("m=audio 4000/2 RTP/AVP 0 8 101", "a=rtpmap:101 telephone-event/8000", "a=rtcp:9 IN IP4 192.0.2.3", "a=ptime:20", "a=sendonly", "m=video 1 X 96"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, l := range []sdp.Local{local, six, with(sdp.Offered), with(sdp.Secured)} {
			answer, far, err := sdp.Answer(b, l)
			if err != nil {
				continue
			}
			// What we say is well-formed, of our own making, and means to the offerer what it means to us.
			back, err := sdp.Accept(b, answer, sdp.Local{})
			if err == nil && (back.RTP != l.Addr || back.Codec != far.Codec || back.TypeIn != far.TypeIn) {
				t.Errorf("%q was answered %q: %+v, but for the offerer %+v", b, answer, far, back)
			}
			if a := far.RTP.Addr(); a.IsMulticast() || a.IsLoopback() || a.IsLinkLocalUnicast() || far.Codec == media.NoCodec {
				t.Errorf("%q gave %+v", b, far)
			}
			if len(answer) > 400+len(b) || strings.Count(string(answer), "\n") != strings.Count(string(answer), "\r\n") {
				t.Errorf("%q was answered %q", b, answer)
			}
			l.Prior = answer
			if again, _, err := sdp.Answer(b, l); err != nil || string(again) != string(answer) {
				t.Errorf("%q was answered %q, then %q (%v)", b, answer, again, err)
			}
			sdp.Offer(l)
		}
		_, _ = sdp.Accept(sdp.Offer(local), b, sdp.Local{})
	})
}

func BenchmarkAnswer(b *testing.B) {
	offer := body("m=audio 4000 RTP/AVP 0 8 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:8 PCMA/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv")
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := sdp.Answer(offer, local); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkOfferAndAccept(b *testing.B) {
	answer := body("m=audio 4000 RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-16", "a=ptime:20", "a=sendrecv")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := sdp.Accept(sdp.Offer(local), answer, sdp.Local{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Why there is no agreement says what is missing on which side, for the operator of either.
func TestDisagreements(t *testing.T) {
	offer := "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
	for want, l := range map[string]sdp.Local{
		"the offer has none of [G722]":                             {Codecs: []media.Codec{media.G722}},
		"SRTP is needed here (audio.srtp), and the offer has none": {Security: sdp.Secured},
	} {
		l.Addr = netip.MustParseAddrPort("192.0.2.1:4002")
		if _, _, err := sdp.Answer([]byte(offer), l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v; want %q", err, want)
		}
	}
}
