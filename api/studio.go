package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/exchange"
)

// recordInput asks for a recording.
type recordInput struct {
	ID   string `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Body struct {
		Leg     call.LegID `json:"leg,omitempty" doc:"whose two parties are recorded; either leg or room"`
		Room    string     `json:"room,omitempty" doc:"the room that is recorded"`
		Tracks  string     `json:"tracks,omitempty" enum:"apart,far,toward" doc:"apart: left what the far end says, right what it hears; far, toward: only one of both; absent: all in one channel"`
		Format  string     `json:"format,omitempty" enum:"wav,mp3" default:"wav"`
		Rate    int        `json:"rate,omitempty" enum:"8000,16000" doc:"samples a second; absent: 16000 where the leg, or somebody in the room, speaks G.722 as it begins, else 8000"`
		Bucket  string     `json:"bucket,omitempty" default:"recordings"`
		Key     string     `json:"key" minLength:"1" maxLength:"1024" doc:"the file's path within the bucket"`
		Longest int        `json:"longest,omitempty" minimum:"0" maximum:"86400" doc:"seconds after which it ends; 4 hours when absent"`
		Silence int        `json:"silence,omitempty" minimum:"0" maximum:"3600" doc:"seconds of silence after which it ends; absent: never"`
		Until   string     `json:"until,omitempty" pattern:"^[0-9*#A-D]*$" maxLength:"16" doc:"keys any of which ends it"`
		Beep    bool       `json:"beep,omitempty" doc:"the far end hears a tone first"`
	}
}

type recordOutput struct {
	Body struct {
		Recording call.OpID `json:"recording" doc:"names it, to pause and to end it"`
	}
}

type recordingInput struct {
	ID        string `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Recording uint64 `path:"recording"`
}

type pauseInput struct {
	ID        string `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Recording uint64 `path:"recording"`
	Body      struct {
		On bool `json:"on" doc:"what is said is left out; false: it goes on"`
	}
}

type recordingOutput struct {
	Body struct {
		Bucket  string    `json:"bucket,omitempty"`
		Key     string    `json:"key,omitempty"`
		Seconds float64   `json:"seconds" doc:"of sound; 0: nothing was recorded, and there is no file"`
		Bytes   int64     `json:"bytes"`
		Began   time.Time `json:"began,omitzero"`
	}
}

type seatInput struct {
	ID  string     `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Leg call.LegID `path:"leg" doc:"as GET /api/live/{id} lists them"`
}

type enterInput struct {
	ID   string     `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
	Leg  call.LegID `path:"leg" doc:"as GET /api/live/{id} lists them"`
	Body struct {
		Room   string `json:"room" minLength:"1" maxLength:"256" doc:"its name, one of the account's; it begins with the first who enters"`
		Muted  bool   `json:"muted,omitempty" doc:"the leg only listens"`
		Silent bool   `json:"silent,omitempty" doc:"nobody hears a tone as it comes and goes"`
		Music  *struct {
			Bucket string `json:"bucket" default:"prompts"`
			Key    string `json:"key" minLength:"1" maxLength:"1024"`
		} `json:"music,omitempty" doc:"what it hears over and over while it is alone"`
	}
}

// studio mounts what records calls that stand, and lets their legs meet.
func (c *Config) studio(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "record", Method: http.MethodPost, Path: "/api/calls/{id}/recordings", Summary: "Begin to record a leg of a call that stands, or a room",
	}, c.beginRecording)
	huma.Register(api, huma.Operation{
		OperationID: "end-recording", Method: http.MethodDelete, Path: "/api/calls/{id}/recordings/{recording}",
		Summary: "End a recording, and wait until its file is in the bucket", DefaultStatus: http.StatusOK,
	}, c.endRecording)
	huma.Register(api, huma.Operation{
		OperationID: "pause-recording", Method: http.MethodPost, Path: "/api/calls/{id}/recordings/{recording}/pause",
		Summary: "Leave out what is said from now on, or go on", DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *pauseInput) (*struct{}, error) {
		return nil, told(c.Exchange.Operate(ctx, call.ID(in.ID), call.Pause{Op: call.OpID(in.Recording), On: in.Body.On}))
	})
	huma.Register(api, huma.Operation{
		OperationID: "enter-room", Method: http.MethodPost, Path: "/api/calls/{id}/legs/{leg}/room", Summary: "Let a leg into a room",
		DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *enterInput) (*struct{}, error) {
		b := &in.Body
		cmd := call.Enter{Leg: in.Leg, Room: b.Room, Muted: b.Muted, Silent: b.Silent}
		if b.Music != nil {
			cmd.Music = call.Clip(*b.Music)
		}
		return nil, told(c.Exchange.Operate(ctx, call.ID(in.ID), cmd))
	})
	huma.Register(api, huma.Operation{
		OperationID: "leave-room", Method: http.MethodDelete, Path: "/api/calls/{id}/legs/{leg}/room", Summary: "Take a leg out of its room",
		DefaultStatus: http.StatusNoContent,
	}, func(ctx context.Context, in *seatInput) (*struct{}, error) {
		return nil, told(c.Exchange.Operate(ctx, call.ID(in.ID), call.Leave{Leg: in.Leg}))
	})
}

func (c *Config) beginRecording(ctx context.Context, in *recordInput) (*recordOutput, error) {
	b := &in.Body
	op, err := c.Exchange.Record(ctx, call.ID(in.ID), call.RecordAudio{
		Leg: b.Leg, Room: b.Room, Tracks: call.Tracks(b.Tracks), Format: b.Format, Rate: b.Rate, Bucket: b.Bucket, Key: b.Key,
		Longest: time.Duration(b.Longest) * time.Second, Silence: time.Duration(b.Silence) * time.Second, Until: b.Until, Beep: b.Beep,
	})
	if err != nil {
		return nil, liveError(err)
	}
	out := new(recordOutput)
	out.Body.Recording = op
	return out, nil
}

func (c *Config) endRecording(ctx context.Context, in *recordingInput) (*recordingOutput, error) {
	r, err := c.Exchange.EndRecording(ctx, call.ID(in.ID), call.OpID(in.Recording))
	switch {
	case errors.Is(err, dialect.ErrNoCall):
		return nil, liveError(err)
	case errors.Is(err, exchange.ErrNoRecording):
		return nil, huma.Error404NotFound("the call has no such recording")
	case err != nil:
		return nil, huma.Error502BadGateway(err.Error())
	}
	out := new(recordingOutput)
	if r != nil {
		out.Body.Bucket, out.Body.Key, out.Body.Seconds, out.Body.Bytes, out.Body.Began = r.Bucket, r.Key, r.Length.Seconds(), r.Bytes, r.Began
	}
	return out, nil
}

// told passes on what a call said of a command; nil for nil.
func told(err error) error {
	if err != nil {
		return liveError(err)
	}
	return nil
}
