package sip

import (
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
)

// Option tags that we know (RFC 3261 section 27.1), and what Supported says of them.
const (
	optionReliable = "100rel" // RFC 3262
	optionTimer    = "timer"  // RFC 4028

	supported = optionUUI + ", " + optionReliable + ", " + optionTimer + ", " + optionReplaces + ", " + optionNoSub
)

// terms is what was agreed on with the far end about how the dialog is spoken.
type terms struct {
	askedUUI    bool      // the INVITE carries isdn-uui, so that answers may
	knowsUpdate bool      // the far end's Allow names UPDATE
	noUpdate    bool      // it refused one all the same
	takesEarly  bool      // it understands P-Early-Media (RFC 5009), and is trusted
	gate        earlyGate // what it is told by that
	reliable    reliability
	lease       lease
	refer       referrals
	change      *change // of the session, by us; nil: none is under way
}

// reliability is how provisional responses go to the caller.
type reliability uint8

const (
	unreliable    reliability = iota
	mayBeReliable             // it supports 100rel
	mustBeReliable
)

// signalling gives how SIP is spoken with the trunk's peers.
func (p *peering) signalling() directory.Signalling { return p.trunk.Signalling }

// deal reads from an INVITE what the far end can do. Not zero: the status, and rows, with which it is refused.
func (l *Leg) deal(m *message.Message) (int, []header.Field) {
	o := l.trunk.signalling()
	l.takesEarly = l.trunk.out.TellsEarlyMedia() && strings.EqualFold(m.Get("P-Early-Media"), "supported")
	l.learn(m)
	if _, err := replacing(m); err != nil {
		return statusOf(err), nil
	}
	must := requires(m, optionReliable)
	switch {
	case must && o.Reliable == directory.Never:
		return 420, []header.Field{{Name: "Unsupported", Value: optionReliable}}
	case must:
		l.reliable = mustBeReliable
	case m.Supports(optionReliable) && o.Reliable != directory.Never:
		l.reliable = mayBeReliable
	case o.Reliable == directory.Always:
		return 421, []header.Field{{Name: "Require", Value: optionReliable}}
	}
	return l.lease.asked(m, o)
}

// learn notes what a message of the far end says that it can do.
func (l *Leg) learn(m *message.Message) {
	if m.Headers.Has("Allow") {
		l.knowsUpdate = names(m, "Allow", "UPDATE")
	}
}

func requires(m *message.Message, tag string) bool { return names(m, "Require", tag) }

// names tells whether a comma list over all rows of a name has an item.
func names(m *message.Message, name, item string) bool {
	for row := range m.Headers.Values(name) {
		for each := range strings.SplitSeq(row, ",") {
			if strings.EqualFold(strings.TrimSpace(each), item) {
				return true
			}
		}
	}
	return false
}

// invites tells what an INVITE outside of dialogs says of extensions to a trunk's peer, by the trunk's policy for the way out.
func invites(t *directory.Trunk, out *header.Compiled, session lease) header.List {
	rows := offers(t.Signalling, session)
	if out.TellsEarlyMedia() { // RFC 5009 section 7: within a trust domain alone
		rows = append(rows, header.Field{Name: "P-Early-Media", Value: "supported"})
	}
	return rows
}

// offers tells what a request that makes or refreshes a session says of extensions: Supported, Require and what belongs to
// them.
func offers(o directory.Signalling, session lease) header.List {
	tags, must := supported, ""
	if o.Reliable != directory.Default || o.Timer != directory.Default {
		tags, must = chosen(o)
	}
	rows := append(make(header.List, 0, 5), header.Field{Name: "Supported", Value: tags})
	if must != "" {
		rows = append(rows, header.Field{Name: "Require", Value: must})
	}
	if o.Timer != directory.Never {
		rows = append(rows, session.rows(o)...)
	}
	return rows
}

// chosen gives Supported and Require as a trunk wants them.
func chosen(o directory.Signalling) (tags, must string) {
	all, need := strings.Split(supported, ", "), []string(nil)
	for _, e := range []struct {
		tag    string
		choice directory.Choice
	}{{optionReliable, o.Reliable}, {optionTimer, o.Timer}} {
		switch e.choice {
		case directory.Never:
			all = slices.DeleteFunc(all, func(tag string) bool { return tag == e.tag })
		case directory.Always:
			need = append(need, e.tag)
		}
	}
	return strings.Join(all, ", "), strings.Join(need, ", ")
}

// seconds is a time as Session-Expires and Min-SE write it.
func seconds(d time.Duration) int { return int(d / time.Second) }
