package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// functionCommand tries functions without a call.
type functionCommand struct {
	Invoke functionInvokeCommand `cmd:"" help:"Send an event to a function, and check its answer against what actions may be."`
	Check  functionCheckCommand  `cmd:"" help:"Check an answer that stands in a file."`
	Event  functionEventCommand  `cmd:"" help:"Print an event as functions get it."`
	Schema functionSchemaCommand `cmd:"" help:"Print a JSON Schema of functions' answers, for editors and tests."`
}

// sampleFlags say which event is wanted.
type sampleFlags struct {
	Action     string   `help:"What an event of an action is about: Speak, RecordAudio, …" placeholder:"ACTION"`
	From       string   `help:"LEG-A's caller." default:"+12065550142"`
	To         string   `help:"LEG-A's callee." default:"+12065550100"`
	Header     []string `help:"A header in LEG-A's SipHeaders: 'Name: value'. May be repeated." placeholder:"HEADER" sep:"none"`
	Arguments  string   `help:"The arguments that the API's caller gave: a JSON object." placeholder:"JSON"`
	Attributes string   `help:"TransactionAttributes: a JSON object." placeholder:"JSON"`
	Region     string   `help:"The application's region." default:"us-east-1"`
}

// make makes an event of a kind.
func (f sampleFlags) make(kind string) ([]byte, error) {
	s := chime.Sample{Event: kind, Action: f.Action, From: f.From, To: f.To, Region: f.Region}
	for _, h := range f.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return nil, fmt.Errorf("--header %q is not like 'Name: value'", h)
		}
		s.Headers = append(s.Headers, header.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	if f.Arguments != "" {
		s.Arguments = json.RawMessage(f.Arguments)
	}
	if f.Attributes != "" {
		s.Attributes = json.RawMessage(f.Attributes)
	}
	return chime.SampleEvent(s)
}

// functionEventCommand prints an event.
type functionEventCommand struct {
	sampleFlags
	Event string `arg:"" help:"NEW_INBOUND_CALL, HANGUP, …" default:"NEW_INBOUND_CALL"`
}

// Run prints.
func (c functionEventCommand) Run(con console) error {
	event, err := c.make(c.Event)
	if err != nil {
		return err
	}
	fmt.Fprintln(con.out, string(indented(event)))
	return nil
}

// indented gives JSON with one member a line; what is none comes back as it is.
func indented(text []byte) []byte {
	var b bytes.Buffer
	if json.Indent(&b, bytes.TrimSpace(text), "", "  ") != nil {
		return text
	}
	return b.Bytes()
}

// functionSchemaCommand prints the schema.
type functionSchemaCommand struct{}

// Run prints.
func (functionSchemaCommand) Run(con console) error {
	schema, err := chime.Schema()
	if err == nil {
		fmt.Fprintln(con.out, string(schema))
	}
	return err
}

// functionCheckCommand checks an answer.
type functionCheckCommand struct {
	File string `arg:"" help:"The answer's file; - for standard input."`
	JSON bool   `name:"json" help:"Print what is found as JSON."`
}

// Run checks. An error is that something is wrong.
func (c functionCheckCommand) Run(con console) error {
	text, err := readText(c.File)
	if err != nil {
		return err
	}
	found := chime.Check(text, chime.Limits{})
	if c.JSON {
		if err := printJSON(con.out, append([]chime.Finding{}, found...)); err != nil {
			return err
		}
		return verdict(found)
	}
	printFindings(con.out, c.File, found)
	if err := verdict(found); err != nil {
		return err
	}
	fmt.Fprintln(con.out, "✓ the answer can be carried out")
	return nil
}

// maxText is more than any event or answer has.
const maxText = 6 << 20

// readText reads an event or an answer.
func readText(file string) ([]byte, error) {
	in := io.Reader(os.Stdin)
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, maxText+1))
	if err == nil && len(text) > maxText {
		err = fmt.Errorf("%s has more than %d bytes", file, maxText)
	}
	return text, err
}

// printFindings prints one finding a line, in the form that editors understand.
func printFindings(out io.Writer, name string, found []chime.Finding) {
	for _, f := range found {
		where := ""
		if f.Path != "" {
			where = f.Path + ": "
		}
		fmt.Fprintf(out, "%s:%d:%d: %s: %s%s\n", name, f.Line, f.Column, f.Severity, quoteCtl(where), quoteCtl(f.Message))
	}
}

// verdict is an error when something that was found is one.
func verdict(found []chime.Finding) error {
	n := 0
	for _, f := range found {
		if f.Severity == chime.Wrong {
			n++
		}
	}
	switch n {
	case 0:
		return nil
	case 1:
		return errors.New("the answer can't be carried out as it stands: 1 error")
	}
	return fmt.Errorf("the answer can't be carried out as it stands: %d errors", n)
}

// functionInvokeCommand sends one event to a function.
type functionInvokeCommand struct {
	server
	sampleFlags
	Function string        `arg:"" help:"A handler's file, a program, a URL, the name of one that --config declares, or an ARN."`
	Event    string        `help:"NEW_INBOUND_CALL, HANGUP, … for a sample (switchhook function event prints them), a file with an event, or - for standard input." default:"NEW_INBOUND_CALL"`
	Call     string        `help:"Send an event that a call brought, instead of a sample: the call's id, or 'last'. The server must run with --trace, so that it keeps them." placeholder:"ID"`
	Sequence int           `help:"Which event of --call." default:"1"`
	Config   string        `help:"Configuration file that declares the function." placeholder:"FILE"`
	Timeout  time.Duration `help:"How long the function may take." default:"20s"`
	JSON     bool          `name:"json" help:"Print event, answer and findings as JSON."`
}

// Run sends the event and tells of the answer. An error is that the function fails, or that something is wrong with its answer.
func (c functionInvokeCommand) Run(ctx context.Context, con console, log *slog.Logger) error {
	fn, end, err := c.function(log)
	if err != nil {
		return err
	}
	defer end()
	event, err := c.event(ctx)
	if err != nil {
		return err
	}
	var mu sync.Mutex // lines come from another goroutine
	ctx = invoke.WithLines(ctx, func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintln(con.err, "»", quoteCtl(line))
	})
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	began := time.Now()
	raw, err := fn.Invoke(ctx, event)
	took := time.Since(began).Round(time.Millisecond)
	if err != nil {
		return fmt.Errorf("the function fails: %w", err)
	}
	answer := indented(raw)
	found := chime.CheckAnswer(event, raw, answer)
	if c.JSON {
		out := map[string]any{"event": json.RawMessage(event), "answer": string(answer), "milliseconds": took.Milliseconds(), "findings": append([]chime.Finding{}, found...)}
		if json.Valid(answer) {
			out["answer"] = json.RawMessage(answer)
		}
		return errors.Join(printJSON(con.out, out), verdict(found))
	}
	fmt.Fprintln(con.out, quoteLines(string(answer)))
	printFindings(con.out, "answer", found)
	if err := verdict(found); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "✓ the answer can be carried out; it took %s\n", took)
	return nil
}

// quoteLines is quoteCtl for a text of several lines.
func quoteLines(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = quoteCtl(lines[i])
	}
	return strings.Join(lines, "\n")
}

// function finds the function, and gives what ends its process.
func (c functionInvokeCommand) function(log *slog.Logger) (invoke.Function, func(), error) {
	cfg := invoke.Config{Region: c.Region, Timeout: c.Timeout, Logger: slog.New(slog.DiscardHandler)}
	name := c.Function
	if c.Config != "" {
		file, err := readConfig(c.Config)
		if err != nil {
			return nil, nil, err
		}
		for _, f := range file.Functions {
			cfg.Functions = append(cfg.Functions, f.declared())
		}
	}
	isName := strings.HasPrefix(name, "arn:") || slices.ContainsFunc(cfg.Functions, func(d invoke.Declared) bool { return d.Name == name })
	if _, err := os.Stat(name); !isName && (err == nil || strings.ContainsAny(name, "./")) {
		f, err := functionAt("tried", name)
		if err != nil {
			return nil, nil, errors.New(strings.TrimPrefix(err.Error(), "--function tried: "))
		}
		f.Timeout = c.Timeout
		cfg.Functions, name = append(cfg.Functions, f.declared()), f.Name
	}
	invoker, err := invoke.New(cfg)
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		if err := invoker.Close(); err != nil {
			log.Debug("close functions", "error", err)
		}
	}
	fn, err := invoker.Function(name)
	if err != nil {
		end()
		return nil, nil, err
	}
	return fn, end, nil
}

// event gives the event to send.
func (c functionInvokeCommand) event(ctx context.Context) ([]byte, error) {
	if c.Call != "" {
		f, err := c.finished(ctx, c.Call)
		if err != nil {
			return nil, err
		}
		return recorded(f, c.Sequence)
	}
	if slices.Contains(chime.SampleEvents(), c.Event) {
		return c.make(c.Event)
	}
	if _, err := os.Stat(c.Event); err != nil && c.Event != "-" {
		if !strings.ContainsAny(c.Event, "./") {
			return c.make(c.Event) // which says what there is
		}
		return nil, fmt.Errorf("--event: %w", err)
	}
	text, err := readText(c.Event)
	if err == nil && !json.Valid(text) {
		err = fmt.Errorf("%s is not JSON", c.Event)
	}
	return text, err
}

// recorded gives an event of a call that is over.
func recorded(f call.Finished, sequence int) ([]byte, error) {
	events := 0
	for _, l := range f.Log {
		if l.Kind != call.LogEvent {
			continue
		}
		if events++; events != sequence {
			continue
		}
		switch {
		case l.Body == "":
			return nil, fmt.Errorf("call %s has event %d, %s, but not what it said: run the server with --trace", f.Record.ID, sequence, l.Text)
		case !json.Valid([]byte(l.Body)):
			return nil, fmt.Errorf("event %d of call %s is longer than what is kept of one", sequence, f.Record.ID)
		}
		return []byte(l.Body), nil
	}
	return nil, fmt.Errorf("call %s brought %d events, so there is no event %d", f.Record.ID, events, sequence)
}
