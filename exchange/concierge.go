package exchange

import (
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/route"
)

// greet asks the dialects about a call that no rule takes: one may have a number of its own. It gives what drives the call then,
// and whose it is; nil: nobody.
func greet(dialects map[string]dialect.Dialect, at call.Attempt) (dialect.App, string) {
	for _, name := range slices.Sorted(maps.Keys(dialects)) {
		c, ok := dialects[name].(dialect.Concierge)
		if !ok {
			continue
		}
		if app, account := c.Greet(at); app != nil {
			return app, account
		}
	}
	return nil, ""
}

// nowhere tells whether an attempt goes to nobody here, so that a dialect may be asked.
func nowhere(v route.Verdict) bool {
	return v.Foreign || v.Refuse != nil && v.Refuse.SIP == 404 && v.Rule == ""
}

// driveHost lets a dialect drive a call to a number of its own. A panic becomes a *fault.
func (x *Exchange) driveHost(c *engine.Call, host dialect.App) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &fault{v, debug.Stack()}
			x.cfg.Logger.LogAttrs(x.ctx, slog.LevelError, "call to a dialect's own number failed", id(c), slog.Any("error", err))
		}
	}()
	return host.Drive(x.ctx, c)
}
