package main

import (
	"math"
	"os"
	"path/filepath"
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

// TestPointed: the SDK in a function that --dev runs asks this server, unless something else is set.
func TestPointed(t *testing.T) {
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_ENDPOINT_URL_CHIME_SDK_VOICE", "AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS",
		"AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	const voice, key = "AWS_ENDPOINT_URL_CHIME_SDK_VOICE", "AWS_ACCESS_KEY_ID"
	if env := pointed(map[string]string{"A": "1"}, "127.0.0.1:8080"); env[voice] != "http://127.0.0.1:8080" || env[key] != devKey || env["A"] != "1" {
		t.Errorf("nothing is set: %v", env)
	}
	if env := pointed(map[string]string{voice: "http://x", key: "mine"}, "127.0.0.1:8080"); env[voice] != "http://x" || env[key] != "mine" {
		t.Errorf("the function's settings: %v", env)
	}
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	if env := pointed(nil, "127.0.0.1:8080"); env[voice] == "" || env[key] != "" {
		t.Errorf("a machine with AWS credentials: %v", env)
	}
}
