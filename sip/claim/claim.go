package claim

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"sync"
	"time"
)

// Prefix begins every reference, and names its form. What follows are 42 characters of a-z and 2-7: a reference is a
// token (RFC 3261 section 25.1) of letters and digits alone, [Length] long.
const Prefix = "swc1"

// Length is that of a reference, in characters.
const Length = len(Prefix) + 42

// Bounds of what is kept at one time.
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
	values map[id]*kept // guarded by mu
	bytes  int          // of the values; guarded by mu
	swept  time.Time    // guarded by mu
}

// kept is one value. Guarded by the desk's mu.
type kept struct {
	value    string
	gone     bool // redeemed
	end      time.Time
	redeemed func(reference, by string)
}

// New opens a desk with a key of its own.
func New() *Desk {
	d := &Desk{now: time.Now, values: map[id]*kept{}}
	rand.Read(d.key[:]) // never fails
	return d
}

// Keep keeps a value for a time and gives its reference. redeemed, which may be nil, hears of its redemption, once. False:
// there is no room.
func (d *Desk) Keep(value string, keep time.Duration, redeemed func(reference, by string)) (string, bool) {
	now := d.now()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.sweep(now)
	if len(d.values) >= maxValues || d.bytes+len(value) > maxBytes {
		return "", false
	}
	var i id
	rand.Read(i[:]) // never fails
	end := now.Add(keep)
	d.values[i] = &kept{value: strings.Clone(value), end: end, redeemed: redeemed}
	d.bytes += len(value)
	return d.reference(i, end), true
}

// sweep forgets what is out of date, no more often than once a second. The caller holds mu.
func (d *Desk) sweep(now time.Time) {
	if now.Sub(d.swept) < sweepTime {
		return
	}
	d.swept = now
	for i, k := range d.values {
		if now.After(k.end) {
			d.bytes -= len(k.value)
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
	d.bytes -= len(value)
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
