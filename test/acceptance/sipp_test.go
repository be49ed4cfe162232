package acceptance_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/test/need"
)

// sipp runs a scenario to its end. messages gives every message that it received, as bytes.
type sipp struct {
	cmd      *exec.Cmd
	dir      string
	out      bytes.Buffer
	done     chan error
	messages string
}

// startSIPp starts a scenario file (or text that begins with "<") on a port. target is empty for a callee.
func startSIPp(t *testing.T, scenario, target string, port int, args ...string) *sipp {
	t.Helper()
	path := need.Tool(t, "sipp", "apt-get install sip-tester")
	s := &sipp{dir: t.TempDir(), done: make(chan error, 1)}
	if strings.HasPrefix(scenario, "<") {
		file := filepath.Join(s.dir, "scenario.xml")
		if err := os.WriteFile(file, []byte(scenario), 0o600); err != nil {
			t.Fatal(err)
		}
		scenario = file
	}
	scenario, err := filepath.Abs(scenario)
	if err != nil {
		t.Fatal(err)
	}
	s.messages = filepath.Join(s.dir, "messages.log")
	all := []string{}
	if target != "" {
		all = append(all, target)
	}
	all = append(all, "-sf", scenario, "-i", "127.0.0.1", "-p", strconv.Itoa(port), "-m", "1", "-nostdin", "-timeout", "40s", "-timeout_error",
		"-mp", strconv.Itoa(60000+port%2500*2), "-trace_msg", "-message_file", s.messages, "-trace_err", "-error_file", filepath.Join(s.dir, "errors.log"))
	s.cmd = exec.CommandContext(context.Background(), path, append(all, args...)...)
	s.cmd.Env = append(os.Environ(), "TERM=xterm")
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	s.cmd.Stdout, s.cmd.Stderr, s.cmd.Dir = &s.out, &s.out, s.dir
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { s.done <- s.cmd.Wait() }()
	t.Cleanup(func() { s.cmd.Process.Kill() })
	if target == "" {
		waitBound(t, port)
	}
	return s
}

// waitBound waits until somebody has the port.
func waitBound(t *testing.T, port int) {
	t.Helper()
	eventually(t, "SIPp binding its port", func() bool {
		c, err := net.ListenPacket("udp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
}

// wait waits for the scenario's end; it must have succeeded.
func (s *sipp) wait(t *testing.T) {
	t.Helper()
	select {
	case err := <-s.done:
		if err != nil {
			errs, _ := os.ReadFile(filepath.Join(s.dir, "errors.log"))
			msgs, _ := os.ReadFile(s.messages)
			t.Fatalf("SIPp: %v\n%s\n%s", err, errs, tail(msgs, 6000))
		}
	case <-time.After(60 * time.Second):
		t.Fatal("SIPp did not end")
	}
}

func tail(b []byte, n int) []byte { return b[max(0, len(b)-n):] }

// received gives the messages that the scenario received, in order, without SIPp's own lines.
func (s *sipp) received(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile(s.messages)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, part := range strings.Split(string(data), "-----------------------------------------------") {
		head, msg, ok := strings.Cut(part, "\n\n")
		if ok && strings.Contains(head, "message received") {
			out = append(out, strings.TrimLeft(msg, "\n"))
		}
	}
	return out
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

// first gives the first received message that begins so.
func first(t *testing.T, messages []string, prefix string) string {
	t.Helper()
	for _, m := range messages {
		if strings.HasPrefix(m, prefix) {
			return m
		}
	}
	t.Fatalf("no %s among what SIPp received: %q", prefix, messages)
	return ""
}

// caller is a scenario that calls, is answered, and hangs up after a moment. extra are header rows with CRLF.
func caller(extra string) string {
	return fmt.Sprintf(callerText, extra)
}

const offer = `v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`

const callerText = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="caller">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
%sContent-Type: application/sdp
Content-Length: [len]

` + offer + `]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="183" optional="true"/>
<recv response="200" rrs="true"/>
<send><![CDATA[
ACK [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
<pause milliseconds="300"/>
<send retrans="500"><![CDATA[
BYE [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
[routes]
Call-ID: [call_id]
CSeq: 2 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
</scenario>
`

// refused is a scenario that calls and must be refused with a status.
func refused(status int) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="refused caller">
<send retrans="500"><![CDATA[
INVITE sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:caller@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

%s]]></send>
<recv response="100" optional="true"/>
<recv response="180" optional="true"/>
<recv response="%d"/>
<send><![CDATA[
ACK sip:[service]@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>[peer_tag_param]
Call-ID: [call_id]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>
</scenario>
`, offer, status)
}

// callee is a scenario that rings, answers and awaits the hang-up.
const callee = `<?xml version="1.0" encoding="ISO-8859-1" ?>
<scenario name="callee">
<recv request="INVITE"/>
<send><![CDATA[
SIP/2.0 180 Ringing
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Length: 0

]]></send>
<pause milliseconds="50"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:];tag=[pid]s[call_number]
[last_Call-ID:]
[last_CSeq:]
[last_Record-Route:]
Contact: <sip:callee@[local_ip]:[local_port]>
Content-Type: application/sdp
Content-Length: [len]

` + offer + `]]></send>
<recv request="ACK"/>
<recv request="BYE"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
</scenario>
`
