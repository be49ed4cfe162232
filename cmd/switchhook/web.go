package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/dialect"
)

const (
	maxWeb   = 512              // HTTP connections at once: the next ones wait to be accepted
	idleTime = 30 * time.Second // of an HTTP connection between two requests: clients connect again
)

// webConnections gives how many HTTP connections may stand where the program may open so many files: most of those are for calls.
func webConnections(files uint64) int { return int(min(maxWeb, max(files/4, 1))) }

// openFiles gives how many files the program may have open at once.
func openFiles() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0 // as few as can be: an unknown limit is no large one
	}
	return limit.Cur
}

// openDoor takes the HTTP address, so that who finds it taken has not begun anything yet.
func (h *house) openDoor(ctx context.Context, _ string) error {
	err := listenable(h.cfg.HTTP.Listen)
	if err == nil {
		h.webAt, err = new(net.ListenConfig).Listen(ctx, "tcp", h.cfg.HTTP.Listen)
	}
	if err != nil {
		return fmt.Errorf("HTTP: %w%s", err, elsewhere(err, "--http", "http.listen"))
	}
	h.later(func() error {
		if err := h.webAt.Close(); !errors.Is(err, net.ErrClosed) { // the server has closed it, if there was one
			return err
		}
		return nil
	})
	return nil
}

// serveWeb serves the HTTP address.
func (h *house) serveWeb() {
	var all []dialect.Dialect
	for _, d := range h.dialects {
		all = append(all, d)
	}
	handler := api.New(api.Config{
		Claims:  h.claims,
		Records: h.store, Exchange: h.exchange, Trunks: &h.peers, Registrations: registrations{h.phones, h.sip}, Directory: h.store.Snapshot, Dialects: all, Legs: h.sip.Legs, Overload: h.sip.Overload,
		Keys:      accessKeys{h.store, cmp.Or(h.cfg.Account, defaultAccount)},
		Strangers: strangers{h.sip}, Refused: strangers{h.sip}.refused, Certificates: h.sip.Certificates, Rooms: h.studio.rooms.Count,
		LogLost: h.logLost, TrustLoopback: h.cfg.dev, Version: version(), Logger: h.log,
	})
	h.web = &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: time.Minute, IdleTimeout: idleTime,
		MaxHeaderBytes: 64 << 10, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)}
	door := netutil.LimitListener(h.webAt, webConnections(openFiles()))
	served := make(chan struct{})
	go func() {
		defer close(served)
		if err := h.web.Serve(door); !errors.Is(err, http.ErrServerClosed) {
			h.failed <- fmt.Errorf("HTTP: %w", err)
		}
	}()
	h.later(func() error {
		stop, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		err := h.web.Shutdown(stop)
		if err != nil {
			err = h.web.Close()
		}
		<-served
		return err
	})
}
