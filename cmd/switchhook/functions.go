package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"time"

	"github.com/switchhook/switchhook/invoke"
)

// warmTime is how long the start waits for functions, so that first calls need not. One that hangs must not keep others' calls out.
const warmTime = 3 * time.Second

// openFunctions makes the customers' functions known and starts one process of each that runs here.
func (h *house) openFunctions(ctx context.Context, _ string) error {
	c := invoke.Config{Region: h.cfg.Region, Logger: h.log}
	for _, f := range h.cfg.Functions {
		c.Functions = append(c.Functions, f.declared())
	}
	var err error
	if h.invoker, err = invoke.New(c); err != nil {
		return err
	}
	h.later(h.invoker.Close)
	if orphansStay(os.Getpid(), h.cfg.Functions) {
		h.log.Warn("this is process 1, and functions run here: processes that they leave behind stay as zombies; run the container with an init, as docker run --init does")
	}
	h.warm(ctx)
	h.dialects = dialects(h)
	return nil
}

// orphansStay tells whether nobody waits for processes that functions' processes leave behind: the system gives them to process 1.
func orphansStay(pid int, functions []functionConfig) bool {
	return pid == 1 && slices.ContainsFunc(functions, func(f functionConfig) bool { return f.URL == "" })
}

// warm starts functions' processes. What has not started in warmTime is waited for in the background, until the house is closed.
func (h *house) warm(ctx context.Context) {
	soon, cancel := context.WithTimeout(ctx, warmTime)
	defer cancel()
	if !h.starts(ctx, h.invoker.Warm(soon)) {
		return
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.starts(ctx, h.invoker.Warm(ctx))
	}()
	h.later(func() error {
		stop()
		<-done
		return nil
	})
}

// starts logs which functions have not started, of what [invoke.Invoker.Warm] says; true: some may still do.
func (h *house) starts(ctx context.Context, err error) (still bool) {
	if ctx.Err() != nil { // the program is to end
		return false
	}
	var all interface{ Unwrap() []error }
	if !errors.As(err, &all) {
		return false
	}
	for _, err := range all.Unwrap() {
		if errors.Is(err, context.DeadlineExceeded) {
			h.log.Warn("a function is still starting; its calls wait for it", "reason", err)
			still = true
			continue
		}
		h.log.Error("a function does not start", "error", err) // its calls go to the rule's next application until it is mended
	}
	return still
}
