package engine

import "github.com/switchhook/switchhook/media"

// tap is who listens along on a leg: to what its far end says, and to what it hears; nil where it does not.
type tap struct {
	op          *operation // whose it is, if any
	says, hears media.Port
}

// tap lets all who listen along on a leg hear it.
func (l *leg) tap() {
	if l.media == nil {
		return
	}
	var says, hears tee
	for _, t := range l.taps {
		if t.says != nil {
			says = append(says, t.says)
		}
		if t.hears != nil {
			hears = append(hears, t.hears)
		}
	}
	l.media.Tap(says.port(), hears.port())
}

// tee writes to several ports.
type tee []media.Port

// port gives it as one port: nil where there is none.
func (t tee) port() media.Port {
	switch len(t) {
	case 0:
		return nil
	case 1:
		return t[0]
	}
	return t
}

// Write implements [media.Port].
func (t tee) Write(p *media.Packet) {
	for _, port := range t {
		port.Write(p)
	}
}
