package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// The two cores: generators (and this program) on the first, the system under test on the second.
const (
	generatorCPU = "0"
	systemCPU    = "1"
)

// bench is one run.
type bench struct {
	dir     string        // scratch: logs, statistics
	root    string        // the project's folder
	program string        // the built program
	quick   bool          // short runs, to see that the bench works
	last    time.Duration // of the soak
	rate    int           // of the soak, calls a second; 0: 70 % of the highest clean one
	results []result
}

// result is one measured line.
type result struct {
	What   string             `json:"what"`
	System string             `json:"system"`
	Value  map[string]float64 `json:"value"`
	Note   string             `json:"note,omitempty"`
}

func main() {
	quick := flag.Bool("quick", false, "short runs, to see that the bench works")
	program := flag.String("program", "bin/switchhook", "the program under test")
	duration := flag.Duration("duration", 8*time.Hour, "how long the soak lasts, and the flood at most")
	rate := flag.Int("rate", 0, "calls a second of the soak (default 70 % of the highest clean rate, which is looked for first)")
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: bench [-quick] [-program FILE] [-duration TIME] PART …")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 5 && flag.Arg(0) == "host" { // this program again, as the media of calls without their signalling
		fmt.Fprintln(os.Stderr, mediaHost(flag.Arg(1), number(flag.Arg(2)), number(flag.Arg(3)), flag.Arg(4)))
		os.Exit(1)
	}
	if flag.NArg() == 3 && flag.Arg(0) == "relay" { // this program again, as the floor that others are compared with
		fmt.Fprintln(os.Stderr, bareRelay(flag.Arg(1), flag.Arg(2)))
		os.Exit(1)
	}
	if err := run(bench{program: *program, quick: *quick, last: *duration, rate: *rate}, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(b bench, what []string) error {
	var set unix.CPUSet
	set.Set(0)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("stay on one core: %w", err)
	}
	var err error
	if b.root, err = os.Getwd(); err != nil {
		return err
	}
	if b.program, err = filepath.Abs(b.program); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "bench"); err != nil {
		return err
	}
	b.origin(os.Stdout)
	for _, w := range what {
		part := b.parts()[w]
		if part == nil {
			return fmt.Errorf("there is no bench %q: name some of %v", w, slices.Sorted(maps.Keys(b.parts())))
		}
		if err := part(); err != nil {
			return fmt.Errorf("%s: %w (logs in %s)", w, err, b.dir)
		}
	}
	if len(b.results) == 0 {
		return fmt.Errorf("nothing was measured: name some of %v", slices.Sorted(maps.Keys(b.parts())))
	}
	table(os.Stdout, b.results)
	return os.RemoveAll(b.dir)
}

// parts are what can be measured.
func (b *bench) parts() map[string]func() error {
	return map[string]func() error{
		"fn":            b.functionAlone, // for looking at the program by hand
		"signalling":    b.signalling,
		"media":         b.media,
		"rooms":         b.rooms,
		"recordings":    b.recordings,
		"registrations": b.registrations,
		"transfers":     b.transfers,
		"flood":         b.flood,
		"standing":      b.standing,
		"soak":          b.soak,
		"row":           b.row,
	}
}

// origin prints what was measured where: the command, the commit, the machine.
func (b *bench) origin(w io.Writer) {
	output := func(name string, args ...string) string {
		out, _ := exec.Command(name, args...).Output()
		return strings.TrimSpace(string(out))
	}
	commit := output("git", "describe", "--always", "--dirty", "--abbrev=12")
	cpu := ""
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		_, cpu, _ = strings.Cut(string(text), "model name")
		cpu, _, _ = strings.Cut(strings.TrimLeft(cpu, "\t: "), "\n")
	}
	fmt.Fprintf(w, "command  %s\ncommit   %s\nmachine  %d × %s, %s, %s\n\n", strings.Join(os.Args, " "), commit, runtime.NumCPU(), cpu, output("uname", "-sr"), runtime.Version())
}

// report prints one line at once, its figures rounded to what can be told apart.
func (b *bench) report(r result) {
	for k, v := range r.Value {
		r.Value[k] = math.Round(v*1000) / 1000
	}
	b.results = append(b.results, r)
	json.NewEncoder(os.Stdout).Encode(r)
}

// scenarios is where the SIPp files stand.
func (b *bench) scenarios() string { return filepath.Join(b.root, "test/bench/sipp") }
