package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/directory"
)

// Registrations tells who is registered here, and how we are registered elsewhere.
type Registrations interface {
	// Bindings calls f for each contact of an endpoint until it gives false: of one user, or of all for an empty one.
	Bindings(user string, f func(directory.Binding) bool)
	// Registered gives how many contacts there are.
	Registered() int
	// Enrolments gives our own registrations at trunks' peers, in order of trunks.
	Enrolments() []Enrolment
}

// Enrolment is how our registration at one trunk's peers stands.
type Enrolment struct {
	Trunk string    `json:"trunk"`
	User  string    `json:"user" doc:"our account there"`
	Peer  string    `json:"peer,omitempty" doc:"host of the peer that was last asked"`
	Up    bool      `json:"up" doc:"we are registered"`
	Since time.Time `json:"since,omitzero" doc:"up, or down, since"`
	Until time.Time `json:"until,omitzero" doc:"when the registration expires"`
	Why   string    `json:"why,omitempty" doc:"why it failed the last time"`
}

type registrationsInput struct {
	User  string `query:"user" doc:"only this endpoint's"`
	Limit int    `query:"limit" minimum:"1" maximum:"10000" default:"1000"`
}

type registrationsOutput struct {
	Body struct {
		Endpoints []directory.Binding `json:"endpoints" nullable:"false" doc:"contacts at which endpoints are registered here"`
		Total     int                 `json:"total" doc:"how many there are"`
		Trunks    []Enrolment         `json:"trunks" nullable:"false" doc:"our own registrations at trunks' peers"`
	}
}

// registrations mounts what concerns registrations.
func (c *Config) registrations(api huma.API) {
	if c.Registrations == nil {
		return
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-registrations", Method: http.MethodGet, Path: "/api/registrations", Summary: "Who is registered here, and we elsewhere",
	}, func(_ context.Context, in *registrationsInput) (*registrationsOutput, error) {
		out := new(registrationsOutput)
		out.Body.Endpoints, out.Body.Total = []directory.Binding{}, c.Registrations.Registered()
		c.Registrations.Bindings(in.User, func(b directory.Binding) bool {
			out.Body.Endpoints = append(out.Body.Endpoints, b)
			return len(out.Body.Endpoints) < in.Limit
		})
		slices.SortFunc(out.Body.Endpoints, func(a, b directory.Binding) int {
			return cmp.Or(strings.Compare(a.User, b.User), b.Q-a.Q, a.Since.Compare(b.Since))
		})
		out.Body.Trunks = append([]Enrolment{}, c.Registrations.Enrolments()...)
		return out, nil
	})
}
