package sdp_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
)

const (
	cm    = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"                     // of 30 bytes
	gcm16 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGw=="                     // of 28
	gcm32 = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKis=" // of 44
)

func with(security sdp.Security) sdp.Local { return sdp.Local{Addr: local.Addr, Security: security} }

// cryptoLines gives the a=crypto lines of a description.
func cryptoLines(b []byte) (lines []string) {
	for line := range strings.Lines(string(b)) {
		if s, ok := strings.CutPrefix(line, "a=crypto:"); ok {
			lines = append(lines, strings.TrimSpace(s))
		}
	}
	return lines
}

// What of an offer's keys is taken depends on the words and on what is allowed; where none can be and some must be, the
// offer is refused.
func TestC52Answer(t *testing.T) {
	savp, avp := "m=audio 4000 RTP/SAVP 0", "m=audio 4000 RTP/AVP 0"
	good := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + cm
	for _, c := range []struct {
		name     string
		security sdp.Security
		lines    []string
		suite    string // of the answer; empty for plain RTP
		tag      string
		mki      string
		err      error
	}{
		{"the usual", sdp.Offered, []string{savp, good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"where it must be", sdp.Secured, []string{savp, good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"where it must not be", sdp.Plain, []string{savp, good}, "", "", "", sdp.ErrCrypto},
		{"beside plain RTP", sdp.Offered, []string{avp, good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"beside plain RTP, where it must be", sdp.Secured, []string{avp, good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"beside plain RTP, where it must not be", sdp.Plain, []string{avp, good}, "", "", "", nil},
		{"none", sdp.Offered, []string{avp}, "", "", "", nil},
		{"none, where it must be", sdp.Secured, []string{avp}, "", "", "", sdp.ErrCrypto},
		{"none, where the offer itself wants it", sdp.Offered, []string{savp}, "", "", "", sdp.ErrCrypto},
		{"several, the first that we know", sdp.Offered, []string{savp, "a=crypto:1 F8_128_HMAC_SHA1_80 inline:" + cm, "a=crypto:7 AEAD_AES_256_GCM inline:" + gcm32, good}, "AEAD_AES_256_GCM", "7", "", nil},
		{"128 bits of GCM", sdp.Offered, []string{savp, "a=crypto:2 AEAD_AES_128_GCM inline:" + gcm16}, "AEAD_AES_128_GCM", "2", "", nil},
		{"without the end of its base64", sdp.Offered, []string{savp, "a=crypto:2 AEAD_AES_128_GCM inline:" + strings.TrimRight(gcm16, "=")}, "AEAD_AES_128_GCM", "2", "", nil},
		{"a short tag", sdp.Offered, []string{savp, "a=crypto:999999999 AES_CM_128_HMAC_SHA1_32 inline:" + cm}, "AES_CM_128_HMAC_SHA1_32", "999999999", "", nil},
		{"with a lifetime", sdp.Offered, []string{savp, good + "|2^20"}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"with a lifetime in digits", sdp.Offered, []string{savp, good + "|1048576"}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"with a name of the key", sdp.Offered, []string{savp, good + "|2^20|1:4"}, "AES_CM_128_HMAC_SHA1_80", "1", "\x00\x00\x00\x01", nil},
		{"with a name alone", sdp.Offered, []string{savp, good + "|513:2"}, "AES_CM_128_HMAC_SHA1_80", "1", "\x02\x01", nil},
		{"with what does not matter", sdp.Offered, []string{savp, good + " WSH=128 -X_THING=1"}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"a feedback profile", sdp.Offered, []string{"m=audio 4000 RTP/SAVPF 0", good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"two streams, the second one protected", sdp.Secured, []string{"m=audio 4002 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0", good}, "AES_CM_128_HMAC_SHA1_80", "1", "", nil},
		{"two streams, the second one plain", sdp.Plain, []string{"m=audio 4002 RTP/SAVP 0", good, "m=audio 4000 RTP/AVP 0"}, "", "", "", nil},
		{"without encryption", sdp.Offered, []string{savp, good + " UNENCRYPTED_SRTP"}, "", "", "", sdp.ErrCrypto},
		{"with another key rate", sdp.Offered, []string{savp, good + " KDR=1"}, "", "", "", sdp.ErrCrypto},
		{"two keys", sdp.Offered, []string{savp, good + "|1:4;inline:" + cm + "|2:4"}, "", "", "", sdp.ErrCrypto},
		{"a key too short", sdp.Offered, []string{savp, strings.TrimSuffix(good, "Vz")}, "", "", "", sdp.ErrCrypto},
		{"a key of another suite", sdp.Offered, []string{savp, "a=crypto:1 AEAD_AES_256_GCM inline:" + cm}, "", "", "", sdp.ErrCrypto},
		{"not base64", sdp.Offered, []string{savp, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("!", 40)}, "", "", "", sdp.ErrCrypto},
		{"not inline", sdp.Offered, []string{savp, "a=crypto:1 AES_CM_128_HMAC_SHA1_80 uri:" + cm}, "", "", "", sdp.ErrCrypto},
		{"no tag", sdp.Offered, []string{savp, "a=crypto:x AES_CM_128_HMAC_SHA1_80 inline:" + cm}, "", "", "", sdp.ErrCrypto},
		{"a senseless lifetime", sdp.Offered, []string{savp, good + "|2^99"}, "", "", "", sdp.ErrCrypto},
		{"a name too long", sdp.Offered, []string{savp, good + "|1:129"}, "", "", "", sdp.ErrCrypto},
		{"a name that does not fit", sdp.Offered, []string{savp, good + "|256:1"}, "", "", "", sdp.ErrCrypto},
		{"nothing but the name of the line", sdp.Offered, []string{savp, "a=crypto:"}, "", "", "", sdp.ErrCrypto},
		{"bad, beside plain RTP", sdp.Offered, []string{avp, "a=crypto:1 x y"}, "", "", "", nil},
		{"DTLS", sdp.Offered, []string{"m=audio 4000 UDP/TLS/RTP/SAVP 0", "a=fingerprint:sha-256 AA", "a=setup:actpass"}, "", "", "", sdp.ErrNoMedia},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, far, err := sdp.Answer(body(c.lines...), with(c.security))
			if !errors.Is(err, c.err) {
				t.Fatalf("%v, want %v", err, c.err)
			}
			lines := cryptoLines(answer)
			if c.suite == "" {
				if len(lines) > 0 || far.CryptoIn != (media.Crypto{}) || far.CryptoOut != (media.Crypto{}) {
					t.Errorf("%q, %+v", lines, far)
				}
				return
			}
			if len(lines) != 1 || !strings.HasPrefix(lines[0], c.tag+" "+c.suite+" inline:") {
				t.Fatalf("%q", lines)
			}
			if far.RTP.Port() != 4000 || far.CryptoIn.Suite != c.suite || far.CryptoOut.Suite != c.suite || far.CryptoIn.MKI != c.mki ||
				len(far.CryptoIn.Key) != len(far.CryptoOut.Key) || far.CryptoIn.Key == far.CryptoOut.Key || far.CryptoOut.MKI != "" {
				t.Errorf("%+v", far)
			}
			profile := strings.Fields(c.lines[len(c.lines)-2])[2]
			if c.err == nil && len(c.lines) == 2 && !strings.Contains(string(answer), "m=audio 10000 "+profile+" 0\r\n") {
				t.Errorf("answered\n%s", answer)
			}
			// To an offerer of one stream the answer means the same, the other way round.
			back, err := sdp.Accept(body(c.lines...), answer, sdp.Local{})
			if len(c.lines) == 2 && (err != nil || back.CryptoOut != far.CryptoIn || back.CryptoIn != far.CryptoOut) {
				t.Errorf("%+v, to the offerer %+v %v", far, back, err)
			}
		})
	}
}

// What we offer, and what its answers mean.
func TestC52OfferAndAccept(t *testing.T) {
	for _, c := range []struct {
		security sdp.Security
		profile  string
		suites   int
	}{{sdp.Plain, "RTP/AVP", 0}, {sdp.Offered, "RTP/AVP", 4}, {sdp.Secured, "RTP/SAVP", 4}} {
		l := with(c.security)
		offer := sdp.Offer(l)
		lines := cryptoLines(offer)
		if !strings.Contains(string(offer), "m=audio 10000 "+c.profile+" 0 8 101\r\n") || len(lines) != c.suites {
			t.Fatalf("%s", offer)
		}
		keys := map[string]bool{}
		for i, line := range lines {
			var far media.Remote
			var err error
			tag, suite, key := strings.Fields(line)[0], strings.Fields(line)[1], strings.Fields(line)[2]
			keys[key] = true
			theirs := map[string]string{"AEAD_AES_256_GCM": gcm32, "AEAD_AES_128_GCM": gcm16}[suite]
			if theirs == "" {
				theirs = cm
			}
			answer := body("m=audio 4000 "+c.profile+" 0", "a=crypto:"+tag+" "+suite+" inline:"+theirs)
			if far, err = sdp.Accept(offer, answer, l); err != nil || far.CryptoIn.Suite != suite || far.CryptoOut.Suite != suite || far.CryptoIn.Key == far.CryptoOut.Key {
				t.Errorf("line %d: %+v %v", i, far, err)
			}
			wrong := body("m=audio 4000 "+c.profile+" 0", "a=crypto:9 "+suite+" inline:"+theirs)
			if _, err = sdp.Accept(offer, wrong, l); !errors.Is(err, sdp.ErrCrypto) {
				t.Errorf("an answer to what was not offered: %v", err)
			}
		}
		if len(keys) != c.suites {
			t.Errorf("%d different keys", len(keys))
		}
		far, err := sdp.Accept(offer, body("m=audio 4000 "+c.profile+" 0"), l)
		if plain := far.CryptoIn == (media.Crypto{}); c.security == sdp.Secured != errors.Is(err, sdp.ErrCrypto) || err == nil && !plain {
			t.Errorf("an answer without keys: %+v %v", far, err)
		}
		// The same again in its dialog; what changes beside it leaves the keys alone.
		l.Prior, l.Direction = offer, media.SendOnly
		if d := cmp.Diff(lines, cryptoLines(sdp.Offer(l))); d != "" {
			t.Error(d)
		}
	}
}

// In a dialog the far end may change its key at any time; ours stays while the suite does.
func TestC52Rekeying(t *testing.T) {
	offer := func(key string) []byte {
		return body("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:"+key)
	}
	l := with(sdp.Offered)
	first, before, err := sdp.Answer(offer(cm), l)
	if err != nil {
		t.Fatal(err)
	}
	l.Prior = first
	other := strings.Replace(cm, "WVN", "AAA", 1)
	again, after, err := sdp.Answer(offer(other), l)
	if err != nil || after.CryptoIn == before.CryptoIn || after.CryptoOut != before.CryptoOut || string(again) != string(first) {
		t.Errorf("%+v after %+v, %v", after, before, err)
	}
	_, changed, err := sdp.Answer(body("m=audio 4000 RTP/SAVP 0", "a=crypto:1 AEAD_AES_128_GCM inline:"+gcm16), l)
	if err != nil || changed.CryptoOut.Suite != "AEAD_AES_128_GCM" || len(changed.CryptoOut.Key) != 28 {
		t.Errorf("%+v %v", changed, err)
	}
	// Our own offer in it is as protected as what was agreed on.
	if own := sdp.Offer(l); !strings.Contains(string(own), "RTP/SAVP") || len(cryptoLines(own)) != 1 {
		t.Errorf("%s", own)
	}
}

// Codecs by the trunk's list, comfort noise, RTCP on the same port; what we do not know is passed over.
func TestC56WhatElseIsAgreed(t *testing.T) {
	wide := sdp.Local{Addr: local.Addr, Codecs: []media.Codec{media.G722, media.PCMA}}
	for _, c := range []struct {
		name  string
		offer []string
		local sdp.Local
		want  string // the answer's stream
	}{
		{"G.722 first", []string{"m=audio 4000 RTP/AVP 9 8 0"}, wide, "m=audio 10000 RTP/AVP 9|a=rtpmap:9 G722/8000|a=ptime:20|a=sendrecv"},
		{"G.722 first, and not for us", []string{"m=audio 4000 RTP/AVP 9 0 8", "a=rtpmap:9 G722/8000"}, local, "m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"G.722 with its true rate, of a type of its own", []string{"m=audio 4000 RTP/AVP 109 8", "a=rtpmap:109 g722/16000"}, wide, "m=audio 10000 RTP/AVP 109|a=rtpmap:109 G722/8000|a=ptime:20|a=sendrecv"},
		{"events beside G.722", []string{"m=audio 4000 RTP/AVP 9 97 98", "a=rtpmap:97 telephone-event/16000", "a=rtpmap:98 telephone-event/8000"}, wide, "m=audio 10000 RTP/AVP 9 98|a=rtpmap:9 G722/8000|a=rtpmap:98 telephone-event/8000|a=fmtp:98 0-15|a=ptime:20|a=sendrecv"},
		{"comfort noise", []string{"m=audio 4000 RTP/AVP 0 13"}, local, "m=audio 10000 RTP/AVP 0 13|a=rtpmap:0 PCMU/8000|a=rtpmap:13 CN/8000|a=ptime:20|a=sendrecv"},
		{"type 13 as something else", []string{"m=audio 4000 RTP/AVP 0 13", "a=rtpmap:13 X/8000"}, local, "m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"RTCP on the same port", []string{"m=audio 4000 RTP/AVP 0", "a=rtcp-mux"}, local, "m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=rtcp-mux|a=ptime:20|a=sendrecv"},
		{"what a browser or a conference says", []string{"a=group:BUNDLE 0", "a=ice-lite", "m=audio 4000 RTP/AVPF 0", "a=mid:0", "a=ssrc:1 cname:x", "a=rtcp-fb:0 nack", "a=ice-ufrag:x", "a=ice-pwd:y", "a=candidate:1 1 UDP 1 127.0.0.1 1 typ host", "a=extmap:1 urn:x", "a=msid:- -", "b=AS:64", "k=clear:x", "i=x", "a="}, local,
			"m=audio 10000 RTP/AVPF 0|a=rtpmap:0 PCMU/8000|a=ptime:20|a=sendrecv"},
		{"a trunk's own length of packets", []string{"m=audio 4000 RTP/AVP 0", "a=ptime:30"}, sdp.Local{Addr: local.Addr, Ptime: 40 * time.Millisecond}, "m=audio 10000 RTP/AVP 0|a=rtpmap:0 PCMU/8000|a=ptime:40|a=sendrecv"},
	} {
		t.Run(c.name, func(t *testing.T) {
			answer, far, err := sdp.Answer(body(c.offer...), c.local)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(c.want, streams(t, answer)); d != "" {
				t.Error(d)
			}
			if far.Silence != strings.Contains(c.want, "CN/") || far.Mux != strings.Contains(c.want, "mux") {
				t.Errorf("%+v", far)
			}
		})
	}
	offer := sdp.Offer(sdp.Local{Addr: local.Addr, Codecs: []media.Codec{media.G722, media.PCMA, media.PCMU}})
	if got := streams(t, offer); !strings.HasPrefix(got, "m=audio 10000 RTP/AVP 9 8 0 101|a=rtpmap:9 G722/8000|") {
		t.Error(got)
	}
	if far, err := sdp.Accept(offer, body("m=audio 4000 RTP/AVP 9 8"), sdp.Local{}); err != nil || far.Codec != media.G722 || far.TypeOut != 9 {
		t.Errorf("%+v %v", far, err)
	}
}

// Packets to a far end are as long as it or its trunk wants, and never longer than it takes, or than anybody makes.
func TestC56Ptime(t *testing.T) {
	for _, c := range []struct {
		ours  int
		lines []string
		want  int
	}{
		{0, nil, 0},
		{0, []string{"a=ptime:30"}, 30},
		{0, []string{"a=ptime:20", "a=maxptime:240"}, 20},
		{0, []string{"a=maxptime:40"}, 0},
		{0, []string{"a=maxptime:10"}, 10},
		{0, []string{"a=ptime:60", "a=maxptime:30"}, 30},
		{40, []string{"a=ptime:20"}, 40},
		{60, []string{"a=maxptime:20"}, 20},
		{0, []string{"a=ptime:25"}, 20},
		{0, []string{"a=ptime:5"}, 10},
		{0, []string{"a=ptime:200"}, 60},
		{0, []string{"a=ptime:0"}, 0},
		{0, []string{"a=ptime:1000000000", "a=maxptime:-1", "a=ptime:"}, 0},
	} {
		l := sdp.Local{Addr: local.Addr, Ptime: time.Duration(c.ours) * time.Millisecond}
		answer := body(append([]string{"m=audio 4000 RTP/AVP 0"}, c.lines...)...)
		_, far, err := sdp.Answer(answer, l)
		back, err2 := sdp.Accept(sdp.Offer(l), answer, l)
		if want := time.Duration(c.want) * time.Millisecond; err != nil || err2 != nil || far.Ptime != want || back.Ptime != want {
			t.Errorf("%d with %q: %v, %v (%v, %v)", c.ours, c.lines, far.Ptime, back.Ptime, err, err2)
		}
	}
}

// Bombs made of what is new: read within bounds, answered or refused as if they were small.
func TestS14CryptoAndFormatBombs(t *testing.T) {
	good := "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + cm
	var many []string
	for i := range 700 {
		many = append(many, fmt.Sprintf("a=crypto:%d AES_CM_128_HMAC_SHA1_80 inline:%s", i+1, cm))
	}
	secret := func(lines ...string) []byte { return body(append([]string{"m=audio 4000 RTP/SAVP 0"}, lines...)...) }
	for name, c := range map[string]struct {
		offer []byte
		err   error
	}{
		"700 keys":            {secret(many...), nil},
		"a key of 60 kB":      {secret("a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + strings.Repeat("A", 60000)), sdp.ErrCrypto},
		"a lifetime of 60 kB": {secret(good + "|" + strings.Repeat("9", 60000)), sdp.ErrCrypto},
		"30,000 lifetimes":    {secret(good + strings.Repeat("|1", 30000)), sdp.ErrCrypto},
		"30,000 parameters":   {secret(good + strings.Repeat(" -", 20000)), nil},
		"a tag beyond all":    {secret(strings.Replace(good, ":1 ", ":4294967297 ", 1)), sdp.ErrCrypto},
		"60 kB of fmtp":       {secret(good, "a=fmtp:0 "+strings.Repeat("x", 60000)), nil},
		"10,000 fmtp lines":   {secret(append([]string{good}, strings.Split(strings.Repeat("a=b\n", 10000), "\n")...)...), nil},
		"port 0":              {body("m=audio 0 RTP/SAVP 0", good), sdp.ErrNoMedia},
		"multicast":           {secret(good, "c=IN IP4 239.1.1.1/64"), sdp.ErrAddress},
	} {
		answer, _, err := sdp.Answer(c.offer, with(sdp.Offered))
		if !errors.Is(err, c.err) || len(answer) > 600 {
			t.Errorf("%s: %d bytes, %v, want %v", name, len(answer), err, c.err)
		}
		if n := testing.AllocsPerRun(5, func() { _, _, _ = sdp.Answer(c.offer, with(sdp.Offered)) }); n > 100 {
			t.Errorf("%s: %.0f allocations", name, n)
		}
	}
}
