package sip

import (
	"net/netip"
	"slices"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/sdp"
	"github.com/switchhook/switchhook/sip/transport"
)

// audio gives the trunk's wishes; none of no trunk.
func (p *peering) audio() directory.Audio {
	if p == nil {
		return directory.Audio{}
	}
	return p.trunk.Audio
}

// wishes gives what the trunk wants of a leg's audio, as offer and answer know it. Without a word of the trunk, keys of SRTP
// are exchanged where the signalling that bears them is secret too (RFC 4568 section 11).
func (p *peering) wishes(n *negotiation) sdp.Local {
	a := p.audio()
	w := sdp.Local{
		Signalling: n.far, Prior: n.local, Direction: n.direction,
		Ptime: time.Duration(a.Ptime) * time.Millisecond,
	}
	switch {
	case a.SRTP == directory.Always:
		w.Security = sdp.Secured
	case a.SRTP == directory.Offered, a.SRTP == directory.Default && n.secret:
		w.Security = sdp.Offered
	}
	for _, name := range a.Codecs {
		for _, c := range []media.Codec{media.PCMU, media.PCMA, media.G722} {
			if c.String() == name {
				w.Codecs = append(w.Codecs, c)
			}
		}
	}
	if len(w.Codecs) == 0 {
		w.Codecs = []media.Codec{media.PCMU, media.PCMA}
	}
	if i := slices.Index(w.Codecs, n.prefer); i > 0 { // what needs no transcoding comes first
		copy(w.Codecs[1:], w.Codecs[:i])
		w.Codecs[0] = n.prefer
	}
	return w
}

// offerAt is the first offer to a trunk's peers by a network, of a leg at an address.
func (p *peering) offerAt(at netip.AddrPort, network string) []byte {
	w := p.wishes(&negotiation{secret: isSecret(network)})
	w.Addr = at
	return sdp.Offer(w)
}

// audioOf fills in what no description says: keys are listened for, and sent otherwise than as events.
func (p *peering) audioOf(far *media.Remote) {
	a := p.audio()
	far.Listen = a.Listen
	switch a.Keys {
	case "info":
		far.EventOut, far.NoKeys = 0, true
	case "inband":
		far.EventOut = 0
	}
}

// over takes note of the network that an INVITE comes or goes by. What was offered for a secret one is not for another.
func (l *Leg) over(networks ...string) {
	if secret := isSecret(networks...); secret != l.media.secret {
		l.media.secret, l.media.local = secret, nil
	}
}

// isSecret tells whether nobody on the way reads what goes by these networks.
func isSecret(networks ...string) bool {
	return len(networks) > 0 && !slices.ContainsFunc(networks, func(n string) bool { return n != transport.TLS })
}

// ListensForTones tells whether tones of the network are to be recognised in what the far end says, as its trunk wants it. It
// is asked once the leg has media.
func (l *Leg) ListensForTones() bool { return l.trunk.audio().Tones }
