package api

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Strangers tells of sources that no trunk knows.
type Strangers interface {
	// Bans gives the sources that are banned, or shut out for one user, the oldest first.
	Bans() []Ban
	// Lift ends the ban of a source and all that it is shut out for; with a user, for that one alone. False: there is none.
	Lift(source netip.Addr, user string) bool
	Counts() StrangerCounts
}

// Ban is one source that is not listened to, or whose passwords for one user are not looked at.
type Ban struct {
	Source string    `json:"source" doc:"a network: an IPv4 address, or the /64 of an IPv6 one"`
	User   string    `json:"user,omitempty" doc:"whose password was guessed from there too often, and is not taken from there, right or wrong; without one, nothing of the source is listened to"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"`
	Reason string    `json:"reason" doc:"what it did last before it was banned"`
	Drops  uint64    `json:"drops" doc:"messages dropped since"`
}

// StrangerCounts are totals since the start, but for Banned.
type StrangerCounts struct {
	Banned                                   int
	Bans, Faults, Dropped, Slowed, Malformed uint64
	Handshakes                               uint64 // TLS connections of others that came to nothing
}

type bansOutput struct {
	Body struct {
		Bans []Ban `json:"bans" nullable:"false"`
	}
}

type banInput struct {
	Source string `path:"source" doc:"an address of the source" maxLength:"64"`
	User   string `query:"user" doc:"ends only what it is shut out for at this user" maxLength:"4096"`
}

// bans mounts what concerns banned sources.
func (c *Config) bans(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-bans", Method: http.MethodGet, Path: "/api/bans", Summary: "Sources that are not listened to, or shut out for one user",
	}, func(context.Context, *struct{}) (*bansOutput, error) {
		out := new(bansOutput)
		out.Body.Bans = []Ban{}
		if c.Strangers != nil {
			out.Body.Bans = append(out.Body.Bans, c.Strangers.Bans()...)
		}
		return out, nil
	})
	huma.Register(api, huma.Operation{
		OperationID: "lift-ban", Method: http.MethodDelete, Path: "/api/bans/{source}", Summary: "End the ban of a source, and what it is shut out for",
		DefaultStatus: http.StatusNoContent,
	}, func(_ context.Context, in *banInput) (*struct{}, error) {
		a, err := netip.ParseAddr(in.Source)
		if err != nil {
			return nil, huma.Error422UnprocessableEntity("the source is not an IP address")
		}
		if c.Strangers == nil || !c.Strangers.Lift(a, in.User) {
			return nil, huma.Error404NotFound("no ban of " + a.String())
		}
		return nil, nil
	})
}
