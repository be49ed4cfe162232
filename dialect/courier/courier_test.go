package courier_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/dialect/courier"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is where parcels are brought.
type place struct {
	mu    sync.Mutex
	got   []string
	tries int
	err   error
}

func (p *place) bring(_ context.Context, x courier.Parcel) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tries++
	if p.err != nil {
		return p.err
	}
	p.got = append(p.got, x.To+" "+x.Name+" "+string(x.Body))
	return nil
}

func (p *place) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = err
}

func open(t *testing.T, cfg courier.Config) *courier.Courier {
	t.Helper()
	c, err := courier.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A destination that fails is tried again, ever more seldom, in order; the others do not wait for it.
func TestRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &place{err: errors.New("503")}, &place{}
		c := open(t, courier.Config{Bring: func(ctx context.Context, p courier.Parcel) error {
			if p.To == "bad" {
				return bad.bring(ctx, p)
			}
			return good.bring(ctx, p)
		}})
		for n := range 3 {
			c.Take(courier.Parcel{To: "bad", Name: fmt.Sprint(n)})
			c.Take(courier.Parcel{To: "good", Name: fmt.Sprint(n)})
		}
		time.Sleep(10 * time.Second) // of the bubble: after 0, 1, 3 and 7 s
		synctest.Wait()
		if len(good.got) != 3 || bad.tries != 4 || c.Counts() != (courier.Counts{Brought: 3, Waiting: 3}) {
			t.Errorf("brought %v, tried %d times, %+v", good.got, bad.tries, c.Counts())
		}
		time.Sleep(24 * time.Hour) // of the bubble
		synctest.Wait()
		if bad.tries > 24*60+20 || bad.tries < 24*60-20 {
			t.Errorf("tried %d times in a day", bad.tries)
		}
		bad.fail(nil)
		time.Sleep(time.Minute) // of the bubble
		synctest.Wait()
		if diff := cmp.Diff([]string{"bad 0 ", "bad 1 ", "bad 2 "}, bad.got); diff != "" {
			t.Error(diff)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// What nobody took when the courier is closed is the first that the next one brings.
func TestSpool(t *testing.T) {
	file := filepath.Join(t.TempDir(), "deep", "left.jsonl")
	synctest.Test(t, func(t *testing.T) {
		p := &place{err: errors.New("connection refused")}
		c := open(t, courier.Config{Bring: p.bring, Spool: file, Workers: 4})
		for n := range 5 {
			c.Take(courier.Parcel{To: "a", Name: fmt.Sprint(n), Body: []byte("é\x00")})
		}
		synctest.Wait()
		begun := time.Now()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begun); took > 6*time.Second {
			t.Errorf("closing took %s", took)
		}
		c.Take(courier.Parcel{To: "a", Name: "late"})
		if n := c.Counts(); n.Lost != 1 {
			t.Errorf("%+v", n)
		}
		p.fail(nil)
		c = open(t, courier.Config{Bring: p.bring, Spool: file})
		c.Take(courier.Parcel{To: "a", Name: "new"})
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if len(p.got) != 6 || p.got[5] != "a new " || c.Counts() != (courier.Counts{Brought: 6}) {
			t.Errorf("brought %q, %+v", p.got, c.Counts())
		}
	})
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the spool is still there: %v", err)
	}
	if err := os.WriteFile(file, []byte("{\n{\"to\":\"a\",\"name\":\"x\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &place{}
	c := open(t, courier.Config{Bring: p.bring, Spool: file})
	c.Close()
	if len(p.got) != 1 {
		t.Errorf("of a spool with a broken line, %v was brought", p.got)
	}
}

// Nothing is on its way once the courier is closed, though a destination's rest is over at that very moment.
func TestCloseAtTheEndOfARest(t *testing.T) {
	for range 200 { // either may come first
		synctest.Test(t, func(t *testing.T) {
			p := &place{err: errors.New("503")}
			c := open(t, courier.Config{Bring: p.bring, Grace: 2 * time.Second})
			c.Take(courier.Parcel{To: "a"})
			time.Sleep(500 * time.Millisecond) // of the bubble: it failed once, and does so again when the courier is closed
			if err := c.Close(); err != nil {
				t.Error(err)
			}
			p.mu.Lock()
			tries := p.tries
			p.mu.Unlock()
			synctest.Wait()
			if p.tries != tries {
				t.Errorf("tried %d times, once more after the end", p.tries)
			}
		})
	}
}

// What is refused for good, what has no room and what panics is lost, and holds nothing else up.
func TestLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hold, open_ := make(chan struct{}), make(chan struct{})
		c := open(t, courier.Config{Most: 1000, Bring: func(_ context.Context, p courier.Parcel) error {
			switch p.Name {
			case "refused":
				return fmt.Errorf("400: %w", courier.ErrRefused)
			case "panic":
				panic("broken")
			case "slow":
				close(hold)
				<-open_
			}
			return nil
		}})
		c.Take(courier.Parcel{Name: "refused"})
		c.Take(courier.Parcel{Name: "panic"})
		c.Take(courier.Parcel{Name: "slow", Body: make([]byte, 500)})
		<-hold
		c.Take(courier.Parcel{Name: "much", Body: make([]byte, 500)})
		close(open_)
		c.Take(courier.Parcel{Name: "fine"})
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if c.Counts() != (courier.Counts{Brought: 2, Lost: 3}) {
			t.Errorf("%+v", c.Counts())
		}
	})
}

// A destination that nobody answers at takes no room from the others: what is too much is its own loss.
func TestFullOfOneDestination(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad, good := &place{err: errors.New("no such bucket")}, &place{}
		c := open(t, courier.Config{Most: 10_000, Bring: func(ctx context.Context, p courier.Parcel) error {
			if p.To == "bad" {
				return bad.bring(ctx, p)
			}
			return good.bring(ctx, p)
		}})
		for range 20 {
			c.Take(courier.Parcel{To: "bad", Body: make([]byte, 900)})
		}
		synctest.Wait()
		if n := c.Counts(); n.Lost != 10 || n.Waiting != 10 {
			t.Errorf("%+v", n)
		}
		for range 5 {
			c.Take(courier.Parcel{To: "good", Body: make([]byte, 900)})
			synctest.Wait()
		}
		if n := c.Counts(); len(good.got) != 5 || n.Brought != 5 || n.Lost != 11 || n.Waiting != 9 {
			t.Errorf("brought %d, %+v", len(good.got), n)
		}
		c.Take(courier.Parcel{To: "good", Body: make([]byte, 9_500)}) // more than all that waits elsewhere
		if n := c.Counts(); n.Lost != 12 || n.Waiting != 9 {
			t.Errorf("%+v", n)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A destination takes so many at once.
func TestWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, top := 0, 0
		c := open(t, courier.Config{Workers: 4, Bring: func(context.Context, courier.Parcel) error {
			mu.Lock()
			now++
			top = max(top, now)
			mu.Unlock()
			time.Sleep(time.Second) // of the bubble
			mu.Lock()
			now--
			mu.Unlock()
			return nil
		}})
		for range 8 {
			c.Take(courier.Parcel{To: "a"})
		}
		begun := time.Now()
		c.Close()
		if took := time.Since(begun); took != 2*time.Second || top != 4 {
			t.Errorf("%d at once, %s in all", top, took)
		}
	})
}
