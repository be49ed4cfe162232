package acceptance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
)

// program is the built binary.
var program string

// together is how many tests run at once: most of them wait for a timer of SIP's, or for SIPp.
const together = "12"

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", together); err != nil {
			panic(err)
		}
	}
	os.Exit(testProgram(m))
}

// testProgram builds the program, unless SWITCHHOOK_PROGRAM names one, and runs the tests.
func testProgram(m *testing.M) int {
	if program = os.Getenv("SWITCHHOOK_PROGRAM"); program != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "acceptance")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "switchhook")
	build := exec.Command("go", "build", fmt.Sprintf("-race=%t", race), "-o", program, "../../cmd/switchhook")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		return 1
	}
	return m.Run()
}

// server is one running program.
type server struct {
	HTTP, SIP string // host:port
	secret    string // that AWS clients sign with; "": that of --dev
	attempts  int    // of a request, by AWS clients; 0: one
	data      string // its folder
	cmd       *exec.Cmd
	mu        sync.Mutex
	log       bytes.Buffer
	exited    chan struct{}
}

// start runs `switchhook serve` with a configuration ("" for none: --dev) on free ports and waits until it is ready.
func start(t *testing.T, yaml string, args ...string) *server {
	t.Helper()
	return startIn(t, t.TempDir(), nil, yaml, args...)
}

// startIn does it with a data folder and additions to the environment of one's own.
func startIn(t *testing.T, dir string, env []string, yaml string, args ...string) *server {
	t.Helper()
	all := []string{"serve", "--data", dir, "--http", "127.0.0.1:0", "--sip", fmt.Sprintf("127.0.0.1:%d", freePort(t)), "--log-format", "json"}
	if !slices.Contains(args, "--drain") {
		all = append(all, "--drain", "1s") // for calls that a test leaves standing
	}
	if yaml != "" {
		file := filepath.Join(dir, "switchhook.yaml")
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		all = append(all, "--config", file)
	}
	s := &server{data: dir, cmd: exec.Command(program, append(all, args...)...), exited: make(chan struct{})}
	s.cmd.Env = append(os.Environ(), env...)
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
		for _, fault := range []string{`"stack":`, "DATA RACE", "panic: ", "fatal error: "} {
			if strings.Contains(s.logged(), fault) {
				t.Errorf("the program had a fault of its own, whatever the test saw: %s", fault)
			}
		}
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

// fetch gets a path of the HTTP address with the admin key of the tests' configurations.
func (s *server) fetch(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.HTTP+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("admin", "admin-secret")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// get fetches a path of the admin API into v.
func (s *server) get(t *testing.T, path string, v any) {
	t.Helper()
	status, body := s.fetch(t, path)
	if status != http.StatusOK {
		t.Fatalf("GET %s: %d\n%s", path, status, body)
	}
	if err := json.Unmarshal([]byte(body), v); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, body)
	}
}

// calls gives the records of n calls, newest first, once there are as many.
func (s *server) calls(t *testing.T, n int) []call.Record {
	t.Helper()
	type answer struct{ Calls []call.Record }
	var list answer
	eventually(t, fmt.Sprintf("a record of %d calls", n), func() bool {
		list = answer{} // JSON leaves what it does not tell as it was
		s.get(t, "/api/calls", &list)
		return len(list.Calls) >= n
	})
	if len(list.Calls) > n {
		t.Errorf("%d calls left a record, want %d", len(list.Calls), n)
	}
	return list.Calls
}

// call gives all that a call left.
func (s *server) call(t *testing.T, id call.ID) call.Finished {
	t.Helper()
	var f call.Finished
	s.get(t, "/api/calls/"+string(id), &f)
	return f
}

// idle fails if a call or a leg still stands, once there was time to end.
func (s *server) idle(t *testing.T) {
	t.Helper()
	eventually(t, "the end of all calls and legs", func() bool {
		_, text := s.fetch(t, "/metrics")
		return strings.Contains(text, "\nswitchhook_calls_standing 0\n") && strings.Contains(text, "\nswitchhook_legs_standing 0\n")
	})
}

// addr gives the SIP address in parts.
func (s *server) addr() netip.AddrPort { return netip.MustParseAddrPort(s.SIP) }

// function is a customer's function behind a URL: it notes the events and answers with what handle gives.
type function struct {
	URL    string
	mu     sync.Mutex
	events []event
	server *httptest.Server
	fails  atomic.Bool // it throws, after it noted the event
	said   strictRecord
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
		if f.fails.Load() {
			f.said.add(body, "")
			w.Header().Set("X-Amz-Function-Error", "Unhandled")
			io.WriteString(w, `{"errorType":"Error","errorMessage":"let another region have it"}`)
			return
		}
		answer := handle(ev)
		f.said.add(body, answer)
		io.WriteString(w, answer)
	}))
	t.Cleanup(func() {
		f.server.Close()
		if wrong := f.said.judge(); wrong != "" {
			t.Errorf("events that a strict reader refuses: %s", wrong)
		}
	})
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
		case "ACTION_FAILED":
			return `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"480"}}]}`
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

// config is a configuration as most tests need it: one trunk for the far ends of both sides, one number, and applications in
// order, each with its function's URL.
type config struct {
	peers     []string // of the trunk, as YAML
	trunk     string   // more keys of the trunk, as YAML
	functions []string // URLs, or the rest of a declaration as YAML
	more      string   // more keys of the file
}

// configFor is for one far end.
func configFor(calleePort int, functions ...string) string {
	return config{peers: []string{peerAt(calleePort)}, functions: functions}.yaml()
}

// peerAt declares a peer on a port of this machine.
func peerAt(port int, more ...string) string {
	return fmt.Sprintf("{%s}", strings.Join(append([]string{fmt.Sprintf("host: 127.0.0.1, port: %d", port)}, more...), ", "))
}

func (c config) yaml() string {
	var b strings.Builder
	trunk := ""
	if c.trunk != "" {
		trunk = ", " + c.trunk
	}
	if !strings.Contains(trunk, "allow:") {
		trunk += ", allow: [127.0.0.1]"
	}
	fmt.Fprintf(&b, `account: "111122223333"
numbers: ["+12065550100"]
keys: [{kind: admin, id: admin, secret: admin-secret}]
trunks:
  - {id: peers, trusted: true, pstn: true, peers: [%s]%s}
apps:
`, strings.Join(c.peers, ", "), trunk)
	var names []string
	for i := range c.functions {
		names = append(names, fmt.Sprintf("app%d", i))
		fmt.Fprintf(&b, "  - {id: app%d, dialect: chime, settings: {LambdaArn: \"arn:aws:lambda:us-east-1:111122223333:function:f%d\"}}\n", i, i)
	}
	if len(names) > 0 {
		fmt.Fprintf(&b, "rules: [{name: main, number: \"+12065550100\", apps: [%s]}]\n", strings.Join(names, ", "))
	}
	b.WriteString("functions:\n")
	for i, f := range c.functions {
		if strings.HasPrefix(f, "http") {
			f = fmt.Sprintf("url: %q", f)
		}
		fmt.Fprintf(&b, "  - {name: f%d, %s}\n", i, f)
	}
	return b.String() + c.more
}
