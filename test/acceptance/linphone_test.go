package acceptance_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/test/need"
)

// linphone is Debian's linphonec: commanded by lines, it plays a file and records what it hears into another.
type linphone struct {
	port int
	dir  string
	in   io.Writer
	quit func() // ends it, once
	output
}

// startLinphone starts one that hums. more are lines of its configuration's section [sip].
func startLinphone(t *testing.T, user string, hums float64, more ...string) *linphone {
	t.Helper()
	path := need.Tool(t, "linphonec", "apt-get install linphone-cli")
	l := &linphone{port: freePort(t), dir: t.TempDir()}
	rc := fmt.Sprintf("[sip]\nsip_port=%d\nsip_tcp_port=%d\nsip_tls_port=0\ncontact=sip:%s@127.0.0.1:%d\nguess_hostname=0\nkeepalive_period=0\nmedia_encryption=none\n%s\n[net]\nmtu=1300\nfirewall_policy=1\nnat_address=127.0.0.1\n[rtp]\naudio_rtp_port=%d\naudio_adaptive_jitt_comp_enabled=0\n[sound]\nechocancellation=0\n[misc]\nstore_friends=0\n[storage]\nuri=null\n",
		l.port, l.port, user, l.port, strings.Join(more, "\n"), freePort(t)+4)
	for name, text := range map[string]string{"rc": rc, "hum.wav": string(wavOf(8000, 1, hums, time.Minute))} {
		if err := os.WriteFile(filepath.Join(l.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, "-c", filepath.Join(l.dir, "rc"), "-d", "6", "-l", filepath.Join(l.dir, "log"))
	cmd.Env, cmd.Dir = append(os.Environ(), "HOME="+l.dir, "TERM=dumb"), l.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	l.in, cmd.Stdout, cmd.Stderr = in, l, l
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l.quit = sync.OnceFunc(func() {
		io.WriteString(in, "quit\n")
		in.Close()
		done := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		done.Stop()
	})
	t.Cleanup(func() {
		l.quit()
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(l.dir, "log"))
			t.Logf("linphonec says\n%s\n%s", l.said(), tail(log, 4000))
		}
	})
	l.await(t, "linphonec>")
	l.command(t, "ipv6 disable")
	l.command(t, "soundcard use files")
	l.command(t, "play hum.wav")
	l.command(t, "record heard.wav")
	return l
}

// command commands it.
func (l *linphone) command(t *testing.T, line string) {
	t.Helper()
	if _, err := io.WriteString(l.in, line+"\n"); err != nil {
		t.Fatal(err)
	}
}

// await waits until it has said something.
func (l *linphone) await(t *testing.T, what string) {
	t.Helper()
	eventually(t, "linphonec saying "+what, func() bool { return strings.Contains(l.said(), what) })
}

// heard ends it, and fails unless what it recorded has a tone for half a second: the file is whole only then.
func (l *linphone) heard(t *testing.T, hz float64) {
	t.Helper()
	l.quit()
	if got := toneIn(t, filepath.Join(l.dir, "heard.wav"), hz); got < 500*time.Millisecond {
		t.Errorf("linphonec heard %v Hz for %v", hz, got)
	}
}

// linphonec calls and is called by way of a trunk: sound both ways by tone, pause and resume, the hang-up of each side.
func TestLinphoneOnATrunk(t *testing.T) {
	t.Parallel()
	t.Run("calls", func(t *testing.T) {
		t.Parallel()
		callee := newPerson(t, 1000)
		s := start(t, configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL))
		l := startLinphone(t, "+12065550142", 440)
		l.command(t, "call sip:+12065550100@"+s.SIP)
		line := <-callee.answers
		hears(t, "the callee", &callee.ear, 440)
		eventually(t, "two seconds of talk", func() bool { return callee.ear.Sound() > 2*time.Second })
		line.Hangup(0, nil)
		l.await(t, "ended")
		s.idle(t)
		l.heard(t, 1000)
	})
	t.Run("is called", func(t *testing.T) {
		t.Parallel()
		l := startLinphone(t, "+14155550199", 1000)
		l.command(t, "autoanswer enable")
		s := start(t, configFor(l.port, startFunction(t, bridge("+14155550199")).URL))
		caller := newPerson(t, 440)
		line := caller.calls(t, s)
		hears(t, "the caller", &caller.ear, 1000)
		eventually(t, "two seconds of talk", func() bool { return caller.ear.Sound() > 2*time.Second })
		before := caller.ear.Sound()
		l.command(t, "pause")
		eventually(t, "silence while it holds", func() bool {
			now := caller.ear.Sound()
			still := now == before
			before = now
			return still
		})
		l.command(t, "resume")
		eventually(t, "sound after it", func() bool { return caller.ear.Sound() > before+300*time.Millisecond })
		l.command(t, "terminate")
		over(t, line)
		s.idle(t)
		l.heard(t, 440)
	})
}
