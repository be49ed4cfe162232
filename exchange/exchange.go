package exchange

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/route"
)

var _ dialect.Calls = (*Exchange)(nil)

// Config is what an exchange needs. All must be set, but for Traffic.
type Config struct {
	Engine    *engine.Engine
	Directory func() *directory.Snapshot
	Dialects  map[string]dialect.Dialect // by the name that directory.App.Dialect gives
	Logger    *slog.Logger
	Traffic   *Traffic // counts the legs that come in, if set
}

// Exchange leads calls their way. Safe for concurrent use.
type Exchange struct {
	cfg   Config
	apps  apps
	live  registry
	takes takes
	ctx   context.Context // of all drivers
	leave context.CancelFunc
}

// New makes an exchange.
func New(cfg Config) *Exchange {
	x := &Exchange{cfg: cfg, apps: newApps(cfg.Dialects), live: newRegistry()}
	x.ctx, x.leave = context.WithCancel(context.Background()) //nolint:gosec // Drain calls leave
	return x
}

// Receive takes an attempt: open makes its leg, as in engine.Start. It returns at once.
func (x *Exchange) Receive(at call.Attempt, open func(call.LegID, call.Report) engine.Leg) {
	v := route.Find(x.cfg.Directory(), at)
	at.Account = v.Account
	leg := open
	open = func(id call.LegID, r call.Report) engine.Leg {
		return leg(id, x.cfg.Traffic.watch(at.Trunk, call.In, r))
	}
	if nowhere(v) {
		if host, account := greet(x.cfg.Dialects, at); host != nil {
			at.Account = account
			x.begin(call.Origin{Attempt: at}, open, route.Verdict{Account: account}, host)
			return
		}
	}
	x.begin(call.Origin{Attempt: at, Rule: v.Rule}, open, v, nil)
}

// Start implements [dialect.Calls]. Its errors are dialect.ErrNoApp, dialect.ErrDraining, or what is wrong with the
// application's settings.
func (x *Exchange) Start(ctx context.Context, app string, o call.Origin) (call.ID, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	dir := x.cfg.Directory()
	a, ok := dir.App(app)
	if !ok {
		return "", fmt.Errorf("start a call by %q: %w", app, dialect.ErrNoApp)
	}
	if _, err := x.apps.find(dir, a); err != nil {
		return "", fmt.Errorf("start a call by %q: %w", app, err)
	}
	if x.live.isDraining() {
		return "", dialect.ErrDraining
	}
	o.Account, o.Leg = a.Account, ""
	c, taken := x.begin(o, nil, route.Verdict{Account: a.Account, Apps: []directory.App{a}}, nil)
	if !taken {
		return "", dialect.ErrDraining
	}
	return c.ID(), nil
}

// Ask implements [dialect.Calls].
func (x *Exchange) Ask(ctx context.Context, id call.ID, body []byte) ([]byte, error) {
	c, ok := x.live.find(id)
	if !ok {
		return nil, dialect.ErrNoCall
	}
	answer, err := c.Ask(ctx, body)
	if errors.Is(err, call.ErrOver) {
		err = dialect.ErrNoCall
	}
	return answer, err
}

// begin begins a call and its driver. A node that drains takes no call: it is refused then.
// host is the dialect's app that has taken the call, where no rule has.
func (x *Exchange) begin(o call.Origin, open func(call.LegID, call.Report) engine.Leg, v route.Verdict, host dialect.App) (*engine.Call, bool) {
	c := x.cfg.Engine.Start(o, open)
	taken := x.live.add(c)
	if !taken {
		v.Refuse = drained()
	}
	x.cfg.Logger.LogAttrs(x.ctx, slog.LevelInfo, "call begins", id(c), slog.String("from", o.From), slog.String("to", o.To),
		slog.String("trunk", o.Trunk), slog.String("rule", v.Rule))
	go func() {
		why := c.Close(x.drive(c, v, host))
		x.live.remove(c, why.Label)
		x.takes.over(c.ID())
		x.cfg.Logger.LogAttrs(x.ctx, slog.LevelInfo, "call over", id(c), slog.String("cause", why.String()))
	}()
	return c, taken
}

// drive lets the applications drive the call, in turn until one can be invoked, and tells why the call ends.
func (x *Exchange) drive(c *engine.Call, v route.Verdict, host dialect.App) call.Cause {
	if v.Refuse != nil {
		return *v.Refuse
	}
	if v.Endpoint != "" || v.Through != nil {
		if err := x.driveDirect(c, v); err != nil && x.ctx.Err() == nil {
			return call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: err.Error()}
		}
		return call.Cause{Q850: 16, By: call.ByPlatform, Label: call.LabelNormal}
	}
	if host != nil {
		if err := x.driveHost(c, host); err != nil && x.ctx.Err() == nil {
			return call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: err.Error()}
		}
		return call.Cause{Q850: 16, By: call.ByPlatform, Label: call.LabelNormal}
	}
	busy := false
	for i, a := range v.Apps {
		x.live.drivenBy(c, a.ID, i > 0)
		c.SetApp(a.ID)
		h := &handed{Call: c, x: x, app: a.ID}
		err := x.driveBy(h, a)
		switch {
		case err == nil, errors.Is(err, call.ErrOver):
			return call.Cause{Q850: 16, By: call.ByApp, Label: call.LabelNormal}
		case x.ctx.Err() != nil:
			return *drained()
		}
		if !errors.Is(err, dialect.ErrBusy) {
			x.live.appFailed()
		}
		isFault := x.failed(c, h.app, err)
		switch {
		case isFault:
			return call.Cause{SIP: 500, Q850: 41, By: call.ByPlatform, Label: call.LabelInternal, Text: "the dialect broke"}
		case !errors.Is(err, dialect.ErrUnavailable):
			return call.Cause{SIP: 480, Q850: 41, By: call.ByPlatform, Label: call.LabelAppFailed, Text: "the application failed"}
		case c.Origin().Leg != "" && c.Legs() == 0: // the caller is gone: nobody is left to be driven
			return call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelCancelled}
		}
		busy = busy || errors.Is(err, dialect.ErrBusy)
	}
	if busy {
		return call.Cause{SIP: 503, Q850: 42, By: call.ByPlatform, Label: call.LabelLimit, Text: "the application takes no more calls now"}
	}
	return call.Cause{SIP: 480, Q850: 41, By: call.ByPlatform, Label: call.LabelAppFailed, Text: "no application could be invoked"}
}

// driveBy lets one application drive the call. A panic becomes a *fault: it ends this call and no other.
func (x *Exchange) driveBy(c dialect.Call, a directory.App) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &fault{v, debug.Stack()}
		}
	}()
	app, err := x.apps.find(x.cfg.Directory(), a)
	if err != nil {
		return fmt.Errorf("%w: %w", dialect.ErrUnavailable, err)
	}
	return app.Drive(x.ctx, c)
}

// handed is a call whose driver may hand it over to another application of its rule. The driver's goroutine alone uses it so.
type handed struct {
	*engine.Call
	x   *Exchange
	app string // who drives it
}

var _ dialect.Handover = (*handed)(nil)

// HandOver implements [dialect.Handover].
func (h *handed) HandOver(app string, why error) {
	h.x.live.appFailed()
	h.x.failed(h.Call, h.app, why)
	h.app = app
	h.x.live.drivenBy(h.Call, app, true)
	h.SetApp(app)
}

// driveDirect joins the caller with an endpoint, or with who answers at a trunk. A panic becomes a *fault.
func (x *Exchange) driveDirect(c *engine.Call, v route.Verdict) (err error) {
	defer func() {
		if broke := recover(); broke != nil {
			err = &fault{broke, debug.Stack()}
			x.cfg.Logger.LogAttrs(x.ctx, slog.LevelError, "call without an application failed", id(c), slog.Any("error", err))
		}
	}()
	return directTo(v).Drive(x.ctx, c)
}

// failed tells that an application failed, or takes no more calls: in the call's log always, in the program's no more often than one can read. It
// gives whether the fault is ours.
func (x *Exchange) failed(c *engine.Call, app string, err error) (isFault bool) {
	why := err.Error()
	var f *fault
	if isFault = errors.As(err, &f); isFault {
		why = fmt.Sprintf("panic: %v", f.value)
	}
	what, level := "failed", slog.LevelError
	if errors.Is(err, dialect.ErrBusy) { // nothing is broken
		what, level = "takes no more calls", slog.LevelWarn
	}
	_, _ = c.Do(x.ctx, call.Note{Log: call.Log{Kind: call.LogNote, Text: "application " + app + " " + what + ": " + why}}) // takes it until Close
	tell, untold := x.apps.failed(app, isFault, time.Now())
	if !tell {
		return isFault
	}
	attrs := []slog.Attr{id(c), slog.String("app", app), slog.Any("error", err)}
	if untold > 0 {
		attrs = append(attrs, slog.Int("untold", untold))
	}
	x.cfg.Logger.LogAttrs(x.ctx, level, "application "+what, attrs...)
	return isFault
}

// fault is a driver's panic.
type fault struct {
	value any
	stack []byte
}

func (f *fault) Error() string { return fmt.Sprintf("panic: %v\n%s", f.value, f.stack) }

func drained() *call.Cause {
	return &call.Cause{SIP: 503, Q850: 41, By: call.ByPlatform, Label: call.LabelDrained, Text: "this node is stopping"}
}

// farewell is how long drivers have to tell their customers that a draining node hung up, before their context ends.
const farewell = 5 * time.Second

// Drain takes no more calls and waits until those that stand are over. When ctx is done it hangs them up, and gives ctx's
// error once they are over.
func (x *Exchange) Drain(ctx context.Context) error {
	idle := x.live.drain()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	for _, c := range x.live.all() {
		c.End(*drained())
	}
	timer := time.AfterFunc(farewell, x.leave)
	defer timer.Stop()
	<-idle
	return fmt.Errorf("drain: calls were hung up: %w", context.Cause(ctx))
}

func id(c *engine.Call) slog.Attr { return slog.String("call", string(c.ID())) }
