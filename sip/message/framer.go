package message

import "bytes"

// Event says what a [Framer] found.
type Event uint8

// The events.
const (
	More   Event = iota // nothing yet: read more
	Ping                // a double CRLF: the peer waits for one CRLF (RFC 5626 section 3.5.1)
	Got                 // a message, or its fault
	Broken              // the framing is lost: answer the fault if it can be answered, then close
)

// readSize is the room offered to a read.
const readSize = 4 << 10

// Framer cuts messages from a byte stream (RFC 3261 section 18.3): read into [Framer.Room], tell [Framer.Filled], then
// call [Framer.Next] until it says More. It holds one message at most, and what was read with it. Lines end with CRLF
// here, and Content-Length must be there. The zero value is ready.
type Framer struct {
	buf        []byte
	start, end int // what is not yet consumed
	scanned    int // in buf: where the line begins that is not yet known to be whole
	started    bool

	r    reading // the message whose head is read
	body int     // length of its body
	head bool    // r is set
}

// Room gives the free space to read into.
func (f *Framer) Room() []byte {
	if f.start == f.end {
		f.start, f.end, f.scanned = 0, 0, 0
		if cap(f.buf) > 4*readSize {
			f.buf = nil // a long message came by: do not keep its room
		}
	}
	if len(f.buf)-f.end < readSize/4 {
		f.grow()
	}
	return f.buf[f.end:]
}

// grow makes room: it moves what is held to the front of a buffer that is large enough.
func (f *Framer) grow() {
	held := f.end - f.start
	to := f.buf
	if need := held + readSize; need > len(f.buf) {
		to = make([]byte, max(readSize, 2*held))
		if len(to) < need {
			to = make([]byte, need)
		}
	}
	copy(to, f.buf[f.start:f.end])
	f.scanned -= f.start
	f.buf, f.start, f.end = to, 0, held
}

// Filled tells that n bytes were read into Room.
func (f *Framer) Filled(n int) { f.end += n }

// Begun tells whether part of a message is held: its rest must come before the deadline.
func (f *Framer) Begun() bool { return f.head || f.started && f.start < f.end }

// Next gives the next event. Got has either a message or a fault; Broken has a fault.
func (f *Framer) Next() (Event, *Message, *Fault) {
	if !f.head {
		if ev, fault := f.findHead(); ev != Got {
			return ev, nil, fault
		}
	}
	if f.end-f.start < f.body {
		return More, nil, nil
	}
	f.r.body(f.buf[f.start : f.start+f.body])
	f.consume(f.body)
	m, fault := f.r.verdict()
	f.r, f.head, f.body = reading{}, false, 0
	return Got, m, fault
}

func (f *Framer) consume(n int) {
	f.start += n
	f.scanned, f.started = f.start, false
}

// findHead looks for a whole head, line by line, and reads it.
func (f *Framer) findHead() (Event, *Fault) {
	if !f.started {
		if ev, fault := f.skip(); ev != Got {
			return ev, fault
		}
	}
	for {
		n := bytes.IndexByte(f.buf[f.scanned:f.end], '\n')
		if n < 0 {
			break
		}
		at := f.scanned + n
		if at == f.start || f.buf[at-1] != '\r' {
			return f.broken(400, "Line Ends Without CR")
		}
		empty := n == 1
		f.scanned = at + 1
		if f.scanned-f.start > MaxHead+slack {
			break
		}
		if empty {
			return f.readHead()
		}
	}
	if f.end-f.start > MaxHead+slack {
		return f.broken(513, "Message Header Too Large")
	}
	return More, nil
}

// skip passes over CRLF before a message (RFC 3261 section 7.5); Got means that a message begins.
func (f *Framer) skip() (Event, *Fault) {
	for {
		held := f.buf[f.start:f.end]
		switch {
		case bytes.HasPrefix(held, []byte("\r\n\r\n")):
			f.consume(4)
			return Ping, nil
		case bytes.HasPrefix([]byte("\r\n\r"), held):
			return More, nil
		case bytes.HasPrefix(held, []byte("\r\n")):
			f.consume(2)
		case held[0] == '\r', held[0] == '\n':
			return f.broken(400, "Line Ends Without CR")
		default:
			f.started = true
			return Got, nil
		}
	}
}

// readHead reads the head that ends at scanned, and learns the length of the body.
func (f *Framer) readHead() (Event, *Fault) {
	f.r.head(f.buf[f.start:f.scanned])
	switch {
	case f.r.m == nil:
		return f.lost()
	case f.r.length == -1:
		f.r.fail(400, "Missing Content-Length")
		return f.lost()
	case f.r.length == -2:
		return f.lost()
	case f.r.length > int64(MaxMessage-(f.scanned-f.start)):
		f.r.fail(513, "Message Too Large")
		return f.lost()
	}
	f.head, f.body = true, int(f.r.length)
	f.consume(f.scanned - f.start)
	return Got, nil
}

// broken reads what there is of the head, so that the sender can be told.
func (f *Framer) broken(status int, reason string) (Event, *Fault) {
	f.r.fail(status, reason)
	f.r.head(f.buf[f.start:f.end])
	return f.lost()
}

// lost gives the fault of a stream whose framing is lost.
func (f *Framer) lost() (Event, *Fault) {
	_, fault := f.r.verdict()
	f.start = f.end
	return Broken, fault
}
