package sip_test

import (
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// FuzzSessionRows: whatever rows say, times stay within what a timer can be set to.
func FuzzSessionRows(f *testing.F) {
	for _, seed := range [][3]string{
		{"1800;refresher=uac", "5 (busy);duration=3", "sendrecv, gated"}, {" 90 ; Refresher = UAS ;x", "0", "inactive"},
		{"4294967296", "-1", ""}, {";refresher=uac", "99999999999999999999", "recvonly"}, {"", "", ",,"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, expires, retry, early string) {
		m := message.NewResponse(message.NewRequest("INVITE", "sip:a@b"), 500, "")
		m.Add("Session-Expires", expires)
		m.Add("Retry-After", retry)
		m.Add("P-Early-Media", early)
		e, r, _, _ := sip.ReadSession(m)
		if e < 0 || e > 1<<31*time.Second || r < 0 || r > 30*time.Second {
			t.Errorf("Session-Expires %v, Retry-After %v", e, r)
		}
	})
}
