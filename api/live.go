package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/header"
)

type legsOutput struct {
	Body struct {
		Legs []call.LegRecord `json:"legs" nullable:"false"`
	}
}

// transferInput asks for a transfer.
type transferInput struct {
	ID   string `path:"id" minLength:"36" maxLength:"36"`
	Body struct {
		Leg     call.LegID  `json:"leg" doc:"whose far end is transferred"`
		To      string      `json:"to,omitempty" doc:"the number that it shall talk with" maxLength:"256"`
		With    call.LegID  `json:"with,omitempty" doc:"in place of to: another leg of the call, whose far end takes over"`
		Trunk   string      `json:"trunk,omitempty" doc:"the trunk of the target, where a leg of ours calls it; by default as the route says"`
		Headers header.List `json:"headers,omitempty" maxItems:"64" doc:"context for the target, beside what the trunk lets go along of the call's"`
		Seconds int         `json:"seconds,omitempty" minimum:"0" maximum:"50" default:"45" doc:"until the target's answer"`
	}
}

type transferOutput struct {
	Body struct {
		Leg call.LegID `json:"leg,omitempty" doc:"the new leg, where a leg of ours called the target; without it the far end did so itself"`
	}
}

// live mounts what may be done with calls that stand.
func (c *Config) live(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-legs", Method: http.MethodGet, Path: "/api/live/{id}", Summary: "The legs of a call that stands",
	}, func(ctx context.Context, in *callInput) (*legsOutput, error) {
		legs, err := c.Exchange.Legs(ctx, call.ID(in.ID))
		if err != nil {
			return nil, liveError(err)
		}
		out := new(legsOutput)
		out.Body.Legs = legs
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "transfer-leg", Method: http.MethodPost, Path: "/api/calls/{id}/transfer",
		Summary: "Transfer the far end of a leg as its trunk says, and wait for the target's answer",
	}, c.transfer)
	huma.Register(api, huma.Operation{
		OperationID: "hangup-call", Method: http.MethodPost, Path: "/api/calls/{id}/hangup", Summary: "Hang up a call that stands",
		DefaultStatus: http.StatusNoContent,
	}, func(_ context.Context, in *callInput) (*struct{}, error) {
		if err := c.Exchange.Hangup(call.ID(in.ID)); err != nil {
			return nil, liveError(err)
		}
		return nil, nil
	})
}

func (c *Config) transfer(ctx context.Context, in *transferInput) (*transferOutput, error) {
	b := &in.Body
	if (b.To == "") == (b.With == "") {
		return nil, huma.Error422UnprocessableEntity("either to or with says who takes over")
	}
	for _, f := range b.Headers {
		if err := header.Check(f.Name, f.Value); err != nil {
			return nil, huma.Error422UnprocessableEntity("headers", err)
		}
	}
	r := call.Refer{Leg: b.Leg, To: b.To, With: b.With, Trunk: b.Trunk, Headers: b.Headers, Timeout: time.Duration(b.Seconds) * time.Second}
	result, err := c.Exchange.Transfer(ctx, call.ID(in.ID), r)
	if err != nil {
		return nil, liveError(err)
	}
	out := new(transferOutput)
	out.Body.Leg = result.Leg
	return out, nil
}

// liveError gives the status of what went wrong with a live call.
func liveError(err error) error {
	var refused *call.Refusal
	switch {
	case errors.Is(err, dialect.ErrNoCall):
		return huma.Error404NotFound("no such call stands: GET /api/live lists those that do")
	case errors.Is(err, call.ErrNoLeg):
		return huma.Error404NotFound("the call has no such leg: GET /api/live/{id} lists them")
	case errors.As(err, &refused):
		return huma.Error409Conflict(fmt.Sprintf("the target did not answer: %s; the call goes on as before", refused.Cause))
	case errors.Is(err, call.ErrState), errors.Is(err, call.ErrLegEnded), errors.Is(err, call.ErrLimit), errors.Is(err, call.ErrStopped):
		return huma.Error409Conflict("not possible now: " + err.Error())
	case errors.Is(err, call.ErrInvalid):
		return huma.Error422UnprocessableEntity(err.Error())
	}
	return huma.Error500InternalServerError("the call could not be told", err)
}
