package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip"
)

// phoneCommand is the phone of the terminal.
type phoneCommand struct {
	Call phoneCall `cmd:"" help:"Call a number, say what came back, and hang up."`
	Wait phoneWait `cmd:"" help:"Wait for calls, and answer or refuse them."`
}

// phoneFlags are what both have.
type phoneFlags struct {
	Listen    netip.AddrPort `help:"Where the phone itself listens, port 0 for any: unless named, the address that the server is reached from; for wait without --register 127.0.0.1:5070."`
	Register  string         `help:"Register first, and call as that user: 'USER:PASSWORD@HOST:PORT'." placeholder:"WHO"`
	Transport string         `help:"How the server is reached: udp, tcp or tls." enum:"udp,tcp,tls" default:"udp"`
	CA        string         `name:"ca" help:"File with the CAs that the server's certificate descends from, for tls: the system's unless named." placeholder:"FILE"`
	Header    []string       `help:"A header to send: 'Name: value'. May be repeated." placeholder:"HEADER" sep:"none"`
	Digits    string         `help:"Keys to press once it is answered: 0-9 * # A-D, a comma for half a second."`
	Play      string         `help:"What to play once it is answered and the keys are pressed: a WAV or MP3 file, or a frequency in Hz." placeholder:"FILE|HZ"`
	Record    string         `help:"WAV file to write what is heard into." placeholder:"FILE"`
	For       time.Duration  `help:"How long to talk before hanging up." default:"3s"`
	JSON      bool           `name:"json" help:"Print one JSON object for each call instead of lines."`
	headers   header.List
	account   *far.Registrar // that Register names
}

// heard is what the phone tells of one call.
type heard struct {
	From     string    `json:"from"`
	To       string    `json:"to"`
	Answered bool      `json:"answered"`
	Status   int       `json:"status,omitempty"` // the final refusal, where there was one
	Cause    string    `json:"cause"`            // "normal by this phone", "486 busy by the far end (Busy Here)"
	Got      []message `json:"got"`              // what came, with its context headers
	Digits   string    `json:"digits,omitempty"`
	Tone     int       `json:"toneHz,omitempty"` // the tone heard, where it was one
	Seconds  float64   `json:"heardSeconds"`     // sound that was not silence, before the answer too
	In       uint64    `json:"packetsIn"`
	Out      uint64    `json:"packetsOut"`
	Lost     uint64    `json:"packetsLost"`
}

// message is one SIP message that came.
type message struct {
	Message string      `json:"message"`
	Headers header.List `json:"headers,omitempty"`
}

// parse checks the flags before anything is opened.
func (f *phoneFlags) parse() error {
	if strings.Trim(strings.ToUpper(f.Digits), "0123456789*#ABCD,") != "" {
		return fmt.Errorf("--digits %q: keys are 0-9 * # A-D, a comma is a pause", f.Digits)
	}
	for _, h := range f.Header {
		name, value, ok := strings.Cut(h, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok {
			return fmt.Errorf("--header %q is not like 'Name: value'", h)
		}
		if err := header.Check(name, value); err != nil {
			return fmt.Errorf("--header %q: %w", h, err)
		}
		f.headers = append(f.headers, header.Field{Name: name, Value: value})
	}
	if f.CA != "" {
		if err := sip.CheckTLS(directory.TLS{Roots: f.CA}); err != nil {
			return fmt.Errorf("--ca: %w", err)
		}
	}
	if _, isTone := f.tone(); f.Play == "" || isTone {
		return nil
	}
	stream, err := clip.OpenFile(context.Background(), f.Play)
	if err != nil {
		return fmt.Errorf("--play: %w", err)
	}
	return stream.Close()
}

// tone gives the frequency that --play names, where it names one.
func (f *phoneFlags) tone() (hz float64, ok bool) {
	hz, err := strconv.ParseFloat(f.Play, 64)
	return hz, err == nil
}

// login reads who registers where, if anybody does.
func (f *phoneFlags) login() error {
	if f.Register == "" {
		return nil
	}
	at := strings.LastIndexByte(f.Register, '@')
	user, password, ok := strings.Cut(f.Register[:max(at, 0)], ":")
	if !ok || user == "" || password == "" {
		return errors.New("--register is not like USER:PASSWORD@HOST:PORT")
	}
	peer, err := parsePeer("sip:" + f.Register[at+1:])
	if err != nil {
		return fmt.Errorf("--register: %w", err)
	}
	f.account = &far.Registrar{User: user, Password: password, Host: peer.Host, Port: peer.Port, Transport: directory.Transport(f.Transport)}
	if !f.Listen.IsValid() {
		f.Listen = reaches(peer.Host, peer.Port)
	}
	return nil
}

// reaches gives where a phone listens that talks with a server.
func reaches(host string, port int) netip.AddrPort {
	at := net.JoinHostPort(host, strconv.Itoa(cmp.Or(port, 5060)))
	return netip.AddrPortFrom(ownAddress(at, netip.MustParseAddr("127.0.0.1")), 0)
}

// patience is how long a phone waits for its registration.
const patience = 10 * time.Second

// open opens the media and the phone, and registers it where it shall.
func (f *phoneFlags) open(ctx context.Context, log *slog.Logger, incoming func(*far.Line)) (*far.Phone, func(), error) {
	if err := f.parse(); err != nil {
		return nil, nil, err
	}
	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: f.Listen.Addr()}}, Shards: 1, Log: log})
	if err != nil {
		return nil, nil, err
	}
	p, err := far.NewPhone(far.Config{Listen: f.Listen, Media: m, Incoming: incoming, TLS: directory.TLS{Roots: f.CA}, Log: log})
	if err != nil {
		return nil, nil, errors.Join(err, m.Close())
	}
	if f.account != nil {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		if err := p.Register(ctx, *f.account); err != nil {
			return nil, nil, errors.Join(err, p.Close(), m.Close())
		}
	}
	return p, func() {
		if err := errors.Join(p.Close(), m.Close()); err != nil {
			log.Warn("closing the phone", "error", err)
		}
	}, nil
}

// phoneCall calls.
type phoneCall struct {
	phoneFlags
	Number string        `arg:"" help:"The number, or a SIP URI such as sip:+12065550100@192.0.2.1:5060;transport=tcp, which stands in the INVITE as it is written."`
	Server string        `help:"The server to send the call to, whatever host the URI names: that of the URI unless named, 127.0.0.1:5060 for a number." placeholder:"HOST:PORT"`
	From   string        `help:"The caller's number." default:"+12065550142"`
	Ring   time.Duration `help:"How long to let it ring." default:"60s"`
}

// Run calls, talks, hangs up.
func (c *phoneCall) Run(ctx context.Context, con console, log *slog.Logger) error {
	if err := c.login(); err != nil {
		return err
	}
	o, err := c.outgoing()
	if err != nil {
		return err
	}
	at := net.JoinHostPort(o.Host, strconv.Itoa(cmp.Or(o.Port, 5060)))
	if !c.Listen.IsValid() {
		c.Listen = reaches(o.Host, o.Port)
	}
	phone, shut, err := c.open(ctx, log, nil)
	if err != nil {
		return err
	}
	defer shut()
	o.Headers = c.headers
	line, err := phone.Call(o)
	if err != nil {
		return err
	}
	t := talk{flags: &c.phoneFlags, con: con, line: line, heard: heard{From: o.From, To: o.Number}}
	ring, cancel := context.WithTimeout(ctx, c.Ring)
	defer cancel()
	if t.untilAnswered(ring) {
		err = t.converse(ctx)
	}
	line.Hangup(0, nil)
	t.untilOver()
	t.print()
	if err == nil && !t.heard.Answered {
		err = fmt.Errorf("not answered: %s", t.heard.Cause)
		if c := line.Ended().Cause; c.Label == call.LabelUnreachable && c.By != call.ByPeer {
			err = fmt.Errorf("%w; is a server running at %s? --server names another", err, at)
		}
	}
	return err
}

// outgoing reads the number or the URI.
func (c *phoneCall) outgoing() (far.Outgoing, error) {
	o := far.Outgoing{Number: c.Number, From: c.From, Transport: directory.Transport(c.Transport)}
	server := cmp.Or(c.Server, "127.0.0.1:5060")
	if c.account != nil && c.Server != "" {
		return o, errors.New("--register names the server: leave --server out")
	}
	if strings.HasPrefix(c.Number, "sip:") {
		u, err := header.ParseURI(c.Number)
		if err != nil {
			return o, fmt.Errorf("%q: %w", c.Number, err)
		}
		if u.User == "" || u.Headers != "" {
			return o, fmt.Errorf("%q is not like sip:NUMBER@HOST", c.Number)
		}
		_, host, _ := strings.Cut(c.Number, "@")
		there, err := parsePeer("sip:" + host)
		if err != nil {
			return o, err
		}
		if there.Transport != "udp" {
			o.Transport = there.Transport
		}
		o.Number, o.URI = u.User, c.Number
		server = cmp.Or(c.Server, host)
	}
	peer, err := parsePeer("sip:" + server)
	if err != nil {
		return o, fmt.Errorf("--server: %w", err)
	}
	o.Host, o.Port = peer.Host, peer.Port
	if peer.Transport != "udp" {
		o.Transport = peer.Transport
	}
	if a := c.account; a != nil {
		o.From, o.Host, o.Port, o.Transport = a.User, a.Host, a.Port, a.Transport
	}
	return o, nil
}

// phoneWait is called.
type phoneWait struct {
	phoneFlags
	After  time.Duration `help:"How long it rings before it is answered." default:"500ms"`
	Refuse int           `help:"Refuse with this SIP status instead of answering." placeholder:"STATUS"`
	Count  int           `help:"End after so many calls; 0 means never." default:"1"`
}

// Run waits for calls, one at a time.
func (w *phoneWait) Run(ctx context.Context, con console, log *slog.Logger) error {
	if err := w.login(); err != nil {
		return err
	}
	if !w.Listen.IsValid() {
		w.Listen = netip.MustParseAddrPort("127.0.0.1:5070")
	}
	lines := make(chan *far.Line, 16)
	phone, shut, err := w.open(ctx, log, func(l *far.Line) {
		select {
		case lines <- l:
		default:
			l.Hangup(486, nil)
		}
	})
	if err != nil {
		return err
	}
	defer shut()
	if a := w.account; a != nil && !w.JSON {
		fmt.Fprintf(con.out, "registered as %s at %s\n", a.User, a.Host)
	} else if !w.JSON {
		fmt.Fprintf(con.out, "waiting at sip:%s@%s\n", name(), phone.Addr())
	}
	for n := 0; w.Count == 0 || n < w.Count; n++ {
		select {
		case l := <-lines:
			err := w.take(ctx, con, l)
			if errors.Is(err, errSoundless) && w.Count != 1 { // as when the caller hangs up at once
				log.Warn("a call came to nothing", "error", err)
				continue
			}
			if err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// name gives a user name to show in an address.
func name() string {
	u, err := user.Current()
	if err != nil {
		return "phone"
	}
	return filepath.Base(u.Username)
}

// take handles one call.
func (w *phoneWait) take(ctx context.Context, con console, line *far.Line) error {
	at := line.Attempt()
	t := talk{flags: &w.phoneFlags, con: con, line: line, heard: heard{From: at.From, To: at.To}}
	t.got("INVITE", at.Headers)
	var err error
	if w.Refuse != 0 {
		line.Hangup(w.Refuse, w.headers)
	} else {
		line.Ring(w.headers)
		ring, cancel := context.WithTimeout(ctx, w.After)
		t.untilAnswered(ring) // or given up
		cancel()
		line.Answer(w.headers)
		answer, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		if t.untilAnswered(answer) {
			err = t.converse(ctx)
		}
		line.Hangup(0, w.headers)
	}
	t.untilOver()
	t.print()
	return err
}

// talk is one conversation.
type talk struct {
	flags *phoneFlags
	con   console
	line  *far.Line
	heard heard
	ear   far.Ear
}

// got notes a message that came.
func (t *talk) got(what string, rows header.List) {
	t.heard.Got = append(t.heard.Got, message{what, rows})
	if t.flags.JSON {
		return
	}
	fmt.Fprintf(t.con.out, "← %s\n", what)
	for _, f := range rows {
		fmt.Fprintf(t.con.out, "    %s: %s\n", quoteCtl(f.Name), quoteCtl(f.Value))
	}
}

// event notes what happened; true when it is the answer.
func (t *talk) event(e call.Event) bool {
	switch e := e.(type) {
	case call.Ringing:
		t.got("180", e.Headers)
	case call.Progress:
		t.got("183", e.Headers)
		if s := t.line.Media(); s != nil { // what a phone plays to its user before the answer is heard as well
			s.Connect(&t.ear)
		}
	case call.Answered:
		t.got("200", e.Headers)
		t.heard.Answered = true
		return true
	case call.Digit:
		t.heard.Digits += string(rune(e.Digit))
	}
	return false
}

// untilAnswered waits for the answer; false when the line is over or the time is up.
func (t *talk) untilAnswered(ctx context.Context) bool {
	for {
		select {
		case e, ok := <-t.line.Events():
			if !ok {
				return false
			}
			if t.event(e) {
				return true
			}
		case <-ctx.Done():
			return false
		}
	}
}

var errSoundless = errors.New("answered without media")

// converse plays, listens and presses keys until the time is up or the far end hangs up.
func (t *talk) converse(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, t.flags.For)
	defer cancel()
	session := t.line.Media()
	if session == nil {
		return errSoundless
	}
	digits := make(chan byte, 64)
	session.OnDigit(func(d byte, _ time.Duration) {
		select {
		case digits <- d:
		default:
		}
	})
	session.Connect(&t.ear)
	stop := func() {}
	defer func() { stop() }()
	pressed := make(chan struct{})
	go func() {
		defer close(pressed)
		_ = far.Press(ctx, session, t.flags.Digits) // it ends with the talk at the latest
	}()
	defer func() { cancel(); <-pressed }()
	silent := pressed
	for {
		select {
		case <-silent: // what is played takes the place of keys, so that they come first
			silent = nil
			s, err := t.play(ctx, session)
			if err != nil {
				return err
			}
			stop = s
		case d := <-digits:
			t.heard.Digits += string(rune(d))
		case e, ok := <-t.line.Events():
			if !ok {
				return nil
			}
			t.event(e)
		case <-ctx.Done():
			return nil
		}
	}
}

// play plays what the flags say.
func (t *talk) play(ctx context.Context, s media.Session) (stop func(), err error) {
	if t.flags.Play == "" {
		return func() {}, nil
	}
	if hz, ok := t.flags.tone(); ok {
		return s.Play(far.Hum(hz), func(error) {}), nil
	}
	stream, err := clip.OpenFile(ctx, t.flags.Play)
	if err != nil {
		return nil, fmt.Errorf("--play: %w", err)
	}
	silence := s.Play(stream, func(error) {})
	return func() { silence(); _ = stream.Close() }, nil
}

// untilOver waits for the line's end, a little.
func (t *talk) untilOver() {
	wait := time.NewTimer(5 * time.Second)
	defer wait.Stop()
	for {
		select {
		case e, ok := <-t.line.Events():
			if !ok {
				return
			}
			t.event(e)
		case <-wait.C:
			return
		}
	}
}

// ending tells how a line ended, from where the phone stands.
func ending(c call.Cause) string {
	switch c.By {
	case call.ByPeer:
		c.By = "the far end"
	case call.ByApp, call.ByPlatform:
		c.By = "this phone"
	}
	return c.String()
}

// print tells how it went.
func (t *talk) print() {
	end := t.line.Ended()
	h := &t.heard
	h.Status, h.Cause = end.Cause.SIP, ending(end.Cause)
	if end.Cause.Label == "" {
		h.Cause = "the far end did not answer our hanging up"
	}
	h.In, h.Out, h.Lost = end.Media.PacketsIn, end.Media.PacketsOut, end.Media.Lost
	h.Tone, h.Seconds = t.ear.Tone(), t.ear.Sound().Seconds()
	if len(end.Headers) > 0 {
		t.got(cmp.Or(strings.TrimPrefix(fmt.Sprint(h.Status), "0"), "BYE"), end.Headers)
	}
	if t.flags.Record != "" && (h.Answered || h.Seconds > 0) {
		if err := t.record(); err != nil {
			fmt.Fprintln(t.con.err, "switchhook: --record:", err)
		}
	}
	if t.flags.JSON {
		if err := printJSON(t.con.out, h); err != nil {
			fmt.Fprintln(t.con.err, "switchhook:", err)
		}
		return
	}
	sound := "silence"
	switch {
	case h.Tone > 0:
		sound = fmt.Sprintf("a tone of %d Hz", h.Tone)
	case h.Seconds > 0:
		sound = fmt.Sprintf("%.1f s of sound", h.Seconds)
	}
	fmt.Fprintf(t.con.out, "heard %s (%d packets in, %d out, %d lost)", sound, h.In, h.Out, h.Lost)
	if h.Digits != "" {
		fmt.Fprintf(t.con.out, ", keys %s", h.Digits)
	}
	fmt.Fprintf(t.con.out, "\nover: %s\n", quoteCtl(h.Cause))
}

// record writes what was heard.
func (t *talk) record() error {
	f, err := os.Create(t.flags.Record)
	if err != nil {
		return err
	}
	w := clip.NewWriter(f)
	for frame := range t.ear.Frames() {
		if err := w.Write(frame[:]); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return errors.Join(w.Close(), f.Close())
}
