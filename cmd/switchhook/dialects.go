package main

import (
	"context"
	"io"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
)

// dialects is the table of the languages spoken: one line each.
func dialects(h *house) map[string]dialect.Dialect {
	return map[string]dialect.Dialect{
		"chime": chime.New(h.chime()),
	}
}

// openDialects makes them. One that is an io.Closer is closed when no call is left.
func (h *house) openDialects(context.Context, string) error {
	h.dialects = dialects(h)
	for _, d := range h.dialects {
		if c, ok := d.(io.Closer); ok {
			h.later(c.Close)
		}
	}
	return nil
}
