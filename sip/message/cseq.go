package message

import (
	"errors"
	"math"
)

// CSeq is a CSeq value (RFC 3261 section 20.16).
type CSeq struct {
	Number uint32
	Method string
}

var errCSeq = errors.New("malformed CSeq")

// ParseCSeq reads a CSeq value.
func ParseCSeq(value string) (CSeq, error) {
	c := cursor{s: value}
	n, ok := number(c.run(isDigit), math.MaxUint32)
	gap := c.i
	c.blanks()
	method := c.run(isToken)
	if !ok || c.i == gap || method == "" || !c.done() {
		return CSeq{}, errCSeq
	}
	return CSeq{Number: uint32(n), Method: method}, nil
}
