package sip_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip"
)

const (
	goodKey = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n"
	newKey  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:AAAfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz\n"
	badKey  = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:WVNf\n"
)

// sounds sets how audio is with Alice and with Bob.
func sounds(a directory.Audio) func(*sip.Config, *directory.Content) {
	return func(_ *sip.Config, c *directory.Content) {
		for i := range c.Trunks {
			c.Trunks[i].Audio = a
		}
	}
}

// savp makes a description one of RTP/SAVP with lines of its own.
func savp(body, lines string) string {
	return strings.Replace(body, "RTP/AVP", "RTP/SAVP", 1) + lines
}

// Keys are taken where the trunk allows them, and signalling in the clear allows none of itself; bad ones are refused with 488.
func TestC52OffersWithKeys(t *testing.T) {
	for _, c := range []struct {
		name, body string
		srtp       directory.Choice
		status     string
		secret     bool
	}{
		{"in the clear", savp(offer, goodKey), directory.Default, "488", false},
		{"never", savp(offer, goodKey), directory.Never, "488", false},
		{"where it may be", savp(offer, goodKey), directory.Offered, "200", true},
		{"where it must be", savp(offer, goodKey), directory.Always, "200", true},
		{"beside plain RTP", offer + goodKey, directory.Offered, "200", true},
		{"beside plain RTP, in the clear", offer + goodKey, directory.Default, "200", false},
		{"none where it must be", offer, directory.Always, "488", false},
		{"a bad one", savp(offer, badKey), directory.Offered, "488", false},
		{"a bad one beside a good one", savp(offer, strings.Replace(badKey, ":1", ":2", 1)+goodKey), directory.Offered, "200", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, sounds(directory.Audio{SRTP: c.srtp}))
				alice := r.phone(aliceAt)
				inv := alice.invite("c1")
				inv.Body = crlf(c.body)
				alice.send(inv)
				if c.status != "200" {
					if m := alice.receive(c.status); m.Get("Warning") == "" {
						t.Errorf("%+v", m)
					}
					alice.ack(inv, inv)
					return
				}
				a := r.attempt()
				a.leg.Answer(nil)
				ok := alice.receive("200")
				if strings.Contains(string(ok.Body), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:") != c.secret {
					t.Errorf("%s", ok.Body)
				}
				if got := r.remote(); got.CryptoIn.Suite != "" != c.secret || got.CryptoOut.Suite != "" != c.secret {
					t.Errorf("%+v", got)
				}
				alice.ack(inv, ok)
				want[call.Answered](a.events)
				a.leg.Hangup(call.Cause{}, nil)
				bye := alice.receive("BYE")
				alice.answer(bye, 200, "", "")
				pass(time.Minute)
			})
		})
	}
}

// What we offer is as the trunk says; an answer without keys ends the leg where they must be. In a re-INVITE the far end
// may change its key, and ours stays.
func TestC52OfferedKeys(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, sounds(directory.Audio{SRTP: directory.Always, Codecs: []string{"G722", "PCMU"}, Listen: true}))
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv := bob.receive("INVITE")
		if b := string(inv.Body); !strings.Contains(b, " RTP/SAVP 9 0 101\r\n") || strings.Count(b, "a=crypto:") != 4 {
			t.Errorf("%s", b)
		}
		bob.answer(inv, 200, "bob", answer)
		bob.receive("ACK")
		bob.answer(bob.receive("BYE"), 200, "", "")
		if end := want[call.LegEnded](e); end.Cause.Label != call.LabelMedia {
			t.Errorf("%+v", end.Cause)
		}

		leg, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		inv = bob.receive("INVITE")
		keyed := savp(answer, strings.Replace(goodKey, ":1", ":3", 1))
		bob.answer(inv, 200, "bob", keyed)
		bob.receive("ACK")
		want[call.Answered](e)
		before := r.remote()
		if before.CryptoIn.Suite != "AES_CM_128_HMAC_SHA1_80" || before.CryptoOut.Key == "" || !before.Listen || before.Codec != media.PCMU {
			t.Errorf("%+v", before)
		}
		leg.Hold(true)
		re := bob.receive("INVITE")
		bob.answer(re, 200, "", savp(way("recvonly", "3"), strings.Replace(newKey, ":1", ":3", 1)))
		bob.receive("ACK")
		pass(time.Millisecond)
		if after := r.remote(); after.CryptoOut != before.CryptoOut || after.CryptoIn.Key == before.CryptoIn.Key || after.CryptoIn.Suite != before.CryptoIn.Suite {
			t.Errorf("%+v after %+v", after, before)
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		pass(time.Minute)
	})
}

// Where a trunk says nothing, keys are told over TLS alone, and never to several contacts of which one is reached in the clear.
func TestC52KeysGoOverTLS(t *testing.T) {
	for _, c := range []struct {
		srtp     directory.Choice
		networks []string
		want     sdp.Security
	}{
		{directory.Default, []string{"udp"}, sdp.Plain},
		{directory.Default, []string{"tcp"}, sdp.Plain},
		{directory.Default, []string{"tls"}, sdp.Offered},
		{directory.Default, []string{"tls", "tls"}, sdp.Offered},
		{directory.Default, []string{"tls", "udp"}, sdp.Plain},
		{directory.Never, []string{"tls"}, sdp.Plain},
		{directory.Offered, []string{"udp"}, sdp.Offered},
		{directory.Always, []string{"udp"}, sdp.Secured},
	} {
		if got := sip.Security(c.srtp, c.networks...); got != c.want {
			t.Errorf("%q over %q: %v", c.srtp, c.networks, got)
		}
	}
}

// Whoever is answered and never acknowledges gives its port back when the time for that is over.
func TestS20HalfCalls(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		alice := r.phone(aliceAt)
		const half = 30
		for i := range half {
			alice.send(alice.invite(fmt.Sprintf("half-%d", i)))
			r.attempt().leg.Answer(nil)
		}
		open := func() int {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.sessions
		}
		pass(time.Second)
		if n := open(); n != half {
			t.Errorf("%d ports", n)
		}
		pass(40 * time.Second)
		if n := open(); n != 0 {
			t.Errorf("%d ports are still held", n)
		}
		pass(2 * time.Minute)
	})
}

// Keys of the joined leg reach the far end as its trunk says: with the audio, unless they came by signalling or the trunk wants
// INFO; then one after the other, and none in the audio as well.
func TestC55RelayedKeys(t *testing.T) {
	inTime(t, func(t *testing.T) {
		r := newRig(t, sounds(directory.Audio{Keys: "info"}))
		bob := r.phone(bobAt)
		leg, _, _ := r.callOut(bob)
		if far := r.remote(); !far.NoKeys || far.EventOut != 0 || far.EventIn != 101 {
			t.Errorf("%+v", far)
		}
		leg.RelayDigit('4', 0, false)
		leg.RelayDigit('2', 90*time.Millisecond, true)
		for i, want := range []string{"Signal=4\r\nDuration=60\r\n", "Signal=2\r\nDuration=90\r\n"} {
			m := bob.receive("INFO")
			if string(m.Body) != want {
				t.Errorf("key %d: %q", i, m.Body)
			}
			bob.quiet(300 * time.Millisecond) // the next one waits for the answer
			bob.answer(m, 200, "", "")
		}
		for range 100 {
			leg.RelayDigit('1', 0, true)
		}
		n := 0
		for more := true; more; {
			select {
			case m := <-bob.got:
				n++
				bob.answer(m, 200, "", "")
			case <-time.After(5 * time.Second):
				more = false
			}
		}
		if n < 60 || n > 66 {
			t.Errorf("%d keys of a hundred at once", n)
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		pass(time.Minute)
	})
	inTime(t, func(t *testing.T) {
		r := newRig(t)
		bob := r.phone(bobAt)
		leg, _, _ := r.callOut(bob)
		leg.RelayDigit('4', 0, false) // the audio bears it
		leg.RelayDigit('5', 0, true)
		leg.RelayDigit('6', 0, true)
		pass(time.Second)
		if got := r.pressed(); got != "56" {
			t.Errorf("pressed %q", got)
		}
		leg.Hangup(call.Cause{}, nil)
		bob.answer(bob.receive("BYE"), 200, "", "")
		pass(time.Minute)
	})
}

// pressed gives the keys that the last session was to press.
func (r *rig) pressed() string {
	r.last.mu.Lock()
	defer r.last.mu.Unlock()
	return r.last.keys
}
