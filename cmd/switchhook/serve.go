package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
)

// serveCommand runs the server.
type serveCommand struct {
	Config   string            `help:"Configuration file; switchhook.yaml in the working folder when there is one." placeholder:"FILE"`
	Data     string            `help:"Folder for the database and prompts: data in the working folder unless another is named." default:"data" placeholder:"DIR"`
	HTTP     string            `name:"http" help:"Address of the HTTP APIs, the vendors' and ours: 127.0.0.1:8080 unless the file says otherwise." placeholder:"ADDR"`
	SIP      string            `name:"sip" help:"IP address and port for SIP over UDP and TCP: 0.0.0.0:5060 unless the file says otherwise; 127.0.0.1:5060 with --dev." placeholder:"ADDR"`
	PSTN     string            `name:"pstn" help:"Where numbers that nobody here owns are dialled: sip:host[:port][;transport=tcp]." placeholder:"SIPURI"`
	Function map[string]string `help:"A function that runs here: NAME=FILE for a handler file (its handler, or lambda_handler of a .py file) or program, NAME=URL for an emulator. May be repeated." placeholder:"NAME=WHERE"`
	Number   map[string]string `help:"A number and the function whose application takes its calls: NUMBER=NAME. May be repeated." placeholder:"NUMBER=NAME"`
	Dev      bool              `help:"No file needed: loopback only and trusted, AWS key dev with secret dev-secret, numbers +1 206 555 01xx, a carrier in a box."`
	Trace    bool              `help:"Keep the messages and events of each call with its record. On with --dev."`
	Drain    time.Duration     `help:"How long calls may go on after SIGTERM." default:"30s"`

	CPUProfile string `help:"Write a CPU profile for go tool pprof until the server ends." placeholder:"FILE"`
}

// defaultFile is taken when there is one and no other is named.
const defaultFile = "switchhook.yaml"

// collectAt lets garbage grow to twice what lives before it is collected: a tenth less CPU for each call, for memory that standing
// calls leave free (docs/performance.md). GOGC in the environment counts instead.
const collectAt = 200

// Run serves until the context ends, then drains.
func (c serveCommand) Run(ctx context.Context, con console, log *slog.Logger, queue *logQueue) error {
	hangup := make(chan os.Signal, 1) // a terminal that closes must not end calls
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	cfg, err := c.config()
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	stop, err := measure(c.CPUProfile)
	if err != nil {
		return err
	}
	defer stop()
	h, err := openHouse(ctx, cfg, c.Data, log, queue.lost.Load)
	if err != nil {
		return err
	}
	if c.Dev {
		printDev(con, h)
	}
	log.Info("ready", "http", h.httpAddr(), "sip", h.sipAddr(), "listen", h.sipURLs(), "version", version())
	if err := h.stand(ctx, hangup); err != nil {
		return errors.Join(err, h.close())
	}
	log.Info("draining: no new calls; standing ones may go on", "for", c.Drain.String(), "calls", h.exchange.Counts().Standing)
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Drain)
	defer cancel()
	if err := h.drain(drain); err != nil {
		log.Warn("calls were hung up", "reason", err)
	}
	return h.close()
}

// stand waits until the program is to end: nil, or why a part of it ended by itself.
func (h *house) stand(ctx context.Context, hangup <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-h.failed:
			return err
		case <-hangup:
			h.sip.Reload()
			h.log.Info("SIGHUP: certificates are read again where they have changed; restart to take the configuration file over")
		}
	}
}

// measure begins to write a CPU profile, where one is asked for.
func measure(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, fmt.Errorf("--cpu-profile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(fmt.Errorf("--cpu-profile: %w", err), f.Close())
	}
	return func() { pprof.StopCPUProfile(); f.Close() }, nil
}

// config reads the file, where there is one, and lays the flags over it.
func (c serveCommand) config() (config, error) {
	if c.Drain < 0 {
		return config{}, fmt.Errorf("--drain %v: calls can't go on for less than no time; 0s hangs them up at once", c.Drain)
	}
	cfg, path, err := c.read()
	if err != nil {
		return cfg, err
	}
	cfg.SIP.Trace = cfg.SIP.Trace || c.Trace || c.Dev
	if err := errors.Join(c.listen(&cfg), c.functions(&cfg), c.numbers(&cfg), c.pstn(&cfg, path)); err != nil {
		return cfg, err
	}
	if c.Dev {
		cfg.develop()
	}
	return cfg, nil
}

// read reads the file and gives its path: the one that is named, or the usual one where it is there, or none.
func (c serveCommand) read() (cfg config, path string, err error) {
	path = c.Config
	if path == "" {
		if _, err := os.Stat(defaultFile); err == nil {
			path = defaultFile
		}
	}
	switch {
	case path != "":
		cfg, err = readConfig(path)
	case !c.Dev:
		err = fmt.Errorf("there is no %s here: name a file with --config, or start with --dev to need none", defaultFile)
	}
	return cfg, path, err
}

// listen lays the flags of addresses over the configuration, and what is usual where neither names one.
func (c serveCommand) listen(cfg *config) error {
	if c.HTTP != "" {
		if err := listenable(c.HTTP); err != nil {
			return fmt.Errorf("--http %w", err)
		}
		cfg.HTTP.Listen = c.HTTP
	}
	cfg.HTTP.Listen = cmp.Or(cfg.HTTP.Listen, "127.0.0.1:8080")
	if c.SIP != "" {
		if _, err := netip.ParseAddrPort(c.SIP); err != nil {
			return fmt.Errorf("--sip %q is not an IP address with a port, such as 127.0.0.1:5060 or [::1]:5060", c.SIP)
		}
		tls := slices.DeleteFunc(cfg.SIP.Listen, func(at string) bool { return !strings.HasPrefix(at, "tls://") }) // the flag is for UDP and TCP
		cfg.SIP.Listen = append([]string{"udp://" + c.SIP, "tcp://" + c.SIP}, tls...)
	}
	if len(cfg.SIP.Listen) == 0 {
		at := "0.0.0.0:5060"
		if c.Dev {
			at = "127.0.0.1:5060"
		}
		cfg.SIP.Listen = []string{"udp://" + at, "tcp://" + at}
	}
	return nil
}

// functions adds those of the flags.
func (c serveCommand) functions(cfg *config) error {
	for name, where := range c.Function {
		f, err := functionAt(name, where)
		if err != nil {
			return err
		}
		if err := f.validate(); err != nil {
			return fmt.Errorf("--function: %w", err)
		}
		if i := slices.IndexFunc(cfg.Functions, func(have functionConfig) bool { return have.Name == name }); i >= 0 {
			return cfg.text.at(fmt.Sprintf("$.functions[%d].name", i), fmt.Errorf("function %q is declared here and by --function: leave out one", name))
		}
		cfg.Functions = append(cfg.Functions, f)
	}
	return nil
}

// numbers adds an application and a rule for each number that a function is to take the calls of.
func (c serveCommand) numbers(cfg *config) error {
	for _, number := range slices.Sorted(maps.Keys(c.Number)) {
		name := c.Number[number]
		if !slices.ContainsFunc(cfg.Functions, func(f functionConfig) bool { return f.Name == name }) {
			return fmt.Errorf("--number %s=%s: there is no function %s: --function %s=FILE declares one", number, name, name, name)
		}
		if !directory.IsE164(number) {
			return fmt.Errorf("--number %s=%s: %q is no E.164 number, as +12065550100", number, name, number)
		}
		if !slices.Contains(cfg.Numbers, number) {
			cfg.Numbers = append(cfg.Numbers, number)
		}
		if !slices.ContainsFunc(cfg.Apps, func(a appConfig) bool { return a.ID == name }) {
			arn := fmt.Sprintf("arn:aws:lambda:%s:%s:function:%s", cmp.Or(cfg.Region, "us-east-1"), cmp.Or(cfg.Account, defaultAccount), name)
			settings, err := json.Marshal(chime.Settings{LambdaArn: arn})
			if err != nil {
				return err
			}
			cfg.Apps = append(cfg.Apps, appConfig{ID: name, Name: name, Dialect: "chime", Settings: settings})
		}
		cfg.Rules = append(cfg.Rules, ruleConfig{Name: name + " by --number", Number: number, Apps: []string{name}})
	}
	return nil
}

// pstn adds the trunk that the flag names: it takes the place of the file's for numbers that nobody here owns.
func (c serveCommand) pstn(cfg *config, path string) error {
	if c.PSTN == "" {
		return nil
	}
	peer, err := parsePeer(c.PSTN)
	if err != nil {
		return fmt.Errorf("--pstn: %w", err)
	}
	for i, t := range cfg.Trunks {
		if t.ID == "pstn" {
			return fmt.Errorf("--pstn makes a trunk named pstn, and %s declares one: give that one another id", path)
		}
		cfg.Trunks[i].PSTN = false
	}
	cfg.Trunks = append(cfg.Trunks, trunkConfig{Trusted: true, Trunk: directory.Trunk{ID: "pstn", Name: "numbers that nobody here owns", PSTN: true, Peers: []directory.Peer{peer}}})
	return nil
}

// functionAt turns NAME=WHERE into a declaration: a URL, a handler file, or a program.
func functionAt(name, where string) (functionConfig, error) {
	f := functionConfig{Name: name}
	if strings.HasPrefix(where, "http://") || strings.HasPrefix(where, "https://") {
		f.URL = where
		return f, nil
	}
	path, err := filepath.Abs(where)
	if err != nil {
		return f, fmt.Errorf("--function %s: %w", name, err)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return f, fmt.Errorf("--function %s: there is no file %s", name, where)
	case err != nil:
		return f, fmt.Errorf("--function %s: %w", name, err)
	case info.IsDir():
		return f, fmt.Errorf("--function %s: %s is a folder: name the handler's file or the program in it", name, where)
	}
	f.Dir = filepath.Dir(path)
	base := filepath.Base(path)
	switch ext := filepath.Ext(base); ext {
	case ".mjs", ".js", ".cjs":
		f.Handler = strings.TrimSuffix(base, ext) + ".handler"
	case ".py":
		f.Handler = strings.TrimSuffix(base, ext) + "." + pythonHandler(path)
	default:
		f.Command = []string{path}
	}
	return f, nil
}

// How a Python file makes a name its own at top level: AWS's consoles and templates call a handler lambda_handler.
var (
	hasHandler       = regexp.MustCompile(`(?m)^(def[ \t]+handler[ \t]*\(|handler[ \t]*[:=])`)
	hasLambdaHandler = regexp.MustCompile(`(?m)^def[ \t]+lambda_handler[ \t]*\(`)
)

// pythonHandler gives the name of the function that a Python file has for a handler. A file that can't be read has its own error
// when it is started.
func pythonHandler(file string) string {
	text, err := os.ReadFile(file)
	if err == nil && hasLambdaHandler.Match(text) && !hasHandler.Match(text) {
		return "lambda_handler"
	}
	return "handler"
}

// The keys of --dev, printed at start. They open nothing but the loopback.
const (
	devKey, devSecret       = "dev", "dev-secret"
	devPlivoID, devPlivoKey = "MADEV000000000000000", "dev-token"
)

// develop adds what --dev gives.
func (c *config) develop() {
	c.dev = true
	for _, k := range []directory.Key{{Kind: directory.KeyAWS, ID: devKey, Secret: devSecret}, {Kind: directory.KeyPlivo, ID: devPlivoID, Secret: devPlivoKey}} {
		if !slices.ContainsFunc(c.Keys, func(have directory.Key) bool { return have.Ref() == k.Ref() }) {
			c.Keys = append(c.Keys, k)
		}
	}
	add := func(to *[]string, n string) {
		if !slices.Contains(c.Numbers, n) && !slices.Contains(c.Stock, n) { // else as the file says
			*to = append(*to, n)
		}
	}
	for i := range 100 {
		add(&c.Numbers, fmt.Sprintf("+120655501%02d", i))
		add(&c.Stock, fmt.Sprintf("+142555501%02d", i))
	}
}

// boxTrunk is the trunk to the carrier in a box, once it listens.
func boxTrunk(at netip.AddrPort) directory.Trunk {
	in, out := header.Trusted(), header.Trusted()
	in.Direction, out.Direction = header.In, header.Out
	return directory.Trunk{ID: "carrier-in-a-box", Name: "carrier in a box", PSTN: true, In: in, Out: out,
		Peers: []directory.Peer{{Host: at.Addr().String(), Port: int(at.Port()), Transport: "udp"}}}
}

// printDev tells a newcomer what there is.
func printDev(con console, h *house) {
	reach := "this machine alone can reach it."
	if h.open() {
		reach = "OTHER MACHINES CAN REACH IT, and its keys are known to all."
	}
	fmt.Fprintf(con.out, `Switchhook %s, for development: %s

  SIP           %s (UDP and TCP)
  HTTP          http://%s  (our own API under /api, vendors' APIs on their own paths)
  AWS           export AWS_ENDPOINT_URL_CHIME_SDK_VOICE=http://%s
                export AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS=http://%s
                export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s AWS_DEFAULT_REGION=us-east-1
  Plivo         auth id %s, token %s (its API is not served yet)
  Numbers       +12065550100 to +12065550199 are yours, +14255550100 to +14255550199 can be ordered
`, version(), reach, h.sipAddr(), h.httpAddr(), h.httpAddr(), h.httpAddr(), devKey, devSecret, devPlivoID, devPlivoKey)
	if h.box != nil {
		fmt.Fprintln(con.out, "  Other numbers that applications dial are answered by the carrier in a box, by their ending:")
		for _, b := range far.Behaviours() {
			fmt.Fprintf(con.out, "      %-6s%s\n", cmp.Or("…"+b.Ending, "others"), b.About)
		}
	}
	fmt.Fprintln(con.out)
}
