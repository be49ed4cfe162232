package api

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/directory"
)

type trunksOutput struct {
	Body struct {
		Trunks []directory.Trunk `json:"trunks" nullable:"false"`
		Peers  []PeerHealth      `json:"peers" nullable:"false"`
	}
}

// things mounts what exists: read only, since vendors' APIs and the configuration file write it.
func (c *Config) things(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-trunks", Method: http.MethodGet, Path: "/api/trunks", Summary: "Trunks, and which peers are up",
	}, func(context.Context, *struct{}) (*trunksOutput, error) {
		out := new(trunksOutput)
		out.Body.Trunks, out.Body.Peers = []directory.Trunk{}, []PeerHealth{}
		for _, t := range c.Directory().Trunks() {
			shown := *t
			shown.Login.Password = "" // a secret
			shown.Callers = slices.Clone(t.Callers)
			for i := range shown.Callers {
				shown.Callers[i].Password = "" // and so are these
			}
			out.Body.Trunks = append(out.Body.Trunks, shown)
		}
		slices.SortFunc(out.Body.Trunks, func(a, b directory.Trunk) int { return strings.Compare(a.ID, b.ID) })
		if c.Trunks != nil {
			out.Body.Peers = append(out.Body.Peers, c.Trunks.Health()...)
		}
		return out, nil
	})
}
