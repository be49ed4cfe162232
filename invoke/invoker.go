package invoke

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"
)

// Invoker knows all functions. Safe for concurrent use.
type Invoker struct {
	config    Config
	declared  map[string]declared
	cloud     *cloud
	transport *http.Transport
}

type declared struct {
	target target
	limit  time.Duration
}

// New makes an Invoker. Mistakes in the configuration are reported all at once; nothing is started or asked yet.
func New(c Config) (*Invoker, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("functions: %w", err)
	}
	i := &Invoker{
		config:    c,
		declared:  map[string]declared{},
		cloud:     &cloud{region: c.Region, limit: c.MaxAnswer},
		transport: newTransport(),
	}
	var errs []error
	for _, d := range c.Functions {
		t, err := i.target(d)
		if err != nil {
			errs = append(errs, fmt.Errorf("function %q: %w", d.Name, err))
			continue
		}
		i.declared[d.Name] = declared{t, d.Timeout}
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return i, nil
}

func (i *Invoker) target(d Declared) (target, error) {
	if d.URL != "" {
		u, err := d.address()
		if err != nil {
			return nil, err
		}
		if fits(u) {
			return newWire(u, i.config.MaxAnswer), nil
		}
		return newRemote(u, i.transport, i.config.MaxAnswer), nil
	}
	argv, input, err := d.program()
	if err != nil {
		return nil, err
	}
	if d.Dir, err = filepath.Abs(d.Dir); err != nil {
		return nil, fmt.Errorf("its folder: %w", err)
	}
	return newFleet(d, argv, input, i.config), nil
}

// Function finds a function by ARN or name: one that is declared, or else one of AWS Lambda. Whether the latter exists
// shows when it is invoked; an error here means that the name is none, or that AWS's settings can't be read or name no
// region.
func (i *Invoker) Function(arnOrName string) (Function, error) {
	ref, err := parseReference(arnOrName)
	if err != nil {
		return nil, err
	}
	g := &guarded{name: arnOrName, arn: ref.arn, limit: i.config.Timeout, retry: i.config.Retry}
	if d, ok := i.declared[ref.name]; ok {
		g.target, g.limit = d.target, d.limit
		return g, nil
	}
	if g.target, err = i.cloud.function(arnOrName, ref); err != nil {
		return nil, err
	}
	return g, nil
}

// Declared tells whether an ARN or name is that of a declared function.
func (i *Invoker) Declared(arnOrName string) bool {
	ref, err := parseReference(arnOrName)
	_, ok := i.declared[ref.name]
	return ok && err == nil
}

// Warm starts one process of each local function that has none and waits until they are ready, so that the first call
// doesn't. The error joins those of the functions that did not start; they are tried again when they are invoked.
func (i *Invoker) Warm(ctx context.Context) error {
	var fleets []*fleet
	for _, d := range i.declared {
		if f, ok := d.target.(*fleet); ok {
			fleets = append(fleets, f)
		}
	}
	results := make(chan error, len(fleets))
	for _, f := range fleets {
		go func() { results <- f.warm(ctx) }()
	}
	var errs []error
	for range fleets {
		errs = append(errs, <-results)
	}
	return errors.Join(errs...)
}

// Close ends all local processes, with what they started, and waits until they are gone. Invocations under way fail.
func (i *Invoker) Close() error {
	for _, d := range i.declared {
		switch t := d.target.(type) {
		case *fleet:
			t.stop()
		case *wire:
			t.close()
		}
	}
	for _, d := range i.declared {
		if f, ok := d.target.(*fleet); ok {
			f.running.Wait()
		}
	}
	i.transport.CloseIdleConnections()
	i.cloud.close()
	return nil
}
