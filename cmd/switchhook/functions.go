package main

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
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
		d := f.declared()
		if h.cfg.dev && d.URL == "" {
			d.Env = pointed(d.Env, h.httpAddr())
		}
		c.Functions = append(c.Functions, d)
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
	return nil
}

// pointed gives the environment of a function that --dev runs: the AWS SDK in it asks this server about calls and meetings, with the key
// of --dev where neither the function nor this machine has credentials of its own. What is set stays.
func pointed(env map[string]string, at string) map[string]string {
	out := maps.Clone(env)
	if out == nil {
		out = map[string]string{}
	}
	isSet := func(name string) bool { return cmp.Or(out[name], os.Getenv(name)) != "" }
	for _, service := range []string{"CHIME_SDK_VOICE", "CHIME_SDK_MEETINGS"} {
		if name := "AWS_ENDPOINT_URL_" + service; !isSet(name) {
			out[name] = "http://" + at
		}
	}
	own := slices.ContainsFunc([]string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"}, isSet)
	if home, err := os.UserHomeDir(); err == nil && !own {
		_, err := os.Stat(filepath.Join(home, ".aws")) // the settings of who uses AWS from here
		own = err == nil
	}
	if !own {
		out["AWS_ACCESS_KEY_ID"], out["AWS_SECRET_ACCESS_KEY"] = devKey, devSecret
	}
	return out
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
