package acceptance_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/rtp"
)

// What the chaos is made of.
const (
	chaosCalls    = 300
	chaosAtOnce   = 40
	chaosPatience = 6 * time.Second // of a caller whom nobody answers or hangs up
)

// Callers, callees and functions do what they like, when they like. When it is over, nothing is left of it but records,
// each of which makes sense and agrees with what its caller saw.
func TestChaos(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c := newChaos(t, seed)
	first := startFunction(t, c.quiet)
	s := start(t, config{peers: []string{peerAt(int(c.phone.Addr().Port()))}, functions: []string{
		fmt.Sprintf("url: %q, timeout: 1s", c.wild(t)), fmt.Sprintf("url: %q, timeout: 1s", first.URL),
	}}.yaml())
	c.storm(t, s, chaosAtOnce) // connections, buffers and goroutines that stay
	s.idle(t)
	before := s.held(t)
	c.storm(t, s, chaosCalls)
	s.idle(t)
	eventually(t, "goroutines and descriptors as before", func() bool {
		now := s.held(t)
		ok := now.goroutines <= before.goroutines+5 && now.descriptors <= before.descriptors+int(c.connections.Load())+5
		if !ok {
			t.Logf("%+v, before %+v", now, before)
		}
		return ok
	})
	c.records(t, s)
	explained(t, s)
}

// chaos is the far ends of it.
type chaos struct {
	phone       *far.Phone // caller and callee
	seed        uint64
	number      atomic.Uint64
	connections atomic.Int64 // to the wild function
	mu          sync.Mutex
	saw         map[string]chaosCaller // by the caller's number; guarded by mu
}

// chaosCaller is what one caller did and saw.
type chaosCaller struct {
	answered bool
	gaveUp   bool
	end      call.LegEnded
}

func newChaos(t *testing.T, seed uint64) *chaos {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	c := &chaos{seed: seed, saw: map[string]chaosCaller{}}
	c.phone, err = far.NewPhone(far.Config{Listen: netip.MustParseAddrPort("127.0.0.1:0"), Media: m, Log: log, Incoming: c.rings})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.phone.Close() })
	return c
}

// dice gives the next of a fixed row of random sources: who asks when differs, what is given does not.
func (c *chaos) dice() *rand.Rand { return rand.New(rand.NewPCG(c.seed, c.number.Add(1))) }

func upTo(r *rand.Rand, most time.Duration) time.Duration {
	return time.Duration(r.Int64N(int64(most)))
}

// after waits; false when the line was over before.
func after(l *far.Line, d time.Duration) bool {
	until := time.After(d)
	for {
		select {
		case _, ok := <-l.Events():
			if !ok {
				return false
			}
		case <-until:
			return true
		}
	}
}

// rings is a callee.
func (c *chaos) rings(l *far.Line) {
	r := c.dice()
	go func() {
		if r.IntN(3) > 0 {
			l.Ring(nil)
		}
		switch r.IntN(6) {
		case 0:
			after(l, upTo(r, 300*time.Millisecond))
			l.Hangup([]int{302, 404, 480, 486, 500, 503, 603}[r.IntN(7)], nil)
		case 1: // never answers
			after(l, 2*chaosPatience)
			l.Hangup(480, nil)
		case 2: // at about the moment at which the function's patience ends
			if after(l, 900*time.Millisecond+upTo(r, 200*time.Millisecond)) {
				l.Answer(nil)
			}
			after(l, upTo(r, 500*time.Millisecond))
			l.Hangup(0, nil)
		default:
			if after(l, upTo(r, 300*time.Millisecond)) {
				l.Answer(nil)
				after(l, upTo(r, time.Second))
			}
			l.Hangup(0, nil)
		}
	}()
}

// storm makes n calls, some at once.
func (c *chaos) storm(t *testing.T, s *server, n int) {
	t.Helper()
	var wait sync.WaitGroup
	room := make(chan struct{}, chaosAtOnce)
	for range n {
		room <- struct{}{}
		wait.Go(func() {
			defer func() { <-room }()
			c.caller(t, s)
		})
	}
	wait.Wait()
}

// caller makes one call.
func (c *chaos) caller(t *testing.T, s *server) {
	r := c.dice()
	from := fmt.Sprintf("+1425%07d", c.number.Add(1))
	l, err := c.phone.Call(far.Outgoing{Number: "+12065550100", Host: s.addr().Addr().String(), Port: int(s.addr().Port()), From: from,
		Transport: []directory.Transport{"udp", "tcp"}[r.IntN(2)]})
	if err != nil {
		t.Error(err)
		return
	}
	saw := chaosCaller{}
	patience := time.After(chaosPatience)
	if r.IntN(3) == 0 {
		patience = time.After(20*time.Millisecond + upTo(r, 600*time.Millisecond))
	}
	for over := false; !over; {
		select {
		case e, ok := <-l.Events():
			if _, yes := e.(call.Answered); yes {
				saw.answered = true
				if r.IntN(3) == 0 {
					patience = time.After(upTo(r, 300*time.Millisecond))
				}
			}
			over = !ok
		case <-patience:
			saw.gaveUp, patience = true, nil
			l.Hangup(0, nil)
		}
	}
	saw.end = l.Ended()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saw[from] = saw
}

// quiet is the function of the second application: it always answers, and in order.
func (c *chaos) quiet(ev event) string { return bridge("+14155550199")(ev) }

// wild serves the function of the first application, which often does not.
func (c *chaos) wild(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		var ev event
		if err := json.NewDecoder(q.Body).Decode(&ev); err != nil {
			t.Errorf("the function got no event: %v", err)
		}
		c.answer(w, q, ev)
	})
	f := &http.Server{Handler: h, ConnState: func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			c.connections.Add(1)
		case http.StateClosed, http.StateHijacked:
			c.connections.Add(-1)
		}
	}}
	go f.Serve(l)
	t.Cleanup(func() { f.Close() })
	return "http://" + l.Addr().String() + "/"
}

func (c *chaos) answer(w http.ResponseWriter, q *http.Request, ev event) {
	r := c.dice()
	actions := func(format string, a ...any) {
		fmt.Fprintf(w, `{"SchemaVersion":"1.0","Actions":[`+format+`]}`, a...)
	}
	from := ev.CallDetails.Participants[0].From
	call := fmt.Sprintf(`{"Type":"CallAndBridge","Parameters":{"CallTimeoutSeconds":1,"CallerIdNumber":%q,"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+14155550199"}]}}`, from)
	switch n := r.IntN(24); {
	case n == 0:
		http.Error(w, `{"errorMessage":"broken"}`, http.StatusInternalServerError)
	case n == 1:
		fmt.Fprint(w, []string{"", "null", "[]", "{", "\x00\xff", `{"SchemaVersion":"2.0"}`, `"text"`}[r.IntN(7)])
	case n == 2: // too late, or just in time
		select {
		case <-time.After(900*time.Millisecond + upTo(r, 300*time.Millisecond)):
		case <-q.Context().Done():
		}
		actions("")
	case n == 3:
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			conn.Close()
		}
	case n == 4:
		actions(`{"Type":"Dance"}`)
	case n == 5:
		actions(`{"Type":"PlayAudio","Parameters":{"AudioSource":{"Type":"S3","BucketName":"prompts","Key":"none.wav"}}},%s`, call)
	case n == 6:
		actions(`{"Type":"Pause","Parameters":{"DurationInMilliseconds":"200"}},{"Type":"Hangup"}`)
	case n == 7:
		actions(`{"Type":"Hangup","Parameters":{"SipResponseCode":"486"}}`)
	case n == 8:
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		fmt.Fprint(w, `{"errorMessage":"crashed","errorType":"Error"}`)
	case ev.InvocationEventType == "NEW_INBOUND_CALL":
		actions("%s", call)
	default:
		fmt.Fprint(w, bridge("+14155550199")(ev))
	}
}

// held is what the program holds of the machine's.
type held struct{ goroutines, descriptors int }

func (s *server) held(t *testing.T) held {
	t.Helper()
	_, text := s.fetch(t, "/metrics")
	gauge := func(name string) int {
		m := regexp.MustCompile(`(?m)^` + name + ` (\S+)$`).FindStringSubmatch(text)
		if m == nil {
			t.Fatalf("no metric %s", name)
		}
		v, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		return int(v)
	}
	return held{gauge("go_goroutines"), gauge("process_open_fds")}
}

// records fails for every call whose record does not make sense, or does not agree with what its caller saw.
func (c *chaos) records(t *testing.T, s *server) {
	t.Helper()
	found := map[string]call.Record{}
	for after := ""; ; {
		var page struct {
			Calls []call.Record
			Next  string
		}
		s.get(t, "/api/calls?limit=100&after="+after, &page)
		for _, r := range page.Calls {
			if _, twice := found[r.From]; twice {
				t.Errorf("two records of the call from %s", r.From)
			}
			found[r.From] = r
		}
		if after = page.Next; after == "" {
			break
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for from, saw := range c.saw {
		r, ok := found[from]
		if !ok {
			t.Errorf("no record of the call from %s, which ended with %s", from, saw.end.Cause)
			continue
		}
		for _, why := range slices.Concat(senseless(r), disagree(r, saw)) {
			body, _ := json.MarshalIndent(r, "", " ")
			t.Errorf("%s\nthe caller saw %+v\nthe record: %s", why, saw, body)
		}
	}
}

// senseless tells what can't be so in a record.
func senseless(r call.Record) (why []string) {
	known := []call.Label{call.LabelNormal, call.LabelCancelled, call.LabelBusy, call.LabelNoAnswer, call.LabelDeclined, call.LabelNotFound,
		call.LabelRejected, call.LabelUnreachable, call.LabelAppFailed}
	complain := func(ok bool, format string, a ...any) {
		if !ok {
			why = append(why, fmt.Sprintf(format, a...))
		}
	}
	sensible := func(what string, start, answered, end time.Time, c call.Cause) {
		complain(slices.Contains(known, c.Label), "%s ended with label %q", what, c.Label)
		complain(c.By == call.ByPeer || c.By == call.ByApp || c.By == call.ByPlatform, "%s was ended by %q", what, c.By)
		complain(!start.IsZero() && !end.Before(start), "%s lasts from %s to %s", what, start, end)
		complain(answered.IsZero() || !answered.Before(start) && !end.Before(answered), "%s was answered at %s", what, answered)
	}
	sensible("the call", r.Start, r.Answered, r.End, r.Cause)
	complain(len(r.Legs) > 0 && r.Legs[0].Direction == call.In, "its first leg is not the caller's")
	for i, l := range r.Legs {
		sensible(fmt.Sprintf("leg %d", i), l.Start, l.Answered, l.End, l.Cause)
		complain(!l.End.After(r.End), "leg %d ended after its call", i)
		complain(l.Answered.IsZero() || l.Cause.SIP == 0, "leg %d was answered and yet ended with status %d", i, l.Cause.SIP)
		complain(l.Answered.IsZero() || l.Media.Codec != "", "leg %d was answered and has no codec", i)
	}
	return why
}

// disagree tells where a record and its caller differ.
func disagree(r call.Record, saw chaosCaller) (why []string) {
	leg := r.Legs[0]
	switch {
	case saw.answered && leg.Answered.IsZero():
		why = append(why, "the caller was answered and the record does not say so")
	case !saw.answered && !saw.gaveUp && leg.Cause.SIP != saw.end.Cause.SIP:
		why = append(why, fmt.Sprintf("the caller was refused with %d, the record says %d", saw.end.Cause.SIP, leg.Cause.SIP))
	case !saw.answered && saw.gaveUp && leg.Answered.IsZero() && leg.Cause.Label == call.LabelNormal:
		why = append(why, "the caller gave up before the answer, and the record calls it normal")
	}
	return why
}

// explained fails for every line of the program's log that tells of an error other than a function's.
func explained(t *testing.T, s *server) {
	t.Helper()
	for line := range strings.Lines(s.logged()) {
		var entry struct {
			Level slog.Level
			Msg   string
		}
		err := json.Unmarshal([]byte(line), &entry)
		if err != nil || entry.Level >= slog.LevelError && entry.Msg != "application failed" {
			t.Errorf("in the log: %s", line)
		}
	}
}

// A server that is killed takes its functions' processes along, also one whose handler never comes back.
func TestKilledServerLeavesNoProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	code := `import { writeFileSync, renameSync } from 'node:fs';
writeFileSync('pid.new', String(process.pid));
renameSync('pid.new', 'pid');
export const handler = () => { writeFileSync('busy', ''); for (;;); };
`
	if err := os.WriteFile(filepath.Join(dir, "index.mjs"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newChaos(t, 0)
	s := start(t, config{functions: []string{fmt.Sprintf("handler: index.handler, dir: %q, concurrency: 1", dir)}}.yaml())
	if _, err := c.phone.Call(far.Outgoing{Number: "+12065550100", Host: s.addr().Addr().String(), Port: int(s.addr().Port()), From: "+14250000000"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the handler's work", func() bool {
		_, err := os.Stat(filepath.Join(dir, "busy"))
		return err == nil
	})
	pid, err := os.ReadFile(filepath.Join(dir, "pid"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the end of the function's process", func() bool {
		stat, err := os.ReadFile("/proc/" + string(pid) + "/stat")
		return err != nil || strings.Contains(string(stat), ") Z ")
	})
}
