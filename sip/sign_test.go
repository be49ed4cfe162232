package sip_test

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/signature"
)

// keyFiles writes a key pair.
func keyFiles(t *testing.T) (private, public string) {
	t.Helper()
	pub, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, der []byte, err error) string {
		path := filepath.Join(t.TempDir(), name)
		if err == nil {
			err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return path
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	private = write("private.pem", "PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(pub)
	return private, write("public.pem", "PUBLIC KEY", der, err)
}

// ownSignature gives the trust label of an attempt.
func ownSignature(t *testing.T, ledger call.Ledger) call.Entry {
	t.Helper()
	var found []call.Entry
	for _, e := range ledger {
		if header.SameName(e.Name, signature.Header) {
			found = append(found, e)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d lines of the signature: %+v", len(found), ledger)
	}
	return found[0]
}

// What one trunk signs another verifies, and the ledger of either tells of it; changed, sent again or unsigned it is
// labelled so, and refused where the trunk needs it.
func TestSignedContext(t *testing.T) {
	private, public := keyFiles(t)
	for _, need := range []bool{false, true} {
		inTime(t, func(t *testing.T) {
			r := newRig(t, func(_ *sip.Config, c *directory.Content) {
				c.Trunks[1].Signing = directory.Signing{Key: private, KeyID: "k1"}
				c.Trunks[0].Signing = directory.Signing{Verify: []string{public}, Need: need}
			})
			alice, bob := r.phone(aliceAt), r.phone(bobAt)
			_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2", Headers: header.List{
				{Name: "X-Account-Id", Value: "4711"}, {Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: signature.Header, Value: "forged"}}})
			out := bob.receive("INVITE")
			if out.Headers.Count(signature.Header) != 1 || out.Get(signature.Header) == "forged" {
				t.Fatalf("INVITE: %+v", out.Headers)
			}
			if told := e.because(sip.BecauseSigned); len(told) != 1 || told[0].Value != out.Get(signature.Header) || told[0].Writer != call.WriterPlatform || told[0].Action != header.Added {
				t.Errorf("ledger: %+v", told)
			}
			// The same context comes in by the other trunk, in a message of Alice's own.
			forward := func(callID string, change func(m *message.Message)) *message.Message {
				m := alice.invite(callID)
				m.Set("Call-ID", out.CallID)
				m.CallID = out.CallID
				for _, name := range []string{"From", "To"} {
					m.Set(name, out.Get(name))
				}
				for _, f := range out.Headers {
					if header.OfCall(f.Name) || f.Name == signature.Header {
						m.Add(f.Name, f.Value)
					}
				}
				change(m)
				return m
			}
			try := func(name string, want header.Reason, detail string, m *message.Message) {
				t.Helper()
				alice.send(m)
				if need && want != sip.BecauseSignatureValid {
					final := alice.receive("403")
					ack := alice.request("ACK", m.CallID, 1, final.ToTag)
					ack.Set("Via", m.Get("Via"))
					alice.send(ack)
					pass(time.Minute / 10)
					return
				}
				a := r.attempt()
				label := ownSignature(t, a.Ledger)
				if label.Reason != want || !strings.Contains(label.Detail, detail) || label.Writer != call.WriterPlatform || label.Message != "INVITE" || label.Direction != call.In {
					t.Errorf("%s: %+v", name, label)
				}
				if a.Headers.Has(signature.Header) {
					t.Errorf("%s: the application sees the signature: %+v", name, a.Headers)
				}
				a.leg.Hangup(call.Cause{SIP: 486}, nil)
				want486 := alice.receive("486")
				ack := alice.request("ACK", m.CallID, 1, want486.ToTag)
				ack.Set("Via", m.Get("Via"))
				alice.send(ack)
				pass(time.Minute / 10)
			}
			try("changed", sip.BecauseSignatureInvalid, "wrong", forward("c1", func(m *message.Message) { m.Set("X-Account-Id", "4712") }))
			try("added", sip.BecauseSignatureInvalid, "wrong", forward("c2", func(m *message.Message) { m.Add("X-More", "1") }))
			try("good", sip.BecauseSignatureValid, "", forward("c3", func(*message.Message) {}))
			try("again", sip.BecauseSignatureInvalid, "replayed", forward("c4", func(*message.Message) {}))
			try("unsigned", sip.BecauseSignatureMissing, "", alice.invite("c5"))
			pass(2 * time.Minute)
			try("late", sip.BecauseSignatureInvalid, "stale", forward("c6", func(*message.Message) {}))
		})
	}
}

// A key that can't be read is told of; calls go on without.
func TestKeyThatIsMissing(t *testing.T) {
	inTime(t, func(t *testing.T) {
		log := new(strings.Builder)
		r := newRig(t, func(cfg *sip.Config, c *directory.Content) {
			cfg.Log = slog.New(slog.NewTextHandler(log, nil))
			c.Trunks[1].Signing = directory.Signing{Key: "/nowhere/key.pem"}
			c.Trunks[0].Signing = directory.Signing{Verify: []string{"/nowhere/public.pem"}}
		})
		alice, bob := r.phone(aliceAt), r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1"})
		if m := bob.receive("INVITE"); m.Headers.Has(signature.Header) {
			t.Error("signed without a key")
		}
		if told := e.because(sip.BecauseSigned); len(told) != 1 || !strings.Contains(told[0].Detail, "/nowhere/key.pem") {
			t.Errorf("ledger: %+v", told)
		}
		alice.send(alice.invite("c1"))
		if label := ownSignature(t, r.attempt().Ledger); label.Reason != sip.BecauseSignatureInvalid && label.Reason != sip.BecauseSignatureMissing {
			t.Errorf("label: %+v", label)
		}
		pass(time.Second)
		if got := log.String(); strings.Count(got, "keys of a trunk can't be read") != 2 {
			t.Errorf("log: %s", got)
		}
	})
}

// S30: an INVITE that this run has not seen is not let in again after a restart.
func TestS30AfterRestart(t *testing.T) {
	private, public := keyFiles(t)
	inTime(t, func(t *testing.T) {
		r := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[1].Signing = directory.Signing{Key: private, KeyID: "k1"}
			c.Trunks[0].Signing = directory.Signing{Verify: []string{public}, Need: true}
		})
		bob := r.phone(bobAt)
		_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
		out := bob.receive("INVITE")
		bob.answer(out, 486, "bob", "")
		bob.receive("ACK")
		e.refused(486)
		pass(5 * time.Second)
		again := newRig(t, func(_ *sip.Config, c *directory.Content) {
			c.Trunks[0].Signing = directory.Signing{Verify: []string{public}, Need: true}
		})
		alice := again.phone(aliceAt)
		m := alice.invite("x")
		m.CallID = out.CallID
		for _, name := range []string{"Call-ID", "From", "To", signature.Header} {
			m.Set(name, out.Get(name))
		}
		alice.send(m)
		alice.receive("403")
	})
}

// S30: what held once does not hold again after the trunk's keys were taken away and given back, or could not be read for a
// while, or after so many others were in use that the trunk was forgotten.
func TestS30Forgotten(t *testing.T) {
	private, public := keyFiles(t)
	verify := directory.Signing{Verify: []string{public}, Need: true}
	with := func(r *rig, s directory.Signing) {
		c := trunks()
		c.Trunks[0].Signing, c.Trunks[1].Signing = s, directory.Signing{Key: private, KeyID: "k1"}
		r.dir.Store(directory.NewSnapshot(c))
	}
	for name, forget := range map[string]func(*rig, *phone){
		"keys taken away": func(r *rig, alice *phone) {
			with(r, directory.Signing{})
			alice.send(alice.request("OPTIONS", "between", 1, ""))
			alice.receive("200")
			with(r, verify)
		},
		"keys that can't be read": func(r *rig, alice *phone) {
			with(r, directory.Signing{Verify: []string{"/nowhere/public.pem"}})
			alice.send(alice.request("OPTIONS", "between", 1, ""))
			alice.receive("200")
			with(r, verify)
		},
		"many trunks":              func(r *rig, _ *phone) { r.s.Crowd(directory.Signing{}) },
		"many trunks that sign":    func(r *rig, _ *phone) { r.s.Crowd(directory.Signing{Key: private}) },
		"many trunks that verify":  func(r *rig, _ *phone) { pass(2 * time.Second); r.s.Crowd(verify) },
		"nothing but a new minute": func(*rig, *phone) { pass(50 * time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				log := new(strings.Builder)
				r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Log = slog.New(slog.NewTextHandler(log, nil)) })
				with(r, verify)
				alice, bob := r.phone(aliceAt), r.phone(bobAt)
				_, e := r.dial(call.Dial{Trunk: "bob", To: "1", From: "2"})
				out := bob.receive("INVITE")
				bob.answer(out, 486, "bob", "")
				bob.receive("ACK")
				e.refused(486)
				forward := func() *message.Message {
					m := alice.invite("x")
					m.CallID = out.CallID
					for _, name := range []string{"Call-ID", "From", "To", signature.Header} {
						m.Set(name, out.Get(name))
					}
					alice.send(m)
					return m
				}
				m := forward()
				r.attempt().leg.Hangup(call.Cause{SIP: 486}, nil)
				final := alice.receive("486")
				ack := alice.request("ACK", m.CallID, 1, final.ToTag)
				ack.Set("Via", m.Get("Via"))
				alice.send(ack)
				pass(6 * time.Second)
				forget(r, alice)
				forward()
				alice.receive("403")
				pass(time.Second)
				if got := log.String(); !strings.Contains(got, "its context is not signed as the trunk needs") {
					t.Errorf("log: %s", got)
				}
			})
		})
	}
}
