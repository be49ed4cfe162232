package docs_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// block is one fenced block.
type block struct {
	info, text string
	line       int
}

func blocks(t *testing.T, path string) []block {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var all []block
	var open *block
	for i, line := range strings.Split(string(data), "\n") {
		fence, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &block{info: strings.TrimSpace(fence), line: i + 1}
		case isFence:
			all = append(all, *open)
			open = nil
		case open != nil:
			open.text += line + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s:%d: a fence is not closed", path, open.line)
	}
	return all
}

func documents(t *testing.T) []string {
	t.Helper()
	paths := []string{"README.md", "CONTRIBUTING.md"}
	for _, dir := range []string{"docs", "examples"} {
		filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && d.Name() == "node_modules" {
				return filepath.SkipDir
			}
			if err == nil && strings.HasSuffix(p, ".md") {
				paths = append(paths, p)
			}
			return nil
		})
	}
	return paths
}

func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

func TestCommandsRun(t *testing.T) {
	ran := 0
	for _, path := range documents(t) {
		var script strings.Builder
		for _, b := range blocks(t, path) {
			switch b.info {
			case "sh":
				script.WriteString(b.text)
				ran++
			case "sh slow":
				targetExists(t, path, b)
			}
		}
		if script.Len() > 0 {
			t.Run(path, func(t *testing.T) { runScript(t, script.String()) })
		}
	}
	if ran == 0 {
		t.Error("no command found in any document: has the fence's name changed?")
	}
}

// targetExists lets make read the commands without running them.
func targetExists(t *testing.T, path string, b block) {
	for line := range strings.Lines(b.text) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " #")
		if line == "" {
			continue
		}
		rest, isMake := strings.CutPrefix(line, "make ")
		if !isMake {
			t.Errorf("%s:%d: %q is slow but no make target", path, b.line, line)
			continue
		}
		if out, err := exec.Command("bash", "-c", "make -n "+rest).CombinedOutput(); err != nil {
			t.Errorf("%s:%d: %q: %v\n%s", path, b.line, line, err, out)
		}
	}
}

// runScript runs a document's commands in one shell that stops at the first failure, and ends what it left running.
func runScript(t *testing.T, script string) {
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-euo", "pipefail", "-c", script)
	cmd.Env = append(os.Environ(), "SWITCHHOOK_DOCS=1", "PATH="+abs(t, ".cache/venv/bin")+":"+os.Getenv("PATH"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	out, err := os.CreateTemp(t.TempDir(), "out")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = out, out // a file, so that a background server does not hold Wait
	err = cmd.Run()
	if cmd.Process != nil {
		syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	}
	if err != nil {
		text, _ := os.ReadFile(out.Name())
		t.Errorf("%v\n--- script\n%s\n--- output\n%s", err, script, bytes.TrimSpace(text))
	}
}

func abs(t *testing.T, p string) string {
	t.Helper()
	a, err := filepath.Abs(p)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// links are markdown's [text](target).
var links = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)]*)?\)`)

func TestLinksLead(t *testing.T) {
	for _, path := range documents(t) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Error(err)
			continue
		}
		for _, m := range links.FindAllStringSubmatch(string(data), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", path, m[1])
			}
		}
	}
}
