package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/examples"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
)

// demoCommand makes one real call and shows what became of its context.
type demoCommand struct {
	Talk time.Duration `help:"How long caller and callee talk." default:"2s"`
	JSON bool          `name:"json" help:"Print the call's record, ledger and log as JSON instead of drawing them."`
}

// The demo's call: the caller's and callee's numbers, the tone that each plays to the other, and the headers of the caller's INVITE.
const (
	demoCaller, demoCallee     = "+12065550142", "+14155550100"
	demoNumber                 = "+12065550100"
	demoCallerTone, calleeTone = 440, 1000
)

func demoHeaders() header.List {
	return header.List{
		{Name: "User-to-User", Value: "616d617a6f6e5f6368696d655f636f6e6e6563745f696e746567726174696f6e;encoding=hex"},
		{Name: "Diversion", Value: "sip:+11234567891@public.test.com;reason=unconditional"},
		{Name: "X-Account-Id", Value: "4711"},
		{Name: "X-AMZN-Trace", Value: "a reserved name, which must not get in"},
	}
}

// Run makes the call. An error is why the demo failed.
func (c demoCommand) Run(ctx context.Context, con console, log *slog.Logger) (err error) {
	began := time.Now()
	if !log.Enabled(ctx, slog.LevelDebug) { // the ladder says it better
		log = slog.New(slog.NewTextHandler(con.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if _, err := exec.LookPath("node"); err != nil {
		return fmt.Errorf("the demo's function needs Node.js: %w", err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 8*time.Second+c.Talk, errors.New("the demo took too long"))
	defer cancel()
	d, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.close()) }()
	if err := d.call(ctx, c.Talk); err != nil {
		return err
	}
	f, err := d.finished(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		return errors.Join(printJSON(con.out, f), d.verify(f))
	}
	fmt.Fprintf(con.out, "A caller dials %s. A rule sends the call to a Chime application whose function, a Node.js handler\n"+
		"run on this machine (examples/chime-bridge), bridges it to %s with the headers it chose.\n\n", demoNumber, demoCallee)
	drawLadder(con.out, f)
	fmt.Fprintf(con.out, "\nThe ledger: what became of each header, and why.\n\n")
	printLedger(con.out, f.Record, f.Ledger)
	fmt.Fprintln(con.out)
	if err := d.verify(f); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "✓ the caller heard the callee's tone (%d Hz), the callee the caller's (%d Hz)\n", d.callerEar.Tone(), d.calleeEar.Tone())
	fmt.Fprintf(con.out, "✓ User-to-User, Diversion and X-Account-Id arrived at the callee byte for byte; X-AMZN-Trace was stopped at the door\n")
	fmt.Fprintf(con.out, "✓ done in %.1f s\n", time.Since(began).Seconds())
	return nil
}

// demo is the server and the two phones.
type demo struct {
	house                *house
	data                 string
	media                *rtp.Engine
	caller, callee       *far.Phone
	callerEar, calleeEar far.Ear
	mu                   sync.Mutex
	invite               header.List // what the callee got; guarded by mu
	opened               []func() error
	lines                sync.WaitGroup // the callee's
}

// open starts the server with its function, and both phones.
func (c demoCommand) open(ctx context.Context, log *slog.Logger) (_ *demo, err error) {
	d := &demo{}
	defer func() {
		if err != nil {
			err = errors.Join(err, d.close())
		}
	}()
	if d.data, err = os.MkdirTemp("", "switchhook-demo"); err != nil {
		return nil, err
	}
	d.opened = append(d.opened, func() error { return os.RemoveAll(d.data) })
	if d.media, err = rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1, Log: log}); err != nil {
		return nil, err
	}
	d.opened = append(d.opened, d.media.Close)
	loopback := netip.MustParseAddrPort("127.0.0.1:0")
	if d.callee, err = far.NewPhone(far.Config{Listen: loopback, Media: d.media, Incoming: d.rings, Log: log, Product: "demo callee"}); err != nil {
		return nil, err
	}
	d.opened = append(d.opened, d.callee.Close)
	if d.caller, err = far.NewPhone(far.Config{Listen: loopback, Media: d.media, Log: log, Product: "demo caller"}); err != nil {
		return nil, err
	}
	d.opened = append(d.opened, d.caller.Close)
	cfg, err := d.config()
	if err != nil {
		return nil, err
	}
	if d.house, err = openHouse(ctx, cfg, filepath.Join(d.data, "data"), log, nil); err != nil {
		return nil, err
	}
	d.opened = append(d.opened, d.house.close)
	return d, nil
}

func (d *demo) close() error {
	var errs []error
	for _, f := range slices.Backward(d.opened) {
		errs = append(errs, f())
	}
	d.lines.Wait()
	return errors.Join(errs...)
}

// config declares what the demo needs: the function written out of the program, one application, one rule, one trunk.
func (d *demo) config() (config, error) {
	cfg := config{dev: true, SIP: sipConfig{Listen: []string{"udp://127.0.0.1:0", "tcp://127.0.0.1:0"}, Trace: true},
		HTTP: httpConfig{Listen: "127.0.0.1:0"}, Speech: speechConfig{Engine: "none"}, Numbers: []string{demoNumber}}
	code, err := examples.Bridge.ReadFile("chime-bridge/index.mjs")
	if err != nil {
		return cfg, err
	}
	if err := os.WriteFile(filepath.Join(d.data, "index.mjs"), code, 0o600); err != nil {
		return cfg, err
	}
	cfg.Functions = []functionConfig{{Name: "bridge", Handler: "index.handler", Dir: d.data, Env: map[string]string{"BRIDGE_TO": demoCallee}, Concurrency: 2}}
	cfg.Apps = []appConfig{{ID: "6f2f6c52-6d2b-4b58-9d1c-6a86ce2d1001", Name: "bridge", Dialect: "chime",
		Settings: []byte(`{"LambdaArn":"arn:aws:lambda:us-east-1:111122223333:function:bridge"}`)}}
	cfg.Rules = []ruleConfig{{Name: "demo", Number: demoNumber, Apps: []string{cfg.Apps[0].ID}}}
	cfg.Trunks = []trunkConfig{{Trusted: true, Trunk: directory.Trunk{ID: "callee", PSTN: true,
		Peers: []directory.Peer{{Host: "127.0.0.1", Port: int(d.callee.Addr().Port()), Transport: "udp"}}}}}
	return cfg, nil
}

// rings is the callee's side: it rings, answers, and both plays its tone and listens.
func (d *demo) rings(l *far.Line) {
	d.mu.Lock()
	d.invite = l.Attempt().Headers
	d.mu.Unlock()
	l.Ring(header.List{{Name: "X-Callee-Agent", Value: "Ada"}})
	d.lines.Go(func() {
		time.Sleep(400 * time.Millisecond) // a person reaches for the phone
		l.Answer(header.List{{Name: "X-Callee-Agent", Value: "Ada"}})
		for e := range l.Events() {
			if _, ok := e.(call.Answered); ok {
				l.Media().Connect(&d.calleeEar)
				l.Media().Play(far.Hum(calleeTone), func(error) {})
			}
		}
	})
}

// call is the caller's side.
func (d *demo) call(ctx context.Context, length time.Duration) error {
	at := netip.MustParseAddrPort(d.house.sipAddr())
	line, err := d.caller.Call(far.Outgoing{Number: demoNumber, Host: at.Addr().String(), Port: int(at.Port()), From: demoCaller, Headers: demoHeaders()})
	if err != nil {
		return err
	}
	if _, err := line.Wait(ctx); err != nil {
		return fmt.Errorf("the caller: %w", err)
	}
	line.Media().Connect(&d.callerEar)
	line.Media().Play(far.Hum(demoCallerTone), func(error) {})
	talk := time.NewTimer(length)
	defer talk.Stop()
	select {
	case <-talk.C:
	case <-ctx.Done():
	}
	line.Hangup(0, header.List{{Name: "User-to-User", Value: "00;encoding=hex"}})
	return nil
}

// finished waits for the call's record.
func (d *demo) finished(ctx context.Context) (call.Finished, error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		list, err := d.house.store.Records(ctx, call.Filter{}, directory.Page{Limit: 1})
		if err != nil {
			return call.Finished{}, err
		}
		if len(list) == 1 {
			return d.house.store.Record(ctx, list[0].ID)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return call.Finished{}, fmt.Errorf("the call left no record: %w", context.Cause(ctx))
		}
	}
}

// verify says what is not as it must be.
func (d *demo) verify(f call.Finished) error {
	var errs []error
	hears := func(who string, got, want int) {
		if got < want-10 || got > want+10 {
			errs = append(errs, fmt.Errorf("the %s heard %s instead of a tone of %d Hz", who, cmp.Or(fmt.Sprintf("%d Hz", got), "nothing"), want))
		}
	}
	hears("caller", d.callerEar.Tone(), calleeTone)
	hears("callee", d.calleeEar.Tone(), demoCallerTone)
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, want := range demoHeaders() {
		got, ok := d.invite.Get(want.Name)
		switch reserved := want.Name == "X-AMZN-Trace"; {
		case reserved && ok:
			errs = append(errs, fmt.Errorf("%s reached the callee", want.Name))
		case !reserved && got != want.Value:
			errs = append(errs, fmt.Errorf("%s reached the callee as %q instead of %q", want.Name, got, want.Value))
		}
	}
	if len(f.Record.Legs) != 2 || f.Record.Cause.Label != call.LabelNormal {
		errs = append(errs, fmt.Errorf("the call ended with %s after %d legs", f.Record.Cause, len(f.Record.Legs)))
	}
	return errors.Join(errs...)
}
