package main

import (
	"context"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
)

// dialects is the table of the languages spoken: one line each.
func dialects(h *house) map[string]dialect.Dialect {
	return map[string]dialect.Dialect{
		"chime": chime.New(h.chime()),
	}
}

// openDialects makes them.
func (h *house) openDialects(context.Context, string) error {
	h.dialects = dialects(h)
	return nil
}
