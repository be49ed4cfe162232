package acceptance_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/test/need"
)

// sipp is SIPp at work on one scenario.
type sipp struct {
	cmd  *exec.Cmd
	dir  string
	out  bytes.Buffer
	done chan error
}

// startSIPp starts a scenario on a port of [freePort]. target is empty for a callee. Without other arguments it is for one call.
func startSIPp(t *testing.T, scenario, target string, port int, args ...string) *sipp {
	t.Helper()
	path := need.Tool(t, "sipp", "apt-get install sip-tester")
	s := &sipp{dir: t.TempDir(), done: make(chan error, 1)}
	file := filepath.Join(s.dir, "scenario.xml")
	if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
		t.Fatal(err)
	}
	all := []string{"-sf", file, "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-mp", strconv.Itoa(port + 2), "-m", "1", "-nostdin",
		"-timeout", "60s", "-timeout_error", "-trace_msg", "-message_file", s.file("messages.log"), "-trace_err", "-error_file", s.file("errors.log")}
	if target != "" {
		all = append([]string{target}, all...)
	}
	s.cmd = exec.Command(path, append(all, args...)...)
	s.cmd.Env = append(os.Environ(), "TERM=xterm")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = &s.out, &s.out, s.dir
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { s.cmd.Process.Kill() })
	if target == "" {
		eventually(t, "SIPp binding its port", func() bool { return isTaken(t, port) })
	}
	return s
}

func (s *sipp) file(name string) string { return filepath.Join(s.dir, name) }

// wait waits for the scenario's end; it must have gone as it is written, and all that came must be grammatical to a strict reader.
func (s *sipp) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.done:
		if err != nil {
			errs, _ := os.ReadFile(s.file("errors.log"))
			msgs, _ := os.ReadFile(s.file("messages.log"))
			t.Fatalf("SIPp: %v\n%s\n%s", err, errs, tail(msgs, 5000))
		}
		for _, text := range s.received(t) {
			strictly(t, text)
		}
	case <-time.After(90 * time.Second):
		t.Fatal("SIPp did not end")
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// traced is one message that SIPp sent or received.
type traced struct {
	at   time.Time
	sent bool
	text string
}

// trace gives all messages in order, as bytes, without SIPp's own lines.
func (s *sipp) trace(t *testing.T) []traced {
	t.Helper()
	data, err := os.ReadFile(s.file("messages.log"))
	if err != nil {
		t.Fatal(err)
	}
	var out []traced
	for _, part := range strings.Split(string(data), "-----------------------------------------------") {
		head, text, ok := strings.Cut(part, "\n\n")
		if !ok {
			continue
		}
		stamp, _, _ := strings.Cut(strings.TrimSpace(head), "\n")
		at, err := time.ParseInLocation("2006-01-02 15:04:05.999999", strings.TrimSpace(stamp), time.Local)
		if err != nil {
			at, err = time.ParseInLocation("2006-01-02\t15:04:05.999999", strings.TrimSpace(stamp), time.Local)
		}
		if err != nil {
			t.Fatalf("what SIPp traced: %v", err)
		}
		out = append(out, traced{at, strings.Contains(head, "message sent"), strings.TrimLeft(text, "\n")})
	}
	return out
}

// received gives the messages that the scenario received.
func (s *sipp) received(t *testing.T) []string {
	t.Helper()
	var out []string
	for _, m := range s.trace(t) {
		if !m.sent {
			out = append(out, m.text)
		}
	}
	return out
}

// all gives those of messages that begin so.
func all(messages []string, prefix string) []string {
	var out []string
	for _, m := range messages {
		if strings.HasPrefix(m, prefix) {
			out = append(out, m)
		}
	}
	return out
}

// first gives the first message that begins so.
func first(t *testing.T, messages []string, prefix string) string {
	t.Helper()
	found := all(messages, prefix)
	if len(found) == 0 {
		t.Fatalf("no %s among what was received: %q", prefix, messages)
	}
	return found[0]
}

// rows gives the values of a header's rows in a message, as they stand.
func rows(msg, name string) []string {
	var out []string
	head, _, _ := strings.Cut(strings.ReplaceAll(msg, "\r", ""), "\n\n")
	for _, line := range strings.Split(head, "\n") {
		if n, v, ok := strings.Cut(line, ":"); ok && strings.EqualFold(n, name) {
			out = append(out, strings.TrimPrefix(v, " "))
		}
	}
	return out
}

// row gives the value of the one row that a header has in a message; "" when there is none.
func row(t *testing.T, msg, name string) string {
	t.Helper()
	switch found := rows(msg, name); len(found) {
	case 0:
		return ""
	case 1:
		return found[0]
	default:
		t.Fatalf("%d rows of %s in\n%s", len(found), name, msg)
		return ""
	}
}

// param gives a parameter's value in a header's value.
func param(value, name string) string {
	_, rest, ok := strings.Cut(value, ";"+name+"=")
	if !ok {
		return ""
	}
	return rest[:strings.IndexAny(rest+";", ";>, \t")]
}

// ports hands out ports above those that the system gives away and below the end, in blocks of ten: SIP on the first, RTP two
// and four further. Nobody else on this machine takes them.
var ports struct {
	sync.Mutex
	next int
}

const (
	firstPort, lastPort = 61000, 65500
	block               = 10
)

// freePort gives the first of ten ports of the loopback that nobody has just now.
func freePort(t *testing.T) int {
	t.Helper()
	ports.Lock()
	defer ports.Unlock()
	if ports.next == 0 {
		ports.next = os.Getpid() % 400
	}
	for range (lastPort - firstPort) / block {
		port := firstPort + ports.next%((lastPort-firstPort)/block)*block
		ports.next++
		if isFree(port) && isFree(port+2) && isFree(port+4) {
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// isFree tells whether nobody has a port, for UDP or TCP.
func isFree(port int) bool {
	at := fmt.Sprintf("127.0.0.1:%d", port)
	c, err := net.ListenPacket("udp", at)
	if err != nil {
		return false
	}
	c.Close()
	l, err := net.Listen("tcp", at)
	if err != nil {
		return false
	}
	l.Close()
	return true
}

// isTaken tells whether somebody has a port for UDP or listens on it for TCP. It does not try to have it itself, which would be in
// the way of who is just about to.
func isTaken(t *testing.T, port int) bool {
	t.Helper()
	for _, network := range []string{"udp", "tcp", "udp6", "tcp6"} {
		table, err := os.ReadFile("/proc/net/" + network)
		if err != nil && !os.IsNotExist(err) { // where there is no IPv6
			t.Fatal(err)
		}
		if regexp.MustCompile(fmt.Sprintf(":%04X 0+:0000", port)).Match(table) {
			return true
		}
	}
	return false
}
