package main

import (
	"math"
	"strings"
	"testing"
	"time"
)

// HTTP connections leave most of the files that may be open to calls.
func TestWebConnections(t *testing.T) {
	for files, want := range map[uint64]int{0: 1, 256: 64, 1024: 256, 1 << 20: 512, math.MaxUint64: 512} {
		if got := webConnections(files); got != want {
			t.Errorf("of %d files: %d, want %d", files, got, want)
		}
	}
}

func TestOrphansStay(t *testing.T) {
	local, remote := functionConfig{Name: "a", Handler: "index.handler"}, functionConfig{Name: "b", URL: "http://127.0.0.1/"}
	for _, c := range []struct {
		pid       int
		functions []functionConfig
		want      bool
	}{{1, []functionConfig{remote, local}, true}, {1, []functionConfig{remote}, false}, {1, nil, false}, {77, []functionConfig{local}, false}} {
		if got := orphansStay(c.pid, c.functions); got != c.want {
			t.Errorf("process %d with %d functions: %t", c.pid, len(c.functions), got)
		}
	}
}

func TestNegativeDrainIsRefused(t *testing.T) {
	_, err := serveCommand{Dev: true, Drain: -time.Second}.config()
	if err == nil || !strings.Contains(err.Error(), "--drain -1s") {
		t.Errorf("got %v", err)
	}
}
