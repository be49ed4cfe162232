package sip_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
)

// logged is a log that many may write.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// What overload refuses and drops is counted, and told in the log once. No call comes of it, so nothing else would tell.
func TestOverload(t *testing.T) {
	inTime(t, func(t *testing.T) {
		const half, full = 2048, 4096 // of the messages that may wait for a shard
		var log logged
		free := make(chan struct{})
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) {
			cfg.Shards, cfg.Log = 1, slog.New(slog.NewTextHandler(&log, nil))
			cfg.Receive = func(_ call.Attempt, open sip.Open) {
				<-free // the only shard is busy
				open(call.NewLegID(0), func(call.Event) {}).Hangup(call.Cause{SIP: 486}, nil)
			}
		})
		alice := r.phone(aliceAt)
		alice.send(alice.invite("c1"))
		synctest.Wait()
		send := func(method, tag string, n int) {
			for range n {
				alice.send(alice.request(method, fmt.Sprint("m", alice.branch), 1, tag))
			}
			synctest.Wait()
		}
		send("OPTIONS", "", half)
		if refused, dropped := r.s.Overload(); refused != 0 || dropped != 0 {
			t.Errorf("before: %d refused, %d dropped", refused, dropped)
		}
		send("OPTIONS", "", 3)
		for range 3 {
			alice.receive("503")
		}
		send("BYE", "x", full-half)
		send("BYE", "x", 2)
		if refused, dropped := r.s.Overload(); refused != 3 || dropped != 2 {
			t.Errorf("%d refused, %d dropped, want 3 and 2", refused, dropped)
		}
		pass(5 * time.Second)
		line := `msg="overload: more SIP messages came than can be served" refused=3 dropped=2`
		if n := strings.Count(log.String(), "overload"); n != 1 || !strings.Contains(log.String(), line) {
			t.Errorf("the log tells %d times, want once %s:\n%s", n, line, &log)
		}
		close(free)
		for answers := 0; answers < full; {
			if m := <-alice.got; m.Status == 200 || m.Status == 481 {
				answers++
			}
		}
		pass(time.Minute)
	})
}

// Each INVITE of a trunk that is refused before a call comes of it is told in the log, with why.
func TestRefusedCallIsTold(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var log logged
		r := newRig(t, func(cfg *sip.Config, _ *directory.Content) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
		alice := r.phone(aliceAt)
		told := func(callID, status, reason string, change func(*message.Message)) {
			t.Helper()
			inv := alice.invite(callID)
			change(inv)
			alice.send(inv)
			final := alice.receive(status)
			ack := alice.request("ACK", callID, 1, final.ToTag)
			ack.Set("Via", inv.Get("Via"))
			alice.send(ack)
			synctest.Wait()
			line := fmt.Sprintf(`msg="call refused" trunk=alice source=%v callId=%s to=%s status=%s reason=%s`, aliceAt, callID, inv.URI, status, reason)
			if !strings.Contains(log.String(), line) {
				t.Errorf("no %s in\n%s", line, &log)
			}
		}
		told("extension", "420", `"Unsupported: sec-agree"`, func(m *message.Message) { m.Add("Require", "sec-agree") })
		told("scheme", "416", `"Unsupported URI Scheme"`, func(m *message.Message) { m.URI = "urn:service:sos" })
		told("hops", "483", `"Max-Forwards is used up"`, func(m *message.Message) { m.Set("Max-Forwards", "0") })
		if err := r.s.Drain(t.Context()); err != nil {
			t.Error(err)
		}
		told("drained", "503", "draining", func(*message.Message) {})
	})
}
