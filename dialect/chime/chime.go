package chime

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

var (
	_ dialect.Dialect   = (*Dialect)(nil)
	_ dialect.Refreshed = (*Dialect)(nil)
	_ io.Closer         = (*Dialect)(nil)
)

// Functions finds the customer's function that an application names.
type Functions interface {
	// Function gives the function behind an ARN. An error means that it can't be invoked: the rule's next target is tried.
	Function(arn string) (invoke.Function, error)
	// Declared tells whether the operator declared a function by this name.
	Declared(name string) bool
}

// Config is what a Dialect needs of the program around it.
type Config struct {
	Functions Functions
	// Directory gives the directory as it is now.
	Directory func() *directory.Snapshot
	// Store is where the control plane keeps what customers create.
	Store directory.Store
	// Region stands in events of applications that name none; empty: "us-east-1".
	Region string
	// Account stands in events of calls that belong to no account.
	Account string
	Limits  Limits
	// Quotas bounds what accounts may create and ask for, as the vendor does; the zero Quotas bounds nothing.
	Quotas Quotas
	// Failover lets a live call whose function can't be invoked go on with the next application of its rule, which the vendor
	// does not.
	Failover bool
	// CallerID says whom callers on Voice Connectors may show; empty: CallerAny.
	CallerID CallerID
	// Health tells when, and from where, the last OPTIONS came by the trunk of this ID; ok is false when none has. nil: none ever has.
	Health func(trunk string) (at time.Time, from netip.AddrPort, ok bool)
	// Event takes what happened, for those who listen to events. It never blocks. nil: nobody listens.
	Event func(Event)
	// Log takes a line of a log group of CloudWatch's, a JSON object, which is not changed afterwards. It never blocks. nil:
	// nothing is logged, whatever customers configure.
	Log func(group string, at time.Time, line []byte)
	// Deliver brings an object into the bucket of an account's call detail records, later, and again until it is there: see
	// [Dialect.CdrBucket] and [Dialect.NoCdrs]. It never blocks. nil: no such records are made.
	Deliver func(account, key string, body []byte)
	// Traffic gives what each trunk has carried, by ID; nil: nobody counts.
	Traffic func() map[string]dialect.Traffic
	// Clock gives the time; nil: time.Now.
	Clock func() time.Time
	// Logger takes what an operator should know; nil: nobody.
	Logger *slog.Logger
}

// Limits bounds what one call and one answer may ask for. A zero field means the vendor's value, which stands behind it.
type Limits struct {
	Invocations    int           // in one call: 1,000
	Invoke         time.Duration // from an event to the function's answer: 20 s
	Unanswered     time.Duration // how long an inbound call rings with nothing to do: 30 s
	Ring           time.Duration // how long the far end of an API's call may ring: 60 s
	Answer         int           // bytes of an answer: 256 KiB
	Actions        int           // in an answer: 10
	Attributes     int           // pairs in TransactionAttributes: 100
	AttributeBytes int           // their JSON: 20 KiB
	HeaderLength   int           // characters of the value of one of the SipHeaders: 2,048
	HeadersLength  int           // characters of all these values: each counts alone
	CallsPerSecond float64       // calls of one application that begin: any number
	ActiveCalls    int           // calls of one application that stand, a bridged one counted twice: any number
	MeetingEmpty   time.Duration // how long a meeting stands with nobody in it: 5 min
	MeetingAlone   time.Duration // and with one attendee in it: 30 min
	MeetingLongest time.Duration // and at all: 24 h
	LogBody        int           // bytes of an event or answer that go into the call's log: none; at most 16 KiB
}

// CallerID is a policy for the caller's number of calls that come in by a Voice Connector.
type CallerID string

// The policies.
const (
	CallerAny   CallerID = "any"   // whatever it is
	CallerOwned CallerID = "owned" // one of the account's inventory, as the vendor has it; else 403
)

// Quotas is what accounts may have and do. A zero field is no bound. See "Quotas" of the vendor's service endpoints page.
type Quotas struct {
	Applications    int     // SIP media applications of an account in a region
	Rules           int     // SIP rules of an account
	Connectors      int     // Voice Connectors of an account in a region
	ConnectorGroups int     // groups of an account
	PhoneNumbers    int     // phone numbers of an account
	Meetings        int     // meetings of an account that stand
	Bots            int     // StartBotConversation at once in an account; below zero: none, as the vendor has it until asked for more
	CreateCalls     float64 // CreateSipMediaApplicationCall per second of an account
	UpdateCalls     float64 // UpdateSipMediaApplicationCall per second of an account
	VoiceFocus      float64 // VoiceFocus actions per second of an account
}

const maxLogBody = 16 << 10

func (l Limits) withDefaults() Limits {
	set := func(v *int, to int) {
		if *v == 0 {
			*v = to
		}
	}
	wait := func(v *time.Duration, to time.Duration) {
		if *v == 0 {
			*v = to
		}
	}
	set(&l.Invocations, 1000)
	wait(&l.Invoke, 20*time.Second)
	wait(&l.Unanswered, 30*time.Second)
	wait(&l.Ring, time.Minute)
	wait(&l.MeetingEmpty, 5*time.Minute)
	wait(&l.MeetingAlone, 30*time.Minute)
	wait(&l.MeetingLongest, 24*time.Hour)
	set(&l.Answer, 256<<10)
	set(&l.Actions, 10)
	set(&l.Attributes, 100)
	set(&l.AttributeBytes, 20<<10)
	set(&l.HeaderLength, 2048)
	l.LogBody = min(l.LogBody, maxLogBody)
	return l
}

// Dialect is Amazon Chime SDK PSTN Audio. Safe for concurrent use.
type Dialect struct {
	cfg   Config
	loads loads
	cdrs  cdrs
	media figures
	bots  bots
	focus pace // of VoiceFocus
	lobby *lobby
}

// New makes the dialect.
func New(cfg Config) *Dialect {
	cfg.Limits = cfg.Limits.withDefaults()
	if cfg.Region == "" {
		cfg.Region = "us-east-1"
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	d := &Dialect{cfg: cfg}
	d.lobby = newLobby(d)
	return d
}

// Close ends what goes on of itself: the clocks of the meetings. No call may be left; it gives no error.
func (d *Dialect) Close() error {
	d.lobby.close()
	return nil
}

// Name gives "chime".
func (d *Dialect) Name() string { return "chime" }

// Settings is what directory.App.Settings holds for an application of this dialect: a SIP media application. Its ID,
// name and account are those of the directory.App.
type Settings struct {
	// LambdaArn names the function, as CreateSipMediaApplication was given it: an ARN, or what Config.Functions knows.
	LambdaArn string `json:"LambdaArn"`
	// AwsRegion is the application's region; empty: Config.Region.
	AwsRegion string `json:"AwsRegion,omitempty"`
}

// ParseSettings reads and checks settings. Keys that it does not know are refused.
func ParseSettings(raw json.RawMessage) (Settings, error) {
	var s Settings
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil {
		return s, fmt.Errorf("read chime settings: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return s, errors.New("read chime settings: more than one value")
	}
	if s.LambdaArn == "" {
		return s, errors.New("chime settings: LambdaArn is missing")
	}
	return s, nil
}

// CallRequest is what CreateSipMediaApplicationCall asks for beyond the two numbers: the JSON in call.Origin.Request.
type CallRequest struct {
	// SipHeaders go out with the INVITE; checked with [Dialect.CheckSipHeaders] before.
	SipHeaders header.List `json:"sipHeaders,omitempty"`
	// Arguments is the ArgumentsMap as given, handed on byte for byte; nil when there was none.
	Arguments json.RawMessage `json:"arguments,omitempty"`
	// Counted says that the call is counted for its application already.
	Counted bool `json:"counted,omitempty"`
}

// App makes an application from its settings.
func (d *Dialect) App(id string, settings json.RawMessage) (dialect.App, error) {
	a, err := d.app(id, settings)
	if err != nil {
		return nil, err // not a nil *app in an App
	}
	return a, nil
}

// app is App, typed.
func (d *Dialect) app(id string, settings json.RawMessage) (*app, error) {
	s, err := ParseSettings(settings)
	if err != nil {
		return nil, err
	}
	s.AwsRegion = cmp.Or(s.AwsRegion, d.cfg.Region)
	return &app{dialect: d, id: id, settings: s}, nil
}

// app is one SIP media application.
type app struct {
	dialect  *Dialect
	id       string
	settings Settings
}

// Drive holds one call's conversation with the application's function.
func (a *app) Drive(ctx context.Context, c dialect.Call) error {
	d := newDriver(ctx, a, c)
	origin := c.Origin()
	var req CallRequest
	if len(origin.Request) > 0 {
		if err := json.Unmarshal(origin.Request, &req); err != nil {
			return fmt.Errorf("read what the call was created with: %w", err)
		}
	}
	if !req.Counted {
		if err := a.dialect.loads.begin(a.id, d.limits(), d.now()); err != nil {
			return err
		}
	}
	d.weight = weight{&a.dialect.loads, a.id, 1}
	defer func() { d.weight.over() }()
	var err error
	if d.fn, err = a.dialect.cfg.Functions.Function(a.settings.LambdaArn); err != nil {
		return fmt.Errorf("find function %s: %w: %w", a.settings.LambdaArn, dialect.ErrUnavailable, err)
	}
	if origin.Leg == "" {
		return d.outbound(origin, req)
	}
	return d.inbound(origin)
}
