package dialog

import (
	"time"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// repeatProvisional is how often an unreliable provisional response is sent again, so that no proxy gives the INVITE up
// (RFC 3261 section 13.3.1.1).
const repeatProvisional = 60 * time.Second

// serving is one INVITE of the far end that we have not finally answered, or whose 2xx waits for its ACK.
type serving struct {
	tx     *transaction.Server
	seq    uint32
	wait   time.Duration // until the next repetition
	waited time.Duration // since what is repeated was first sent
	timer  *transaction.Timer
	reliably
}

// Response is what the user answers with. Contact, To-tag and Content-Length are the dialog's work.
type Response struct {
	Status  int
	Reason  string
	Headers header.List
	Type    string // Content-Type of Body
	Body    []byte
	// Reliable makes a 101 to 199 to the INVITE that made the dialog a reliable one (RFC 3262): it is repeated until its
	// PRACK comes. What is sent meanwhile waits, but for a final refusal.
	Reliable bool
}

// INVITE gives the transaction of the INVITE that is not finally answered; nil when there is none.
func (d *Dialog) INVITE() *transaction.Server {
	if d.state != incoming {
		return nil
	}
	return d.server.tx
}

// Respond answers a request of the dialog: the INVITE that made it ([Dialog.INVITE]), or what an event brought. A 2xx
// to an INVITE is repeated until its ACK comes; a refusal of the INVITE that made the dialog ends it. The error is the
// writer's: a row that can't be written.
func (d *Dialog) Respond(tx *transaction.Server, r Response) error {
	if tx.Done() {
		return transaction.ErrFinal
	}
	req := tx.Msg()
	made := d.state == incoming && d.server.tx == tx
	if made && d.server.keep(r) {
		return nil
	}
	m := message.NewResponse(req, r.Status, r.Reason)
	r.Reliable = r.Reliable && made && r.Status > 100 && r.Status < 200
	if r.Reliable {
		d.server.number(m)
	}
	if (refreshes(req.Method) || req.Method == "REFER" || req.Method == "NOTIFY") && r.Status > 100 && r.Status < 300 {
		m.Add("Contact", d.contact)
	}
	for _, f := range r.Headers {
		m.Add(f.Name, f.Value)
	}
	if len(r.Body) > 0 {
		m.Add("Content-Type", r.Type)
		m.Body = r.Body
	}
	if err := tx.Respond(m); err != nil {
		return err
	}
	d.traced(true, m)
	if r.Reliable {
		d.promise(r)
	} else {
		d.responded(tx, m)
	}
	return nil
}

// refreshes tells whether a method is a target refresh request (RFC 3261 section 12.2, RFC 3311).
func refreshes(method string) bool { return method == "INVITE" || method == "UPDATE" }

// responded draws the consequences of an answer.
func (d *Dialog) responded(tx *transaction.Server, m *message.Message) {
	req := tx.Msg()
	success := m.Status >= 200 && m.Status < 300
	if success && req.ToTag != "" && refreshes(req.Method) {
		if target, ok := contactOf(req); ok {
			d.far(req.FromTag).target = target
		}
	}
	made := d.state == incoming && d.server.tx == tx
	switch {
	case req.Method != "INVITE":
	case m.Status < 200 && made:
		d.watch(d.server, repeatProvisional, d.repeatProvisional)
	case success:
		if made {
			d.state = answered
		}
		before := d.server
		d.unwatch()
		d.server = &serving{tx: tx, seq: req.CSeq.Number}
		if made {
			d.server.rseq, d.server.owed = before.rseq, before.owed
		}
		d.watch(d.server, d.set.cfg.T1, d.repeatAnswer)
	case m.Status >= 300 && made:
		d.end()
	}
}

// watch repeats a response of s after a while.
func (d *Dialog) watch(s *serving, wait time.Duration, again func()) {
	s.timer.Stop()
	s.wait = wait
	s.timer = d.set.cfg.Layer.After(d.callID, wait, again)
}

// unwatch stops what is repeated.
func (d *Dialog) unwatch() {
	if d.server != nil {
		d.server.timer.Stop()
		d.server = nil
	}
}

func (d *Dialog) repeatProvisional() {
	s := d.server
	if d.state != incoming {
		return
	}
	_ = s.tx.Repeat() // what is lost is sent again at the next turn
	d.watch(s, repeatProvisional, d.repeatProvisional)
}

// repeatAnswer sends the 2xx again, at T1, 2*T1, 4*T1 … T2, until 64*T1 have passed: then the dialog is confirmed
// without its ACK and ended with BYE (RFC 3261 section 13.3.1.4).
func (d *Dialog) repeatAnswer() {
	s := d.server
	if s == nil || d.state == ended {
		return
	}
	if s.waited += s.wait; s.waited >= 64*d.set.cfg.T1 {
		d.unwatch()
		if d.state == ending {
			return
		}
		wanted := d.byeWanted
		d.state = confirmed
		if !wanted {
			d.emit(Event{Kind: Unacknowledged})
		}
		if d.state == confirmed {
			d.Bye(d.byeRows)
		}
		return
	}
	_ = s.tx.Repeat() // what is lost is sent again at the next turn
	d.watch(s, min(2*s.wait, d.set.cfg.T2), d.repeatAnswer)
}

// acknowledged takes an ACK. One that acknowledges nothing we wait for is a repetition.
func (d *Dialog) acknowledged(m *message.Message) {
	s := d.server
	if s == nil || m.CSeq.Number != s.seq || d.state == incoming {
		return
	}
	d.traced(false, m)
	s.tx.Acknowledged()
	d.unwatch()
	if d.state == answered {
		d.state = confirmed
	}
	d.emit(Event{Kind: Acknowledged, Msg: m})
	if d.byeWanted && d.state == confirmed {
		d.Bye(d.byeRows)
	}
}

// giveUp answers an INVITE that its sender has given up.
func (d *Dialog) giveUp(why *message.Message) {
	if d.state != incoming {
		return
	}
	_ = d.Respond(d.server.tx, Response{Status: 487, Reason: "Request Terminated"}) // ends the dialog
	d.end()
	d.emit(Event{Kind: Cancelled, Msg: why})
}
