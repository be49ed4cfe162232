package acceptance_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/test/need"
)

// baresip is a telephone of Debian's that is commanded over TCP, hums a tone, and writes down what it hears.
type baresip struct {
	port   int
	dir    string
	conn   net.Conn
	events chan string // their types
	output             // its trace of SIP among it
}

// output is what a program printed up to now.
type output struct {
	mu  sync.Mutex
	all bytes.Buffer
}

// Write takes more of it.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.Write(p)
}

// said gives it.
func (o *output) said() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.all.String()
}

// baresipOptions are more than a plain telephone needs.
type baresipOptions struct {
	user    string   // of its address
	host    string   // of its address; empty: its own
	account string   // parameters of the account: ";answermode=auto"
	modules []string // beside the plain ones
	config  []string // lines
	hums    float64  // Hz
}

// startBaresip starts one.
func startBaresip(t *testing.T, o baresipOptions) *baresip {
	t.Helper()
	path := need.Tool(t, "baresip", "apt-get install baresip-core")
	b := &baresip{port: freePort(t), dir: t.TempDir(), events: make(chan string, 1000)}
	control := freePort(t)
	if o.host == "" {
		o.host = fmt.Sprintf("127.0.0.1:%d", b.port)
	}
	modules := append([]string{"account", "menu", "ctrl_tcp", "g711", "sndfile", "aufile"}, o.modules...)
	var c strings.Builder
	fmt.Fprintf(&c, "module_path %s\n", baresipModules(t))
	for _, m := range modules {
		kind := "module"
		if m == "account" || m == "menu" || m == "ctrl_tcp" {
			kind = "module_app"
		}
		fmt.Fprintf(&c, "%s %s.so\n", kind, m)
	}
	fmt.Fprintf(&c, "sip_listen 127.0.0.1:%d\nctrl_tcp_listen 127.0.0.1:%d\nnet_interface 127.0.0.1\naudio_source aufile,%s\naudio_player none\naudio_alert none\nsnd_path %s\ncall_max_calls 8\nrtp_ports 40000-41999\n",
		b.port, control, filepath.Join(b.dir, "hum.wav"), b.dir)
	for _, line := range o.config {
		c.WriteString(line + "\n")
	}
	b.write(t, "config", c.String())
	b.write(t, "accounts", fmt.Sprintf("<sip:%s@%s>%s\n", o.user, o.host, o.account))
	b.write(t, "contacts", "")
	b.write(t, "hum.wav", string(wavOf(8000, 1, o.hums, time.Minute)))
	cmd := exec.Command(path, "-s", "-f", b.dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stdout, cmd.Stderr = b, b
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		done := time.AfterFunc(3*time.Second, func() { cmd.Process.Kill() })
		cmd.Wait()
		done.Stop()
		if t.Failed() {
			t.Logf("baresip says\n%s", tail([]byte(b.said()), 6000))
		}
	})
	eventually(t, "baresip taking commands", func() (ok bool) {
		var err error
		b.conn, err = net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", control))
		return err == nil
	})
	t.Cleanup(func() { b.conn.Close() })
	go b.read()
	return b
}

func baresipModules(t *testing.T) string {
	t.Helper()
	return need.File(t, "/usr/lib/baresip/modules", "apt-get install baresip-core")
}

func (b *baresip) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// read takes the events: netstrings of JSON.
func (b *baresip) read() {
	r := bufio.NewReader(b.conn)
	for {
		length, err := r.ReadString(':')
		if err != nil {
			return
		}
		n, err := strconv.Atoi(strings.TrimSuffix(length, ":"))
		if err != nil || n > 1<<20 {
			return
		}
		text := make([]byte, n+1)
		if _, err := io.ReadFull(r, text); err != nil {
			return
		}
		var e struct {
			Event bool
			Type  string
		}
		if json.Unmarshal(text[:n], &e) == nil && e.Event {
			b.events <- e.Type
		}
	}
}

// command commands it.
func (b *baresip) command(t *testing.T, name, params string) {
	t.Helper()
	text, err := json.Marshal(map[string]string{"command": name, "params": params})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(b.conn, "%d:%s,", len(text), text); err != nil {
		t.Fatal(err)
	}
}

// await waits for an event of a type; others before it are passed over.
func (b *baresip) await(t *testing.T, kind string) {
	t.Helper()
	timeout := time.After(15 * time.Second)
	var others []string
	for {
		select {
		case got := <-b.events:
			if got == kind {
				return
			}
			others = append(others, got)
		case <-timeout:
			t.Fatalf("baresip tells of no %s, but of %q", kind, others)
		}
	}
}

// heard waits until its recordings of what came in have a tone for half a second.
func (b *baresip) heard(t *testing.T, hz float64) {
	t.Helper()
	b.heardFor(t, hz, 500*time.Millisecond)
}

// heardFor waits until they have it for so long, in one of them.
func (b *baresip) heardFor(t *testing.T, hz float64, length time.Duration) {
	t.Helper()
	eventually(t, fmt.Sprintf("baresip hearing %v Hz", hz), func() bool {
		for _, f := range b.recordings(t) {
			if toneIn(t, f, hz) >= length {
				return true
			}
		}
		return false
	})
}

func (b *baresip) recordings(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "dump-*-dec.wav"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// forget removes the recordings.
func (b *baresip) forget(t *testing.T) {
	t.Helper()
	for _, f := range b.recordings(t) {
		if err := os.Remove(f); err != nil {
			t.Fatal(err)
		}
	}
}

// everyOther gives the samples of a WAV file of 16 bits and one channel, at 8 kHz: of 16 kHz every other one. The file may
// still be written.
func everyOther(t *testing.T, file string) []int16 {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(data, []byte("data"))
	if i < 0 || len(data) < 44 {
		return nil
	}
	rate := int(data[24]) | int(data[25])<<8
	samples := make([]int16, 0, len(data)/2)
	for p := i + 8; p+1 < len(data); p += 2 * (rate / 8000) {
		samples = append(samples, int16(uint16(data[p])|uint16(data[p+1])<<8))
	}
	return samples
}

// toneIn gives how long a tone is in such a file.
func toneIn(t *testing.T, file string, hz float64) time.Duration {
	t.Helper()
	samples := everyOther(t, file)
	n := 0
	for len(samples) >= 160 {
		if power(samples[:160], hz) > 0.5 {
			n++
		}
		samples = samples[160:]
	}
	return time.Duration(n) * 20 * time.Millisecond
}

// Baresip calls and is called by way of a trunk, without registration: sound both ways by tone, keys, hold and resume, context, the
// hang-up of each side.
func TestBaresipOnATrunk(t *testing.T) {
	t.Parallel()
	t.Run("calls", func(t *testing.T) {
		t.Parallel()
		callee := newPerson(t, 1000)
		s := start(t, configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL))
		b := startBaresip(t, baresipOptions{user: "+12065550142", account: ";regint=0", hums: 440})
		b.command(t, "dial", "sip:+12065550100@"+s.SIP)
		b.await(t, "CALL_ESTABLISHED")
		hears(t, "the callee", &callee.ear, 440)
		b.heard(t, 1000)
		b.command(t, "sndcode", "5")
		select {
		case d := <-callee.digits:
			if d != '5' {
				t.Errorf("key %c came", d)
			}
		case <-time.After(10 * time.Second):
			t.Error("no key came")
		}
		b.command(t, "hangup", "")
		b.await(t, "CALL_CLOSED")
		over(t, <-callee.answers)
		s.idle(t)
	})
	t.Run("is called", func(t *testing.T) {
		t.Parallel()
		b := startBaresip(t, baresipOptions{user: "+14155550199", account: ";regint=0;answermode=auto", hums: 1000})
		s := start(t, configFor(b.port, startFunction(t, bridge("+14155550199")).URL))
		caller := newPerson(t, 440)
		l := caller.calls(t, s)
		b.await(t, "CALL_ESTABLISHED")
		hears(t, "the caller", &caller.ear, 1000)
		b.heard(t, 440)
		before := caller.ear.Sound()
		b.command(t, "hold", "")
		eventually(t, "silence while it holds", func() bool {
			now := caller.ear.Sound()
			still := now == before
			before = now
			return still
		})
		b.command(t, "resume", "")
		eventually(t, "sound after it", func() bool { return caller.ear.Sound() > before+300*time.Millisecond })
		l.Hangup(0, nil)
		b.await(t, "CALL_CLOSED")
		s.idle(t)
	})
}
