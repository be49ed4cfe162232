package transport

import (
	"encoding/binary"
	"hash/crc32"
	"net/netip"
)

// STUN on the port of SIP (RFC 5626 section 4.4.2): a Binding request is answered with the address that it came from.
// Nothing else of RFC 5389 is: no credentials, no other attribute. An answer is about as long as its question.
const (
	stunHeader  = 20
	stunCookie  = 0x2112A442
	bindingAsk  = 0x0001
	bindingDone = 0x0101
	bindingFail = 0x0111

	attrErrorCode   = 0x0009
	attrUnknown     = 0x000A
	attrXorMapped   = 0x0020
	attrFingerprint = 0x8028
	fingerprintMask = 0x5354554E

	maxUnknown = 4 // of the attributes that we don't know and must: as many are named
	maxBinding = 96
)

// isBinding tells whether a datagram is a STUN Binding request that can be answered. One with a fingerprint that is
// wrong is not STUN.
func isBinding(b []byte) bool {
	if len(b) < stunHeader || len(b)%4 != 0 || binary.BigEndian.Uint16(b) != bindingAsk ||
		binary.BigEndian.Uint32(b[4:]) != stunCookie || int(binary.BigEndian.Uint16(b[2:])) != len(b)-stunHeader {
		return false
	}
	for rest := b[stunHeader:]; len(rest) > 0; {
		kind, value, next, ok := attribute(rest)
		if !ok {
			return false
		}
		if kind == attrFingerprint {
			return len(next) == 0 && len(value) == 4 && binary.BigEndian.Uint32(value) == fingerprint(b[:len(b)-8])
		}
		rest = next
	}
	return true
}

// attribute cuts the first attribute off.
func attribute(b []byte) (kind uint16, value, rest []byte, ok bool) {
	if len(b) < 4 {
		return 0, nil, nil, false
	}
	kind = binary.BigEndian.Uint16(b)
	n := int(binary.BigEndian.Uint16(b[2:]))
	padded := (n + 3) &^ 3
	if len(b) < 4+padded {
		return 0, nil, nil, false
	}
	return kind, b[4 : 4+n], b[4+padded:], true
}

// understood tells whether a request with the attribute can be answered: those that a server may pass over, and those
// of credentials, which are not asked for.
func understood(kind uint16) bool {
	switch kind {
	case 0x0006, 0x0008, 0x0014, 0x0015: // USERNAME, MESSAGE-INTEGRITY, REALM, NONCE
		return true
	}
	return kind >= 0x8000
}

// bindingAnswer appends the answer to a Binding request.
func bindingAnswer(out, req []byte, from netip.AddrPort) []byte {
	var unknown []uint16
	marked := false
	for rest := req[stunHeader:]; len(rest) > 0; {
		kind, _, next, ok := attribute(rest)
		if !ok {
			break
		}
		marked = marked || kind == attrFingerprint
		if !understood(kind) && len(unknown) < maxUnknown {
			unknown = append(unknown, kind)
		}
		rest = next
	}
	out = append(out, req[:stunHeader]...)
	if len(unknown) == 0 {
		binary.BigEndian.PutUint16(out, bindingDone)
		out = appendMapped(out, from)
	} else {
		binary.BigEndian.PutUint16(out, bindingFail)
		out = append(out, 0, attrErrorCode, 0, 4, 0, 0, 4, 20)
		out = append(out, 0, attrUnknown, 0, byte(2*len(unknown)))
		for _, kind := range unknown {
			out = binary.BigEndian.AppendUint16(out, kind)
		}
		if len(unknown)%2 != 0 {
			out = append(out, 0, 0)
		}
	}
	length := len(out) - stunHeader
	if marked {
		length += 8
	}
	binary.BigEndian.PutUint16(out[2:], uint16(length))
	if marked {
		sum := fingerprint(out)
		out = append(out, attrFingerprint>>8, attrFingerprint&0xff, 0, 4)
		out = binary.BigEndian.AppendUint32(out, sum)
	}
	return out
}

// appendMapped appends XOR-MAPPED-ADDRESS; out begins with the message's header.
func appendMapped(out []byte, from netip.AddrPort) []byte {
	a := from.Addr().Unmap()
	raw, family := a.AsSlice(), byte(2)
	if a.Is4() {
		family = 1
	}
	out = append(out, 0, attrXorMapped, 0, byte(4+len(raw)), 0, family)
	out = binary.BigEndian.AppendUint16(out, from.Port()^stunCookie>>16)
	key := out[4:stunHeader] // the cookie, then the transaction's ID
	for i := range raw {
		out = append(out, raw[i]^key[i])
	}
	return out
}

// fingerprint gives the FINGERPRINT of a message up to that attribute.
func fingerprint(b []byte) uint32 { return crc32.ChecksumIEEE(b) ^ fingerprintMask }
