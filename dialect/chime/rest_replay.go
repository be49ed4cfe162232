package chime

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"
)

// replays remembers which call came of which request, so that a request that a client repeats because it lost the answer does not
// place a second call. The vendor's clients name a request and its repetitions alike (amz-sdk-invocation-id).
type replays struct {
	mu       sync.Mutex
	accounts map[string]*replayed // there are as many as the operator declared
}

// replayed is what is remembered of one account's requests.
type replayed struct {
	byKey map[replayKey]*replay
	order []*replay // as they came
}

// replayKey is the hash of a request's name and of what it asks for.
type replayKey [sha256.Size]byte

// replay is one request that is under way, or that went well.
type replay struct {
	key  replayKey
	at   time.Time
	done chan struct{} // closed when out, or that it failed, is known
	out  callOut
	ok   bool
}

const (
	replayTime = 15 * time.Minute // as long as a signature is good
	maxReplays = 10_000           // of an account; of more the oldest are forgotten
)

// once carries f out unless the same request did well already, or is under way and does well: then its outcome is given. Without
// an ID each request is its own.
func (p *replays) once(ctx context.Context, account, id string, what []byte, now time.Time, f func() (callOut, error)) (callOut, error) {
	if id == "" {
		return f()
	}
	hash := sha256.New()
	hash.Write([]byte(id + "\x00"))
	hash.Write(what)
	key := replayKey(hash.Sum(nil))
	for {
		r, mine := p.enter(account, key, now)
		if mine {
			return p.run(account, r, f)
		}
		select {
		case <-r.done:
			if r.ok {
				return r.out, nil
			}
		case <-ctx.Done():
			return callOut{}, ctx.Err()
		}
	}
}

// run carries f out and keeps what came of it; what failed is forgotten, and may be tried again.
func (p *replays) run(account string, r *replay, f func() (callOut, error)) (out callOut, err error) {
	defer func() { // f may panic
		p.mu.Lock()
		defer p.mu.Unlock()
		if a := p.accounts[account]; !r.ok && a.byKey[r.key] == r {
			delete(a.byKey, r.key)
		}
		close(r.done)
	}()
	out, err = f()
	r.out, r.ok = out, err == nil
	return out, err
}

// enter gives the request of this key, and whether it is new.
func (p *replays) enter(account string, key replayKey, now time.Time) (*replay, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.accounts == nil {
		p.accounts = map[string]*replayed{}
	}
	a := p.accounts[account]
	if a == nil {
		a = &replayed{byKey: map[replayKey]*replay{}}
		p.accounts[account] = a
	}
	for len(a.order) > 0 && (now.Sub(a.order[0].at) >= replayTime || len(a.order) >= maxReplays) {
		if old := a.order[0]; a.byKey[old.key] == old {
			delete(a.byKey, old.key)
		}
		a.order = a.order[1:]
	}
	if r, ok := a.byKey[key]; ok {
		return r, false
	}
	r := &replay{key: key, at: now, done: make(chan struct{})}
	a.byKey[key] = r
	a.order = append(a.order, r)
	return r, true
}
