package sip

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Reasons of the ledger's lines that tell of claims.
const (
	BecauseClaimed  header.Reason = "claimed"  // a reference goes out in place of a value that is too long for the next hop
	BecauseRedeemed header.Reason = "redeemed" // somebody has fetched the value
	BecauseNoClaim  header.Reason = "no-claim" // there was no room to keep a value that is too long: it goes out as it is
)

// keepClaims is how long values are kept where the trunk does not say.
const keepClaims = 5 * time.Minute

// claimed gives the rows with a reference in place of each value that is longer than the trunk's claims allow, and the
// ledger's lines of it. Only values without a grammar of addresses are replaced: User-to-User and X- headers. keep keeps
// a row's value.
func claimed(c directory.Claims, rows header.List, keep func(header.Field) (string, error)) (header.List, []header.Change) {
	if c.Over <= 0 {
		return rows, nil
	}
	var changes []header.Change
	out := rows
	for i, f := range rows {
		if len(f.Value) <= c.Over || !claimable(f.Name) {
			continue
		}
		told := header.Change{Action: header.Kept, Field: f, Reason: BecauseNoClaim}
		if reference, err := keep(f); err != nil {
			told.Detail = fmt.Sprintf("%d bytes are more than %d, but they go out as they are: %v", len(f.Value), c.Over, err)
		} else {
			if len(changes) == 0 {
				out = append(header.List{}, rows...)
			}
			out[i].Value = referred(f, reference)
			told.Action, told.Reason, told.NewName, told.NewValue = header.Rewritten, BecauseClaimed, f.Name, out[i].Value
			told.Detail = fmt.Sprintf("%d bytes are more than %d: GET %s/claims/%s gives them once, for %s", len(f.Value), c.Over,
				strings.TrimSuffix(c.URL, "/"), reference, cmp.Or(c.Keep, keepClaims))
		}
		changes = append(changes, told)
	}
	return out, changes
}

func claimable(name string) bool {
	return header.SameName(name, "User-to-User") || len(name) > 2 && strings.EqualFold(name[:2], "X-")
}

// ia5 is the protocol discriminator that says that octets are text (ITU-T Q.931 table 4-26).
const ia5 = 0x04

// referred is the value that bears a reference: the reference itself, in User-to-User as hex of its characters, behind
// the discriminator for text.
func referred(f header.Field, reference string) string {
	if !header.SameName(f.Name, "User-to-User") {
		return reference
	}
	octets, params := append([]byte{ia5}, reference...), header.Params(nil)
	if u := header.ParseUserToUser(f.Value)[0]; u.Valid {
		params = u.Params.Without("encoding").Without("pd")
		if !u.IsISDN() {
			octets = octets[1:]
		}
	}
	u, err := header.NewUserToUser(octets, params...)
	if err != nil {
		return reference
	}
	return u.String()
}

// claim keeps what of the rows is too long for the leg's next hop, for the account that has it dialled.
func (l *Leg) claim(rows header.List) header.List {
	c := l.trunk.trunk.Claims
	account := cmp.Or(l.out.dial.Account, l.trunk.trunk.Account)
	out, changes := claimed(c, rows, func(f header.Field) (string, error) {
		return l.s.cfg.Claims.Keep(account, f.Value, cmp.Or(c.Keep, keepClaims), func(reference, by string) { l.redeemed(f.Name, reference, by) })
	})
	l.account("INVITE", call.WriterPlatform, changes)
	return out
}

// redeemed tells that somebody fetched a value, in the ledger while the leg stands and in the log always. It is called
// from any goroutine.
func (l *Leg) redeemed(name, reference, by string) {
	l.s.cfg.Log.Info("claim redeemed", "callId", l.callID, "leg", string(l.id), "header", name, "by", by)
	l.post(func() {
		change := header.Change{Action: header.Kept, Field: header.Field{Name: name, Value: reference}, Reason: BecauseRedeemed, Detail: "by " + by}
		if !l.ended {
			l.accountHeard("GET /claims", []header.Change{change})
		}
	})
}
