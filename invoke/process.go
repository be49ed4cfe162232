package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/google/uuid"
	"golang.org/x/net/netutil"
)

// state is what a process does.
type state int

const (
	starting  state = iota // has not asked for an event yet
	idle                   // asks for an event
	busy                   // is somebody's, or works on an event
	finishing              // has answered, and not asked again
	gone
)

// process is one process of a local function and the Runtime API that it talks to.
type process struct {
	fleet *fleet
	ctx   context.Context // ends when it is to die
	kill  context.CancelFunc
	out   *output
	work  chan *invocation

	// Of the fleet's, under its lock.
	state    state
	current  *invocation // the event it owes an answer for
	since    time.Time   // idle since
	deadline time.Time   // of the start, or of the event until it asks for the next
	timer    *time.Timer // for deadline
	fault    *Error      // why it dies, when we or it said so
}

func newProcess(f *fleet) *process {
	p := &process{fleet: f, work: make(chan *invocation, 1), deadline: time.Now().Add(f.limits.start)}
	p.ctx, p.kill = context.WithCancel(f.ctx)
	p.timer = time.AfterFunc(f.limits.start, p.overdue)
	return p
}

// begin gives a taken process its event; false when it died meanwhile.
func (p *process) begin(inv *invocation) bool {
	f := p.fleet
	sink := inv.lines
	if sink == nil {
		sink = func(line string) { f.log.Info("function printed", "request", inv.id, "line", line) }
	}
	p.out.attribute(sink)
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.state != busy {
		return false
	}
	inv.deadline = time.Now().Add(f.limits.event)
	p.current, p.deadline = inv, inv.deadline
	p.timer.Reset(f.limits.event)
	p.work <- inv // has room: an event is only given when there is none
	return true
}

// finish ends the invocation that the process owes an answer for; false when id is not its.
func (p *process) finish(id string, out outcome) bool {
	f := p.fleet
	f.mu.Lock()
	inv := p.current
	if p.state != busy || inv == nil || inv.id != id {
		f.mu.Unlock()
		return false
	}
	p.current, p.state = nil, finishing
	f.mu.Unlock()
	p.out.drain() // what it printed before it answered is its caller's
	inv.done <- out
	return true
}

// overdue kills a process that did not start, answer, or come back in time.
func (p *process) overdue() {
	f := p.fleet
	f.mu.Lock()
	if p.state == idle || p.state == gone || time.Now().Before(p.deadline) {
		f.mu.Unlock()
		return
	}
	inv := p.current
	p.current = nil
	if p.state == starting {
		p.fault = &Error{Kind: TimedOut, Message: fmt.Sprintf("its process did not ask for an event within %v of its start", f.limits.start)}
	} else {
		p.fault = &Error{Kind: TimedOut, Message: fmt.Sprintf("its process was killed: no answer within %v", f.limits.event)}
	}
	fault := p.fault
	f.mu.Unlock()
	p.kill()
	if inv != nil {
		p.out.drain()
		inv.done <- outcome{fault: fault}
	}
}

// run is a process's life, from its start until nothing of it is left.
func (p *process) run() {
	defer p.kill()
	fault := p.serve()
	p.fleet.mu.Lock()
	if p.fault != nil {
		fault = p.fault
	} else if p.fleet.stopped {
		fault = &Error{Kind: Unreachable, Message: errStopped.Error(), Err: errStopped}
	}
	p.fleet.mu.Unlock()
	p.fleet.gone(p, fault)
}

// serve starts the process, serves it, and says how it ended.
func (p *process) serve() *Error {
	log := p.fleet.log
	listener, err := (&net.ListenConfig{}).Listen(p.ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return &Error{Kind: Unreachable, Message: err.Error(), Err: fmt.Errorf("listen for a function's process: %w", err)}
	}
	out, pipe, err := newOutput(func(line string) { log.Info("function printed", "line", line) })
	if err != nil {
		listener.Close()
		return &Error{Kind: Unreachable, Message: err.Error(), Err: err}
	}
	p.out = out
	cmd := p.fleet.spawn.command(p.ctx, listener.Addr().String(), pipe)
	runtime.LockOSThread() // the process dies with the thread that started it: this one stays, as it waits for the process anyway
	defer runtime.UnlockOSThread()
	if err = cmd.Start(); err != nil {
		pipe.Close()
		out.close()
		listener.Close()
		kind := Unreachable
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			kind = NotFound
		}
		return &Error{Kind: kind, Message: "start its process: " + err.Error(), Err: err}
	}
	pipe.Close()
	log.Debug("function process started", "pid", cmd.Process.Pid)

	var tasks sync.WaitGroup
	server := p.server(&tasks)
	tasks.Go(func() { _ = server.Serve(netutil.LimitListener(listener, maxConnections)) })
	tasks.Go(out.read)
	_ = cmd.Wait() // its state tells more
	killGroup(cmd.Process.Pid)
	server.Close()
	out.close()
	tasks.Wait()
	log.Debug("function process ended", "pid", cmd.Process.Pid, "state", cmd.ProcessState.String())
	message := "its process ended (" + cmd.ProcessState.String() + ")"
	if tail := out.tail(); tail != "" {
		message += " after it printed: " + tail
	}
	return &Error{Kind: Crashed, Type: "Runtime.ExitError", Message: cut(message)}
}

// server makes the server of the Runtime API; tasks counts its connections too.
func (p *process) server(tasks *sync.WaitGroup) *http.Server {
	return &http.Server{
		Handler:           p.runtimeAPI(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          discardLog(),
		ConnState: func(_ net.Conn, s http.ConnState) {
			switch s {
			case http.StateNew:
				tasks.Add(1)
			case http.StateClosed, http.StateHijacked:
				tasks.Done()
			case http.StateActive, http.StateIdle:
			}
		},
	}
}

// spawn is how processes of a function are started.
type spawn struct {
	argv  []string
	input []byte
	dir   string
	env   []string
	arn   string // told when the caller gave none
}

func newSpawn(d Declared, argv []string, input []byte, region string) spawn {
	argv = slices.Clone(argv)
	if strings.Contains(argv[0], "/") && !filepath.IsAbs(argv[0]) {
		argv[0] = filepath.Join(d.Dir, argv[0])
	}
	return spawn{
		argv: argv, input: input, dir: d.Dir, env: environment(d, region),
		arn: "arn:aws:lambda:" + region + ":000000000000:function:" + d.Name,
	}
}

// command makes the process, in a group of its own so that what it forks dies with it.
func (s spawn) command(ctx context.Context, api string, out *os.File) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.argv[0], s.argv[1:]...)
	cmd.Dir = s.dir
	if s.input != nil {
		cmd.Stdin = bytes.NewReader(s.input) // less than a pipe holds: nobody waits for its reader
	}
	cmd.Env = append(s.env[:len(s.env):len(s.env)], "AWS_LAMBDA_RUNTIME_API="+api, "AWS_LAMBDA_LOG_STREAM_NAME="+logStream())
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = attributes()
	cmd.Cancel = func() error {
		killGroup(cmd.Process.Pid)
		return nil
	}
	return cmd
}

// killGroup kills a process and what it started, as far as that stayed in its group.
func killGroup(pid int) {
	_ = syscall.Kill(-pid, syscall.SIGKILL) // none left: as it should be
}

func logStream() string {
	return time.Now().UTC().Format("2006/01/02") + "/[$LATEST]" + strings.ReplaceAll(uuid.NewString(), "-", "")
}

// environment is what a process gets: ours without what is meant for us or for another function, what AWS Lambda sets,
// and what was declared (AWS Lambda Developer Guide, Defined runtime environment variables).
func environment(d Declared, region string) []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "SWITCHHOOK_") || strings.HasPrefix(name, "AWS_LAMBDA_") || strings.HasPrefix(name, "_") {
			continue
		}
		env = append(env, v)
	}
	env = append(env,
		"_HANDLER="+or(d.Handler, "bootstrap"),
		"LAMBDA_TASK_ROOT="+d.Dir,
		"AWS_REGION="+region,
		"AWS_DEFAULT_REGION="+region,
		"AWS_LAMBDA_FUNCTION_NAME="+d.Name,
		"AWS_LAMBDA_FUNCTION_VERSION=$LATEST",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE=1024",
		"AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
		"AWS_LAMBDA_LOG_GROUP_NAME=/aws/lambda/"+d.Name,
		"TZ=UTC",
		"PYTHONUNBUFFERED=1",
	)
	for name, value := range d.Env {
		env = append(env, name+"="+value)
	}
	return env
}
