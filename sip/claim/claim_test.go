package claim_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/claim"
)

// A value is given once, to one of however many ask at the same time; then its reference is gone, as it is when its time
// is over.
func TestRedeemedOnce(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	d := claim.At(func() time.Time { return now })
	var told []string
	ref, ok := d.Keep("a long value", time.Minute, func(reference, by string) { told = append(told, reference+" "+by) })
	if !ok || len(ref) != claim.Length || !header.IsToken(ref) || strings.Trim(ref, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Fatalf("%q, %v", ref, ok)
	}
	var got atomic.Int32
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			switch value, known, gone := d.Redeem(ref, "192.0.2.1"); {
			case known && !gone && value == "a long value":
				got.Add(1)
			case !gone || value != "":
				t.Errorf("%q, %v, %v", value, known, gone)
			}
		})
	}
	wait.Wait()
	if got.Load() != 1 || len(told) != 1 || told[0] != ref+" 192.0.2.1" {
		t.Errorf("given %d times, told %v", got.Load(), told)
	}
	late, _ := d.Keep("x", time.Minute, nil)
	now = now.Add(time.Minute + time.Second)
	if value, known, gone := d.Redeem(late, ""); !known || !gone || value != "" {
		t.Errorf("too late: %q, %v, %v", value, known, gone)
	}
	if _, ok := d.Keep("y", time.Minute, nil); !ok {
		t.Error("no room")
	}
	if bytes, values := d.Held(); bytes != 1 || values != 1 {
		t.Errorf("%d bytes of %d values are kept", bytes, values)
	}
}

// What a desk did not give is none of its references, whatever was changed of one.
func TestForgedReference(t *testing.T) {
	d := claim.New()
	ref, _ := d.Keep("secret", time.Minute, nil)
	other, _ := claim.New().Keep("secret", time.Minute, nil)
	bad := []string{"", claim.Prefix, other, strings.ToUpper(ref), ref + "a", ref[:len(ref)-1], "swc2" + ref[4:], strings.Repeat("a", 1<<20), ref + "=", " " + ref}
	for i := range ref {
		for _, c := range []byte("a2.") {
			if ref[i] != c {
				bad = append(bad, ref[:i]+string(c)+ref[i+1:])
			}
		}
	}
	for _, b := range bad {
		if value, known, _ := d.Redeem(b, ""); known || value != "" {
			t.Errorf("%q is taken for %q", b, ref)
		}
	}
	if value, known, gone := d.Redeem(ref, ""); value != "secret" || !known || gone {
		t.Error("the true one is not")
	}
}

// The desk is bounded in values and bytes, and what is redeemed or over makes room.
func TestRoom(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	d := claim.At(func() time.Time { return now })
	for i := range claim.MaxValues {
		if _, ok := d.Keep("", time.Minute, nil); !ok {
			t.Fatalf("no room for value %d", i)
		}
	}
	if _, ok := d.Keep("", time.Minute, nil); ok {
		t.Error("more values than may be")
	}
	now = now.Add(2 * time.Minute)
	big := strings.Repeat("x", claim.MaxBytes)
	ref, ok := d.Keep(big, time.Minute, nil)
	if !ok {
		t.Fatal("no room after the others' time")
	}
	if _, ok := d.Keep("x", time.Minute, nil); ok {
		t.Error("more bytes than may be")
	}
	d.Redeem(ref, "")
	if _, ok := d.Keep("x", time.Minute, nil); !ok {
		t.Error("no room after the redemption")
	}
}

// Whatever is kept and redeemed in whatever order, each value is given to its own reference, once.
func TestEachItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, want := claim.New(), map[string]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(want) == 0 || rapid.Bool().Draw(t, "keep") {
				value := rapid.String().Draw(t, "value")
				ref, ok := d.Keep(value, time.Hour, nil)
				if _, twice := want[ref]; !ok || twice {
					t.Fatalf("%q, %v", ref, ok)
				}
				want[ref] = value
				continue
			}
			for ref, value := range want {
				if got, known, gone := d.Redeem(ref, ""); got != value || !known || gone {
					t.Fatalf("%q, %v, %v; want %q", got, known, gone, value)
				}
				if _, _, gone := d.Redeem(ref, ""); !gone {
					t.Fatal("given twice")
				}
				delete(want, ref)
				break
			}
		}
	})
}

func FuzzRedeem(f *testing.F) {
	d := claim.New()
	ref, _ := d.Keep("secret", time.Hour, nil)
	f.Add(ref[:len(ref)-1] + "a")
	f.Add("swc1")
	f.Fuzz(func(t *testing.T, s string) {
		if _, known, _ := d.Redeem(s, ""); known && s != ref {
			t.Errorf("%q is taken for a reference", s)
		}
	})
}
