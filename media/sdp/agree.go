package sdp

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/media"
)

// stream is our description of the audio.
type stream struct {
	port      uint16
	proto     []byte
	types     types
	direction media.Direction
	ptime     time.Duration
	mux       bool
	crypto    []protection
}

// Offer gives a description of what l has to offer: each codec, and telephone events. Where it is not the first of its
// dialog, audio stays protected, or unprotected, as it is.
func Offer(l Local) []byte {
	p := l.prior()
	a := stream{port: l.Addr.Port(), proto: []byte("RTP/AVP"), types: p.types, direction: l.Direction, ptime: l.Ptime, crypto: l.protections(&p)}
	switch {
	case p.audio >= 0:
		a.proto = p.d.all[p.audio].proto
	case l.Security == Secured:
		a.proto = []byte("RTP/SAVP")
	}
	t := &a.types
	t.order, t.noise = [3]media.Codec{}, false
	for _, c := range l.codecs() {
		payloadType, had := p.types.of[c], p.types.has(c)
		if !had {
			payloadType = [...]uint8{media.PCMU: typePCMU, media.PCMA: typePCMA, media.G722: typeG722}[c]
		}
		t.add(c, payloadType)
	}
	switch {
	case l.NoEvents:
		t.event = 0
	case t.event == 0:
		t.event = typeEvent
	}
	return l.finish(p, func(b []byte, version uint64) []byte {
		b = appendSession(b, l.Addr.Addr(), p.id, version, nil)
		for i := range p.d.sections() {
			if i == p.audio {
				b = a.appendTo(b)
			} else {
				b = appendRefused(b, &p.d.all[i])
			}
		}
		if p.audio < 0 {
			b = a.appendTo(b)
		}
		return b
	})
}

// finish writes a description, with the version raised if it says anything new.
func (l *Local) finish(p prior, write func(b []byte, version uint64) []byte) []byte {
	b := write(make([]byte, 0, 320), p.version)
	if l.Prior == nil || bytes.Equal(b, l.Prior) {
		return b
	}
	return write(b[:0], p.version+1)
}

// Answer answers an offer with what l has in common with it: the first codec of the offer that l has, and telephone
// events if both have them. The offer is not kept.
func Answer(offer []byte, l Local) (answer []byte, far media.Remote, err error) {
	var d description
	if err := d.read(offer); err != nil {
		return nil, far, fmt.Errorf("reading an offer: %w", err)
	}
	p := l.prior()
	at, a, err := l.choose(&d, &p, &far)
	if err != nil {
		return nil, far, fmt.Errorf("answering an offer: %w", err)
	}
	answer = l.finish(p, func(b []byte, version uint64) []byte {
		b = appendSession(b, l.Addr.Addr(), p.id, version, d.times)
		for i := range d.sections() {
			if i == at {
				b = a.appendTo(b)
			} else {
				b = appendRefused(b, &d.all[i])
			}
		}
		return b
	})
	return answer, far, nil
}

// choose takes the first audio stream that has a codec of ours, and that codec alone, and a protection where there must
// be one. It gives our side of it and fills in the far end's.
func (l *Local) choose(d *description, p *prior, far *media.Remote) (at int, a stream, err error) {
	err = fmt.Errorf("%w: the offer has none of %v", ErrNoMedia, l.codecs())
	for i := range d.sections() {
		s := &d.all[i]
		if !s.isAudio() || s.port == 0 {
			continue
		}
		t := l.common(s.types())
		if t.order[0] == media.NoCodec {
			continue
		}
		theirs, ours, cryptoErr := l.protect(s, p)
		if cryptoErr != nil {
			err = cryptoErr
			continue
		}
		r, err := l.remote(s)
		if err != nil {
			return 0, a, err
		}
		c := t.order[0]
		r.Codec, r.TypeOut, r.TypeIn, r.EventOut, r.EventIn = c, t.of[c], t.of[c], t.event, t.event
		r.Silence, r.Mux = t.noise, s.has("rtcp-mux")
		a = stream{port: l.Addr.Port(), proto: s.proto, types: t, direction: r.Direction, ptime: l.Ptime, mux: r.Mux}
		if ours.Suite != "" {
			r.CryptoIn, r.CryptoOut, a.crypto = theirs.Crypto, ours.Crypto, []protection{ours}
		}
		*far = r
		return i, a, nil
	}
	return 0, a, err
}

// common gives what the answer to all has: one codec, events, comfort noise.
func (l *Local) common(all types) (t types) {
	for _, c := range all.order {
		if c != media.NoCodec && slices.Contains(l.codecs(), c) {
			t.add(c, all.of[c])
			t.noise = all.noise
			if !l.NoEvents {
				t.event = all.event
			}
			return t
		}
	}
	return t
}

// Accept gives what the far end's answer to our offer means. Of l, Signalling and Ptime count; the rest stands in the offer.
func Accept(offer, answer []byte, l Local) (media.Remote, error) {
	var ours, theirs description
	if err := ours.read(offer); err != nil {
		return media.Remote{}, fmt.Errorf("reading our offer: %w", err)
	}
	if err := theirs.read(answer); err != nil {
		return media.Remote{}, fmt.Errorf("reading an answer: %w", err)
	}
	at := slices.IndexFunc(ours.sections(), func(s section) bool { return s.isAudio() && s.port != 0 })
	if at < 0 || at >= theirs.count || !theirs.all[at].isAudio() || theirs.all[at].port == 0 {
		return media.Remote{}, fmt.Errorf("accepting an answer: %w", ErrNoMedia)
	}
	mine, s := ours.all[at].types(), &theirs.all[at]
	l.Addr, l.Direction = netip.AddrPortFrom(ours.all[at].addr, ours.all[at].port), ours.all[at].direction
	far, err := l.remote(s)
	if err == nil {
		far.CryptoIn, far.CryptoOut, err = protected(&ours.all[at], s)
	}
	if err != nil {
		return media.Remote{}, fmt.Errorf("accepting an answer: %w", err)
	}
	t := s.types()
	for _, c := range t.order {
		if mine.has(c) {
			far.Codec, far.TypeOut, far.TypeIn = c, t.of[c], mine.of[c]
			if t.event != 0 && mine.event != 0 {
				far.EventOut, far.EventIn = t.event, mine.event
			}
			return far, nil
		}
	}
	return media.Remote{}, fmt.Errorf("accepting an answer: %w", ErrNoMedia)
}

// remote gives where and how the far end wants the stream, but for the codec.
func (l *Local) remote(s *section) (media.Remote, error) {
	far := media.Remote{Signalling: l.Signalling}
	switch {
	case s.addrErr != nil:
		return far, s.addrErr
	case !s.addr.IsValid():
		return far, fmt.Errorf("%w: no c= line", ErrSyntax)
	}
	theirs := s.direction
	if s.addr.IsUnspecified() { // hold as before RFC 3264: it sends, or not, but hears nothing
		theirs = map[bool]media.Direction{true: media.SendOnly, false: media.Inactive}[theirs.Sends()]
	} else {
		if err := l.allow(s.addr); err != nil {
			return far, err
		}
		far.RTP = netip.AddrPortFrom(s.addr, s.port)
	}
	far.Direction = both(l.Direction, theirs.Reverse())
	far.Ptime = l.packing(s)
	each(s.attributes, "rtcp:", func(value []byte) { // RFC 3605
		port, value := cutWord(value)
		n, ok := number(port, 1<<16-1)
		if !ok || n == 0 || !far.RTP.IsValid() {
			return
		}
		addr := s.addr
		if len(value) > 0 {
			a, err := readConnection(value)
			if err != nil || l.allow(a) != nil || a.IsUnspecified() || a.Is4() != addr.Is4() {
				return
			}
			addr = a
		}
		far.RTCP = netip.AddrPortFrom(addr, uint16(n))
	})
	return far, nil
}

// packing gives the length of the packets to send: what we are set to, or what the far end asks for, if it has room for
// them; 0 where nobody says. It is one that the codecs and the clock of prompts can make: 10 to 60 ms, in steps of 10.
func (l *Local) packing(s *section) time.Duration {
	const step, longest = 10 * time.Millisecond, 60 * time.Millisecond
	d, most := l.Ptime, s.milliseconds("maxptime:")
	if d == 0 {
		d = s.milliseconds("ptime:")
	}
	if most > 0 && (d > most || d == 0 && most < media.FrameTime) {
		d = most
	}
	if d == 0 {
		return 0
	}
	return min(max(d.Truncate(step), step), longest)
}

// Where gives the address of the first audio stream of a description, so that a session towards it can be opened before
// it is answered; the zero address when there is none.
func Where(body []byte) netip.Addr {
	var d description
	if d.read(body) == nil {
		for i := range d.sections() {
			if s := &d.all[i]; s.isAudio() && s.port != 0 {
				return s.addr
			}
		}
	}
	return netip.Addr{}
}

// allow refuses addresses that no far end has: audio sent there would meet others.
func (l *Local) allow(a netip.Addr) error {
	near := func(a netip.Addr) bool { return a.IsLoopback() || a.IsLinkLocalUnicast() }
	switch {
	case a.Is4() != l.Addr.Addr().Unmap().Is4():
		return fmt.Errorf("%w: %v cannot be reached from %v", ErrAddress, a, l.Addr.Addr())
	case a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}),
		near(a) && !near(l.Addr.Addr()) && !near(l.Signalling.Unmap()):
		return fmt.Errorf("%w: %v", ErrAddress, a)
	}
	return nil
}

// both gives what is left when two wishes, both as seen from our side, meet.
func both(a, b media.Direction) media.Direction {
	switch send, receive := a.Sends() && b.Sends(), a.Receives() && b.Receives(); {
	case send && receive:
		return media.SendRecv
	case send:
		return media.SendOnly
	case receive:
		return media.RecvOnly
	}
	return media.Inactive
}

func appendSession(b []byte, a netip.Addr, id, version uint64, times []byte) []byte {
	family := " IN IP4 "
	if a.Unmap().Is6() {
		family = " IN IP6 "
	}
	b = append(b, "v=0\r\no=- "...)
	b = strconv.AppendUint(b, id, 10)
	b = append(b, ' ')
	b = strconv.AppendUint(b, version, 10)
	b = append(b, family...)
	b = a.AppendTo(b)
	b = append(b, "\r\ns=-\r\nc="...)
	b = append(b, family[1:]...)
	b = a.AppendTo(b)
	b = append(b, "\r\nt="...)
	if len(times) == 0 || len(times) > maxToken { // an answer repeats the offer's (RFC 3264 section 6)
		times = []byte("0 0")
	}
	b = append(b, times...)
	return append(b, "\r\n"...)
}

// appendTo appends the stream's lines.
func (a *stream) appendTo(b []byte) []byte {
	b = append(b, "m=audio "...)
	b = strconv.AppendUint(b, uint64(a.port), 10)
	b = append(b, ' ')
	b = append(b, a.proto...)
	for _, c := range a.types.order {
		if c != media.NoCodec {
			b = appendNumber(b, " ", a.types.of[c])
		}
	}
	if a.types.noise {
		b = appendNumber(b, " ", typeNoise)
	}
	if a.types.event != 0 {
		b = appendNumber(b, " ", a.types.event)
	}
	for _, c := range a.types.order {
		if c != media.NoCodec {
			b = appendNumber(b, "\r\na=rtpmap:", a.types.of[c])
			b = append(b, ' ')
			b = append(b, [...]string{media.PCMU: namePCMU, media.PCMA: namePCMA, media.G722: nameG722}[c]...)
		}
	}
	if a.types.noise {
		b = appendNumber(b, "\r\na=rtpmap:", typeNoise)
		b = append(b, " "+nameNoise...)
	}
	if a.types.event != 0 {
		b = appendNumber(b, "\r\na=rtpmap:", a.types.event)
		b = append(b, " "+nameEvent...)
		b = appendNumber(b, "\r\na=fmtp:", a.types.event)
		b = append(b, " 0-15"...)
	}
	for _, p := range a.crypto {
		b = appendCrypto(b, p)
	}
	if a.mux {
		b = append(b, "\r\na=rtcp-mux"...)
	}
	ptime := a.ptime
	if ptime == 0 {
		ptime = media.FrameTime
	}
	b = appendNumber(b, "\r\na=ptime:", uint8(min(ptime/time.Millisecond, 200)))
	b = append(b, "\r\na="...)
	b = append(b, a.direction.String()...)
	return append(b, "\r\n"...)
}

func appendNumber(b []byte, before string, n uint8) []byte {
	return strconv.AppendUint(append(b, before...), uint64(n), 10)
}

// appendRefused repeats a stream with port zero, and one format of it.
func appendRefused(b []byte, s *section) []byte {
	b = append(b, "m="...)
	b = append(b, s.kind...)
	b = append(b, " 0 "...)
	b = append(b, s.proto...)
	b = append(b, ' ')
	format, _ := cutWord(s.formats)
	b = append(b, format...)
	return append(b, "\r\n"...)
}
