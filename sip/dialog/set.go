package dialog

import (
	"hash/maphash"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// Config is what a [Set] stands on.
type Config struct {
	Layer *transaction.Layer
	// Resolve finds where the URI of a next hop is reached and calls then on the shard of callID, at once or later.
	// near tells how the far end was reached until now: where the URI names no transport, that one is kept.
	Resolve func(callID, uri string, near transport.Target, then func(transport.Target, error))
	// T1 and T2 are the timers of RFC 3261 appendix A; 0 means 500 ms and 4 s.
	T1, T2 time.Duration
	// Max is how many dialogs may stand; 0 means 100,000.
	Max int
}

// Set finds dialogs by Call-ID and tags. It is safe for all goroutines; the dialogs in it belong to their shards.
type Set struct {
	cfg     Config
	seed    maphash.Seed
	count   atomic.Int64
	buckets [64]bucket
}

type bucket struct {
	mu sync.Mutex
	m  map[string]*Dialog // guarded by mu; the list of dialogs with one Call-ID
}

// New makes an empty set.
func New(cfg Config) *Set {
	if cfg.T1 == 0 {
		cfg.T1 = 500 * time.Millisecond
	}
	if cfg.T2 == 0 {
		cfg.T2 = 4 * time.Second
	}
	if cfg.Max == 0 {
		cfg.Max = 100_000
	}
	s := &Set{cfg: cfg, seed: maphash.MakeSeed()}
	for i := range s.buckets {
		s.buckets[i].m = map[string]*Dialog{}
	}
	return s
}

// Len gives the number of dialogs that stand.
func (s *Set) Len() int { return int(s.count.Load()) }

func (s *Set) bucket(callID string) *bucket {
	return &s.buckets[maphash.String(s.seed, callID)%uint64(len(s.buckets))]
}

// first gives the list of the Call-ID's dialogs. Only the shard of the Call-ID changes that list, so its caller, who is
// there, walks it without the lock.
func (s *Set) first(callID string) *Dialog {
	b := s.bucket(callID)
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.m[callID]
}

func (s *Set) add(d *Dialog) error {
	if s.count.Add(1) > int64(s.cfg.Max) {
		s.count.Add(-1)
		return ErrFull
	}
	b := s.bucket(d.callID)
	b.mu.Lock()
	defer b.mu.Unlock()
	d.next = b.m[d.callID]
	b.m[d.callID] = d
	return nil
}

func (s *Set) remove(d *Dialog) {
	b := s.bucket(d.callID)
	b.mu.Lock()
	defer b.mu.Unlock()
	prev := (*Dialog)(nil)
	for at := b.m[d.callID]; at != nil; prev, at = at, at.next {
		if at != d {
			continue
		}
		switch {
		case prev != nil:
			prev.next = d.next
		case d.next != nil:
			b.m[d.callID] = d.next
		default:
			delete(b.m, d.callID)
		}
		s.count.Add(-1)
		return
	}
}

// Outgoing makes the caller's end of a dialog; [Dialog.Invite] begins it. on hears its events, on the shard of the
// Call-ID. [ErrFull].
func (s *Set) Outgoing(id Identity, on func(Event)) (*Dialog, error) {
	d := newDialog(id)
	d.set, d.on = s, on
	return d, s.add(d)
}

// Incoming makes the callee's end of a dialog for an INVITE outside of dialogs. on hears its events. [ErrFull], or
// [ErrState] when the INVITE has no Contact that could be called, or more Record-Route values than are kept.
func (s *Set) Incoming(tx *transaction.Server, contact string, on func(Event)) (*Dialog, error) {
	m := tx.Msg()
	far, ok := caller(m)
	if !ok {
		return nil, ErrState
	}
	to, _ := m.Headers.Get("To")
	d := &Dialog{
		set: s, on: on, callID: strings.Clone(m.CallID), tag: tx.Tag(), local: withTag(to, tx.Tag()), contact: contact,
		remote: far, state: incoming, near: source(tx.Incoming()),
		server: &serving{tx: tx, seq: m.CSeq.Number},
	}
	return d, s.add(d)
}

// source gives where an incoming message came from as a target.
func source(in transport.Incoming) transport.Target {
	return transport.Target{Network: in.Network, Addr: in.Source, Flow: in.Flow}
}

// Find gives what owns the dialog with exactly these tags, early or confirmed; nil: there is none. It must be called on the
// shard of the Call-ID.
func (s *Set) Find(callID, ours, theirs string) any {
	for d := s.first(callID); d != nil; d = d.next {
		if d.tag == ours && (d.state != calling && d.remote.tag == theirs || d.state == calling && d.earlyOf(theirs) != nil) {
			return d.owner
		}
	}
	return nil
}

// Request hands a request with a To-tag to its dialog, or answers 481.
func (s *Set) Request(tx *transaction.Server) {
	m := tx.Msg()
	for d := s.first(m.CallID); d != nil; d = d.next {
		if d.matches(m.ToTag, m.FromTag) {
			d.requested(tx)
			return
		}
	}
	tx.Once() // who asks may be anybody
	refuse(tx, 481)
}

// Cancelled ends the dialog of an INVITE that was cancelled.
func (s *Set) Cancelled(tx *transaction.Server, cancel *message.Message) {
	for d := s.first(tx.Msg().CallID); d != nil; d = d.next {
		if d.state == incoming && d.server != nil && d.server.tx == tx {
			d.traced(false, cancel)
			d.giveUp(cancel)
			return
		}
	}
	refuse(tx, 487)
}

// Ack hands the ACK of a 2xx to its dialog; one that matches none, or comes from elsewhere, is ignored.
func (s *Set) Ack(m *message.Message, in transport.Incoming) {
	for d := s.first(m.CallID); d != nil; d = d.next {
		if d.matches(m.ToTag, m.FromTag) {
			if d.comes(in, &d.remote) {
				d.acknowledged(m)
			}
			return
		}
	}
}

// Stray hands a response that matches no transaction to its dialog: a 2xx to INVITE that came late or again.
func (s *Set) Stray(m *message.Message) {
	if m.CSeq.Method != "INVITE" || m.Status < 200 || m.Status > 299 {
		return
	}
	for d := s.first(m.CallID); d != nil; d = d.next {
		if d.tag == m.FromTag {
			d.success(nil, m)
			return
		}
	}
}

// refuse answers a request that belongs to no dialog.
func refuse(tx *transaction.Server, status int) {
	_ = tx.Respond(message.NewResponse(tx.Msg(), status, "")) // a peer that can't be reached repeats its request
}
