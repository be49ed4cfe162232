package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// callsInput asks for a page of records.
type callsInput struct {
	Number string    `query:"number" doc:"caller or called number, whole"`
	Header string    `query:"header" doc:"a context header that the call saw, by name"`
	Label  string    `query:"label" doc:"how it ended: normal, busy, app-failed …"`
	Since  time.Time `query:"since" doc:"started at or after (RFC 3339)"`
	Until  time.Time `query:"until" doc:"started before (RFC 3339)"`
	After  string    `query:"after" doc:"continue after this call: the next of the page before"`
	Limit  int       `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type callsOutput struct {
	Body struct {
		Calls []call.Record `json:"calls" nullable:"false"`
		Next  string        `json:"next,omitempty" doc:"give it as after for the next page; absent on the last"`
	}
}

type callInput struct {
	ID string `path:"id" doc:"the call's id" minLength:"36" maxLength:"36"`
}

type callOutput struct{ Body call.Finished }

type ledgerInput struct {
	ID     string `path:"id" minLength:"36" maxLength:"36"`
	Header string `query:"header" doc:"only what became of this header; case and compact form don't count"`
}

type ledgerOutput struct {
	Body struct {
		Ledger call.Ledger `json:"ledger" nullable:"false"`
	}
}

type liveOutput struct {
	Body struct {
		Calls []standing `json:"calls" nullable:"false"`
	}
}

// standing is one live call.
type standing struct {
	ID    call.ID   `json:"id"`
	App   string    `json:"app,omitempty" doc:"the application that drives it"`
	From  string    `json:"from"`
	To    string    `json:"to"`
	Start time.Time `json:"start"`
}

// calls mounts what concerns calls.
func (c *Config) calls(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-calls", Method: http.MethodGet, Path: "/api/calls", Summary: "Calls that are over, newest first",
	}, c.listCalls)
	huma.Register(api, huma.Operation{
		OperationID: "get-call", Method: http.MethodGet, Path: "/api/calls/{id}", Summary: "One call: its record, ledger and log",
	}, c.getCall)
	huma.Register(api, huma.Operation{
		OperationID: "get-ledger", Method: http.MethodGet, Path: "/api/calls/{id}/ledger",
		Summary: "What became of each header of a call, and why",
	}, c.getLedger)
	huma.Register(api, huma.Operation{
		OperationID: "list-live", Method: http.MethodGet, Path: "/api/live", Summary: "Calls that stand now",
	}, func(context.Context, *struct{}) (*liveOutput, error) {
		out := new(liveOutput)
		out.Body.Calls = []standing{}
		for _, s := range c.Exchange.Standing() {
			out.Body.Calls = append(out.Body.Calls, standing(s))
		}
		return out, nil
	})
}

func (c *Config) listCalls(ctx context.Context, in *callsInput) (*callsOutput, error) {
	f := call.Filter{Number: in.Number, Header: in.Header, Label: call.Label(in.Label), Since: in.Since, Until: in.Until}
	list, err := c.Records.Records(ctx, f, directory.Page{After: in.After, Limit: in.Limit + 1})
	if err != nil {
		return nil, huma.Error500InternalServerError("records can't be read", err)
	}
	out := new(callsOutput)
	if len(list) > in.Limit {
		list = list[:in.Limit]
		out.Body.Next = string(list[in.Limit-1].ID)
	}
	out.Body.Calls = append([]call.Record{}, list...)
	return out, nil
}

func (c *Config) getCall(ctx context.Context, in *callInput) (*callOutput, error) {
	f, err := c.record(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &callOutput{Body: f}, nil
}

func (c *Config) getLedger(ctx context.Context, in *ledgerInput) (*ledgerOutput, error) {
	f, err := c.record(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	out := new(ledgerOutput)
	out.Body.Ledger = call.Ledger{}
	for _, e := range f.Ledger {
		if in.Header == "" || header.SameName(e.Name, in.Header) || header.SameName(e.NewName, in.Header) {
			out.Body.Ledger = append(out.Body.Ledger, e)
		}
	}
	return out, nil
}

func (c *Config) record(ctx context.Context, id string) (call.Finished, error) {
	f, err := c.Records.Record(ctx, call.ID(id))
	if errors.Is(err, directory.ErrNotFound) {
		return f, huma.Error404NotFound("no such call; a call that stands is under /api/live until it is over")
	}
	if err != nil {
		return f, huma.Error500InternalServerError("the record can't be read", err)
	}
	return f, nil
}
