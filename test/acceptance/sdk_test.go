package acceptance_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/test/need"
)

// boto3 and the AWS SDK for JavaScript, unmodified, set an application up, read it back, and place a call whose headers the callee
// sees; what the service refuses, they raise as the exception that the vendor documents.
func TestSDKs(t *testing.T) {
	t.Parallel()
	python := filepath.Join("..", "..", ".cache", "venv", "bin", "python")
	for name, script := range map[string]func(t *testing.T) []string{
		"boto3": func(t *testing.T) []string {
			return []string{need.File(t, python, "make test installs it"), filepath.Join("interop", "sdk.py")}
		},
		"javascript": func(t *testing.T) []string {
			need.File(t, filepath.Join("interop", "node", "node_modules"), "make test installs it")
			return []string{need.Tool(t, "node", "Node.js 20 or later"), filepath.Join("interop", "node", "sdk.mjs")}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sdk(t, script(t))
		})
	}
}

func sdk(t *testing.T, command []string) {
	const number, arn = "+12065550100", "arn:aws:lambda:us-east-1:111122223333:function:f0"
	calleePort := freePort(t)
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "CALL_ANSWERED" {
			return actions("Pause", object{"DurationInMilliseconds": "100"}, "Hangup", object{"SipResponseCode": "0"})
		}
		return actions()
	})
	s := start(t, fmt.Sprintf("functions: [{name: f0, url: %q}]\n", f.URL), "--dev", "--pstn", fmt.Sprintf("sip:127.0.0.1:%d", calleePort))
	to := startSIPp(t, callee(), "", calleePort)
	cmd := exec.Command(command[0], append(command[1:], arn, number, "+14155550199")...)
	cmd.Env = awsEnv(s)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%q: %v\n%s", command, err, errs.String())
	}
	var got struct {
		Created     int
		Arn, Again  string
		Apps, Rules []string
		Transaction string
		Refused     string
		Missing     int
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	if got.Created < 2025 || !strings.HasPrefix(got.Arn, "arn:aws:chime:us-east-1:111122223333:sma/") || got.Again != arn || got.Missing != 404 ||
		len(got.Apps) != 1 || got.Apps[0] != "sdk" || len(got.Rules) != 1 || got.Rules[0] != number || !strings.Contains(got.Refused, "Invalid SIP header") {
		t.Errorf("the script got %s", out.String())
	}
	to.wait(t)
	invite := first(t, to.received(t), "INVITE")
	for name, want := range map[string]string{"X-Test-Value": "žluť, 100%", "User-to-User": "00c0ffee;encoding=hex", "Diversion": "<sip:+1@x.example>;reason=no-answer"} {
		if got := row(t, invite, name); got != want {
			t.Errorf("the callee saw %s %q, want %q", name, got, want)
		}
	}
	eventually(t, "HANGUP", func() bool { return len(f.seen("HANGUP")) == 1 })
	for _, ev := range f.seen("NEW_OUTBOUND_CALL") {
		if ev.CallDetails.TransactionId != got.Transaction {
			t.Errorf("another call: %s", ev.raw)
		}
	}
}
