package sdp

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/srtp"
)

// Security says whether audio is protected with keys that are exchanged by SDES (RFC 4568).
type Security uint8

// The ways.
const (
	Plain   Security = iota // never: keys are not taken, nor told
	Offered                 // where the far end wants it: offered beside plain RTP (RFC 8643)
	Secured                 // always: without, there is no audio
)

// protection is one a=crypto line.
type protection struct {
	tag uint64
	media.Crypto
}

const maxCrypto = 16 // lines of one stream that are looked at

// protections gives the lines of a stream that we can use, in its order, and whether it has any line at all.
func (s *section) protections() (usable []protection, some bool) {
	n := 0
	each(s.attributes, "crypto:", func(value []byte) {
		if n++; n > maxCrypto {
			return
		}
		if p, ok := readCrypto(value); ok {
			usable = append(usable, p)
		}
	})
	return usable, n > 0
}

// readCrypto reads "1 AES_CM_128_HMAC_SHA1_80 inline:key|2^20|1:4 WSH=128" (RFC 4568 section 9.1). A line with several keys,
// or with a parameter that changes what is protected, is not for us.
func readCrypto(value []byte) (p protection, ok bool) {
	tag, value := cutWord(value)
	suite, value := cutWord(value)
	key, parameters := cutWord(value)
	if p.tag, ok = number(tag, 999_999_999); !ok {
		return p, false
	}
	for len(parameters) > 0 {
		var word []byte
		word, parameters = cutWord(parameters)
		if len(word) > 0 && word[0] != '-' && !bytes.HasPrefix(word, []byte("WSH=")) {
			return p, false
		}
	}
	key, ok = bytes.CutPrefix(key, []byte("inline:"))
	for _, s := range srtp.Suites() {
		if ok && s.Name == string(suite) {
			p.Suite = s.Name
			return p, p.readKey(key, s.Key+s.Salt)
		}
	}
	return p, false
}

// readKey reads "key|lifetime|MKI:length". A key is not used up here in any lifetime that makes sense.
func (p *protection) readKey(value []byte, size int) bool {
	key, value, _ := bytes.Cut(value, []byte("|"))
	var raw [64]byte
	key = bytes.TrimRight(key, "=")
	if base64.RawStdEncoding.DecodedLen(len(key)) != size {
		return false
	}
	if _, err := base64.RawStdEncoding.Decode(raw[:], key); err != nil {
		return false
	}
	p.Key = string(raw[:size])
	for i := 0; len(value) > 0; i++ {
		var part []byte
		part, value, _ = bytes.Cut(value, []byte("|"))
		name, length, isMKI := bytes.Cut(part, []byte(":"))
		switch {
		case isMKI && p.MKI == "":
			if !p.readMKI(name, length) {
				return false
			}
		case isMKI || i > 0 || !isLifetime(part):
			return false
		}
	}
	return true
}

func isLifetime(b []byte) bool {
	power, is := bytes.CutPrefix(b, []byte("2^"))
	n, ok := number(power, 48)
	if !is {
		n, ok = number(b, 1<<48)
	}
	return ok && n > 0
}

func (p *protection) readMKI(name, length []byte) bool {
	n, ok := number(length, 128)
	if !ok || n == 0 {
		return false
	}
	v, ok := number(name, 1<<64-1)
	if !ok || n < 8 && v>>(8*n) != 0 {
		return false
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 128, 136), v)
	p.MKI = string(b[len(b)-int(n):])
	return true
}

// protections gives what we offer: what stands in our last description, or a fresh key for each suite.
func (l *Local) protections(p *prior) []protection {
	switch {
	case p.audio >= 0:
		return p.crypto
	case l.Security == Plain:
		return nil
	}
	var all []protection
	for i, s := range srtp.Suites() {
		all = append(all, protection{uint64(i + 1), media.Crypto{Suite: s.Name, Key: freshKey(s.Key + s.Salt)}})
	}
	return all
}

func freshKey(size int) string {
	var b [64]byte
	_, _ = rand.Read(b[:size]) // never fails
	return string(b[:size])
}

// protect chooses the protection of a stream that is offered: the first line that we know, answered with our last key of
// its suite, or a fresh one. Zero values for plain RTP.
func (l *Local) protect(s *section, p *prior) (theirs, ours protection, err error) {
	usable, some := s.protections()
	switch {
	case l.Security == Plain && s.secure():
		return theirs, ours, fmt.Errorf("%w: SRTP is not allowed here (audio.srtp)", ErrCrypto)
	case l.Security == Plain || !some && !s.secure() && l.Security == Offered:
		return theirs, ours, nil
	case !some && !s.secure() && l.Security == Secured:
		return theirs, ours, fmt.Errorf("%w: SRTP is needed here (audio.srtp), and the offer has none", ErrCrypto)
	case len(usable) == 0 && (s.secure() || l.Security == Secured):
		return theirs, ours, fmt.Errorf("%w: no a=crypto line that we know", ErrCrypto)
	case len(usable) == 0:
		return theirs, ours, nil
	}
	theirs = usable[0]
	ours = protection{tag: theirs.tag, Crypto: media.Crypto{Suite: theirs.Suite, Key: freshKey(len(theirs.Key))}}
	for _, old := range p.crypto {
		if old.Suite == ours.Suite {
			ours.Key = old.Key
		}
	}
	return theirs, ours, nil
}

// protected finds what an answer chose of what we offered. Zero values for plain RTP.
func protected(mine, answer *section) (theirs, ours media.Crypto, err error) {
	usable, some := answer.protections()
	offered, _ := mine.protections()
	if !some && !mine.secure() {
		return theirs, ours, nil
	}
	for _, t := range usable {
		for _, o := range offered {
			if t.tag == o.tag && t.Suite == o.Suite {
				return t.Crypto, o.Crypto, nil
			}
		}
	}
	return theirs, ours, fmt.Errorf("%w: the answer has no key for what was offered", ErrCrypto)
}

func appendCrypto(b []byte, p protection) []byte {
	b = append(b, "\r\na=crypto:"...)
	b = strconv.AppendUint(b, p.tag, 10)
	b = append(b, ' ')
	b = append(b, p.Suite...)
	b = append(b, " inline:"...)
	return base64.StdEncoding.AppendEncode(b, []byte(p.Key))
}
