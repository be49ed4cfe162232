package sip

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip/message"
)

// negotiation is a leg's offer and answer. It belongs to the shard, but for toward and prefer, which never change once
// the leg is known outside.
type negotiation struct {
	toward  netip.Addr  // of the family that the far end's media has
	far     netip.Addr  // where its signalling comes from
	prefer  media.Codec // to be offered first
	secret  bool        // its signalling goes over TLS
	offer   []byte      // the far end's, until it is answered
	local   []byte      // our last description
	waiting bool        // for the answer to an offer of ours in a 2xx or a reliable provisional response
	bare    bool        // the INVITE, ours or theirs, had no offer
	settled bool        // what we had to say to the caller went out reliably, and is not said again
	refused bool        // our last description was, and another counts
	held    bool        // the far end wants to hear nothing
	listens bool        // it is to be heard: neither holds the other

	keys              relaying        // of the leg joined with this one
	direction, agreed media.Direction // that we want, and that the far end agreed to
}

var (
	errNoSession = errors.New("no media port")
	errNoAnswer  = errors.New("no session description")
)

// offered takes the INVITE of an inbound leg. Not zero: the status, and rows, with which it is refused.
func (l *Leg) offered(m *message.Message, far netip.Addr) (int, []header.Field) {
	l.media.far, l.media.toward = far, far
	body, ok := session(m)
	switch {
	case !ok:
		return 415, []header.Field{{Name: "Accept", Value: accept}}
	case !m.Accepts(sdpType):
		return 406, nil
	case body == nil:
		l.media.bare = true // the offer will be ours
		return 0, nil
	}
	// The answer is written when a port is open; what can't be answered is refused before anyone is asked.
	ours := l.trunk.wishes(&l.media)
	ours.Addr = netip.AddrPortFrom(far, 9)
	_, remote, err := sdp.Answer(body, ours)
	if errors.Is(err, sdp.ErrAddress) { // of the other family, perhaps
		ours.Addr = netip.AddrPortFrom(otherFamily(far), 9)
		_, remote, err = sdp.Answer(body, ours)
	}
	if err != nil {
		return refusalOf(err)
	}
	if a := remote.RTP.Addr(); a.IsValid() {
		l.media.toward = a
	}
	if reaches := l.s.cfg.Reaches; reaches != nil && !reaches(l.media.toward) { // RFC 3261 section 20.43
		return 488, []header.Field{{Name: "Warning", Value: `300 switchhook "no media address of the family of ` + l.media.toward.String() + `"`}}
	}
	l.media.offer = append([]byte(nil), body...)
	return 0, nil
}

// otherFamily gives an address of the family that a is not of.
func otherFamily(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv6Unspecified()
	}
	return netip.IPv4Unspecified()
}

// refusalOf gives the status and rows that refuse an offer.
func refusalOf(err error) (int, []header.Field) {
	if errors.Is(err, sdp.ErrSyntax) {
		return 400, nil
	}
	return 488, []header.Field{{Name: "Warning", Value: "304 switchhook " + header.Quote(oneLine(err.Error()))}}
}

// description gives the part of l that package sdp must know.
func (l *Leg) description(s Session) sdp.Local {
	d := l.trunk.wishes(&l.media)
	d.Addr = s.Local()
	return d
}

// describeMedia gives the description for our 18x or 2xx: the answer to the offer, or an offer where there was none.
// The same goes into every response.
func (l *Leg) describeMedia() ([]byte, error) {
	p := l.session.Load()
	switch {
	case p == nil:
		return nil, errNoSession
	case l.media.local != nil:
		return l.media.local, nil
	}
	return l.renegotiate(l.media.offer)
}

// renegotiate answers an offer, or makes one if offer is nil, whose answer the ACK will bring.
func (l *Leg) renegotiate(offer []byte) ([]byte, error) {
	p := l.session.Load()
	if p == nil {
		return nil, errNoSession
	}
	if offer == nil {
		l.media.local, l.media.waiting = sdp.Offer(l.description(*p)), true
		return l.media.local, nil
	}
	body, remote, err := sdp.Answer(offer, l.description(*p))
	if err != nil {
		return nil, err
	}
	if err := l.agree(*p, remote); err != nil {
		return nil, err
	}
	l.media.local, l.media.offer, l.media.agreed, l.media.refused = body, nil, l.media.direction, false
	return body, nil
}

// agree gives the session what was agreed on, and tells whether the far end put us on hold (RFC 3264 section 8.4).
func (l *Leg) agree(s Session, remote media.Remote) error {
	l.trunk.audioOf(&remote)
	if err := s.SetRemote(remote); err != nil {
		return fmt.Errorf("media of the far end: %w", err)
	}
	if l.out != nil {
		kept := remote
		l.out.agreed = &kept
	}
	held := !remote.Direction.Sends()
	l.media.listens = remote.Direction == media.SendRecv // who holds the other need not play music
	if held != l.media.held {
		l.media.held = held
		if l.established {
			l.emit(call.Held{Leg: l.id, On: held})
		}
	}
	return nil
}

// offerMedia gives the offer of an outbound leg, and opens its media toward an address of that family. A trunk whose
// peers want to make the offer gets none.
func (l *Leg) offerMedia(far netip.Addr) ([]byte, error) {
	l.media.far = far
	if l.media.bare = l.trunk.signalling().Delayed; l.media.bare {
		l.media.toward = far
		return nil, nil
	}
	if p := l.session.Load(); p != nil && (*p).Local().Addr().Is4() != far.Is4() {
		(*p).Close()
		l.session.Store(nil)
		l.media.local = nil
	}
	if l.media.local != nil {
		return l.media.local, nil
	}
	open := l.session.Load()
	if open == nil {
		session, err := l.s.cfg.Media(far)
		if err != nil {
			return nil, err
		}
		open = &session
		l.session.Store(open)
	}
	l.media.local, l.media.agreed = sdp.Offer(l.description(*open)), l.media.direction
	return l.media.local, nil
}

// answeredMedia takes the far end's answer to the last offer of ours.
func (l *Leg) answeredMedia(body []byte) error {
	p := l.session.Load()
	switch {
	case p == nil:
		return errNoSession
	case body == nil:
		return errNoAnswer
	}
	remote, err := sdp.Accept(l.media.local, body, l.trunk.wishes(&l.media))
	if err != nil {
		return err
	}
	return l.agree(*p, remote)
}

// acknowledged takes the ACK of a 2xx of ours. Where the 2xx made the offer, the ACK brings the answer; a bad one to a
// re-INVITE leaves the session as it was.
func (l *Leg) acknowledged(m *message.Message) {
	if l.media.waiting {
		l.media.waiting = false
		body, _ := session(m)
		err := l.answeredMedia(body)
		l.media.refused = err != nil
		if err != nil && !l.established {
			l.hangup(call.Cause{Q850: 47, By: call.ByPeer, Label: call.LabelMedia, Text: err.Error()}, nil)
			return
		}
	}
	if l.established {
		l.heard(m)
		l.pursue()
		return
	}
	l.established = true
	l.answered(l.heard(m))
}

// mediaCause is the end of a leg that can't have media: for want of a port, or of something in common.
func mediaCause(err error) call.Cause {
	c := call.Cause{SIP: 488, Q850: 47, By: call.ByPlatform, Label: call.LabelMedia, Text: oneLine(err.Error())}
	if errors.Is(err, errNoSession) {
		c.SIP = 503
	}
	return c
}

// codec gives the codec agreed on, for a leg that is dialled for this one.
func (l *Leg) codec() media.Codec {
	if p := l.session.Load(); p != nil {
		return (*p).Stats().Codec
	}
	return media.NoCodec
}
