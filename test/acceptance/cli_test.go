package acceptance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/test/need"
)

// ran is what a run of the program gave.
type ran struct {
	out, err string
	code     int
	took     time.Duration
}

// run runs the program to its end.
func run(t *testing.T, env []string, args ...string) ran {
	t.Helper()
	return <-begin(t, env, args...)
}

// begin starts it, and gives what it gave once it is over.
func begin(t *testing.T, env []string, args ...string) <-chan ran {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir = append(os.Environ(), env...), t.TempDir()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan ran, 1)
	go func() {
		patience := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
		err := cmd.Wait()
		patience.Stop()
		r := ran{out: out.String(), err: errs.String(), took: time.Since(began)}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			r.code = exit.ExitCode()
		} else if err != nil {
			r.code = -1
		}
		done <- r
	}()
	t.Cleanup(func() { cmd.Process.Kill() })
	return done
}

// heard is what `switchhook phone --json` prints.
type heard struct {
	From, To string
	Answered bool
	Status   int
	Cause    string
	Got      []struct {
		Message string
		Headers []struct{ Name, Value string }
	}
	Digits       string
	ToneHz       int
	HeardSeconds float64
	PacketsIn    int
	PacketsOut   int
}

func (h heard) header(message, name string) string {
	for _, m := range h.Got {
		for _, f := range m.Headers {
			if m.Message == message && strings.EqualFold(f.Name, name) {
				return f.Value
			}
		}
	}
	return ""
}

func decode(t *testing.T, r ran, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.out), v); err != nil {
		t.Fatalf("exit code %d, and no JSON: %v\n%s\n%s", r.code, err, r.out, r.err)
	}
}

// Two phones of the terminal call each other through the program: headers, keys, tones, JSON, exit codes.
func TestPhoneCommand(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	s := start(t, configFor(port, startFunction(t, bridge("+14155550199")).URL))
	waits := begin(t, nil, "phone", "wait", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--json", "--play", "1000", "--digits", "42",
		"--header", "X-Callee: Ada", "--for", "10s")
	eventually(t, "the waiting phone", func() bool { return isTaken(t, port) })
	record := filepath.Join(t.TempDir(), "heard.wav")
	called := run(t, nil, "phone", "call", "+12065550100", "--server", s.SIP, "--json", "--play", "440", "--digits", "1,2#", "--for", "2s", "--record", record,
		"--header", "User-to-User: 00c0ffee;encoding=hex", "--header", "X-Account-Id: 4711")
	if called.code != 0 {
		t.Fatalf("exit code %d\n%s%s", called.code, called.out, called.err)
	}
	var near, far heard
	decode(t, called, &near)
	waited := <-waits
	decode(t, waited, &far)
	if waited.code != 0 {
		t.Errorf("the waiting phone's exit code: %d\n%s", waited.code, waited.err)
	}
	if !near.Answered || near.ToneHz != 1000 || near.Digits != "42" || near.header("200", "X-Callee") != "Ada" || near.PacketsIn == 0 {
		t.Errorf("the caller: %+v", near)
	}
	if !far.Answered || far.ToneHz != 440 || far.Digits != "12#" || far.header("INVITE", "X-Account-Id") != "4711" || far.header("INVITE", "User-to-User") != "00c0ffee;encoding=hex" {
		t.Errorf("the callee: %+v", far)
	}
	if near.Cause != "normal by this phone" || !strings.HasPrefix(far.Cause, "normal by the far end") {
		t.Errorf("the caller hung up; it says %q, the callee %q", near.Cause, far.Cause)
	}
	if b, err := os.ReadFile(record); err != nil || len(b) < 8000 || !bytes.HasPrefix(b, []byte("RIFF")) {
		t.Errorf("--record wrote %d bytes: %v", len(b), err)
	}
	refuses := begin(t, nil, "phone", "wait", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--refuse", "486")
	eventually(t, "the refusing phone", func() bool { return isTaken(t, port) })
	refused := run(t, nil, "phone", "call", "+12065550100", "--server", s.SIP, "--transport", "tcp")
	if refused.code != 1 || !strings.Contains(refused.err, "480 no-answer by the far end") {
		t.Errorf("a refused call: exit code %d\n%s%s", refused.code, refused.out, refused.err)
	}
	if r := <-refuses; r.code != 0 || !strings.Contains(r.out, "INVITE") || !strings.Contains(r.out, "over: 486 busy by this phone\n") {
		t.Errorf("the refusing phone: %d\n%s%s", r.code, r.out, r.err)
	}
}

// A phone waits on when somebody hangs up as soon as it is answered, before anything can be said.
func TestPhoneWaitsOn(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "ACTION_SUCCESSFUL" {
			return actions("Hangup", object{"ParticipantTag": "LEG-B"})
		}
		return bridge("+14155550199")(ev)
	})
	s := start(t, configFor(port, f.URL))
	const calls = 20
	waits := begin(t, nil, "phone", "wait", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--after", "1ms", "--count", fmt.Sprint(calls))
	eventually(t, "the waiting phone", func() bool { return isTaken(t, port) })
	for range calls {
		if r := run(t, nil, "phone", "call", "+12065550100", "--server", s.SIP, "--ring", "5s"); r.code != 0 && !strings.Contains(r.err, "without media") {
			t.Fatalf("exit code %d\n%s%s", r.code, r.out, r.err)
		}
	}
	if r := <-waits; r.code != 0 || strings.Count(r.out, "INVITE") != calls {
		t.Errorf("the waiting phone: exit code %d\n%s%s", r.code, r.out, r.err)
	}
}

// A phone that gives up while it rings says so, and tells what it heard before the answer.
func TestPhoneHearsRingback(t *testing.T) {
	t.Parallel()
	port := freePort(t)
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType != "NEW_INBOUND_CALL" {
			return actions()
		}
		return actions("CallAndBridge", object{"CallerIdNumber": "+12065550142", "RingbackTone": audio("welcome/tone.wav"),
			"Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+14155550199"}}})
	})
	s := startIn(t, prompts(t), nil, configFor(port, f.URL))
	waits := begin(t, nil, "phone", "wait", "--listen", fmt.Sprintf("127.0.0.1:%d", port), "--after", "30s", "--json")
	eventually(t, "the waiting phone", func() bool { return isTaken(t, port) })
	r := run(t, nil, "phone", "call", "+12065550100", "--server", s.SIP, "--json", "--ring", "3s")
	var near, far heard
	decode(t, r, &near)
	decode(t, <-waits, &far)
	if r.code != 1 || near.Answered || near.HeardSeconds == 0 || near.ToneHz != 620 || near.Cause != "cancelled by this phone" {
		t.Errorf("the caller: exit code %d, %+v", r.code, near)
	}
	if far.Answered || !strings.HasPrefix(far.Cause, "487 cancelled by the far end") {
		t.Errorf("the callee: %+v", far)
	}
}

// A phone that names a server sends its call there, and the host of the URI stands in the INVITE as it is written: so a rule for a
// host is reached, and no name is looked up.
func TestPhoneCallsAHost(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType != "NEW_INBOUND_CALL" {
			return actions()
		}
		return actions("Hangup", object{"SipResponseCode": "486"})
	})
	yaml := strings.Replace(configFor(freePort(t), f.URL), "number: \"+12065550100\"", "host: pbx.invalid", 1)
	s := start(t, yaml)
	for uri, want := range map[string]string{"sip:600@pbx.invalid": "486 busy by the far end", "sip:600@other.invalid": "404 "} {
		if r := run(t, nil, "phone", "call", uri, "--server", s.SIP); r.code != 1 || !strings.Contains(r.out, "over: "+want) {
			t.Errorf("%s: exit code %d, want %q\n%s%s", uri, r.code, want, r.out, r.err)
		}
	}
}

// calls, why and why last tell what a running server knows, as text and as JSON.
func TestCallsAndWhy(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	st.run(t, caller("X-Account-Id: 4711", "X-AMZN-Trace: 1"), callee())
	id := string(st.s.calls(t, 1)[0].ID)
	env := []string{"SWITCHHOOK_API=http://" + st.s.HTTP, "SWITCHHOOK_KEY=admin", "SWITCHHOOK_SECRET=admin-secret"}
	if r := run(t, env, "calls"); r.code != 0 || !strings.Contains(r.out, id) || !strings.Contains(r.out, "+12065550142") {
		t.Errorf("calls: %d\n%s%s", r.code, r.out, r.err)
	}
	var list []call.Record
	decode(t, run(t, env, "calls", "--json", "--header", "x-account-id"), &list)
	if len(list) != 1 || string(list[0].ID) != id {
		t.Errorf("calls --header: %+v", list)
	}
	decode(t, run(t, env, "calls", "--json", "--label", "app-failed"), &list)
	if len(list) != 0 {
		t.Errorf("calls --label: %+v", list)
	}
	for _, which := range []string{"last", id} {
		r := run(t, env, "why", which, "x-amzn-trace")
		if r.code != 0 || !strings.Contains(r.out, "X-AMZN-Trace") || !strings.Contains(r.out, "reserved-name") || strings.Contains(r.out, "X-Account-Id") {
			t.Errorf("why %s: %d\n%s%s", which, r.code, r.out, r.err)
		}
	}
	var ledger call.Ledger
	decode(t, run(t, env, "why", "last", "X-Account-Id", "--json"), &ledger)
	if len(ledger) < 3 { // in by INVITE, shown to the function, out by INVITE
		t.Errorf("the ledger of X-Account-Id: %+v", ledger)
	}
	for name, args := range map[string][]string{
		"a call that is not":  {"why", "00000000-0000-4000-8000-000000000000"},
		"no such server":      {"calls", "--api", "http://127.0.0.1:1"},
		"a wrong secret":      {"calls", "--secret", "wrong"},
		"no server at all":    {"calls", "--api", "ftp://x"},
		"an id that is none":  {"why", "../../metrics"},
		"an unknown argument": {"why"},
	} {
		if r := run(t, env, args...); r.code == 0 || r.err == "" || strings.Contains(r.err, "panic") {
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.out, r.err)
		}
	}
}

// explain shows the INVITE that goes out, byte for byte but for what differs each time.
func TestExplainIsWhatIsSent(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	yaml := config{peers: []string{peerAt(calleePort)}, functions: []string{startFunction(t, bridge("+14155550199")).URL},
		trunk: `out: {trusted: true, rules: [{match: X-Old, do: rename, to: X-New}, {match: User-to-User, do: keep}, {match: Diversion, do: rewrite-host, to: sbc.example.com}]}`}.yaml()
	file := filepath.Join(t.TempDir(), "switchhook.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, yaml)
	context := []string{"Diversion: <sip:+1@pbx.local>;reason=user-busy", "User-to-User: 00c0ffee;encoding=hex", "X-Dropped: 2", "X-Old: 1"} // as the function orders them
	args := []string{"explain", "--config", file, "--to", "+14155550199", "--from", "+12065550142", "--json"}
	for _, c := range context {
		args = append(args, "--header", c)
	}
	var said struct {
		Invite string
		Ledger call.Ledger
	}
	decode(t, run(t, nil, args...), &said)
	to := startSIPp(t, callee(), "", calleePort)
	startSIPp(t, caller(context...), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	to.wait(t)
	sent := first(t, to.received(t), "INVITE")
	names := func(m string) (out []string) {
		head, _, _ := strings.Cut(crlf(m), "\r\n\r\n")
		for _, line := range strings.Split(head, "\r\n")[1:] {
			name, value, _ := strings.Cut(line, ":")
			switch name {
			case "Via", "From", "To", "Call-ID", "Contact", "Content-Length", "Max-Forwards": // differ by what is told at run time
				value = ""
			}
			out = append(out, name+":"+value)
		}
		return out
	}
	if got, want := strings.Join(names(said.Invite), "\n"), strings.Join(names(sent), "\n"); got != want {
		t.Errorf("explained:\n%s\nsent:\n%s", got, want)
	}
	if row(t, sent, "X-New") != "1" || row(t, sent, "Diversion") != "<sip:+1@sbc.example.com>;reason=user-busy" || strings.Contains(sent, "X-Dropped") {
		t.Errorf("sent\n%s", sent)
	}
	if len(said.Ledger) != 4 {
		t.Errorf("ledger: %+v", said.Ledger)
	}
	for name, args := range map[string][]string{
		"a header that is none":  {"explain", "--to", "+1", "--header", "no colon"},
		"an unknown trunk":       {"explain", "--config", file, "--to", "+14155550199", "--trunk", "none"},
		"a file that is not":     {"explain", "--config", "none.yaml", "--to", "+1"},
		"a header with CR LF":    {"explain", "--to", "+14155550199", "--header", "X-A: b\r\nX-C: d"},
		"a header without names": {"explain", "--to", "+14155550199", "--header", ": d"},
	} {
		r := run(t, nil, args...)
		if strings.Contains(r.out, "\nX-C: d") || strings.Contains(r.out+r.err, "panic") {
			t.Errorf("%s: %s%s", name, r.out, r.err)
		}
		if name != "a header with CR LF" && name != "a header without names" && r.code != 1 { // those are dropped, and told
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.out, r.err)
		}
	}
}

// Every command has help; the version is told; what is not understood is refused with exit code 2.
func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"--help"}, {"serve", "--help"}, {"demo", "--help"}, {"phone", "--help"}, {"phone", "call", "--help"}, {"phone", "wait", "--help"},
		{"explain", "--help"}, {"calls", "--help"}, {"why", "--help"}, {"version", "--help"}} {
		if r := run(t, nil, args...); r.code != 0 || !strings.Contains(r.out, "Usage: switchhook") {
			t.Errorf("%q: exit code %d\n%s%s", args, r.code, r.out, r.err)
		}
	}
	if r := run(t, nil, "version"); r.code != 0 || strings.TrimSpace(r.out) == "" || strings.Count(r.out, "\n") > 3 {
		t.Errorf("version: %d\n%s%s", r.code, r.out, r.err)
	}
	for _, args := range [][]string{{"nothing"}, {"serve", "--nothing"}, {"phone", "call"}, {"serve", "--drain", "soon"}} {
		if r := run(t, nil, args...); r.code != 2 || r.err == "" {
			t.Errorf("%q: exit code %d, want 2\n%s%s", args, r.code, r.out, r.err)
		}
	}
}

// A configuration that is wrong is refused with exit code 1 and the file and line at which it is wrong.
func TestConfigurationErrors(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		yaml string
		want []string // parts of what is said; "FILE" stands for the file's name
	}{
		"unknown key":      {"account: \"111122223333\"\nnumbres: []\n", []string{"FILE:2:", "numbres"}},
		"unknown key deep": {"trunks:\n  - id: a\n    peers:\n      - {host: 127.0.0.1, prot: 5060}\n", []string{"FILE:4:", "prot"}},
		"wrong type":       {"trunks:\n  - id: a\n    keepalive: soon\n", []string{"FILE:3:"}},
		"no YAML":          {"trunks: [\n", []string{"FILE:"}},
		"bad prefix":       {"trunks:\n  - id: a\n    allow: [300.1.2.3]\n", []string{"FILE:3:", "300.1.2.3"}},
		"two triggers":     {"rules:\n  - {name: r, number: \"+12065550100\", host: x.example}\n", []string{"FILE", "number or a host"}},
		"unknown dialect":  {"apps:\n  - {id: a, dialect: morse}\n", []string{"FILE", "morse"}},
		"bad settings":     {"apps:\n  - {id: a, dialect: chime, settings: {}}\n", []string{"FILE", "LambdaArn"}},
		"bad number":       {"numbers: [\"12065550100\"]\n", []string{"FILE", "12065550100"}},
		"rule without app": {"numbers: [\"+12065550100\"]\nrules:\n  - {name: r, number: \"+12065550100\", apps: [none]}\n", []string{"FILE", "none"}},
		"bad ports":        {"media: {ports: 9-x}\n", []string{"FILE", "9-x"}},
		"bad listen":       {"sip: {listen: [\"smtp://0.0.0.0:25\"]}\n", []string{"smtp"}},
		"bad function":     {"functions:\n  - {name: f}\n", []string{"f", "URL"}},
		"bad policy":       {"trunks:\n  - id: a\n    in: {rules: [{match: \"X-*\", do: mangle}]}\n", []string{"FILE", "mangle"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "wrong.yaml")
			if err := os.WriteFile(file, []byte(tt.yaml), 0o600); err != nil {
				t.Fatal(err)
			}
			args := []string{"serve", "--config", file, "--data", dir, "--http", "127.0.0.1:0", "--log-format", "json"}
			if !strings.Contains(tt.yaml, "listen") {
				args = append(args, "--sip", "127.0.0.1:0")
			}
			r := run(t, nil, args...)
			if r.code != 1 {
				t.Errorf("exit code %d, want 1", r.code)
			}
			for _, want := range tt.want {
				if want = strings.Replace(want, "FILE", file, 1); !strings.Contains(r.err, want) {
					t.Errorf("it does not say %q:\n%s", want, r.err)
				}
			}
		})
	}
}

// Ports that are taken and files that are not there are told, and nothing is left running.
func TestStartErrors(t *testing.T) {
	t.Parallel()
	s := start(t, "", "--dev")
	for name, args := range map[string][]string{
		"SIP port taken":   {"serve", "--dev", "--http", "127.0.0.1:0", "--sip", s.SIP},
		"HTTP port taken":  {"serve", "--dev", "--http", s.HTTP, "--sip", "127.0.0.1:0"},
		"no configuration": {"serve"},
		"no function":      {"serve", "--dev", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--function", "f=none.mjs"},
		"bad pstn":         {"serve", "--dev", "--http", "127.0.0.1:0", "--sip", "127.0.0.1:0", "--pstn", "tel:+1"},
		"bad address":      {"serve", "--dev", "--http", "127.0.0.1:0", "--sip", "somewhere"},
	} {
		if r := run(t, nil, args...); r.code != 1 || strings.Count(r.err, "\n") > 3 || !strings.Contains(r.err, "switchhook: ") {
			t.Errorf("%s: exit code %d\n%s%s", name, r.code, r.out, r.err)
		}
	}
}

// The demo shows a whole call within ten seconds; where something is broken it says what, and fails.
func TestDemo(t *testing.T) {
	need.Tool(t, "node", "Node.js 20 or later")
	r := run(t, nil, "demo")
	if r.code != 0 || r.took > 10*time.Second {
		t.Fatalf("exit code %d after %v\n%s%s", r.code, r.took, r.out, r.err)
	}
	for _, want := range []string{"INVITE", "NEW_INBOUND_CALL", "CallAndBridge", "User-to-User", "X-AMZN-Trace", "reserved-name", "440 Hz", "1000 Hz", "byte for byte"} {
		if !strings.Contains(r.out, want) {
			t.Errorf("the demo does not show %q", want)
		}
	}
	var f call.Finished
	decode(t, run(t, nil, "demo", "--json", "--talk", "1s"), &f)
	if len(f.Record.Legs) != 2 || len(f.Ledger) == 0 || len(f.Log) == 0 {
		t.Errorf("demo --json: %d legs, %d lines of ledger, %d of log", len(f.Record.Legs), len(f.Ledger), len(f.Log))
	}
	for name, env := range map[string][]string{"no node": {"PATH=/nonexistent"}, "no place for data": {"TMPDIR=/nonexistent"}} {
		if r := run(t, env, "demo"); r.code != 1 || r.took > 10*time.Second || !strings.Contains(r.err, "switchhook: ") {
			t.Errorf("%s: exit code %d after %v\n%s%s", name, r.code, r.took, r.out, r.err)
		} else if name == "no node" && !strings.Contains(r.err, "node") {
			t.Errorf("it does not tell that node is missing:\n%s", r.err)
		}
	}
}
