package exchange_test

import (
	"errors"
	"testing"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

// What an operator may do with a call that stands, and what it is told of one that does not.
func TestOperator(t *testing.T) {
	h := newHouse(drivers{"1": listen})
	if _, err := h.Legs(ctx, "none"); !errors.Is(err, dialect.ErrNoCall) {
		t.Errorf("Legs gave %v", err)
	}
	if _, err := h.Transfer(ctx, "none", call.Refer{}); !errors.Is(err, dialect.ErrNoCall) {
		t.Errorf("Transfer gave %v", err)
	}
	if err := h.Hangup("none"); !errors.Is(err, dialect.ErrNoCall) {
		t.Errorf("Hangup gave %v", err)
	}
	h.receive("1")
	id := h.Standing()[0].ID
	legs, err := h.Legs(ctx, id)
	if err != nil || len(legs) != 1 || legs[0].Direction != call.In || legs[0].From != "+12065550100" {
		t.Errorf("Legs gave %+v, %v", legs, err)
	}
	if _, err := h.Transfer(ctx, id, call.Refer{Leg: legs[0].ID, To: "+12065550199"}); !errors.Is(err, call.ErrState) {
		t.Errorf("Transfer of a leg that is not answered gave %v", err)
	}
	if err := h.Hangup(id); err != nil {
		t.Errorf("Hangup gave %v", err)
	}
	if r := h.record(t); r.Cause.By != call.ByPlatform || r.Cause.Label != call.LabelNormal {
		t.Errorf("cause %v", r.Cause)
	}
	h.drained(t)
}
