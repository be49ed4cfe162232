package acceptance_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/test/need"
)

// inEachLanguage runs an example as its README starts it, once for each language; callee answers what it dials.
func inEachLanguage(t *testing.T, example string, run func(t *testing.T, s *server, callee *person)) {
	t.Helper()
	t.Parallel()
	need.Tool(t, "node", "Node.js 20 or later")
	need.File(t, filepath.Join("interop", "node", "node_modules"), "make test installs it")
	need.File(t, filepath.Join("..", "..", ".cache", "venv", "bin", "python"), "make test installs it")
	for _, language := range []string{"node", "python", "go"} {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			callee := newPerson(t, 1000)
			path, err := filepath.Abs(filepath.Join("..", "..", ".cache", "venv", "bin"))
			if err != nil {
				t.Fatal(err)
			}
			env := []string{"PATH=" + path + ":" + os.Getenv("PATH"), "HOME=" + t.TempDir()} // boto3; no AWS credentials of this machine
			s := startIn(t, t.TempDir(), env, "", "--dev", "--trace", "--pstn", "sip:"+callee.Addr().String(), "--function", "example="+exampleIn(t, example, language), "--number", "+12065550100=example")
			run(t, s, callee)
			s.toldStrictly(t)
		})
	}
}

// exampleIn gives an example's function as it stands, with the SDK where Node.js finds it.
func exampleIn(t *testing.T, example, language string) string {
	t.Helper()
	from, dir := filepath.Join("..", "..", "examples", example), t.TempDir()
	switch language {
	case "python":
		return filepath.Join(from, "app.py")
	case "go":
		bin := filepath.Join(dir, example)
		if out, err := exec.Command("go", "build", "-o", bin, "../../examples/"+example+"/go").CombinedOutput(); err != nil {
			t.Fatalf("build the Go example: %v\n%s", err, out)
		}
		return bin
	}
	modules, err := filepath.Abs(filepath.Join("interop", "node", "node_modules"))
	if err == nil {
		err = os.CopyFS(dir, os.DirFS(from))
	}
	if err == nil {
		err = os.Symlink(modules, filepath.Join(dir, "node_modules"))
	}
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "index.mjs")
}

// lineIn waits for the next line of a person that is answered.
func (p *person) lineIn(t *testing.T, what string) *far.Line {
	t.Helper()
	select {
	case l := <-p.answers:
		return l
	case <-time.After(20 * time.Second):
		t.Fatalf("%s did not come within 20 s", what)
		return nil
	}
}

// pressUntil presses keys on a line, again and again, as somebody does who does not know when they are listened for, until ok.
func pressUntil(t *testing.T, l *far.Line, keys, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("%s did not happen within 20 s of pressing %s", what, keys)
		}
		if err := far.Press(t.Context(), l.Media(), keys); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1200 * time.Millisecond) // longer than the pause after which keys are taken together
	}
}

func headerOf(l *far.Line, name string) string {
	v, _ := l.Attempt().Headers.Get(name)
	return v
}

// A menu by voice bridges a caller who presses two, with the key and the caller's User-to-User.
func TestExampleIVR(t *testing.T) {
	inEachLanguage(t, "chime-ivr", func(t *testing.T, s *server, callee *person) {
		caller := newPerson(t, 440)
		l := caller.callsWith(t, s, header.List{{Name: "User-to-User", Value: "00c0ffee;encoding=hex"}})
		var agent *far.Line
		pressUntil(t, l, "2", "the agent's call", func() bool {
			select {
			case agent = <-callee.answers:
			default:
			}
			return agent != nil
		})
		if key, uui := headerOf(agent, "X-Menu-Key"), headerOf(agent, "User-to-User"); key != "2" || uui != "00c0ffee;encoding=hex" {
			t.Errorf("the agent sees key %q and %q", key, uui)
		}
		hears(t, "the caller", &caller.ear, 1000)
		l.Hangup(0, nil)
		over(t, agent)
	})
}

// callsWith calls the server's number with headers and waits for the answer.
func (p *person) callsWith(t *testing.T, s *server, rows header.List) *far.Line {
	t.Helper()
	l, err := p.Call(far.Outgoing{Number: "+12065550100", Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+14155550177", Headers: rows})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	if _, err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	p.talk(l)
	return l
}

// A call is recorded from *1 to *3, the caller left, what the caller hears right.
func TestExampleRecorder(t *testing.T) {
	inEachLanguage(t, "chime-recorder", func(t *testing.T, s *server, callee *person) {
		caller := newPerson(t, 440)
		l := caller.callsWith(t, s, nil)
		callee.lineIn(t, "the callee's call")
		hears(t, "the caller", &caller.ear, 1000)
		standing := func(n int) func() bool {
			return func() bool {
				_, text := s.fetch(t, "/metrics")
				return strings.Contains(text, fmt.Sprintf("switchhook_recordings_standing %d\n", n))
			}
		}
		pressUntil(t, l, "*1", "the recording", standing(1))
		pressUntil(t, l, "*3", "its end", standing(0))
		var files []string
		eventually(t, "the file", func() bool {
			files = nil
			err := filepath.WalkDir(filepath.Join(s.data, "recordings"), func(path string, d os.DirEntry, err error) error {
				if err == nil && strings.HasSuffix(path, ".wav") {
					files = append(files, path)
				}
				return err
			})
			return err == nil && len(files) == 1
		})
		tracks := wavTracks(t, files[0])
		if len(tracks) != 2 || loudest(tracks[0], 440) < -20 || loudest(tracks[1], 1000) < -20 {
			t.Errorf("%s has %d channels, or not their voices", files[0], len(tracks))
		}
		l.Hangup(0, nil)
		over(t, l)
	})
}

// An agent's *7, and then a request of the API, take the caller back and call somebody else with the context.
func TestExampleTransfer(t *testing.T) {
	inEachLanguage(t, "chime-transfer", func(t *testing.T, s *server, callee *person) {
		caller := newPerson(t, 440)
		l := caller.callsWith(t, s, header.List{{Name: "User-to-User", Value: "00c0ffee;encoding=hex"}})
		agent := callee.lineIn(t, "the agent's call")
		var expert *far.Line
		pressUntil(t, agent, "*7", "the expert's call", func() bool {
			select {
			case expert = <-callee.answers:
			default:
			}
			return expert != nil
		})
		if to, from, uui := expert.Attempt().To, headerOf(expert, "X-Transfer"), headerOf(expert, "User-to-User"); to != "+14155550101" || from != "from +14155550100" || uui != "00c0ffee;encoding=hex" {
			t.Errorf("the expert is called as %s, and sees %q and %q", to, from, uui)
		}
		over(t, agent)
		var live struct{ Calls []struct{ ID call.ID } }
		s.get(t, "/api/live", &live)
		if len(live.Calls) != 1 {
			t.Fatalf("calls that stand: %+v", live)
		}
		client := voiceClient(s)
		apps, err := client.ListSipMediaApplications(t.Context(), &chimesdkvoice.ListSipMediaApplicationsInput{})
		if err != nil || len(apps.SipMediaApplications) != 1 {
			t.Fatalf("applications: %+v, %v", apps, err)
		}
		update := &chimesdkvoice.UpdateSipMediaApplicationCallInput{SipMediaApplicationId: apps.SipMediaApplications[0].SipMediaApplicationId,
			TransactionId: aws.String(string(live.Calls[0].ID)), Arguments: map[string]string{"transferTo": "+14155550199"}}
		if _, err := client.UpdateSipMediaApplicationCall(t.Context(), update); err != nil {
			t.Fatal(err)
		}
		third := callee.lineIn(t, "the third one's call")
		if to := third.Attempt().To; to != "+14155550199" {
			t.Errorf("the request calls %s", to)
		}
		over(t, expert)
		hears(t, "the caller", &caller.ear, 1000)
		l.Hangup(0, nil)
		over(t, third)
	})
}

func voiceClient(s *server) *chimesdkvoice.Client {
	return chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
}

// A caller is refused as busy, called back, and bridged to the agent with what came with the first call.
func TestExampleCallback(t *testing.T) {
	inEachLanguage(t, "chime-callback", func(t *testing.T, s *server, callee *person) {
		l, err := callee.Call(far.Outgoing{Number: "+12065550100", Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+14155550177",
			Headers: header.List{{Name: "User-to-User", Value: "00c0ffee;encoding=hex"}}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
		defer cancel()
		if _, err := l.Wait(ctx); err == nil || l.Cause().SIP != 486 {
			t.Fatalf("the caller is refused with %v, %v", l.Cause(), err)
		}
		back := callee.lineIn(t, "the call back")
		agent := callee.lineIn(t, "the agent's call")
		of := headerOf(back, "X-Callback-Of")
		if back.Attempt().To != "+14155550177" || back.Attempt().From != "+12065550100" || of == "" {
			t.Errorf("the call back goes from %s to %s, of %q", back.Attempt().From, back.Attempt().To, of)
		}
		if headerOf(agent, "X-Callback-Of") != of || headerOf(agent, "User-to-User") != "00c0ffee;encoding=hex" {
			t.Errorf("the agent sees %v", agent.Attempt().Headers)
		}
		var wait sync.WaitGroup
		for _, end := range []*far.Line{back, agent} {
			wait.Go(func() { over(t, end) })
		}
		back.Hangup(0, nil)
		wait.Wait()
	})
}
