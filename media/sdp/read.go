package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
)

// description is what was read of a body; its slices are parts of that body.
type description struct {
	id, version uint64
	addr        netip.Addr // of the session; zero when it names none
	addrErr     error      // it names one that can't be used
	times       []byte     // the t= line's value
	direction   media.Direction
	count       int
	all         [maxSections]section
}

func (d *description) sections() []section { return d.all[:d.count] }

// section is one m= line with what follows it.
type section struct {
	kind, proto, formats []byte
	port                 uint16
	addr                 netip.Addr
	addrErr              error
	direction            media.Direction
	attributes           []byte // all of its lines
}

// isAudio tells an audio stream over RTP, with feedback (RFC 4585) or without, protected or not.
func (s *section) isAudio() bool {
	if string(s.kind) != "audio" {
		return false
	}
	switch string(s.proto) {
	case "RTP/AVP", "RTP/AVPF", "RTP/SAVP", "RTP/SAVPF":
		return true
	}
	return false
}

// secure tells a stream that is not to be without protection.
func (s *section) secure() bool { return bytes.HasPrefix(s.proto, []byte("RTP/SAVP")) }

// cutLine takes the first line off b, whatever ends it.
func cutLine(b []byte) (line, rest []byte) {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		line, rest = b[:i], b[i+1:]
	} else {
		line = b
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line, rest
}

// cutWord takes the first word off b.
func cutWord(b []byte) (word, rest []byte) {
	b = bytes.TrimLeft(b, " ")
	if i := bytes.IndexByte(b, ' '); i >= 0 {
		return b[:i], bytes.TrimLeft(b[i+1:], " ")
	}
	return b, nil
}

// number reads a decimal that is at most limit.
func number(b []byte, limit uint64) (n uint64, ok bool) {
	if len(b) == 0 || len(b) > 20 {
		return 0, false
	}
	for _, c := range b {
		digit := uint64(c - '0')
		if digit > 9 || n > (limit-digit)/10 {
			return 0, false
		}
		n = n*10 + digit
	}
	return n, true
}

// read reads body. What is wrong with a stream that we don't want does no harm.
func (d *description) read(body []byte) error {
	switch {
	case len(body) > maxBody:
		return fmt.Errorf("%w: %d bytes", ErrLimit, len(body))
	case !bytes.HasPrefix(body, []byte("v=0")):
		return fmt.Errorf("%w: it does not begin with v=0", ErrSyntax)
	case bytes.IndexByte(body, 0) >= 0:
		return fmt.Errorf("%w: NUL in it", ErrSyntax)
	}
	var s *section // of the line; nil in the session's part
	for rest := body; len(rest) > 0; {
		at := rest
		var line []byte
		line, rest = cutLine(rest)
		if len(line) < 2 || line[1] != '=' {
			continue
		}
		if line[0] == 'm' {
			if d.count == maxSections {
				return fmt.Errorf("%w: more than %d streams", ErrLimit, maxSections)
			}
			s = &d.all[d.count]
			d.count++
			if err := s.readMedia(line[2:]); err != nil {
				return err
			}
			s.addr, s.addrErr, s.direction, s.attributes = d.addr, d.addrErr, d.direction, rest[:0]
			continue
		}
		if s == nil {
			d.readSession(line[0], line[2:])
			continue
		}
		s.attributes = s.attributes[:len(s.attributes)+len(at)-len(rest)]
		switch line[0] {
		case 'c':
			s.addr, s.addrErr = readConnection(line[2:])
		case 'a':
			readDirection(line[2:], &s.direction)
		}
	}
	return nil
}

func (d *description) readSession(key byte, value []byte) {
	switch key {
	case 'o':
		_, value = cutWord(value)
		id, value := cutWord(value)
		version, _ := cutWord(value)
		d.id, _ = number(id, 1<<64-1)
		d.version, _ = number(version, 1<<64-1)
	case 'c':
		d.addr, d.addrErr = readConnection(value)
	case 't':
		if d.times == nil {
			d.times = value
		}
	case 'a':
		readDirection(value, &d.direction)
	}
}

// readMedia reads "audio 49170/2 RTP/AVP 0 8 101".
func (s *section) readMedia(value []byte) error {
	var port []byte
	*s = section{}
	s.kind, value = cutWord(value)
	port, value = cutWord(value)
	s.proto, s.formats = cutWord(value)
	port, _, _ = bytes.Cut(port, []byte("/"))
	n, ok := number(port, 1<<16-1)
	if !ok || len(s.kind) == 0 || len(s.proto) == 0 || len(s.formats) == 0 {
		return fmt.Errorf("%w: m= line without kind, port, transport or format", ErrSyntax)
	}
	first, _ := cutWord(s.formats)
	if len(s.kind) > maxToken || len(s.proto) > maxToken || len(first) > maxToken {
		return fmt.Errorf("%w: an m= line", ErrLimit)
	}
	s.port = uint16(n)
	return nil
}

// readConnection reads "IN IP4 192.0.2.1", with the TTL and count that only a multicast address may have.
func readConnection(value []byte) (netip.Addr, error) {
	network, value := cutWord(value)
	family, value := cutWord(value)
	text, _ := cutWord(value)
	host, _, multicast := bytes.Cut(text, []byte("/"))
	if string(network) != "IN" || len(host) > maxToken {
		return netip.Addr{}, fmt.Errorf("%w: not of the Internet", ErrAddress)
	}
	a, err := netip.ParseAddr(string(host))
	if err != nil || a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%w: %.64q is no IP address", ErrAddress, host)
	}
	if string(family) == "IP4" != a.Is4() || string(family) == "IP6" != a.Is6() || multicast {
		return netip.Addr{}, fmt.Errorf("%w: %.64q", ErrAddress, text)
	}
	return a.Unmap(), nil
}

func readDirection(attribute []byte, d *media.Direction) {
	switch string(attribute) {
	case "sendrecv":
		*d = media.SendRecv
	case "sendonly":
		*d = media.SendOnly
	case "recvonly":
		*d = media.RecvOnly
	case "inactive":
		*d = media.Inactive
	}
}

// types are the payload types of what we know, in the order of preference of who wrote them.
type types struct {
	order [3]media.Codec
	of    [4]uint8 // by codec
	event uint8    // 0 for none
	noise bool     // comfort noise, type 13
}

func (t *types) has(c media.Codec) bool { return c != media.NoCodec && slices.Contains(t.order[:], c) }

func (t *types) add(c media.Codec, payloadType uint8) {
	if t.has(c) {
		return
	}
	t.order[slices.Index(t.order[:], media.NoCodec)] = c
	t.of[c] = payloadType
}

// types reads the formats of the m= line with their names.
func (s *section) types() (t types) {
	var names [128]format
	each(s.attributes, "rtpmap:", func(value []byte) {
		word, value := cutWord(value)
		if n, ok := number(word, 127); ok {
			name, _ := cutWord(value)
			names[n] = known(name)
		}
	})
	formats := s.formats
	for range maxFormats {
		var word []byte
		if word, formats = cutWord(formats); len(word) == 0 {
			break
		}
		n, ok := number(word, 127)
		if !ok {
			continue
		}
		switch f := names[n]; {
		case f == formatPCMU, f == 0 && n == typePCMU:
			t.add(media.PCMU, uint8(n))
		case f == formatPCMA, f == 0 && n == typePCMA:
			t.add(media.PCMA, uint8(n))
		case f == formatG722, f == 0 && n == typeG722:
			t.add(media.G722, uint8(n))
		case n == typeNoise && (f == 0 || f == formatNoise):
			t.noise = true
		case f == formatEvent && t.event == 0:
			t.event = uint8(n)
		}
	}
	return t
}

// format is an encoding that we know by name; 0 when the far end named none, which is allowed for static types.
type format uint8

const (
	formatPCMU format = iota + 1
	formatPCMA
	formatG722
	formatEvent
	formatNoise
	formatOther

	namePCMU  = "PCMU/8000"
	namePCMA  = "PCMA/8000"
	nameG722  = "G722/8000" // its clock, by an old mistake (RFC 3551 section 4.5.2)
	nameNoise = "CN/8000"
	nameEvent = "telephone-event/8000"
)

func known(name []byte) format {
	name = bytes.TrimSuffix(name, []byte("/1"))        // one channel goes without saying
	if strings.EqualFold(string(name), "G722/16000") { // the mistake put right by some
		return formatG722
	}
	for i, k := range [...]string{namePCMU, namePCMA, nameG722, nameEvent, nameNoise} {
		if len(name) == len(k) && strings.EqualFold(string(name), k) {
			return formatPCMU + format(i)
		}
	}
	return formatOther
}

// milliseconds reads an attribute that tells a length of packets; 0 when there is none that makes sense.
func (s *section) milliseconds(name string) (d time.Duration) {
	each(s.attributes, name, func(value []byte) {
		if n, ok := number(value, 200); ok {
			d = time.Duration(n) * time.Millisecond
		}
	})
	return d
}

// has tells whether the stream has an attribute without value.
func (s *section) has(name string) bool {
	for lines := s.attributes; len(lines) > 0; {
		var line []byte
		if line, lines = cutLine(lines); len(line) == 2+len(name) && string(line[:2]) == "a=" && string(line[2:]) == name {
			return true
		}
	}
	return false
}

// each calls f with the value of each a= line of that name.
func each(lines []byte, name string, f func(value []byte)) {
	for len(lines) > 0 {
		var line []byte
		line, lines = cutLine(lines)
		if len(line) > 2+len(name) && line[0] == 'a' && line[1] == '=' && string(line[2:2+len(name)]) == name {
			f(line[2+len(name):])
		}
	}
}
