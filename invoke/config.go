package invoke

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"time"
)

// Config says which functions there are and how they are invoked.
type Config struct {
	Functions []Declared
	Timeout   time.Duration // for one invocation with its retries; 0 means 20 s
	MaxAnswer int64         // bytes of an answer; 0 means 6 MB, as AWS Lambda
	Retry     Retry
	Region    string       // of functions known by name only; "" means AWS's settings, and us-east-1 for local processes
	Logger    *slog.Logger // lines that no invocation asked for, starts and ends of processes; nil means none
}

// Declared is a function that is not asked of AWS Lambda. Exactly one of URL, Command and Handler says where it is;
// Command may come with a Handler, which is then only told to the program.
type Declared struct {
	Name string // an ARN whose function name is this means this function
	// URL takes events as the Runtime Interface Emulator does: POST, event in, answer out. Used as it is.
	URL string
	// Command starts a local process that speaks the Lambda Runtime API: a binary built with aws-lambda-go, "go run ./x".
	// A relative path with a slash is below Dir.
	Command []string
	// Handler is a file and what it exports, as AWS Lambda writes it: "index.handler" is handler of index.mjs, index.js or
	// index.cjs (run by node), or of index.py (run by python3).
	Handler string

	Dir         string            // the process's working folder; "" means ours
	Env         map[string]string // added to our environment, of which names with SWITCHHOOK_ are not passed on
	Concurrency int               // processes at most, one invocation each; 0 means 16
	Timeout     time.Duration     // 0 means Config.Timeout; a process that works longer on an event is killed
	InitTimeout time.Duration     // from start until the process asks for its first event; 0 means 30 s
	IdleTimeout time.Duration     // idle processes but one end after it; 0 means 5 min
}

const (
	defaultTimeout     = 20 * time.Second
	defaultMaxAnswer   = 6 << 20
	defaultConcurrency = 16
	defaultInit        = 30 * time.Second
	defaultIdle        = 5 * time.Minute
	defaultRegion      = "us-east-1"
)

// or gives v, or d when v is its zero value.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

// withDefaults checks and fills a configuration.
func (c Config) withDefaults() (Config, error) {
	c.Timeout = or(c.Timeout, defaultTimeout)
	c.MaxAnswer = or(c.MaxAnswer, defaultMaxAnswer)
	c.Retry.Attempts = or(c.Retry.Attempts, 2)
	c.Retry.Wait = or(c.Retry.Wait, 100*time.Millisecond)
	c.Logger = or(c.Logger, slog.New(slog.DiscardHandler))
	var errs []error
	if c.Timeout < 0 || c.MaxAnswer < 0 || c.Retry.Attempts < 0 || c.Retry.Wait < 0 {
		errs = append(errs, errors.New("a time, a size or a count is negative"))
	}
	if c.Region != "" && !regionPattern.MatchString(c.Region) {
		errs = append(errs, fmt.Errorf("%q is not an AWS region", c.Region))
	}
	seen := map[string]bool{}
	own := make([]Declared, len(c.Functions))
	for i, d := range c.Functions {
		d.Concurrency = or(d.Concurrency, defaultConcurrency)
		d.Timeout = or(d.Timeout, c.Timeout)
		d.InitTimeout = or(d.InitTimeout, defaultInit)
		d.IdleTimeout = or(d.IdleTimeout, defaultIdle)
		own[i] = d
		if err := d.Validate(); err != nil {
			errs = append(errs, fmt.Errorf("function %q: %w", d.Name, err))
		} else if seen[d.Name] {
			errs = append(errs, fmt.Errorf("function %q is declared twice", d.Name))
		}
		seen[d.Name] = true
	}
	c.Functions = own
	return c, errors.Join(errs...)
}

// Validate tells what is wrong with a declaration. Zero counts and times are their defaults.
func (d Declared) Validate() error {
	switch {
	case !namePattern.MatchString(d.Name):
		return errors.New("a name is 1 to 64 letters, digits, - and _")
	case d.Concurrency < 0 || d.Timeout < 0 || d.InitTimeout < 0 || d.IdleTimeout < 0:
		return errors.New("a time or a count is negative")
	case d.URL != "" && (d.Command != nil || d.Handler != ""):
		return errors.New("it has a URL and a command or handler: one of them")
	case d.URL == "" && len(d.Command) == 0 && d.Handler == "":
		return errors.New("it has no URL, command or handler")
	}
	for name, value := range d.Env {
		if name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0) {
			return fmt.Errorf("%q is not the name of an environment variable, or its value has a zero byte", name)
		}
	}
	return nil
}

// address gives the URL of a remote function.
func (d Declared) address() (*url.URL, error) {
	u, err := url.Parse(d.URL)
	if err != nil {
		return nil, fmt.Errorf("its URL: %w", err)
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
		return nil, fmt.Errorf("its URL %s is not one of http or https with a host", u.Redacted())
	}
	return u, nil
}
