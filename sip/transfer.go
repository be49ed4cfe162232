package sip

import (
	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// Carry gives the context for the target of a transfer of this leg's peer, or far end: what the transfer brings, and what
// the trunk (directory.Transfer.Context) lets go along of the call's. The ledger tells of the call's.
func (l *Leg) Carry(context, fresh header.List) header.List {
	inherited, why := context, "the call's context goes along"
	switch mode := l.trunk.trunk.Transfer.Context; {
	case mode == "none":
		inherited, why = nil, "transfer.context: none"
	case mode == "replace" && len(fresh) > 0:
		inherited, why = nil, "transfer.context: replace"
	}
	out := header.Inherit(inherited, fresh)
	changes := make([]header.Change, len(context))
	for i, f := range context {
		c := header.Change{Action: header.Kept, Field: f, Reason: BecauseTransfer, Detail: why}
		switch {
		case len(inherited) == 0:
			c.Action = header.Dropped
		case !holds(out, f):
			c.Action, c.Detail = header.Dropped, "the transfer brings its own"
		}
		changes[i] = c
	}
	l.post(func() { l.account("transfer", call.WriterPlatform, changes) })
	return out
}

func holds(rows header.List, f header.Field) bool {
	for _, r := range rows {
		if r == f {
			return true
		}
	}
	return false
}
