package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/exchange"
)

// switchInput turns something of a leg on or off.
type switchInput struct {
	ID   string     `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Leg  call.LegID `path:"leg" doc:"as GET /api/live/{id} lists them"`
	Body struct {
		On bool `json:"on"`
	}
}

// keysInput presses keys.
type keysInput struct {
	ID   string     `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Leg  call.LegID `path:"leg" doc:"as GET /api/live/{id} lists them"`
	Body struct {
		Keys  string `json:"keys" pattern:"^[0-9*#A-Da-d,wW]+$" maxLength:"32" doc:"\",\" and \"w\" wait half a second, \"W\" a second"`
		Press int    `json:"press,omitempty" minimum:"40" maximum:"500" default:"100" doc:"milliseconds of each key, and of the gap after it"`
	}
}

// legs mounts what may be done with one leg of a call that stands.
func (c *Config) legs(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "hold-leg", Method: http.MethodPost, Path: "/api/calls/{id}/legs/{leg}/hold",
		Summary: "Put a leg's far end on hold, so that it hears nobody and nobody hears it, or take it off", DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *switchInput) (*struct{}, error) {
		return nil, told(c.Exchange.Operate(ctx, call.ID(in.ID), call.Hold{Leg: in.Leg, On: in.Body.On}))
	})
	huma.Register(api, huma.Operation{
		OperationID: "mute-leg", Method: http.MethodPost, Path: "/api/calls/{id}/legs/{leg}/mute",
		Summary: "Keep what a leg's far end says from everyone, or let it be heard again", DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *switchInput) (*struct{}, error) {
		return nil, told(c.Exchange.Operate(ctx, call.ID(in.ID), call.Mute{Leg: in.Leg, On: in.Body.On}))
	})
	huma.Register(api, huma.Operation{
		OperationID: "press-keys", Method: http.MethodPost, Path: "/api/calls/{id}/legs/{leg}/keys",
		Summary: "Press keys at a leg's far end, as its trunk says, and wait until all are sent", DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *keysInput) (*struct{}, error) {
		each := time.Duration(in.Body.Press) * time.Millisecond
		err := c.Exchange.Press(ctx, call.ID(in.ID), call.SendDigits{Leg: in.Leg, Digits: in.Body.Keys, Tone: each, Gap: each})
		if errors.Is(err, exchange.ErrNotPressed) {
			return nil, huma.Error409Conflict(err.Error())
		}
		return nil, told(err)
	})
}
