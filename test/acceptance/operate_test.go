package acceptance_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"

	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/test/need"
)

// tended is a running program whose log a test reads as it likes.
type tended struct {
	*server
	pipe *os.File // our end of the log
	log  *bufio.Reader
	code chan int // of the exit
}

// startTended starts the program and reads its log until it is ready, and no further.
func startTended(t *testing.T, yaml string) *tended {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "switchhook.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	h := &tended{server: &server{}, pipe: ours, log: bufio.NewReader(ours), code: make(chan int, 1)}
	h.cmd = exec.Command(program, "serve", "--data", dir, "--http", "127.0.0.1:0", "--sip", fmt.Sprintf("127.0.0.1:%d", freePort(t)),
		"--log-format", "json", "--drain", "1s", "--config", file)
	h.cmd.Stderr = theirs
	h.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	err = h.cmd.Start()
	theirs.Close()
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		h.cmd.Wait()
		h.code <- h.cmd.ProcessState.ExitCode()
	}()
	t.Cleanup(func() {
		syscall.Kill(-h.cmd.Process.Pid, syscall.SIGKILL)
		<-over
		ours.Close()
	})
	ours.SetReadDeadline(time.Now().Add(30 * time.Second))
	for h.HTTP == "" {
		line, err := h.log.ReadBytes('\n')
		if err != nil {
			t.Fatalf("the server did not get ready: %v", err)
		}
		var l struct{ Msg, HTTP, SIP string }
		if json.Unmarshal(line, &l) == nil && l.Msg == "ready" {
			h.HTTP, h.SIP = l.HTTP, l.SIP
		}
	}
	ours.SetReadDeadline(time.Time{})
	return h
}

// ends asks the program to end, and fails unless it does, and well.
func (h *tended) ends(t *testing.T) {
	t.Helper()
	h.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case code := <-h.code:
		if code != 0 {
			t.Errorf("exit code %d", code)
		}
	case <-time.After(15 * time.Second):
		t.Fatal("it does not end")
	}
}

// unlogged gives how many lines of the log were left out so far, by the program's own count.
func (s *server) unlogged(t *testing.T) int {
	t.Helper()
	_, text := s.fetch(t, "/metrics")
	for line := range strings.Lines(text) {
		if value, ok := strings.CutPrefix(line, "switchhook_log_lines_dropped_total "); ok {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("no switchhook_log_lines_dropped_total among the metrics:\n%s", text)
	return 0
}

// until makes Python wait until a test has made a file, before the code that follows. Ten minutes are more than a test takes.
const until = `
import os, time
for _ in range(6000):
    if os.path.exists(%q): break
    time.sleep(0.1)
`

// chatter declares a function that prints 2.4 MB, more than may wait for the log's reader, when tell is called, which waits until it
// has printed all.
func chatter(t *testing.T) (declared string, tell func()) {
	t.Helper()
	need.Tool(t, "python3", "Python 3.10 or later")
	dir := t.TempDir()
	told, done := filepath.Join(dir, "told"), filepath.Join(dir, "done")
	code := "import threading\ndef chat():\n" + strings.ReplaceAll(fmt.Sprintf(until, told), "\n", "\n    ") +
		"\n    for _ in range(600): print('x' * 4000, flush=True)\n    open(" + strconv.Quote(done) + ", 'w').close()\n\nthreading.Thread(target=chat, daemon=True).start()\ndef handler(event, context): return None\n"
	file := filepath.Join(dir, "app.py")
	if err := os.WriteFile(file, []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	return handlerAt(t, file, "app.handler"), func() {
		touch(t, told)
		eventually(t, "the function printing all", func() bool { _, err := os.Stat(done); return err == nil })
	}
}

func touch(t *testing.T, file string) {
	t.Helper()
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// stalled starts the program with a call that stands, and has it log more than its log's reader, which stalls, leaves room for.
func stalled(t *testing.T) (h *tended, v *victims) {
	t.Helper()
	v = &victims{caller: newPerson(t, 440), callee: newPerson(t, 1000)}
	v.f = startFunction(t, bridge("+14155550199"))
	chats, tell := chatter(t)
	h = startTended(t, config{peers: []string{peerAt(int(v.callee.Addr().Port()))}, functions: []string{v.f.URL, chats}}.yaml())
	v.s = h.server
	v.line = v.caller.calls(t, v.s)
	hears(t, "the caller", &v.caller.ear, 1000)
	tell()
	eventually(t, "lines left out of the log", func() bool { return h.unlogged(t) > 0 })
	return h, v
}

// A reader of the log that stalls holds up no call; when it reads on it is told how much it missed.
func TestLogReaderStalls(t *testing.T) {
	t.Parallel()
	h, v := stalled(t)
	another := newPerson(t, 440)
	line := another.calls(t, h.server)
	hears(t, "another caller", &another.ear, 1000)
	line.Hangup(0, nil)
	over(t, line)
	before := v.callee.ear.Sound()
	eventually(t, "the call going on", func() bool { return v.callee.ear.Sound() > before+200*time.Millisecond })
	v.line.Hangup(0, nil)
	over(t, v.line)
	alive(t, h.server)
	h.idle(t)

	const later = "+12065550149" // who calls once the log is read again
	var mu sync.Mutex
	told, heard := 0, false
	go func() {
		for {
			line, err := h.log.ReadBytes('\n')
			if err != nil {
				return
			}
			var l struct {
				Msg, From string
				Lines     int
			}
			if json.Unmarshal(line, &l) != nil {
				t.Errorf("not a whole line: %.100q", line)
			}
			mu.Lock()
			if l.Lines > 0 && strings.Contains(l.Msg, "left out") {
				told += l.Lines
			}
			heard = heard || l.Msg == "call begins" && l.From == later
			mu.Unlock()
		}
	}()
	eventually(t, "the log saying how many lines it lacks", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return told > 0 && told == h.unlogged(t)
	})
	line, err := another.Call(far.Outgoing{Number: "+12065550100", Host: "127.0.0.1", Port: int(h.addr().Port()), From: later})
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the next call in the log", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return heard
	})
	line.Hangup(0, nil)
	over(t, line)
	h.ends(t)
}

// A reader of the log that stalls does not keep the program from ending.
func TestLogReaderStallsTheEnd(t *testing.T) {
	t.Parallel()
	h, v := stalled(t)
	h.ends(t)
	over(t, v.line)
}

// A reader of the log that is gone ends neither the program nor a call.
func TestLogReaderGone(t *testing.T) {
	t.Parallel()
	v := &victims{caller: newPerson(t, 440), callee: newPerson(t, 1000)}
	v.f = startFunction(t, bridge("+14155550199"))
	h := startTended(t, configFor(int(v.callee.Addr().Port()), v.f.URL))
	v.s = h.server
	h.pipe.Close()
	v.line = v.caller.calls(t, v.s)
	hears(t, "the callee", &v.callee.ear, 440)
	eventually(t, "lines that nobody reads", func() bool { return h.unlogged(t) > 0 })
	v.unharmed(t, 0)
	h.ends(t)
}

// SIGHUP, which a terminal sends that closes, ends no call; the log says that it brings certificates in, and not the file.
func TestHangupSignal(t *testing.T) {
	t.Parallel()
	v := newVictims(t)
	for range 2 {
		if err := v.s.cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the log saying so", func() bool { return strings.Contains(v.s.logged(), "SIGHUP: certificates are read again") })
	}
	v.unharmed(t, 0)
}

// A function that hangs at its start keeps nobody else's calls out, and a slow one gets its call once it has started.
func TestFunctionsThatStartSlowly(t *testing.T) {
	t.Parallel()
	need.Tool(t, "python3", "Python 3.10 or later")
	example, err := os.ReadFile(filepath.Join("..", "..", "examples", "chime-bridge", "app.py"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	told := filepath.Join(dir, "told")
	file := filepath.Join(dir, "app.py")
	if err := os.WriteFile(file, []byte(fmt.Sprintf(until, told)+string(example)), 0o600); err != nil {
		t.Fatal(err)
	}
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	began := time.Now()
	s := start(t, config{peers: []string{peerAt(int(callee.Addr().Port()))}, functions: []string{
		handlerAt(t, file, "app.handler", `env: {BRIDGE_TO: "+14155550199"}`), `command: [/bin/sleep, "1000"]`}}.yaml())
	if took := time.Since(began); took > 20*time.Second { // it waited 30 s
		t.Errorf("ready after %v", took)
	}
	for _, name := range []string{"f0", "f1"} {
		if log := s.logged(); !strings.Contains(log, `"a function is still starting; its calls wait for it","reason":"warm function `+name+":") {
			t.Errorf("no word of %s:\n%s", name, log)
		}
	}
	if status, _ := s.fetch(t, "/readyz"); status != http.StatusOK {
		t.Errorf("readyz: %d", status)
	}
	l := caller.dials(t, s)
	touch(t, told)
	if _, err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	caller.talk(l)
	hears(t, "the caller", &caller.ear, 1000)
	l.Hangup(0, nil)
	over(t, l)
	s.idle(t)
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(15 * time.Second):
		t.Error("it waits for the function that hangs")
	}
}

// webConnections is how many HTTP connections the program takes at once: docs/operating.md.
func webConnections(t *testing.T) int {
	t.Helper()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Fatal(err)
	}
	if files.Cur < 1024 {
		need.Missing(t, fmt.Sprintf("%d open files are not enough: ulimit -n 1024", files.Cur))
	}
	return int(min(512, files.Cur/4))
}

// S11: HTTP connections that are kept open are bounded, so that calls have their sockets, and end when nothing is asked on them; a
// client whose connection was ended connects again.
func TestS11IdleHTTP(t *testing.T) {
	t.Parallel()
	most := webConnections(t)
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(int(callee.Addr().Port()), f.URL), "--dev")
	client := chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
	list := func() {
		t.Helper()
		if _, err := client.ListSipMediaApplications(t.Context(), &chimesdkvoice.ListSipMediaApplicationsInput{}); err != nil {
			t.Errorf("the AWS SDK: %v", err)
		}
	}
	list()
	const more = 8
	all := make([]net.Conn, most+more)
	for i := range all {
		var d net.Dialer
		c, err := d.DialContext(t.Context(), "tcp", s.HTTP)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := io.WriteString(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		all[i] = c
	}
	answered := func(c net.Conn, patience time.Duration) bool {
		c.SetReadDeadline(time.Now().Add(patience))
		resp, err := http.ReadResponse(bufio.NewReaderSize(c, 4096), nil)
		if err != nil {
			return false
		}
		io.Copy(io.Discard, resp.Body)
		return resp.StatusCode == http.StatusOK
	}
	for i, c := range all[:most-more] { // the SDK's and the tests' own take a few
		if !answered(c, 10*time.Second) {
			t.Fatalf("connection %d of %d was not served", i, most)
		}
	}
	late := all[most:]
	if answered(late[more-1], 200*time.Millisecond) {
		t.Errorf("%d connections were served at once", len(all))
	}
	line := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 1000)
	for i, c := range late { // once the others have been idle for long enough
		if !answered(c, time.Minute) {
			t.Errorf("connection %d was never served", most+i)
		}
	}
	all[0].SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := all[0].Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("an idle connection: %v, want its end", err)
	}
	list()
	line.Hangup(0, nil)
	over(t, line)
	s.idle(t)
}
