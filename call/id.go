package call

import (
	"crypto/rand"
	"encoding/hex"
	"strconv"
)

// ID names one call: all legs under one application's control. It has the form of a random UUID (36 characters, lower
// case); its last four hex digits are the node that owns the call, so the owner is found without a table.
type ID string

// LegID names one leg: our end of one dialog with its media. Same form as [ID].
type LegID string

// OpID numbers the operations of one call, from 1.
type OpID uint64

// NewID makes an ID owned by the node.
func NewID(node uint16) ID { return ID(newUUID(node)) }

// NewLegID makes a leg's ID owned by the node.
func NewLegID(node uint16) LegID { return LegID(newUUID(node)) }

// Node gives the node that owns the call; false when the ID is malformed.
func (id ID) Node() (uint16, bool) {
	if len(id) != 36 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(id[32:]), 16, 16)
	return uint16(n), err == nil
}

// newUUID makes a version 4 UUID (RFC 9562 section 5.4) whose last 16 bits are the node: 106 random bits remain.
func newUUID(node uint16) string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program rather than give weak bytes
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	b[14], b[15] = byte(node>>8), byte(node)
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}
