package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/courier"
	"github.com/switchhook/switchhook/dialect/logbook"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/exchange"
)

// after is what takes what calls leave for customers: logs, records, events. What is nil takes nothing.
type after struct {
	logs    *logbook.Book
	cdrs    *courier.Courier // to accounts: where their call detail records belong is their own setting
	events  *courier.Courier
	traffic *exchange.Traffic
}

// manyObjects is how many records of one account are on their way at once.
const manyObjects = 8

// openAfter opens it. What was not delivered before goes first.
func (h *house) openAfter(_ context.Context, data string) (err error) {
	c, a := h.cfg.Chime, &h.after
	spool := filepath.Join(data, "spool")
	if c.Logs != "" {
		book := logbook.Config{Dir: c.Logs, Logger: h.log}
		if c.Logs == "stdout" {
			book.Dir, book.To = "", os.Stdout
		}
		if a.logs, err = logbook.Open(book); err != nil {
			return h.cfg.text.at("$.chime.logs", fmt.Errorf("chime.logs: %w", err))
		}
		h.later(a.logs.Close)
	}
	if a.cdrs, err = courier.Open(courier.Config{Spool: filepath.Join(spool, "cdrs.jsonl"), Workers: manyObjects, Logger: h.log, Bring: h.bringCDR}); err != nil {
		return err
	}
	h.later(a.cdrs.Close)
	if c.Events.URL == "" {
		return nil
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	if a.events, err = courier.Open(courier.Config{
		Spool: filepath.Join(spool, "events.jsonl"), Logger: h.log,
		Bring: func(ctx context.Context, p courier.Parcel) error { return c.Events.post(ctx, client, p.Body) },
	}); err != nil {
		return err
	}
	h.later(func() error {
		defer client.CloseIdleConnections()
		return a.events.Close()
	})
	return nil
}

// leaves lets the Chime dialect leave what it has to leave, once openAfter is through.
func (h *house) leaves(c *chime.Config) {
	if h.cfg.Chime.Logs != "" {
		c.Log = func(group string, at time.Time, line []byte) { h.after.logs.Write(group, at, line) }
	}
	if h.cfg.Chime.Events.URL != "" {
		c.Event = h.event
	}
	c.Traffic = h.carried
	c.Deliver = func(account, key string, body []byte) {
		h.after.cdrs.Take(courier.Parcel{To: account, Name: key, Body: body})
	}
}

// carried gives what each trunk has carried, and what the SIP edge refused of it.
func (h *house) carried() map[string]dialect.Traffic {
	out := h.after.traffic.Trunks()
	for id, n := range h.sip.Throttled() {
		t := out[id]
		t.Throttled += n
		out[id] = t
	}
	return out
}

// event sends an event on its way.
func (h *house) event(e chime.Event) {
	id, body, err := e.Envelope(time.Now())
	if err != nil {
		h.log.Error("an event can't be told", "type", e.DetailType, "error", err)
		return
	}
	h.after.events.Take(courier.Parcel{To: "events", Name: id, Body: body})
}

// bucketed is a dialect whose accounts name the buckets of their call detail records.
type bucketed interface {
	// CdrBucket gives an account's; empty when it wants no records.
	CdrBucket(ctx context.Context, account string) (string, error)
	// NoCdrs notes that it wants none.
	NoCdrs(account string)
}

// bringCDR brings a call detail record into the bucket of its account. One that the file does not declare may be declared at the
// next start.
func (h *house) bringCDR(ctx context.Context, p courier.Parcel) error {
	d, ok := h.dialects["chime"].(bucketed)
	if !ok {
		return nil // nobody there wants any
	}
	bucket, err := d.CdrBucket(ctx, p.To)
	if err != nil {
		return fmt.Errorf("find the bucket of account %s: %w", p.To, err)
	}
	if bucket == "" {
		d.NoCdrs(p.To)
		return nil
	}
	if err := h.buckets.Put(ctx, bucket, p.Name, bytes.NewReader(p.Body)); err != nil {
		return fmt.Errorf("into bucket %s: %w", bucket, err)
	}
	return nil
}

// copies gives who takes the messages of a trunk's leg: the dialect that wants them, or nil.
func (h *house) copies(t *directory.Trunk) func(at time.Time, callID string, message []byte) {
	for _, d := range h.dialects {
		if s, ok := d.(dialect.Scribe); ok {
			if f := s.Copy(t); f != nil {
				return f
			}
		}
	}
	return nil
}

// over keeps what a call left, and tells the dialects that want to know.
func (h *house) over(f call.Finished) {
	h.store.Keep(f)
	for name, d := range h.dialects {
		if x, ok := d.(dialect.Historian); ok {
			h.tell(name, x, f)
		}
	}
}

// tell tells one; its fault is its own.
func (h *house) tell(name string, x dialect.Historian, f call.Finished) {
	defer func() {
		if v := recover(); v != nil {
			h.log.Error("a dialect broke over a call that was over", "dialect", name, "call", string(f.Record.ID), "fault", v)
		}
	}()
	x.Over(f)
}

// validate tells what is wrong with it.
func (e chimeEvents) validate() error {
	if e.URL == "" {
		if len(e.Headers) > 0 {
			return errors.New("chime.events: headers without a url")
		}
		return nil
	}
	u, err := url.Parse(e.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("chime.events: url is not like https://events.example.com/switchhook")
	}
	for name, value := range e.Headers {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r) }) {
			return fmt.Errorf("chime.events: %q is no header's name", name)
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("chime.events: the value of header %s has a control character", textproto.CanonicalMIMEHeaderKey(name))
		}
	}
	return nil
}

// post gives an event to who takes them. What is refused as such, by a 4xx that says nothing of haste, is not tried again.
func (e chimeEvents) post(ctx context.Context, client *http.Client, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%w: %w", courier.ErrRefused, err)
	}
	for name, value := range e.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", "application/json")
	back, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("post an event: %w", err)
	}
	defer back.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(back.Body, maxPosted)) // so that the connection can be used again
	err = fmt.Errorf("post an event: %s", back.Status)
	switch {
	case back.StatusCode >= 200 && back.StatusCode < 300:
		return nil
	case back.StatusCode >= 400 && back.StatusCode < 500 && back.StatusCode != http.StatusRequestTimeout && back.StatusCode != http.StatusTooManyRequests:
		return fmt.Errorf("%w: %w", courier.ErrRefused, err)
	}
	return err
}

// maxPosted is how much is read of the answer to an event.
const maxPosted = 64 << 10
