package dialecttest

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// Transfer makes the far end have its peer transferred to another (REFER), who answers, and gives that one; nil where it has
// no peer or is not answered. Its own leg stands until it hangs up.
func (f *Far) Transfer(h header.List) *Far {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	peer := f.peer
	if f.state != answered || peer == nil || peer.state != answered || f.c.over {
		return nil
	}
	to := f.c.newLeg(answered, call.Out)
	to.media = true
	f.c.emit(call.Transferred{Leg: f.ID, Peer: peer.ID, To: to.ID, Headers: h})
	f.part()
	peer.peer, to.peer = to, peer
	peer.connect()
	return to
}

// Hold makes the far end put us on hold, or take us off.
func (f *Far) Hold(on bool) {
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	if f.state == answered {
		f.c.emit(call.Held{Leg: f.ID, On: on})
	}
}
