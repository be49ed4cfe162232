package claim_test

import (
	"errors"
	"strconv"
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
	ref, err := d.Keep("a", "a long value", time.Minute, func(reference, by string) { told = append(told, reference+" "+by) })
	if err != nil || len(ref) != claim.Length || !header.IsToken(ref) || strings.Trim(ref, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Fatalf("%q, %v", ref, err)
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
	late, _ := d.Keep("a", "x", time.Minute, nil)
	now = now.Add(time.Minute + time.Second)
	if value, known, gone := d.Redeem(late, ""); !known || !gone || value != "" {
		t.Errorf("too late: %q, %v, %v", value, known, gone)
	}
	if _, err := d.Keep("a", "y", time.Minute, nil); err != nil {
		t.Error(err)
	}
	if bytes, values := d.Held(); bytes != 1 || values != 1 {
		t.Errorf("%d bytes of %d values are kept", bytes, values)
	}
}

// What a desk did not give is none of its references, whatever was changed of one.
func TestForgedReference(t *testing.T) {
	d := claim.New()
	ref, _ := d.Keep("a", "secret", time.Minute, nil)
	other, _ := claim.New().Keep("a", "secret", time.Minute, nil)
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

// The desk is bounded in values and bytes, one account keeps no more than it leaves to others, and what is redeemed or over
// makes room.
func TestRoom(t *testing.T) {
	now := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	d := claim.At(func() time.Time { return now })
	fill := func(account string) (n int) {
		for {
			if _, err := d.Keep(account, "", time.Minute, nil); err != nil {
				if !errors.Is(err, claim.ErrShare) {
					t.Errorf("account %s: %v", account, err)
				}
				return n
			}
			n++
		}
	}
	if n := fill("crowd"); n != claim.MaxValues/2 {
		t.Errorf("one account alone keeps %d values", n)
	}
	if n := fill("late"); n != claim.MaxValues/4 {
		t.Errorf("the next one keeps %d", n)
	}
	if _, err := d.Keep("crowd", "", time.Minute, nil); !errors.Is(err, claim.ErrShare) {
		t.Errorf("more of the first: %v", err)
	}
	for i := range claim.MaxValues/4 - 1 {
		if _, err := d.Keep(strconv.Itoa(i), "", time.Minute, nil); err != nil {
			t.Fatalf("account %d has no room: %v", i, err)
		}
	}
	if _, err := d.Keep("last", "", time.Minute, nil); err == nil {
		t.Error("more values than may be")
	}
	now = now.Add(2 * time.Minute)
	big := strings.Repeat("x", claim.MaxBytes/2)
	ref, err := d.Keep("a", big, time.Minute, nil)
	if err != nil {
		t.Fatalf("no room after the others' time: %v", err)
	}
	if n := d.Accounts(); n != 1 {
		t.Errorf("%d accounts are remembered", n)
	}
	if _, err := d.Keep("a", "x", time.Minute, nil); !errors.Is(err, claim.ErrShare) {
		t.Errorf("more bytes than it leaves to others: %v", err)
	}
	if _, err := d.Keep("b", big+"x", time.Minute, nil); !errors.Is(err, claim.ErrFull) {
		t.Errorf("more bytes than may be: %v", err)
	}
	if _, err := d.Keep("b", "x", time.Minute, nil); err != nil {
		t.Errorf("another account: %v", err)
	}
	d.Redeem(ref, "")
	if _, err := d.Keep("a", "x", time.Minute, nil); err != nil {
		t.Errorf("no room after the redemption: %v", err)
	}
}

// Whatever is kept and redeemed in whatever order, each value is given to its own reference, once.
func TestEachItsOwn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, want := claim.New(), map[string]string{}
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			if len(want) == 0 || rapid.Bool().Draw(t, "keep") {
				value, account := rapid.String().Draw(t, "value"), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "account")
				ref, err := d.Keep(account, value, time.Hour, nil)
				if _, twice := want[ref]; err != nil || twice {
					t.Fatalf("%q, %v", ref, err)
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
	ref, _ := d.Keep("a", "secret", time.Hour, nil)
	f.Add(ref[:len(ref)-1] + "a")
	f.Add("swc1")
	f.Fuzz(func(t *testing.T, s string) {
		if _, known, _ := d.Redeem(s, ""); known && s != ref {
			t.Errorf("%q is taken for a reference", s)
		}
	})
}
