package engine

import (
	"slices"

	"github.com/switchhook/switchhook/media/tone"
)

// listens gives who is to talk with the target of a transfer, if it can be let hear how the target is doing: it is here,
// neither on hold nor in a room, and hears nothing that the driver plays.
func (c *Call) listens(t *transfer) *leg {
	l := t.moved
	if l == nil || t.takes != nil || l.state != answered || l.media == nil || l.held {
		return nil
	}
	if slices.ContainsFunc(c.opsOf(l), func(op *operation) bool { return op.list != nil }) {
		return nil
	}
	return l
}

// ringback lets who is transferred hear that the target rings.
func (c *Call) ringback(t *transfer) {
	l := c.listens(t)
	if l == nil || t.heard || t.quiet != nil {
		return
	}
	if ring, err := tone.Ringback("us"); err == nil {
		t.quiet = l.media.Play(ring, func(error) {})
	}
}

// hearTarget lets who is transferred hear what the target sends before its answer, in place of who had it transferred.
func (c *Call) hearTarget(to *leg) {
	t := to.transfer
	if t == nil || t.to != to || to.media == nil || t.heard {
		return
	}
	l := c.listens(t)
	if l == nil {
		return
	}
	c.unhearTarget(t)
	if l.heard {
		l.peer.media.Connect(nil)
	}
	to.media.Connect(l.media)
	t.heard = true
}

// unhearTarget ends that, and lets who is transferred hear its peer again, if it still has one.
func (c *Call) unhearTarget(t *transfer) {
	if t.quiet != nil {
		t.quiet()
		t.quiet = nil
	}
	if !t.heard {
		return
	}
	t.heard = false
	if t.to.media != nil {
		t.to.media.Connect(nil)
	}
	if l := t.moved; l.heard {
		l.peer.media.Connect(l.media)
	}
}
