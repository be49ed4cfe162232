package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// cli is every command with its flags.
type cli struct {
	Serve    serveCommand    `cmd:"" help:"Run the server."`
	Demo     demoCommand     `cmd:"" help:"Make one real call with its context, end to end, and show what became of every header."`
	Phone    phoneCommand    `cmd:"" help:"A phone for the terminal and for scripts: call or wait for a call, with headers, digits and sound."`
	Explain  explainCommand  `cmd:"" help:"Show the INVITE that a call would send and every rule that touched it, without dialling."`
	Profiles profilesCommand `cmd:"" help:"List the kinds of peers that a trunk may name as its profile, with what each sets, and why."`
	Function functionCommand `cmd:"" help:"Try a Chime function without a call: send it an event, and check its answer."`
	asking
	Version versionCommand `cmd:"" help:"Print the version."`

	LogLevel  slog.Level `help:"debug, info, warn or error." default:"info" env:"SWITCHHOOK_LOG_LEVEL"`
	LogFormat string     `help:"text or json; by default text on a terminal, json otherwise." enum:"auto,text,json" default:"auto" env:"SWITCHHOOK_LOG_FORMAT"`
}

// asking are the commands that ask a running server.
type asking struct {
	Calls         callsCommand         `cmd:"" help:"List the calls that a running server has handled, or tell of one."`
	Why           whyCommand           `cmd:"" help:"Say what became of the headers of a call, and why."`
	Live          liveCommand          `cmd:"" help:"List the calls that stand on a running server, or the legs of one."`
	Transfer      transferCommand      `cmd:"" help:"Transfer one party of a call that stands to another number, with its context."`
	Hangup        hangupCommand        `cmd:"" help:"Hang up a call that stands."`
	Record        recordCommand        `cmd:"" help:"Record a call that stands, or a room."`
	Room          roomCommand          `cmd:"" help:"Let a party of a call into a room, where all hear each other, or take it out."`
	Hold          holdCommand          `cmd:"" help:"Put a party of a call on hold, or take it off."`
	Mute          muteCommand          `cmd:"" help:"Keep what a party of a call says from everyone, or let it be heard again."`
	Keys          keysCommand          `cmd:"" help:"Make, list and delete the access keys of clients; or press keys at a party of a call."`
	Registrations registrationsCommand `cmd:"" help:"List the telephones that are registered at a running server, and its own registrations at trunks."`
	Bans          bansCommand          `cmd:"" help:"List the sources that a running server does not listen to, or has shut out after wrong passwords, or lift that."`
}

// console is where a command reads and writes: the terminal, or a test's buffers.
type console struct {
	out, err io.Writer
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // the first signal asks to end, a second one ends at once
	os.Exit(run(ctx, os.Args[1:], console{os.Stdout, os.Stderr}))
}

// run is main with its surroundings given: the exit code comes back.
func run(ctx context.Context, args []string, con console) (code int) {
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("switchhook"),
		kong.Description("A SIP server that carries call context from end to end and runs your cloud telephony application unchanged."),
		kong.UsageOnError(),
		kong.Writers(con.out, con.err),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(con),
	)
	if err != nil {
		fmt.Fprintln(con.err, "switchhook:", err)
		return 2
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	kctx, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(con.err, "switchhook: %v (see switchhook --help)\n", err)
		return 2
	}
	text := c.LogFormat == "text" || c.LogFormat == "auto" && isTerminal(con.err)
	var queue *logQueue
	if kctx.Command() == "serve" { // its calls go on, whatever becomes of who reads its log; a terminal's command may wait, and end with its reader
		outliveReader()
		queue = newLogQueue(con.err, logHandler(con.err, c.LogLevel, text))
		defer queue.close()
		con.err = queue
	}
	if err := kctx.Run(slog.New(logHandler(con.err, c.LogLevel, text)), queue); err != nil {
		fmt.Fprintln(con.err, "switchhook:", err)
		return 1
	}
	return 0
}

// outliveReader has writes to a pipe that nobody reads fail, where they would end the program. The signal is caught, not ignored:
// customers' functions would inherit that.
func outliveReader() { signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) }

// logHandler logs as text for a person and as JSON for a collector.
func logHandler(w io.Writer, level slog.Level, text bool) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if text {
		return slog.NewTextHandler(w, opts)
	}
	return slog.NewJSONHandler(w, opts)
}

// isTerminal tells whether a person is likely to read what is written.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
