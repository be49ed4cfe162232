package chime

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// becauseFailover says that another application of the rule goes on with the call.
const becauseFailover header.Reason = "failover"

// failOver lets the next application of the rule go on with a live call whose function could not be told n: it is told n
// instead, with the same Sequence and TransactionAttributes. False when there is none, or none is wanted.
//
// The first event of a call that came in is not for this: nothing has been done for the caller yet, and exchange tries the
// rule's next application from the start.
func (d *driver) failOver(n *notice, why error) bool {
	if !d.app.dialect.cfg.Failover || n.event == newInbound || d.ctx.Err() != nil || d.closing != nil || d.gone() {
		return false
	}
	next, fn := d.successor()
	if next == nil {
		return false
	}
	was := d.app.id
	d.note(call.LogAction, call.In, n, complaint(why), nil, nil)
	d.logMessage(n, call.In, nil, complaint(why))
	d.book(n.leg, n.event, call.Out, call.WriterPlatform, []header.Change{{
		Action: header.Rewritten, Field: header.Field{Name: "SipMediaApplicationId", Value: was},
		NewName: "SipMediaApplicationId", NewValue: next.id, Reason: becauseFailover,
		Detail: fmt.Sprintf("%s; %d bytes of TransactionAttributes go along", complaint(why), len(d.attributes)),
	}})
	d.failed = append(d.failed, was)
	d.app, d.fn = next, fn
	d.weight.move(next.id)
	d.sequence--
	d.notices = slices.Insert(d.notices, 0, n)
	why = fmt.Errorf("tell %s: %w", n.event, why)
	if h, ok := d.call.(dialect.Handover); ok {
		h.HandOver(next.id, why)
	} else {
		d.warn("another application goes on with the call", why)
	}
	return true
}

// successor finds the next application of the rule, in order of priority behind the one that drives, that did not fail this
// call before and whose function is there.
func (d *driver) successor() (*app, invoke.Function) {
	dir := d.app.dialect.cfg.Directory()
	rule, ok := dir.RuleByID(d.rule)
	if !ok {
		return nil, nil
	}
	targets := slices.SortedStableFunc(slices.Values(rule.Targets), func(a, b directory.Target) int {
		return cmp.Compare(a.Priority, b.Priority)
	})
	behind := slices.IndexFunc(targets, func(t directory.Target) bool { return t.App == d.app.id }) + 1
	for _, t := range targets[behind:] {
		if t.App == d.app.id || slices.Contains(d.failed, t.App) {
			continue
		}
		next, fn, err := d.app.dialect.ready(dir, t.App)
		if err != nil {
			d.warn("no failover to application "+t.App, err)
			continue
		}
		return next, fn
	}
	return nil, nil
}

// ready gives an application of this dialect, and its function.
func (d *Dialect) ready(dir *directory.Snapshot, id string) (*app, invoke.Function, error) {
	a, ok := dir.App(id)
	if !ok || a.Dialect != d.Name() {
		return nil, nil, errors.New("it is not there, or not of this dialect")
	}
	made, err := d.app(id, a.Settings)
	if err != nil {
		return nil, nil, err
	}
	fn, err := d.cfg.Functions.Function(made.settings.LambdaArn)
	if err != nil {
		return nil, nil, fmt.Errorf("find function %s: %w", made.settings.LambdaArn, err)
	}
	return made, fn, nil
}
