package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// server says which running server a command asks, and as whom.
type server struct {
	API    string `help:"The server's HTTP address." default:"http://127.0.0.1:8080" env:"SWITCHHOOK_API"`
	Key    string `help:"Admin key's id; not needed on the machine of a --dev server." env:"SWITCHHOOK_KEY"`
	Secret string `help:"Admin key's secret." env:"SWITCHHOOK_SECRET"`
}

// get fetches a path of the admin API into v.
func (s server) get(ctx context.Context, path string, q url.Values, v any) error {
	return s.ask(ctx, http.MethodGet, path, q, v)
}

// ask sends a request to the admin API and reads the answer into v, if there is one.
func (s server) ask(ctx context.Context, method, path string, q url.Values, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return s.send(ctx, method, path, q, nil, v)
}

// post sends a body to a path of the admin API and reads the answer into v, if there is one. It may take as long as a far end
// rings.
func (s server) post(ctx context.Context, path string, body, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.send(ctx, http.MethodPost, path, nil, bytes.NewReader(text), v)
}

func (s server) send(ctx context.Context, method, path string, q url.Values, text io.Reader, v any) error {
	u := strings.TrimSuffix(s.API, "/") + path
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, u, text)
	if err != nil {
		return fmt.Errorf("--api: %w", err)
	}
	if text != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if s.Key != "" {
		req.SetBasicAuth(s.Key, s.Secret)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("no server answers at %s (is `switchhook serve` running? --api names another): %w", s.API, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if v == nil && resp.StatusCode == http.StatusNoContent {
		return nil
	}
	if resp.StatusCode == http.StatusOK {
		if err := json.Unmarshal(body, v); err != nil {
			return fmt.Errorf("the answer of %s is not what a Switchhook server says: %w", u, err)
		}
		return nil
	}
	var problem struct{ Detail string }
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return errors.New(problem.Detail)
	}
	return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
}

// callsCommand lists calls that are over.
type callsCommand struct {
	server
	Number string `help:"Only calls from or to this number."`
	Header string `help:"Only calls that saw this header."`
	Label  string `help:"Only calls that ended so: normal, busy, no-answer, app-failed, …"`
	Limit  int    `help:"At most so many, newest first." default:"20"`
	JSON   bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c callsCommand) Run(ctx context.Context, con console) error {
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	for k, v := range map[string]string{"number": c.Number, "header": c.Header, "label": c.Label} {
		if v != "" {
			q.Set(k, v)
		}
	}
	var list struct {
		Calls []call.Record `json:"calls"`
	}
	if err := c.get(ctx, "/api/calls", q, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list.Calls)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "CALL\tSTART\tFROM\tTO\tLEGS\tSECONDS\tEND")
	for _, r := range list.Calls {
		talk := 0.0
		if !r.Answered.IsZero() {
			talk = r.End.Sub(r.Answered).Seconds()
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.1f\t%s\n", r.ID, r.Start.Local().Format(time.DateTime), quoteCtl(r.From), quoteCtl(r.To), len(r.Legs), talk, quoteCtl(r.Cause.String()))
	}
	return w.Flush()
}

// whyCommand says what became of headers.
type whyCommand struct {
	server
	Call   string `arg:"" help:"The call's id; 'last' for the newest."`
	Header string `arg:"" optional:"" help:"Only this header."`
	JSON   bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c whyCommand) Run(ctx context.Context, con console) error {
	if c.Call == "last" {
		var list struct {
			Calls []call.Record `json:"calls"`
		}
		if err := c.get(ctx, "/api/calls", url.Values{"limit": {"1"}}, &list); err != nil {
			return err
		}
		if len(list.Calls) == 0 {
			return errors.New("no call is over yet")
		}
		c.Call = string(list.Calls[0].ID)
	}
	if uuid.Validate(c.Call) != nil {
		return fmt.Errorf("%q is no call's id: `switchhook calls` lists them, and \"last\" is the newest", c.Call)
	}
	var f call.Finished
	if err := c.get(ctx, "/api/calls/"+url.PathEscape(c.Call), nil, &f); err != nil {
		return err
	}
	if c.Header != "" {
		kept := f.Ledger[:0]
		for _, e := range f.Ledger {
			if header.SameName(e.Name, c.Header) || header.SameName(e.NewName, c.Header) {
				kept = append(kept, e)
			}
		}
		f.Ledger = kept
	}
	if c.JSON {
		return printJSON(con.out, f.Ledger)
	}
	if len(f.Ledger) == 0 {
		fmt.Fprintln(con.out, noEntry(c.Header))
		return nil
	}
	printLedger(con.out, f.Record, f.Ledger)
	return nil
}

// noEntry says why a call's ledger has nothing of a header, or nothing at all where none is named.
func noEntry(name string) string {
	switch {
	case name == "":
		return "No header in this call's ledger: none reached this server, nor did the application set one."
	case header.OfLeg(name):
		return "No header " + name + " in this call's ledger: " + ofLeg
	}
	return "No header " + name + " in this call's ledger: it never reached this server, nor did the application set it."
}

// ofLeg is said of the headers of which a ledger tells nothing.
const ofLeg = "each leg makes its own, whatever the other leg or the application says, and the ledger keeps none of them."

func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
