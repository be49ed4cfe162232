package acceptance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is the built binary.
var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "acceptance")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "switchhook")
	build := exec.Command("go", "build", "-o", program, "../../cmd/switchhook")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1)
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// server is one running program.
type server struct {
	HTTP, SIP string // host:port
	cmd       *exec.Cmd
	mu        sync.Mutex
	log       bytes.Buffer
	exited    chan struct{}
}

// start runs `switchhook serve` with a configuration ("" for --dev without a file) on free ports and waits until it is ready.
func start(t *testing.T, yaml string, args ...string) *server {
	t.Helper()
	dir := t.TempDir()
	all := []string{"serve", "--data", dir, "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--log-format", "json"}
	if yaml != "" {
		file := filepath.Join(dir, "switchhook.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, "--config", file)
	}
	s := &server{cmd: exec.Command(program, append(all, args...)...), exited: make(chan struct{})}
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := s.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ready := make(chan struct{})
	go s.read(out, ready)
	t.Cleanup(func() {
		s.stop()
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.logged())
		}
	})
	select {
	case <-ready:
	case <-s.exited:
		t.Fatalf("the server ended at once:\n%s", s.logged())
	case <-time.After(30 * time.Second):
		t.Fatalf("the server did not get ready:\n%s", s.logged())
	}
	return s
}

// read keeps the log and finds the line that says where the server listens.
func (s *server) read(out io.Reader, ready chan struct{}) {
	defer close(s.exited)
	sc := bufio.NewScanner(out)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		s.mu.Lock()
		s.log.Write(sc.Bytes())
		s.log.WriteByte('\n')
		s.mu.Unlock()
		var line struct{ Msg, HTTP, SIP string }
		if json.Unmarshal(sc.Bytes(), &line) == nil && line.Msg == "ready" {
			s.HTTP, s.SIP = line.HTTP, line.SIP
			close(ready)
		}
	}
	s.cmd.Wait()
}

func (s *server) logged() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.log.String()
}

// stop ends the server and waits.
func (s *server) stop() {
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
		<-s.exited
	}
}

// get fetches a path of the admin API into v.
func (s *server) get(t *testing.T, path string, v any) {
	t.Helper()
	resp, err := http.Get("http://" + s.HTTP + path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", path, resp.Status, body)
	}
	if err := json.Unmarshal(body, v); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

// function is a customer's function behind a URL: it notes the events and answers with what handle gives.
type function struct {
	URL    string
	mu     sync.Mutex
	events []event
	server *httptest.Server
}

// event is a Chime event as a customer's code reads it.
type event struct {
	SchemaVersion       string
	Sequence            int
	InvocationEventType string
	ActionData          struct {
		Type         string
		Parameters   json.RawMessage
		ErrorType    string
		ErrorMessage string
	}
	CallDetails struct {
		TransactionId, AwsRegion, SipRuleId, SipMediaApplicationId string
		Participants                                               []participant
	}
	raw []byte
}

type participant struct {
	CallId, ParticipantTag, To, From, Direction, Status string
	SipHeaders                                          map[string]string
}

// startFunction serves a function whose answers handle makes.
func startFunction(t *testing.T, handle func(event) string) *function {
	t.Helper()
	f := &function{}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var ev event
		if err := json.Unmarshal(body, &ev); err != nil {
			t.Errorf("the function got no event: %v\n%s", err, body)
		}
		ev.raw = body
		f.mu.Lock()
		f.events = append(f.events, ev)
		f.mu.Unlock()
		io.WriteString(w, handle(ev))
	}))
	t.Cleanup(f.server.Close)
	f.URL = f.server.URL + "/2015-03-31/functions/function/invocations"
	return f
}

// seen gives the events of a type so far.
func (f *function) seen(kind string) []event {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []event
	for _, ev := range f.events {
		if ev.InvocationEventType == kind {
			out = append(out, ev)
		}
	}
	return out
}

// bridge answers as the example application does: each call goes to number with the headers it came with.
func bridge(number string) func(event) string {
	return func(ev event) string {
		switch ev.InvocationEventType {
		case "NEW_INBOUND_CALL":
			p := ev.CallDetails.Participants[0]
			headers, _ := json.Marshal(p.SipHeaders)
			return fmt.Sprintf(`{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallTimeoutSeconds":30,"CallerIdNumber":%q,"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":%q}],"SipHeaders":%s}}]}`, p.From, number, headers)
		case "HANGUP":
			for _, p := range ev.CallDetails.Participants {
				if p.Status == "Connected" {
					return fmt.Sprintf(`{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"ParticipantTag":%q}}]}`, p.ParticipantTag)
				}
			}
		}
		return `{"SchemaVersion":"1.0","Actions":[]}`
	}
}

// freePort gives a UDP port of the loopback that nobody has just now.
func freePort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	addr, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		t.Fatal("no UDP address")
	}
	return addr.Port
}

// eventually waits until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen within 10 s", what)
		}
		<-tick.C
	}
}

// configFor declares one trunk for SIPp on both sides, one number, and applications in order, each with its function's URL.
func configFor(calleePort int, functions ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `account: "111122223333"
numbers: ["+12065550100"]
keys: [{kind: admin, id: admin, secret: admin-secret}]
trunks:
  - {id: peers, trusted: true, pstn: true, allow: [127.0.0.1], peers: [{host: 127.0.0.1, port: %d}]}
apps:
`, calleePort)
	var names []string
	for i := range functions {
		names = append(names, fmt.Sprintf("app%d", i))
		fmt.Fprintf(&b, "  - {id: app%d, dialect: chime, settings: {LambdaArn: \"arn:aws:lambda:us-east-1:111122223333:function:f%d\"}}\n", i, i)
	}
	fmt.Fprintf(&b, "rules: [{name: main, number: \"+12065550100\", apps: [%s]}]\nfunctions:\n", strings.Join(names, ", "))
	for i, url := range functions {
		fmt.Fprintf(&b, "  - {name: f%d, url: %q}\n", i, url)
	}
	return b.String()
}
