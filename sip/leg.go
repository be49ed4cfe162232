package sip

import (
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Leg is our end of one dialog with its media, in either direction. Its exported methods may be called from any
// goroutine, in any state, and never block: what they begin happens on the shard of the leg's Call-ID, which owns all
// that can change, and its outcome is reported.
type Leg struct {
	s         *Server
	direction call.Direction
	callID    string
	from, to  string
	trunk     *peering
	start     time.Time
	bounds
	session atomic.Pointer[Session]
	closed  atomic.Bool // no session may be opened any more

	// The rest belongs to the shard.
	id     call.LegID
	report call.Report
	held   []call.Event // what happened before open
	dialog *dialog.Dialog
	media  negotiation
	out    *placing    // while it is being placed
	told   header.List // what the far end said to us alone, and the ledger tells of: see news
	fate
	terms
	timer *transaction.Timer // of the state: until answered, of the session, until parted
}

// bounds is how much further a call goes on from a leg.
type bounds struct {
	hops    int // Max-Forwards that the INVITE came with, or goes out with
	breadth int // Max-Breadth, likewise (RFC 5393): how many may ring at once; -1: nobody said
	rounds  int // how often it has come back to us by a number of our own: see house
}

// fate is how far a leg has come.
type fate struct {
	established bool       // the answer is acknowledged
	hung        bool       // its end has begun, for this cause
	cause       call.Cause // given to Hangup
	ended       bool       // and reported
	toll        toll       // what it counts for
}

// post runs f on the leg's shard.
func (l *Leg) post(f func()) { l.s.layer.Post(l.callID, func() { l.guarded(f) }) }

// after runs f on the leg's shard after d. It must be called there.
func (l *Leg) after(d time.Duration, f func()) *transaction.Timer {
	return l.s.layer.After(l.callID, d, func() { l.guarded(f) })
}

// open binds an inbound leg to the call that takes it.
func (l *Leg) open(id call.LegID, report call.Report) *Leg {
	l.s.legs.name(id, l)
	l.post(func() {
		if l.report != nil {
			return
		}
		l.id, l.report = id, report
		for _, e := range l.held {
			report(named(e, id))
		}
		l.held = nil
		if l.ended {
			l.forget()
		}
	})
	return l
}

// named gives an event that happened before the leg had an ID with that ID.
func named(e call.Event, id call.LegID) call.Event {
	switch e := e.(type) {
	case call.LegEnded:
		e.Leg = id
		return e
	case call.Digit:
		e.Leg = id
		return e
	case call.Logged:
		e.Log.Leg = id
		return e
	case call.Accounted:
		for i := range e.Entries {
			e.Entries[i].Leg = id
		}
	}
	return e
}

// Ring tells the caller of an unanswered inbound leg that it rings (180), is being forwarded (181) or queued (182), or that
// something goes on (183); any other status means 180.
func (l *Leg) Ring(status int, rows header.List) {
	if status < 181 || status > 183 {
		status = 180
	}
	if l.direction == call.In {
		l.post(func() { l.respond(status, rows, false) })
	}
}

// Early lets the caller of an unanswered inbound leg hear our media before the answer (183).
func (l *Leg) Early(rows header.List) {
	if l.direction == call.In {
		l.openMedia()
		l.post(func() { l.respond(183, rows, true) })
	}
}

// Answer answers an inbound leg (200). Answered is reported when the caller has acknowledged.
func (l *Leg) Answer(rows header.List) {
	if l.direction == call.In {
		l.openMedia()
		l.post(func() { l.respond(200, rows, true) })
	}
}

// Hangup ends the leg as its state asks: a final refusal (the cause's status, 480 without one), CANCEL, or BYE. A Reason
// row is added where the rows bring none.
func (l *Leg) Hangup(cause call.Cause, rows header.List) { l.post(func() { l.hangup(cause, rows) }) }

// Settle calls f once all is done that the leg was asked for before: its far end's codec is known then, if it has told it.
func (l *Leg) Settle(f func()) {
	if !l.s.layer.Post(l.callID, f) {
		f()
	}
}

// Media gives the leg's media: nil until an inbound leg's Early or Answer, or an outbound one's Progress or Answered.
func (l *Leg) Media() media.Session {
	if p := l.session.Load(); p != nil {
		return *p
	}
	return nil
}

// Describe gives what is known for the record.
func (l *Leg) Describe() call.LegRecord {
	return call.LegRecord{Direction: l.direction, From: l.from, To: l.to, Trunk: l.trunkID(), SIPCallID: l.callID, Start: l.start}
}

func (l *Leg) trunkID() string {
	if l.trunk == nil {
		return ""
	}
	return l.trunk.trunk.ID
}

// openMedia opens the leg's session if it has none. Post must follow: the shard closes the session of a leg that ended
// meanwhile.
func (l *Leg) openMedia() {
	if l.session.Load() != nil || l.closed.Load() {
		return
	}
	session, err := l.s.cfg.Media(l.media.toward)
	if err != nil {
		l.s.refusals.tell(l.s.cfg.Log, slog.LevelWarn, "no media for a leg", "callId", l.callID, "error", err)
		return // found out on the shard
	}
	if !l.session.CompareAndSwap(nil, &session) {
		session.Close()
	}
}

func (l *Leg) closeMedia() {
	l.closed.Store(true)
	if p := l.session.Load(); p != nil {
		(*p).Close()
	}
}

// emit reports an event, or holds it until somebody opens the leg.
func (l *Leg) emit(e call.Event) {
	switch {
	case l.report != nil:
		l.report(e)
	case len(l.held) < maxHeld || l.ended: // the last event is never lost
		l.held = append(l.held, e)
	}
}

const maxHeld = 64

// end is the end of the leg: everything it held is freed, and LegEnded is its last event.
func (l *Leg) end(cause call.Cause, rows header.List) {
	if l.ended {
		return
	}
	l.ended = true
	var stats call.MediaStats
	defer func() { // whatever happens
		l.emit(call.LegEnded{Leg: l.id, Cause: cause, Headers: rows, Media: stats})
		l.forget()
	}()
	l.timer.Stop()
	l.out.stop()
	l.out = nil
	if l.direction == call.Out && l.dialog != nil && !l.established {
		l.dialog.End() // what answers late is acknowledged and ended
	}
	l.closeMedia()
	if p := l.session.Load(); p != nil {
		stats = statsOf((*p).Stats())
	}
	l.toll.free()
	l.s.legs.remove(l)
	if l.direction == call.Out && l.trunk.isHome(&l.s.trunks.house) {
		l.s.trunks.house.over(l.callID)
	}
}

// forget lets go of the call and the media of a leg that has ended: its transactions go on for 32 s to answer repeated
// messages, and shall keep no more than they need for that.
func (l *Leg) forget() {
	if l.report != nil {
		l.report = func(call.Event) {}
	}
	if p := l.session.Swap(nil); p != nil {
		(*p).Close() // one that was opened as the leg ended
	}
	l.told = nil
	l.media.offer, l.media.local = nil, nil // the rest may be read outside the shard
}

func statsOf(s media.Stats) call.MediaStats {
	out := call.MediaStats{
		PacketsIn: s.PacketsIn, PacketsOut: s.PacketsOut, Lost: s.Lost, Discarded: s.Discarded, BytesIn: s.BytesIn, BytesOut: s.BytesOut,
		Jitter: s.Jitter, RoundTrip: s.RoundTrip, RemoteLoss: s.RemoteLoss, MOS: s.MOS, Secure: s.Secure,
	}
	if s.Codec != media.NoCodec {
		out.Codec = s.Codec.String()
	}
	return out
}

// own makes a dialog the leg's, to be found by Replaces and to be traced.
func (l *Leg) own(d *dialog.Dialog) {
	d.Own(l)
	if l.direction == call.Out && l.trunk.signalling().Delayed {
		d.Decline(l.declined)
	}
	if f := l.traces(); f != nil {
		d.Trace(f)
	}
}

// traces gives who hears of the leg's messages; nil when nobody does.
func (l *Leg) traces() func(sent bool, m *message.Message) {
	var copied func(at time.Time, callID string, message []byte)
	if l.s.cfg.Copy != nil && l.trunk.endpoint == nil {
		copied = l.s.cfg.Copy(l.trunk.trunk)
	}
	switch {
	case copied == nil && l.s.cfg.Trace:
		return l.traced
	case copied == nil:
		return nil
	}
	return func(sent bool, m *message.Message) {
		if l.s.cfg.Trace {
			l.traced(sent, m)
		}
		if whole, err := m.Append(nil); err == nil { // what can't be written was not sent
			copied(l.now(), l.callID, whole)
		}
	}
}

// now is the time of the shard's work.
func (l *Leg) now() time.Time { return l.s.layer.Now(l.callID) }

// heard applies the trunk's policy to what a message of the far end carries, enters it into the ledger, and gives the
// rows that the application may see. Inside a dialog no message is refused for its rows: it goes on without them, as in
// said, and the ledger tells of each.
func (l *Leg) heard(m *message.Message) header.List {
	if m == nil {
		return nil
	}
	rows, changes, _ := l.trunk.in.Apply(header.Message{Kind: kindOf(m), AskedUUI: l.askedUUI}, m.Headers)
	l.accountHeard(nameOf(m), l.news(rows, changes))
	return rows
}

// maxTold bounds what a leg remembers to have told.
const maxTold = 32

// news detaches rows and changes of a message of the far end from it, and gives the changes without those that say
// nothing new: peers name their software in every message, and what never crosses is told once a leg for each value.
func (l *Leg) news(rows header.List, changes []header.Change) []header.Change {
	changes = slices.DeleteFunc(changes, func(c header.Change) bool {
		return c.Reason == header.BecauseNeverCrosses && slices.Contains(l.told, c.Field)
	})
	detach(rows, changes)
	for _, c := range changes {
		if c.Reason == header.BecauseNeverCrosses && len(l.told) < maxTold {
			l.told = append(l.told, header.Field{Name: clone(c.Name), Value: clone(c.Value)})
		}
	}
	return changes
}

// said applies the trunk's policy to rows that we are asked to send, enters it into the ledger, and gives the rows that
// go out.
func (l *Leg) said(kind header.Kind, name string, rows header.List) header.List {
	if len(rows) == 0 {
		return nil
	}
	rows, changes, _ := l.trunk.out.Apply(header.Message{Kind: kind, AskedUUI: l.askedUUI}, rows)
	l.account(name, call.WriterApp, changes)
	return rows
}

// account enters changes of a message of ours into the ledger.
func (l *Leg) account(name string, author call.Writer, changes []header.Change) {
	l.enter(entries(l.now(), l.id, name, call.Out, author, changes))
}

// accountHeard enters changes of a message of the far end into the ledger.
func (l *Leg) accountHeard(name string, changes []header.Change) {
	l.enter(entries(l.now(), l.id, name, call.In, call.WriterPeer, changes))
}

func (l *Leg) enter(entries []call.Entry) {
	if len(entries) > 0 {
		l.emit(call.Accounted{Entries: entries})
	}
}

// note adds a line to the call's log.
func (l *Leg) note(text string) {
	l.emit(call.Logged{Log: call.Log{At: l.now(), Leg: l.id, Kind: call.LogNote, Text: text}})
}

// traced adds a message to the call's log.
func (l *Leg) traced(sent bool, m *message.Message) {
	d, text := call.In, m.Method+" "+m.URI
	if sent {
		d = call.Out
	}
	if !m.IsRequest() {
		text = nameOf(m)[:3] + " " + m.Reason
	}
	_, changes, _ := l.s.every.Apply(header.Message{Kind: header.OtherRequest}, m.Headers)
	rows := make(header.List, len(changes))
	for i, c := range changes {
		rows[i] = c.Field
	}
	detach(rows, nil)
	l.emit(call.Logged{Log: call.Log{At: l.now(), Leg: l.id, Kind: call.LogMessage, Direction: d, Text: text, Headers: rows}})
}

// happened takes the dialog's events. A leg may be over before its dialog: when the far end is slow to answer BYE.
func (l *Leg) happened(e dialog.Event) {
	defer l.net()
	if l.ended {
		if e.Tx != nil {
			l.answer(e.Tx, dialog.Response{Status: 481})
		}
		return
	}
	switch e.Kind {
	case dialog.Provisional:
		l.progressed(e.Msg, e.Reply)
	case dialog.Refused:
		l.refused(e.Msg, e.Err)
	case dialog.Accepted:
		l.accepted(e.Msg, e.Reply)
	case dialog.Acknowledged:
		l.acknowledged(e.Msg)
	case dialog.Cancelled:
		l.end(call.Cause{SIP: 487, Q850: 16, By: call.ByPeer, Label: call.LabelCancelled}, l.heard(e.Msg))
	case dialog.Modified:
		l.modified(e.Tx)
	case dialog.Asked:
		l.asked(e.Tx)
	case dialog.Left:
		rows := l.heard(e.Msg)
		l.end(leftCause(rows), rows)
	case dialog.Over:
		l.end(l.cause, l.heard(e.Msg))
	case dialog.Confirmed:
		l.confirmed(e.Tx)
	case dialog.Unconfirmed:
		l.unconfirmed()
	case dialog.Unsent:
		l.failed(e.Err)
	case dialog.Replied:
		l.heard(e.Msg)
	case dialog.Unacknowledged:
		l.hangup(call.Cause{Q850: 102, By: call.ByPeer, Label: call.LabelProtocol, Text: "no ACK"}, nil)
	}
}

// hangup ends the leg from our side.
func (l *Leg) hangup(cause call.Cause, rows header.List) {
	if l.ended || l.hung {
		return
	}
	l.part(cause)
	switch {
	case l.direction == call.In && l.dialog.INVITE() != nil:
		l.decline(cause, rows)
	case l.out != nil:
		l.out.withdraw(l, rows)
	default:
		l.dialog.Bye(l.farewell(header.Bye, "BYE", rows))
	}
}

// part begins the end of the leg: it is over with this cause when the far end has answered, or soon without.
func (l *Leg) part(cause call.Cause) {
	l.hung, l.cause = true, cause
	l.timer.Stop()
	l.timer = l.after(l.s.cfg.Timers.Part, func() { l.end(cause, nil) })
}

// farewell gives the rows of what ends a leg: the application's, and a Reason if they have none.
func (l *Leg) farewell(kind header.Kind, name string, rows header.List) header.List {
	rows = l.said(kind, name, rows)
	if rows.Has("Reason") {
		return rows
	}
	f := reasonRow(l.cause)
	l.account(name, call.WriterPlatform, []header.Change{{Action: header.Added, Field: f, Reason: BecauseCause}})
	return rows.With(f.Name, f.Value)
}
