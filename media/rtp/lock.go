package rtp

import "time"

// sourceLock decides who is believed to be the far end. See the package's drawing.
type sourceLock struct {
	want, wantControl addr // what SDP says
	signalling        addr // the host that signals, if known
	from              addr // who is believed; of no meaning while learning
	state             lockState
	anyone            bool

	candidate addr // who might be, while learning
	ssrc      uint32
	seq       uint16
	heard     uint8
	since     time.Duration // learning: since SetRemote; provisional: since then
}

type lockState uint8

const (
	learning lockState = iota
	provisional
	locked
)

const (
	heardEnough = 3 // packets in a row from a host that SDP or signalling named
	heardAnyone = 8 // from any other one, where that is allowed
	window      = 3 * time.Second
	maxGap      = 16 // fewer sequence numbers than these may lack between packets in a row
)

// judge tells whether a packet comes from the far end, and whether it changed where our packets go or who may answer.
func (l *sourceLock) judge(from *addr, h header, now time.Duration) (ok, moved bool) {
	switch l.state {
	case locked:
		return from.equal(&l.from), false
	case provisional:
		return l.judgeProvisional(from, now)
	}
	return l.judgeLearning(from, h, now)
}

// mayBe tells whether a packet can come from the far end at all, whatever is in it.
func (l *sourceLock) mayBe(from *addr) bool { return l.state != locked || from.equal(&l.from) }

func (l *sourceLock) judgeLearning(from *addr, h header, now time.Duration) (ok, moved bool) {
	if from.equal(&l.want) {
		l.from, l.state = *from, locked
		return true, true
	}
	need := uint8(heardEnough)
	if !from.sameHost(&l.want) && !from.sameHost(&l.signalling) {
		if !l.anyone || now-l.since > window {
			return false, false
		}
		need = heardAnyone
	}
	inRow := from.equal(&l.candidate) && h.ssrc == l.ssrc && h.seq-l.seq-1 < maxGap
	if !inRow {
		l.candidate, l.ssrc, l.heard = *from, h.ssrc, 0
	}
	l.seq = h.seq
	if l.heard++; l.heard < need {
		return false, false
	}
	l.from, l.state, l.since = *from, provisional, now
	return true, true
}

// judgeProvisional still prefers the SDP address, for a while.
func (l *sourceLock) judgeProvisional(from *addr, now time.Duration) (ok, moved bool) {
	switch {
	case from.equal(&l.want):
		l.from, l.state = *from, locked
		return true, true
	case !from.equal(&l.from):
		return false, false
	case now-l.since > window:
		l.state = locked
		return true, true
	}
	return true, false
}

// judgeControl tells whether RTCP may be listened to.
func (l *sourceLock) judgeControl(from *addr) bool {
	if l.state != learning {
		return from.sameHost(&l.from)
	}
	return from.equal(&l.wantControl)
}
