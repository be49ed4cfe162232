package claim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"strings"
	"sync"
	"time"
)

// Prefix begins every reference, and names its form. What follows are 42 characters of a-z and 2-7: a reference is a
// token (RFC 3261 section 25.1) of letters and digits alone, [Length] long.
const Prefix = "swc1"

// Length is that of a reference, in characters.
const Length = len(Prefix) + 42

// Bounds of what is kept at one time, for all accounts together. Each keeps no more than is left free: one alone half of it,
// two a third each, so that whoever crowds the desk leaves room for who comes next.
const (
	maxValues = 10_000 // those that were redeemed among them, until their time is over
	maxBytes  = 64 << 20
	sweepTime = time.Second
)

// The parts of a reference, in bytes: a random ID, the end of its time in seconds since 1970, and the first bytes of an
// HMAC-SHA-256 over both.
const (
	idSize  = 12
	endSize = 4
	macSize = 10
)

type id [idSize]byte

// coding is base32 without padding (RFC 4648), in lower case on the wire.
var coding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Desk keeps values until they are redeemed or their time is over. Safe for all goroutines.
type Desk struct {
	key [sha256.Size]byte
	now func() time.Time

	mu     sync.Mutex
	values map[id]*kept      // guarded by mu
	all    share             // guarded by mu
	shares map[string]*share // by account; guarded by mu
	swept  time.Time         // guarded by mu
}

// share is what is kept, of one account or of all.
type share struct{ values, bytes int }

func (s *share) add(values, bytes int) {
	s.values += values
	s.bytes += bytes
}

// Why a value is not kept.
var (
	ErrShare = errors.New("its account keeps as much as is left for all others")
	ErrFull  = errors.New("there is no room for more")
)

// kept is one value. Guarded by the desk's mu.
type kept struct {
	account  string
	value    string
	gone     bool // redeemed
	end      time.Time
	redeemed func(reference, by string)
}

// New opens a desk with a key of its own.
func New() *Desk {
	d := &Desk{now: time.Now, values: map[id]*kept{}, shares: map[string]*share{}}
	rand.Read(d.key[:]) // never fails
	return d
}

// Keep keeps a value of an account for a time and gives its reference. redeemed, which may be nil, hears of its redemption,
// once. The error is ErrShare or ErrFull.
func (d *Desk) Keep(account, value string, keep time.Duration, redeemed func(reference, by string)) (string, error) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	own := d.shares[account]
	if own == nil {
		own = &share{}
	}
	free := share{maxValues - d.all.values - 1, maxBytes - d.all.bytes - len(value)}
	switch {
	case free.values < 0 || free.bytes < 0:
		return "", ErrFull
	case own.values+1 > free.values || own.bytes+len(value) > free.bytes:
		return "", ErrShare
	}
	var i id
	rand.Read(i[:]) // never fails
	end := now.Add(keep)
	d.values[i] = &kept{account: strings.Clone(account), value: strings.Clone(value), end: end, redeemed: redeemed}
	d.all.add(1, len(value))
	own.add(1, len(value))
	d.shares[d.values[i].account] = own
	return d.reference(i, end), nil
}

// drop counts back what is kept no more. The caller holds mu.
func (d *Desk) drop(account string, values, bytes int) {
	d.all.add(-values, -bytes)
	own := d.shares[account]
	own.add(-values, -bytes)
	if own.values == 0 {
		delete(d.shares, account)
	}
}

// sweep forgets what is out of date, no more often than once a second. The caller holds mu.
func (d *Desk) sweep(now time.Time) {
	if now.Sub(d.swept) < sweepTime {
		return
	}
	d.swept = now
	for i, k := range d.values {
		if now.After(k.end) {
			d.drop(k.account, 1, len(k.value))
			delete(d.values, i)
		}
	}
}

func (d *Desk) reference(i id, end time.Time) string {
	b := binary.BigEndian.AppendUint32(append(make([]byte, 0, idSize+endSize+macSize), i[:]...), uint32(end.Unix()))
	return Prefix + strings.ToLower(coding.EncodeToString(append(b, d.mac(b)...)))
}

func (d *Desk) mac(b []byte) []byte {
	h := hmac.New(sha256.New, d.key[:])
	h.Write(b)
	return h.Sum(nil)[:macSize]
}

// Redeem gives the value of a reference, the first time. known is false for what is no reference of this desk's, gone true
// for one that was redeemed or whose time is over. by tells who redeems it.
func (d *Desk) Redeem(reference, by string) (value string, known, gone bool) {
	i, ok := d.read(reference)
	if !ok {
		return "", false, false
	}
	now := d.now()
	d.mu.Lock()
	k := d.values[i]
	if k == nil || k.gone || now.After(k.end) {
		d.mu.Unlock()
		return "", true, true
	}
	value, redeemed := k.value, k.redeemed
	d.drop(k.account, 0, len(value))
	k.value, k.gone, k.redeemed = "", true, nil
	d.mu.Unlock()
	if redeemed != nil {
		redeemed(reference, by)
	}
	return value, true, false
}

// read gives the ID of a reference whose HMAC holds. Each reference has one form, and how long the look takes tells
// nothing of the key.
func (d *Desk) read(reference string) (id, bool) {
	rest, ok := strings.CutPrefix(reference, Prefix)
	if !ok || len(reference) != Length || strings.ToLower(rest) != rest {
		return id{}, false
	}
	b, err := coding.DecodeString(strings.ToUpper(rest))
	if err != nil || len(b) != idSize+endSize+macSize || strings.ToLower(coding.EncodeToString(b)) != rest {
		return id{}, false
	}
	signed := b[:idSize+endSize]
	if !hmac.Equal(d.mac(signed), b[idSize+endSize:]) {
		return id{}, false
	}
	return id(b[:idSize]), true
}
