package main

import (
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
)

// dialects is the table of the languages spoken: one line each.
func dialects(h *house) map[string]dialect.Dialect {
	return map[string]dialect.Dialect{
		"chime": chime.New(h.chime()),
	}
}
