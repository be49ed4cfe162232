package registrar_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/registrar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// contact is what a REGISTER says of one contact.
func contact(uri string, expires time.Duration, change ...func(*directory.Binding)) directory.Binding {
	b := directory.Binding{User: "alice", Contact: uri, Q: 1000, CallID: "c1", CSeq: 1, Network: "udp",
		Source: netip.MustParseAddrPort("192.0.2.9:5060"), Since: start, Expires: start.Add(expires)}
	for _, f := range change {
		f(&b)
	}
	return b
}

func request(seq uint32, contacts ...directory.Binding) registrar.Request {
	for i := range contacts {
		contacts[i].CSeq = seq
	}
	return registrar.Request{User: "alice", Most: 3, CallID: "c1", CSeq: seq, Contacts: contacts}
}

func open(t *testing.T, cfg registrar.Config) *registrar.Registrar {
	t.Helper()
	r, err := registrar.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

func uris(list []directory.Binding) []string {
	out := []string{}
	for _, b := range list {
		out = append(out, b.Contact)
	}
	return out
}

func check(t *testing.T, what string, got []directory.Binding, want ...string) {
	t.Helper()
	if g := uris(got); !slices.Equal(g, want) && len(g)+len(want) > 0 {
		t.Errorf("%s: %q, want %q", what, g, want)
	}
}

func TestC45Bindings(t *testing.T) {
	r := open(t, registrar.Config{})
	do := func(q registrar.Request, now time.Time) []directory.Binding {
		t.Helper()
		got, _, err := r.Register(q, now)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	check(t, "first", do(request(1, contact("sip:a@1", time.Minute)), start), "sip:a@1")
	low := func(b *directory.Binding) { b.Q = 100 }
	check(t, "second, less preferred", do(request(2, contact("sip:a@2", time.Hour, low)), start), "sip:a@1", "sip:a@2")
	check(t, "fetch", do(request(3), start), "sip:a@1", "sip:a@2")
	check(t, "refresh", do(request(4, contact("sip:a@2", 2*time.Hour)), start.Add(time.Second)), "sip:a@1", "sip:a@2")
	check(t, "after a minute", r.Find("alice", start.Add(time.Minute)), "sip:a@2")
	check(t, "remove one", do(request(5, contact("sip:a@2", 0)), start.Add(time.Minute)))
	if r.Len() != 0 {
		t.Errorf("%d bindings are left", r.Len())
	}
	do(request(6, contact("sip:a@1", time.Hour), contact("sip:a@2", time.Hour)), start)
	all := request(7)
	all.All = true
	check(t, "remove all", do(all, start))
}

func TestC45Order(t *testing.T) {
	r := open(t, registrar.Config{})
	if _, _, err := r.Register(request(5, contact("sip:a@1", time.Hour)), start); err != nil {
		t.Fatal(err)
	}
	for _, seq := range []uint32{4, 5} {
		if _, _, err := r.Register(request(seq, contact("sip:a@1", 0)), start); !errors.Is(err, registrar.ErrOrder) {
			t.Errorf("CSeq %d after 5: %v, want ErrOrder", seq, err)
		}
	}
	q := request(1, contact("sip:a@1", time.Hour, func(b *directory.Binding) { b.CallID = "c2" }))
	q.CallID = "c2"
	if _, _, err := r.Register(q, start); err != nil {
		t.Errorf("another Call-ID: %v", err)
	}
	many := request(6, contact("sip:a@2", time.Hour), contact("sip:a@3", time.Hour), contact("sip:a@4", time.Hour), contact("sip:a@5", time.Hour))
	if _, _, err := r.Register(many, start); !errors.Is(err, registrar.ErrMany) {
		t.Errorf("four contacts of three at once: %v, want ErrMany", err)
	}
	check(t, "after what was refused", r.Find("alice", start), "sip:a@1")
}

// Past the limit what was refreshed longest ago gives way: a telephone that connects anew again and again, and says no
// instance, does not shut itself out.
func TestC45OldestGivesWay(t *testing.T) {
	r := open(t, registrar.Config{})
	for i := range 10 {
		now := start.Add(time.Duration(i) * time.Minute)
		left, displaced, err := r.Register(request(uint32(2*i+1), contact(fmt.Sprintf("sip:a@%d", i), time.Hour+time.Duration(i)*time.Minute)), now)
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case i == 0:
			check(t, "first", left, "sip:a@0")
		case i < 3 && len(displaced) > 0:
			t.Errorf("%d of 3 contacts, and %q gave way", i+1, uris(displaced))
		case i >= 3: // the first is refreshed each time
			check(t, "gave way", displaced, fmt.Sprintf("sip:a@%d", i-2))
		}
		if _, _, err := r.Register(request(uint32(2*i+2), contact("sip:a@0", 2*time.Hour+time.Duration(i)*time.Minute)), now); err != nil {
			t.Fatal(err)
		}
	}
	check(t, "at the end", r.Find("alice", start), "sip:a@8", "sip:a@9", "sip:a@0")
}

// A device that comes back by another address takes the place of itself.
func TestC45Instance(t *testing.T) {
	r := open(t, registrar.Config{})
	device := func(b *directory.Binding) { b.Instance = "<urn:uuid:1>" }
	for i := range 10 {
		got, _, err := r.Register(request(uint32(i+1), contact(fmt.Sprintf("sip:a@%d", i), time.Hour, device)), start)
		if err != nil {
			t.Fatal(err)
		}
		check(t, "after it came back", got, fmt.Sprintf("sip:a@%d", i))
	}
}

// memory keeps bindings, or fails.
type memory struct {
	mu     sync.Mutex
	m      map[string][]directory.Binding
	broken bool
	writes int
}

func (k *memory) Bindings(_ context.Context, now time.Time) (out []directory.Binding, _ error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.m {
		for _, b := range l {
			if now.Before(b.Expires) {
				b.Flow = 7
				out = append(out, b)
			}
		}
	}
	return out, nil
}

func (k *memory) KeepBindings(_ context.Context, changed map[string][]directory.Binding) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.writes++
	if k.broken {
		return errors.New("disk full")
	}
	maps.Copy(k.m, changed)
	return nil
}

func (k *memory) set(broken bool) (writes int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = broken
	return k.writes
}

func TestC45Restart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &memory{m: map[string][]directory.Binding{}}
		first, err := registrar.Open(t.Context(), registrar.Config{Keeper: k})
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		add := func(user string) {
			b := contact("sip:a@1", 0)
			b.User, b.Expires = user, now.Add(time.Hour)
			if _, _, err := first.Register(registrar.Request{User: user, Most: 1, CallID: "c", CSeq: 1, Contacts: []directory.Binding{b}}, now); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 5000 {
			add(fmt.Sprint("user", i))
		}
		time.Sleep(1500 * time.Millisecond) // in the bubble's time
		if n := k.set(true); n != 2 {
			t.Errorf("5,000 registrations were written in %d batches, want 2", n)
		}
		add("late")
		time.Sleep(3 * time.Second) // in the bubble's time
		k.set(false)
		time.Sleep(time.Second) // in the bubble's time
		second := open(t, registrar.Config{Keeper: k})
		if second.Len() != 5001 {
			t.Errorf("%d bindings after a restart, want 5,001", second.Len())
		}
		if got := second.Find("late", now); len(got) != 1 || got[0].Flow != 0 {
			t.Errorf("after a restart: %+v, want one without a flow", got)
		}
		if err := first.Close(); err != nil {
			t.Error(err)
		}
		time.Sleep(2 * time.Hour) // in the bubble's time
		if second.Len() != 0 {
			t.Errorf("%d bindings are remembered for ever", second.Len())
		}
	})
}

func TestFull(t *testing.T) {
	r := open(t, registrar.Config{Most: 1})
	if _, _, err := r.Register(request(1, contact("sip:a@1", time.Hour)), start); err != nil {
		t.Fatal(err)
	}
	if _, _, err := r.Register(request(2, contact("sip:a@2", time.Hour)), start); !errors.Is(err, registrar.ErrFull) {
		t.Errorf("one more: %v, want ErrFull", err)
	}
	if _, _, err := r.Register(request(3, contact("sip:a@1", 2*time.Hour)), start); err != nil {
		t.Errorf("a refresh: %v", err)
	}
}

// BenchmarkRegister tells what a registration costs, and what 1,000 of them take in memory.
func BenchmarkRegister(b *testing.B) {
	r, err := registrar.Open(b.Context(), registrar.Config{})
	if err != nil {
		b.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	const users = 100_000
	seq := uint32(0)
	for i := 0; b.Loop(); i++ {
		if i%users == 0 {
			seq++
		}
		user := fmt.Sprint("user", i%users)
		bind := directory.Binding{User: user, Contact: "sip:" + user + "@192.0.2.9:5062;ob;transport=udp", Instance: "<urn:uuid:0000-" + user + ">", Q: 1000,
			CallID: "f81d4fae-7dec-11d0-a765-00a0c91e6bf6-" + user, CSeq: seq, Agent: "baresip v1.0.0 (x86_64/linux)", Network: "udp",
			Source: netip.MustParseAddrPort("192.0.2.9:5062"), Since: start, Expires: start.Add(time.Hour)}
		if _, _, err := r.Register(registrar.Request{User: user, Most: 5, CallID: bind.CallID, CSeq: seq, Contacts: []directory.Binding{bind}}, start); err != nil {
			b.Fatal(err)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/float64(r.Len())*1000/1024, "KiB/1000")
}
