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
	var problem problem
	if json.Unmarshal(body, &problem) == nil && problem.Detail != "" {
		return problem
	}
	return fmt.Errorf("%s: %s", resp.Status, strings.TrimSpace(string(body)))
}

// problem is how the API refuses (RFC 9457).
type problem struct {
	Detail string
	Errors []struct {
		Message, Location string
		Value             any
	}
}

// Error says what was wrong, each part of it with where it stands.
func (p problem) Error() string {
	if len(p.Errors) == 0 {
		return p.Detail
	}
	var all []string
	for _, e := range p.Errors {
		where := e.Location[strings.LastIndexByte(e.Location, '.')+1:]
		switch v := e.Value.(type) {
		case string:
			where += fmt.Sprintf(" %q", v)
		case float64, bool:
			where += fmt.Sprint(" ", v)
		}
		all = append(all, strings.TrimSpace(where)+": "+e.Message)
	}
	return strings.Join(all, "; ")
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
	f, err := c.finished(ctx, c.Call)
	if err != nil {
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

// finished asks for a call that is over, or for the newest ("last").
func (s server) finished(ctx context.Context, id string) (f call.Finished, err error) {
	if id == "last" {
		var list struct {
			Calls []call.Record `json:"calls"`
		}
		if err := s.get(ctx, "/api/calls", url.Values{"limit": {"1"}}, &list); err != nil {
			return f, err
		}
		if len(list.Calls) == 0 {
			return f, errors.New("no call is over yet")
		}
		id = string(list.Calls[0].ID)
	}
	if uuid.Validate(id) != nil {
		return f, fmt.Errorf("%q is no call's id: `switchhook calls` lists them, and \"last\" is the newest", id)
	}
	return f, s.get(ctx, "/api/calls/"+url.PathEscape(id), nil, &f)
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
