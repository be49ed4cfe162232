package sip

import (
	"cmp"
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

// The strategies of directory.Transfer.
const (
	byHeader  = "header"
	byReferTo = "refer-to"
	byBoth    = "both"
)

// referring is a REFER of ours that the far end was sent.
type referring struct {
	seq   uint32 // its CSeq
	timer *transaction.Timer
}

// Refer asks the far end to call a target, with the context, as its trunk says. What comes of it is reported as
// call.Referred.
func (l *Leg) Refer(r call.Refer, context header.List) {
	l.post(func() {
		strategy := l.trunk.trunk.Transfer.Strategy
		target := cmp.Or(r.URI, r.To, string(r.With))
		switch {
		case strategy != byHeader && strategy != byReferTo && strategy != byBoth:
			l.anchor(target, "its trunk wants no REFER")
		case !l.standing() || l.refer.out != nil:
			l.anchor(target, "it can't be asked now")
		case r.Trunk != "" && r.Trunk != l.trunkID():
			l.anchor(target, "the target is behind trunk "+r.Trunk)
		case r.With != "":
			l.referWith(r, context)
		case l.forbidden(partyOf(r), r.Account) != "": // by us it is judged again, and refused
			l.anchor(target, l.forbidden(partyOf(r), r.Account))
		default:
			l.askToCall(l.targetOf(r), context)
		}
	})
}

// anchor says that a leg of ours must call the target; the ledger tells why the far end does not.
func (l *Leg) anchor(target, why string) {
	l.note("the transfer is carried out here: " + why)
	l.account("REFER", call.WriterPlatform, []header.Change{{
		Action: header.Dropped, Field: header.Field{Name: "Refer-To", Value: target}, Reason: BecauseTransfer, Detail: "carried out here: " + why,
	}})
	l.emit(call.Referred{Leg: l.id, Anchor: true})
}

// partyOf gives whom a Refer means, as its URI writes them; the whole URI where it can't be read.
func partyOf(r call.Refer) string {
	if r.URI == "" {
		return r.To
	}
	u, err := header.ParseURI(r.URI)
	if err != nil {
		return r.URI
	}
	return u.User
}

// targetOf gives the URI that a Refer names, as the far end calls it.
func (l *Leg) targetOf(r call.Refer) string {
	if r.URI != "" {
		return r.URI
	}
	near := l.dialog.Near()
	peer := directory.Peer{Host: near.Addr.Addr().Unmap().String()}
	switch peers := l.trunk.trunk.Peers; {
	case l.trunk.endpoint != nil: // it calls everybody through us
		at := l.s.layer.Local(near.Network, near.Addr.Addr())
		peer = directory.Peer{Host: at.Addr().Unmap().String(), Port: int(at.Port())}
	case len(peers) > 0:
		peer = peers[0]
	}
	return requestURI(r.To, peer)
}

// referWith asks the far end to take over a dialog of another leg's (RFC 5589 section 7): the one that we have there, named
// as that far end knows it.
func (l *Leg) referWith(r call.Refer, context header.List) {
	other := l.s.legs.find(r.With)
	if other == nil {
		l.anchor(string(r.With), "the other leg is gone")
		return
	}
	other.post(func() {
		var target string
		var rows header.List
		if other.standing() {
			target = other.dialog.Target()
			ours, theirs := other.dialog.Tags()
			rows = header.List{{Name: "Replaces", Value: replaces{callID: other.callID, toTag: theirs, fromTag: ours}.String()}}
		}
		l.post(func() {
			switch {
			case target == "":
				l.anchor(string(r.With), "the other leg is not answered")
			case !l.standing() || l.refer.out != nil:
				l.anchor(string(r.With), "it can't be asked now")
			default:
				l.askToCall(target, context, rows...)
			}
		})
	})
}

// askToCall sends REFER. more goes into Refer-To, whatever the strategy.
func (l *Leg) askToCall(uri string, context header.List, more ...header.Field) {
	rows, changes, err := l.trunk.out.Apply(header.Message{Kind: header.Invite, Target: uri}, context)
	l.account("REFER", call.WriterApp, changes)
	if err != nil {
		l.anchor(uri, err.Error())
		return
	}
	rows = l.bearable(rows)
	strategy := l.trunk.trunk.Transfer.Strategy
	inside := header.List(more)
	if strategy != byHeader {
		inside = append(rows.Clone(), more...)
	}
	to, err := withEmbedded(uri, inside)
	if err != nil {
		l.anchor(uri, err.Error())
		return
	}
	m := l.dialog.Request("REFER")
	m.Add("Refer-To", "<"+to+">")
	if a, err := header.ParseNameAddr(m.Get("From")); err == nil {
		m.Add("Referred-By", "<"+a.URI+">")
	}
	m.Add("Supported", supported)
	m.Add("User-Agent", l.s.cfg.Product)
	if strategy != byReferTo {
		for _, f := range rows {
			m.Add(f.Name, f.Value)
		}
	}
	x := &referring{seq: m.CSeq.Number}
	l.refer.out = x
	if err := l.askLong(m, func(resp *message.Message, err error) { l.replied(x, uri, resp, err) }); err != nil {
		l.refer.out = nil
		l.anchor(uri, err.Error())
	}
}

// bearable gives the rows that the target can be made to get through REFER: those that a URI may set.
func (l *Leg) bearable(rows header.List) header.List {
	var out header.List
	var changes []header.Change
	for _, f := range rows {
		if ok, _ := header.Honoured(header.List{f}); len(ok) == 1 {
			out = append(out, f)
			continue
		}
		changes = append(changes, header.Change{Action: header.Dropped, Field: f, Reason: BecauseTransfer, Detail: "REFER can't make the far end send it"})
	}
	l.account("REFER", call.WriterPlatform, changes)
	return out
}

// withEmbedded gives a URI that bears rows in its headers (RFC 7433 section 4.1), in place of those of their names.
func withEmbedded(uri string, rows header.List) (string, error) {
	u, err := header.ParseURI(uri)
	if err != nil {
		return "", err
	}
	had, err := u.Embedded()
	if err != nil {
		return "", err
	}
	if u.Headers, err = header.Embed(header.Inherit(had, rows)); err != nil {
		return "", err
	}
	return u.String(), u.Check()
}

// replied takes the answer to a REFER of ours.
func (l *Leg) replied(x *referring, uri string, resp *message.Message, err error) {
	l.heard(resp)
	if l.refer.out != x || l.ended {
		return // NOTIFY was faster
	}
	switch {
	case err != nil:
		l.refer.out = nil
		l.anchor(uri, "REFER: "+err.Error())
	case resp.Status >= 300:
		l.refer.out = nil
		l.anchor(uri, fmt.Sprintf("REFER was refused with %d %s", resp.Status, oneLine(resp.Reason)))
	case strings.EqualFold(strings.TrimSpace(resp.Get("Refer-Sub")), "false"): // RFC 4488: there is no more to hear
		l.referDone(call.Cause{By: call.ByPeer, Label: call.LabelNormal})
	default:
		x.timer = l.after(64*l.s.cfg.Timers.T1, func() { // RFC 6665 section 4.1.2.4: timer N
			if l.refer.out == x {
				l.referDone(call.Cause{SIP: 408, Q850: 102, By: call.ByPeer, Label: call.LabelNoAnswer, Text: "REFER was accepted, and nothing was heard of it"})
			}
		})
	}
}

// referDone reports what came of a REFER of ours.
func (l *Leg) referDone(c call.Cause) {
	l.refer.out.timer.Stop()
	l.refer.out = nil
	l.note("REFER: " + c.String())
	l.emit(call.Referred{Leg: l.id, Cause: &c})
}

// notified takes a NOTIFY: of a REFER of ours that is under way, or it is refused (481). What it tells of the target's
// answer is its status; the rest is shown to nobody.
func (l *Leg) notified(tx *transaction.Server) {
	m := tx.Msg()
	l.heard(m)
	event, id := eventOf(m)
	x := l.refer.out
	switch {
	case event != "refer":
		l.answer(tx, dialog.Response{Status: 489, Headers: header.List{{Name: "Allow-Events", Value: "refer"}}})
		return
	case x == nil, id != "" && id != strconv.FormatUint(uint64(x.seq), 10):
		l.answer(tx, dialog.Response{Status: 481})
		return
	case len(m.Body) > 0 && m.ContentType() != sipfragType:
		l.answer(tx, dialog.Response{Status: 415, Headers: header.List{{Name: "Accept", Value: sipfragType}}})
		return
	}
	status, rows, told := fragment(m.Body)
	state, _, _ := strings.Cut(m.Get("Subscription-State"), ";")
	over := strings.EqualFold(strings.TrimSpace(state), "terminated")
	l.answer(tx, dialog.Response{Status: 200})
	x.timer.Stop()
	switch {
	case told && status >= 200 && status < 300:
		l.referDone(call.Cause{By: call.ByPeer, Label: call.LabelNormal})
	case told && status >= 300:
		l.referDone(refusedCause(status, message.Reason(status), rows))
	case over:
		l.referDone(call.Cause{SIP: 480, Q850: 31, By: call.ByPeer, Label: call.LabelRejected, Text: "the far end does not tell whether the target answered"})
	}
}

// eventOf gives the package and the id of a message's Event.
func eventOf(m *message.Message) (event, id string) {
	event, rest, _ := strings.Cut(m.Get("Event"), ";")
	for p := range strings.SplitSeq(rest, ";") {
		if name, value, _ := strings.Cut(p, "="); strings.EqualFold(strings.TrimSpace(name), "id") {
			id = strings.TrimSpace(value)
		}
	}
	return strings.ToLower(strings.TrimSpace(event)), id
}

// maxFragment bounds what is read of a message/sipfrag.
const maxFragment = 2048

// fragment reads the status line of a message/sipfrag (RFC 3420), and the Reason rows behind it; false: there is none.
func fragment(body []byte) (status int, reasons header.List, told bool) {
	line, rest, _ := strings.Cut(string(body[:min(len(body), maxFragment)]), "\n")
	text, ok := strings.CutPrefix(line, "SIP/2.0 ")
	if !ok || len(text) < 3 || len(text) > 3 && text[3] != ' ' && text[3] != '\r' {
		return 0, nil, false
	}
	n, err := strconv.Atoi(text[:3])
	for row := range strings.Lines(rest) {
		if name, value, _ := strings.Cut(row, ":"); header.SameName(strings.TrimSpace(name), "Reason") {
			reasons = append(reasons, header.Field{Name: "Reason", Value: strings.TrimSpace(value)})
		}
	}
	return n, reasons, err == nil && n >= 100 && n <= 699
}
