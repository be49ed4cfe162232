package chime

import (
	"context"
	"time"
)

// Operations gives the names of all operations that are served, so that tables over them can prove to be whole.
func Operations() []string {
	var names []string
	for _, op := range operations() {
		names = append(names, op.name)
	}
	return names
}

// ErrNotOurs is what a call gives that another application drives.
var ErrNotOurs = errNotOurs

// LogsMessages tells whether an application's messages are to be logged.
var LogsMessages = logsMessages

// Replays remembers requests, each of which comes to a call.
type Replays struct{ p replays }

// Once carries a request out, or gives what came of the same one before.
func (r *Replays) Once(ctx context.Context, account, id string, what []byte, now time.Time, f func() (string, error)) (string, error) {
	out, err := r.p.once(ctx, account, id, what, now, func() (callOut, error) {
		call, err := f()
		return callOut{sipMediaApplicationCall{call}}, err
	})
	return out.SipMediaApplicationCall.TransactionID, err
}

// Size gives how many requests of an account are remembered.
func (r *Replays) Size(account string) int {
	return max(len(r.p.accounts[account].byKey), len(r.p.accounts[account].order))
}
