package dialog

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Reliable provisional responses (RFC 3262), both roles. As callee we have one of them unconfirmed at a time, so that
// what is repeated is always the transaction's last response; the rest waits in line.

// option100rel is the option tag of RFC 3262.
const option100rel = "100rel"

// reassure is how often a caller hears that an INVITE is still worked on, once its last provisional response was
// reliable and is confirmed (RFC 3262 section 3).
const reassure = 150 * time.Second

// maxLine bounds the responses that wait for a PRACK.
const maxLine = 8

// reliably is what an INVITE that is answered reliably is owed.
type reliably struct {
	rseq    uint32 // of our last reliable response; 0 before the first
	status  int    // and its status
	owed    bool   // its PRACK has not come
	bearing bool   // it has a body
	line    []Response
}

// keep makes a response wait for the PRACK of the one before it. A final refusal waits for nothing, and a 2xx only where one
// with a body is under way or in line: the offer or answer in it must have arrived (RFC 3262 section 3).
func (s *serving) keep(r Response) bool {
	if !s.owed || r.Status >= 300 || r.Status >= 200 && !s.bearing && len(s.line) == 0 {
		return false
	}
	if len(s.line) < maxLine || r.Status >= 200 || len(r.Body) > 0 { // a description is not said twice
		r.Headers = slices.Clone(r.Headers)
		s.line = append(s.line, r)
	}
	return true
}

// number makes a response reliable.
func (s *serving) number(m *message.Message) {
	if s.rseq == 0 {
		s.rseq = rand.Uint32N(1 << 30)
	}
	s.rseq++
	m.Add("Require", option100rel)
	m.Add("RSeq", strconv.FormatUint(uint64(s.rseq), 10))
}

// promise repeats the reliable response that was just sent until its PRACK comes.
func (d *Dialog) promise(r Response) {
	s := d.server
	s.owed, s.bearing, s.status, s.waited = true, len(r.Body) > 0, r.Status, 0
	d.watch(s, d.set.cfg.T1, d.repeatReliable)
}

// repeatReliable sends the response again, at T1, 2*T1, 4*T1 …, until 64*T1 have passed.
func (d *Dialog) repeatReliable() {
	s, limit := d.server, 64*d.set.cfg.T1
	if d.state != incoming || !s.owed {
		return
	}
	if s.waited += s.wait; s.waited >= limit {
		d.answer(s.tx, 504, "PRACK Missing", nil) // ends the dialog
		d.end()
		d.emit(Event{Kind: Unconfirmed})
		return
	}
	_ = s.tx.Repeat() // what is lost is sent again at the next turn
	d.watch(s, min(2*s.wait, limit-s.waited), d.repeatReliable)
}

// confirmed takes a PRACK. One that matches no response that waits for it is 481 (RFC 3262 section 3).
func (d *Dialog) confirmed(tx *transaction.Server) {
	s, m := d.server, tx.Msg()
	if s == nil || !s.owed || !s.means(m.Get("RAck")) {
		d.answer(tx, 481, "", nil)
		return
	}
	s.owed = false
	if d.state == incoming {
		s.timer.Stop()
	}
	d.emit(Event{Kind: Confirmed, Msg: m, Tx: tx})
	for d.state == incoming && d.server == s && !s.owed && len(s.line) > 0 {
		next := s.line[0]
		s.line = s.line[1:]
		if err := d.Respond(s.tx, next); err != nil {
			d.emit(Event{Kind: Unsent, Err: err})
		}
	}
	if d.state == incoming && d.server == s && !s.owed {
		d.watch(s, reassure, d.reassure)
	}
}

// means tells whether a RAck names the response that waits for it.
func (s *serving) means(rack string) bool {
	rseq, seq, ok := parseRAck(rack)
	return ok && rseq == s.rseq && seq == s.seq
}

// parseRAck reads the RAck of a PRACK for an INVITE (RFC 3262 section 7.2).
func parseRAck(rack string) (rseq, seq uint32, ok bool) {
	f := strings.Fields(rack)
	if len(f) != 3 || f[2] != "INVITE" {
		return 0, 0, false
	}
	r, err := strconv.ParseUint(f[0], 10, 32)
	n, err2 := strconv.ParseUint(f[1], 10, 32)
	return uint32(r), uint32(n), err == nil && err2 == nil
}

// reassure sends the last status once more, as a response of its own.
func (d *Dialog) reassure() {
	if d.state == incoming && !d.server.owed {
		_ = d.Respond(d.server.tx, Response{Status: d.server.status, Reliable: true}) // lost: repeated
	}
}

// reliable gives the RSeq of a reliable provisional response, 0 of any other.
func reliable(m *message.Message) uint32 {
	if m.Status <= 100 || m.ToTag == "" || !slices.ContainsFunc(m.Tokens("Require"), func(tag string) bool {
		return strings.EqualFold(tag, option100rel)
	}) {
		return 0
	}
	n, err := strconv.ParseUint(m.Get("RSeq"), 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// next tells whether a reliable response is the next of its early dialog: a repeated one was confirmed before, and one that
// overtook another comes again (RFC 3262 section 4).
func (r *remote) next(rseq uint32) bool {
	if r.rseq != 0 && rseq != r.rseq+1 {
		return false
	}
	r.rseq = rseq
	return true
}

// confirm sends the PRACK of a reliable response.
func (d *Dialog) confirm(m *message.Message, r *remote, rseq uint32, reply *Reply) {
	d.seq++
	prack := d.request("PRACK", d.seq, r)
	prack.Add("RAck", strconv.FormatUint(uint64(rseq), 10)+" "+strconv.FormatUint(uint64(m.CSeq.Number), 10)+" INVITE")
	reply.fill(prack)
	d.send(prack, r, func(resp *message.Message, err error) {
		d.traced(false, resp)
		d.emit(Event{Kind: Replied, Msg: resp, Err: err})
	})
}
