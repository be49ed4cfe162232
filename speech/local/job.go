package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// job is one process that speaks.
type job struct {
	path string
	args []string
	text string // on its standard input
	head []byte // goes before what it writes
	file bool   // it writes to the file that becomes the last argument, as it can't write to a pipe
}

// start starts the process. release is called when it is over.
func (j job) start(ctx context.Context, release func()) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancel(ctx)
	r := &running{ctx: ctx, head: j.head, end: func() { cancel(); release() }}
	var err error
	if j.file {
		err = r.whole(j)
	} else {
		err = r.begin(j)
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// running is what a process writes. The end of the file comes only after the process said that all went well.
type running struct {
	ctx  context.Context
	cmd  *exec.Cmd // nil until started, and when it is over
	out  io.ReadCloser
	head []byte
	path string // of the file it wrote
	said tail
	err  error // of Read, from then on
	end  func()
	once sync.Once
}

func (r *running) command(j job, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(r.ctx, j.path, append(j.args[:len(j.args):len(j.args)], args...)...)
	cmd.Stdin = strings.NewReader(j.text)
	cmd.Stderr = &r.said
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	return cmd
}

// environment passes on only what the engines need.
func environment() []string {
	env := []string{"LC_ALL=C.UTF-8"}
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "ESPEAK_DATA_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// begin lets the process write to us while it speaks.
func (r *running) begin(j job) error {
	cmd := r.command(j)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start: %w", err)
	}
	r.cmd, r.out = cmd, out
	return nil
}

// whole lets the process write a file, and opens it.
func (r *running) whole(j job) error {
	f, err := os.CreateTemp("", "speech-*.wav")
	if err != nil {
		return fmt.Errorf("make a file to speak to: %w", err)
	}
	r.out, r.path = f, f.Name()
	if err := r.command(j, r.path).Run(); err != nil {
		return r.failed(err)
	}
	return nil
}

func (r *running) Read(p []byte) (int, error) {
	if len(r.head) > 0 {
		n := copy(p, r.head)
		r.head = r.head[n:]
		return n, nil
	}
	if r.err != nil {
		return 0, r.err
	}
	n, err := r.out.Read(p)
	if err != nil {
		if end := r.wait(); end != nil {
			err = end
		}
		r.err = err
	}
	return n, err
}

func (r *running) wait() error {
	if r.cmd == nil {
		return nil
	}
	err := r.cmd.Wait()
	r.cmd = nil
	if err != nil {
		return r.failed(err)
	}
	return nil
}

// failed says why a process failed: out of time, or in its own words.
func (r *running) failed(err error) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	return fmt.Errorf("failed: %w: %q", err, r.said.text())
}

// Close ends the process, if it still runs, and waits for it.
func (r *running) Close() error {
	r.once.Do(func() {
		r.end()
		_ = r.wait() // that it was killed is no news
		if r.out != nil {
			r.out.Close()
		}
		if r.path != "" {
			_ = os.Remove(r.path) // in a folder that ends with the program
		}
	})
	return nil
}

// tail keeps the beginning of what a process complains of.
type tail struct{ b bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	t.b.Write(p[:min(len(p), max(0, 300-t.b.Len()))])
	return len(p), nil
}

func (t *tail) text() string { return strings.TrimSpace(t.b.String()) }

// output runs a program that tells something about itself.
func output(ctx context.Context, path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = environment()
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if err != nil && (len(out) == 0 || !errors.As(err, new(*exec.ExitError))) {
		return "", fmt.Errorf("%s %s: %w", path, strings.Join(args, " "), err)
	}
	return string(out), nil
}
