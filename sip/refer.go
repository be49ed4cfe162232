package sip

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// Option tags and types of transfers.
const (
	optionReplaces = "replaces"   // RFC 3891
	optionNoSub    = "norefersub" // RFC 4488

	sipfragType = "message/sipfrag" // RFC 3420
)

// BecauseTransfer is why context goes along to the target of a transfer, or does not.
const BecauseTransfer header.Reason = "transfer"

// referrals is what has come of REFER in a leg's dialog, either way.
type referrals struct {
	heard int           // REFERs of the far end that were accepted
	in    *subscription // of the far end, while what it asked for is under way
	out   *referring    // ours, while it is under way
}

// subscription is the far end's to how its REFER goes.
type subscription struct {
	event  string // its Event: "refer", or "refer;id=7"
	silent bool   // it wants to hear nothing (RFC 4488)
	busy   bool   // a NOTIFY is out
	next   int    // the status to be told when that is answered; 0: none
}

// transfers tells whether the trunk's peers may transfer their calls.
func (p *peering) transfers() bool {
	switch p.trunk.Transfer.Accept {
	case directory.Always:
		return true
	case directory.Never:
		return false
	}
	return p.trunk.In.Trusted || p.endpoint != nil
}

// payer is the account on which a far end that wants its peer transferred has the target dialled: its own, whoever the call
// belongs to. Empty for the call's: through the trunk for everybody's numbers come callers of nobody here.
func (p *peering) payer() string {
	if p.trunk.PSTN {
		return ""
	}
	return p.trunk.Account
}

// referred takes a REFER: 202 where the call is asked to carry it out, which then says how it goes (see Notify).
func (l *Leg) referred(tx *transaction.Server) {
	m := tx.Msg()
	own := l.heard(m)
	t, err := l.referable(m)
	if err != nil {
		l.refuseRefer(tx, err)
		return
	}
	d := t.dial
	d.Account = l.trunk.payer()
	if l.s.namesUs(d.URI, tx.Incoming()) {
		d.Named = l.s.cfg.Endpoints.Realm // an endpoint, or a number: no trunk's peer
	}
	d.Headers = l.brought(t.rows, own)
	sub := l.subscribed(m)
	if t.replaces == nil {
		l.acceptRefer(tx, sub, d)
		return
	}
	l.s.seek(*t.replaces, l.trunk, func(old *Leg, status int) {
		if status == 0 {
			d = call.Dial{Takes: old.id, To: d.To, Headers: d.Headers}
		}
		l.post(func() {
			switch {
			case l.ended || l.hung:
				l.answer(tx, dialog.Response{Status: 481})
			case status != 0 && status != 481:
				l.refer.in = nil
				l.refuseRefer(tx, &targetError{status, "the dialog that it names can't be replaced"})
			default:
				l.acceptRefer(tx, sub, d)
			}
		})
	})
}

// referable reads whom a REFER names, where the far end may send one now.
func (l *Leg) referable(m *message.Message) (referTarget, error) {
	switch {
	case !l.standing():
		return referTarget{}, &targetError{481, "the call is not answered"}
	case !l.trunk.transfers():
		return referTarget{}, &targetError{403, "the trunk's peers may not transfer calls (transfer.accept)"}
	case l.refer.in != nil: // its one peer can't be connected with two targets: docs/conformance.md, C59
		return referTarget{}, &targetError{491, "one that came before is under way"}
	}
	return readTarget(m)
}

// subscribed begins the far end's subscription to how its REFER goes.
func (l *Leg) subscribed(m *message.Message) *subscription {
	sub := &subscription{event: "refer", silent: strings.EqualFold(strings.TrimSpace(m.Get("Refer-Sub")), "false")}
	if l.refer.heard++; l.refer.heard > 1 { // RFC 3515 section 2.4.6
		sub.event += ";id=" + strconv.FormatUint(uint64(m.CSeq.Number), 10)
	}
	l.refer.in = sub
	return sub
}

func (l *Leg) acceptRefer(tx *transaction.Server, sub *subscription, d call.Dial) {
	r := dialog.Response{Status: 202}
	if sub.silent {
		r.Headers = header.List{{Name: "Refer-Sub", Value: "false"}}
	}
	l.answer(tx, r)
	l.inform(100)
	l.emit(call.Asked{Leg: l.id, Dial: d})
}

func (l *Leg) refuseRefer(tx *transaction.Server, why error) {
	l.note("REFER is refused: " + why.Error())
	l.answer(tx, dialog.Response{Status: statusOf(why)})
}

// referTarget is what a Refer-To names.
type referTarget struct {
	dial     call.Dial
	rows     header.List // of the URI
	replaces *replaces
}

// targetError is a Refer-To or Replaces that is not followed, with the status that says so.
type targetError struct {
	status int
	why    string
}

func (e *targetError) Error() string { return e.why }

func statusOf(err error) int {
	var e *targetError
	if errors.As(err, &e) {
		return e.status
	}
	return 400
}

// readTarget reads the one Refer-To of a REFER (RFC 3515 section 2.1). Its URI's headers are decoded once.
func readTarget(m *message.Message) (referTarget, error) {
	var t referTarget
	if n := m.Headers.Count("Refer-To"); n != 1 {
		return t, &targetError{400, fmt.Sprintf("%d Refer-To", n)}
	}
	all, err := header.ParseNameAddrs(m.Get("Refer-To"))
	if err != nil {
		return t, err
	}
	if len(all) != 1 {
		return t, &targetError{400, fmt.Sprintf("%d targets", len(all))}
	}
	u, err := header.ParseURI(all[0].URI)
	if err != nil {
		return t, err
	}
	if !u.IsSIP() && !u.IsTel() {
		return t, &targetError{403, "a target with scheme " + header.Quote(u.Scheme)}
	}
	rows, err := u.Embedded()
	if err != nil {
		return t, err
	}
	if n := rows.Count("Replaces"); n > 1 {
		return t, &targetError{400, "several Replaces"}
	}
	for _, f := range rows {
		if !header.SameName(f.Name, "Replaces") {
			t.rows = append(t.rows, header.Field{Name: clone(f.Name), Value: clone(f.Value)})
			continue
		}
		r, err := parseReplaces(f.Value)
		if err != nil {
			return t, err
		}
		t.replaces, t.dial.Replaces = &r, r.String()
	}
	user, ok := u.UserText()
	if !ok {
		return t, &targetError{400, "a broken escape in the target"}
	}
	if n := party(header.URI{Scheme: u.Scheme, User: user}); n != "" {
		t.dial.To = clone(n)
	}
	u.Headers, u.Params = "", u.Params.Without("method")
	t.dial.URI, t.dial.Named = clone(u.String()), strings.ToLower(clone(u.Host))
	if u.IsTel() {
		t.dial.Named = "tel"
	}
	return t, nil
}

// brought gives the context that a REFER brings: what its Refer-To holds, as far as a URI may set it and the trunk's
// policy lets it in; of the REFER's own rows what Refer-To does not name.
func (l *Leg) brought(embedded, own header.List) header.List {
	rows, changes := header.Honoured(embedded)
	for i := range changes {
		changes[i].Detail = "Refer-To: " + changes[i].Detail
	}
	l.accountHeard("REFER", changes)
	rows, changes, err := l.trunk.in.Apply(header.Message{Kind: header.Invite}, rows)
	detach(rows, changes)
	l.accountHeard("REFER", changes)
	if err != nil {
		rows = nil // the ledger tells
	}
	mine, _ := header.Honoured(own)
	changes = nil
	for _, f := range mine {
		c := header.Change{Action: header.Kept, Field: f, Reason: BecauseTransfer, Detail: "source=refer-header"}
		switch {
		case header.SameName(f.Name, "Reason"), header.SameName(f.Name, "Replaces"):
			continue
		case embedded.Has(f.Name):
			c.Action, c.Detail = header.Dropped, "Refer-To brings its own"
		default:
			rows = append(rows, f)
		}
		changes = append(changes, c)
	}
	l.accountHeard("REFER", changes)
	return rows
}

// Notify tells the far end, which asked for a transfer, how far that has come: a SIP status, a final one last.
func (l *Leg) Notify(status int) { l.post(func() { l.inform(status) }) }

// inform sends a NOTIFY (RFC 3515 section 2.4.4). One that is out is waited for: what comes meanwhile is told after it, the
// last of it alone.
func (l *Leg) inform(status int) {
	sub := l.refer.in
	if sub == nil {
		return
	}
	if sub.silent || !l.standing() {
		if status >= 200 {
			l.refer.in = nil
		}
		return
	}
	if sub.busy {
		sub.next = status
		return
	}
	state := "active;expires=180"
	if status >= 200 {
		state = "terminated;reason=noresource"
		l.refer.in = nil
	}
	m := l.dialog.Request("NOTIFY")
	m.Add("Event", sub.event)
	m.Add("Subscription-State", state)
	m.Add("User-Agent", l.s.cfg.Product)
	m.Add("Content-Type", sipfragType+";version=2.0")
	m.Body = fmt.Appendf(nil, "SIP/2.0 %d %s\r\n", status, message.Reason(status))
	sub.busy = true
	err := l.ask(m, func(*message.Message, error) { // who does not want to hear it loses nothing else
		sub.busy = false
		if next := sub.next; next != 0 && l.refer.in == sub {
			sub.next = 0
			l.inform(next)
		}
	})
	if err != nil {
		l.refer.in = nil
	}
}
