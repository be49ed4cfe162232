package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// The two cores: generators (and this program) on the first, the system under test on the second.
const (
	generatorCPU = "0"
	systemCPU    = "1"
)

// bench is one run.
type bench struct {
	dir     string // scratch: logs, statistics
	root    string // the project's folder
	program string // the built program
	quick   bool   // short runs, to see that the bench works
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
	flag.Usage = func() {
		fmt.Fprintln(os.Stderr, "usage: bench [-quick] [-program FILE] signalling|media|soak …")
		flag.PrintDefaults()
	}
	flag.Parse()
	if flag.NArg() == 3 && flag.Arg(0) == "relay" { // this program again, as the floor that others are compared with
		fmt.Fprintln(os.Stderr, bareRelay(flag.Arg(1), flag.Arg(2)))
		os.Exit(1)
	}
	if err := run(*program, *quick, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(program string, quick bool, what []string) error {
	var set unix.CPUSet
	set.Set(0)
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("stay on one core: %w", err)
	}
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	program, err = filepath.Abs(program)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	b := &bench{dir: dir, root: root, program: program, quick: quick}
	for _, w := range what {
		switch w {
		case "fn": // the function alone, for looking at the program by hand
			err = b.functionAlone()
		case "signalling":
			err = b.signalling()
		case "media":
			err = b.media()
		case "soak":
			err = b.soak()
		default:
			err = fmt.Errorf("there is no bench %q", w)
		}
		if err != nil {
			return fmt.Errorf("%s: %w (logs in %s)", w, err, dir)
		}
	}
	if len(b.results) == 0 {
		return errors.New("nothing was measured: name signalling, media or soak")
	}
	table(os.Stdout, b.results)
	return os.RemoveAll(dir)
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
