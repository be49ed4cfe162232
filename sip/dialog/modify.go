package dialog

import (
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// patience bounds the wait for the final response to a re-INVITE that got a provisional one, as a proxy's Timer C does.
const patience = 180 * time.Second

// asking is what our last INVITE left behind.
type asking struct {
	modifying bool   // a re-INVITE of ours is out
	acked     *acked // what the ACK of ackSeq bears; nil for nothing
}

// modification is a re-INVITE of ours.
type modification struct {
	d      *Dialog
	seq    uint32
	on     func(*message.Message, *Reply, error)
	client *transaction.Client
	tries  int         // how often it was sent with credentials
	proof  header.List // those credentials
	timer  *transaction.Timer
	over   bool
	rseq   uint32 // of its last reliable provisional response; 0 before the first
	said   *Reply // the description that such a response brought: a 2xx need not say it again (RFC 6337 section 2.2)
}

// Modify sends a re-INVITE made by [Dialog.Request] inside the confirmed dialog. on is called once, with the final response
// or an error; with a 2xx it fills what the ACK shall carry. [ErrState] while an INVITE of either side waits for its end,
// or the dialog is not confirmed.
func (d *Dialog) Modify(m *message.Message, on func(*message.Message, *Reply, error)) error {
	if !d.Modifiable() {
		return ErrState
	}
	d.modifying = true
	x := &modification{d: d, seq: d.seq, on: on}
	d.route(&d.remote, func(to transport.Target, err error) {
		if err != nil {
			x.finish(nil, err)
			return
		}
		x.send(m, to)
	})
	return nil
}

func (x *modification) send(m *message.Message, to transport.Target) {
	x.d.traced(true, m)
	x.client = x.d.set.cfg.Layer.Send(m, to, func(_ *transaction.Client, resp *message.Message, err error) { x.response(resp, err) })
}

// again sends a re-INVITE that was challenged once more, with credentials; false: it is over.
func (x *modification) again(refusal *message.Message) bool {
	if x.over || x.d.state != confirmed {
		return false
	}
	m := x.d.authorised(x.client.Request(), refusal, x.client.Target(), x.tries)
	if m == nil {
		return false
	}
	x.tries++
	x.seq, x.proof = x.d.seq, credentials(m)
	x.send(m, x.client.Target())
	return true
}

// Modifiable tells whether [Dialog.Modify] is possible now.
func (d *Dialog) Modifiable() bool { return d.state == confirmed && d.server == nil && !d.modifying }

// response takes every response to the re-INVITE.
func (x *modification) response(m *message.Message, err error) {
	d := x.d
	if m != nil {
		d.traced(false, m)
	}
	switch {
	case err != nil:
		x.finish(nil, err)
	case m.Status >= 300:
		if !x.again(m) {
			x.finish(m, nil)
		}
	case m.Status >= 200:
		x.success(m)
	default:
		x.provisional(m)
	}
}

// provisional lets who answers late have the time, and confirms a response that is reliable though we did not offer to
// take such.
func (x *modification) provisional(m *message.Message) {
	d := x.d
	if x.timer == nil {
		x.timer = d.set.cfg.Layer.After(d.callID, patience, func() {
			x.client.Cancel(nil)
			x.finish(nil, transaction.ErrTimeout)
		})
	}
	rseq := reliable(m)
	if rseq == 0 || x.over || x.rseq != 0 && rseq != x.rseq+1 {
		return
	}
	x.rseq = rseq
	if len(m.Body) > 0 {
		x.said = &Reply{Type: strings.Clone(m.Get("Content-Type")), Body: slices.Clone(m.Body)}
	}
	d.confirm(m, &d.remote, rseq, new(Reply))
}

// success acknowledges a 2xx, and tells of the first.
func (x *modification) success(m *message.Message) {
	d := x.d
	if x.over {
		d.ack(m, &d.remote)
		return
	}
	if target, ok := contactOf(m); ok {
		d.remote.target = target
	}
	d.ackSeq = x.seq
	if d.state == confirmed {
		d.state = answered // a BYE waits for the ACK
	}
	var reply Reply
	defer func() { // whatever the user does
		d.acknowledge(m, &reply, x.proof)
		d.settle()
	}()
	if x.said != nil && len(m.Body) == 0 {
		told := *m
		told.Headers = slices.Clone(m.Headers)
		x.said.fill(&told)
		m = &told
	}
	x.finishWith(m, &reply, nil)
}

func (x *modification) finish(m *message.Message, err error) { x.finishWith(m, nil, err) }

func (x *modification) finishWith(m *message.Message, reply *Reply, err error) {
	if x.over {
		return
	}
	x.over, x.d.modifying = true, false
	x.timer.Stop()
	if x.d.state != ended {
		x.on(m, reply, err)
	}
}

// Ask sends a request other than INVITE, made by [Dialog.Request], inside the confirmed dialog. on is called once, with the
// final response or an error, unless the dialog is over by then. The 2xx to a request that refreshes the target does.
// [ErrState].
func (d *Dialog) Ask(m *message.Message, on func(*message.Message, error)) error {
	return d.AskBy("", m, on)
}

// AskBy is Ask for a request that is too long for UDP: it takes this network instead, unless that is empty.
func (d *Dialog) AskBy(network string, m *message.Message, on func(*message.Message, error)) error {
	if d.state != confirmed {
		return ErrState
	}
	d.sendBy(network, m, &d.remote, func(resp *message.Message, err error) {
		d.traced(false, resp)
		if d.state == ended {
			return
		}
		if resp != nil && resp.Status < 300 && refreshes(m.Method) {
			if target, ok := contactOf(resp); ok {
				d.remote.target = target
			}
		}
		on(resp, err)
	})
	return nil
}
