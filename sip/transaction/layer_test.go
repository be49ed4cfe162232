package transaction_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// TestFaultsAreAnswered: what does not stand gets its answer without state, the same for each copy.
func TestFaultsAreAnswered(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		bad := request("INVITE", "1", "Content-Length: 99")
		r.send(bad...)
		r.send(bad...)
		a, b := r.next(), r.next()
		if a.Status != 400 || a.ToTag == "" || a.ToTag != b.ToTag || a.Reason == "" {
			t.Errorf("%+v, then %+v", a.Message, b.Message)
		}
		insufficient := []string{"INVITE sip:user@example.com SIP/2.0", "CSeq: 193942 INVITE",
			"Via: SIP/2.0/UDP 192.0.2.95;branch=z9hG4bKkdj.insuf;rport"}
		r.send(insufficient...)
		if m := r.next(); !strings.HasPrefix(m.Reason, "SIP/2.0 400 Missing From\r\n") {
			t.Errorf("%q", m.Reason)
		}
		r.send("ACK sip:b@h SIP/2.0", "Via: SIP/2.0/UDP h;rport", "CSeq: x")
		r.send("SIP/2.0 200 OK", "Via: SIP/2.0/UDP h;rport", "CSeq: x")
		if len(r.user.servers)+len(r.user.acks)+len(r.user.strays) > 0 {
			t.Error("a fault reached the user")
		}
		r.wantEmpty()
	})
}

func TestTooManyServers(t *testing.T) {
	bubble(t, func(c *transaction.Config) { c.MaxServers = 2 }, func(r *rig) {
		for i := range 3 {
			lines := request("INVITE", fmt.Sprint(i))
			lines[5] = fmt.Sprintf("Call-ID: %d", i)
			r.send(lines...)
		}
		r.next()
		r.next()
		if m := r.next(); m.Status != 503 || m.Get("Retry-After") == "" {
			t.Errorf("%+v", m.Message)
		}
		r.send(request("CANCEL", "0")...) // what exists goes on
		if len(r.user.cancelled) != 1 {
			t.Error("the table being full kept a CANCEL out")
		}
		if s := r.layer.Stats(); s.Refused != 1 || s.Servers != 2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestFullInbox: a shard that is behind refuses what is new, goes on taking what belongs to calls, and at last drops.
func TestFullInbox(t *testing.T) {
	bubble(t, func(c *transaction.Config) { c.MaxInbox = 10 }, func(r *rig) {
		free := make(chan struct{})
		r.layer.Post("x", func() { <-free })
		synctest.Wait()
		in := func(i int, method string, dialog bool) {
			lines := request(method, fmt.Sprint(i))
			lines[5] = fmt.Sprintf("Call-ID: %d", i)
			if dialog {
				lines[4] += ";tag=x"
			}
			r.send(lines...)
		}
		for i := range 7 {
			in(i, "INVITE", false)
		}
		r.wantSeen("503@0 503@0")
		for i := range 7 {
			in(10+i, "BYE", true)
		}
		close(free)
		synctest.Wait()
		if s := r.layer.Stats(); s.Refused != 2 || s.Discarded != 2 || len(r.user.servers) != 10 {
			t.Errorf("%+v, %d requests", s, len(r.user.servers))
		}
		if got := r.seen(); got != strings.TrimSpace(strings.Repeat("100@0 ", 5)) {
			t.Error(got)
		}
		in(30, "INVITE", false)
		r.wantSeen("100@0")
	})
}

// TestOrder: what is posted runs in order, with messages between, each Call-ID on its own shard.
func TestOrder(t *testing.T) {
	bubble(t, func(c *transaction.Config) { c.Shards = 4 }, func(r *rig) {
		const calls, each = 16, 200
		var seen [calls][]int
		var wrong atomic.Int64
		r.user.request = nil
		for i := range each {
			for c := range calls {
				r.layer.Post(fmt.Sprint("call", c), func() {
					if len(seen[c]) != i {
						wrong.Add(1)
					}
					seen[c] = append(seen[c], i)
				})
			}
		}
		synctest.Wait()
		if wrong.Load() > 0 {
			t.Errorf("%d out of order", wrong.Load())
		}
		for c := range calls {
			if len(seen[c]) != each {
				t.Errorf("call %d ran %d", c, len(seen[c]))
			}
		}
	})
}

// TestMessagesInOrder: 400 INFOs of one call reach the user in order (and a 180 before its 200).
func TestMessagesInOrder(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		for i := range 400 {
			lines := request("INFO", fmt.Sprint(i))
			lines[6] = fmt.Sprintf("CSeq: %d INFO", i+1)
			if err := r.peer.WriteTo([]byte(strings.Join(lines, "\r\n")+"\r\n\r\n"), ourAddr); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		for i, s := range r.user.servers {
			if s.Msg().CSeq.Number != uint32(i+1) {
				t.Fatalf("%d. is %d", i, s.Msg().CSeq.Number)
			}
		}
		if len(r.user.servers) != 400 {
			t.Errorf("%d came", len(r.user.servers))
		}
		_, o := r.call("INVITE")
		req := r.next()
		for range 50 {
			for _, status := range []int{180, 183} {
				_ = r.peer.WriteTo([]byte(strings.Join(answer(req, status), "\r\n")+"\r\n\r\n"), ourAddr)
			}
		}
		_ = r.peer.WriteTo([]byte(strings.Join(answer(req, 200), "\r\n")+"\r\n\r\n"), ourAddr)
		synctest.Wait()
		if want := strings.Repeat("180 183 ", 50) + "200"; o.String() != want {
			t.Error(o)
		}
	})
}

func TestAfter(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		rnd := rand.New(rand.NewPCG(1, 2))
		fired, early, late := 0, 0, 0
		var stopped []*transaction.Timer
		const n = 3000
		r.on(func() {
			for i := range n {
				d := time.Duration(rnd.Int64N(int64(30 * time.Minute)))
				if i%10 == 0 {
					d = time.Duration(rnd.Int64N(int64(20 * time.Millisecond)))
				}
				due := time.Now().Add(d)
				timer := r.layer.After("call", d, func() {
					fired++
					switch off := time.Since(due); {
					case off < 0:
						early++
					case off > 11*time.Millisecond:
						late++
					}
				})
				if i%3 == 0 {
					stopped = append(stopped, timer)
				}
			}
			for _, timer := range stopped {
				if !timer.Stop() || timer.Stop() {
					t.Error("Stop does not tell the truth")
				}
			}
		})
		r.sleep(31 * time.Minute)
		if fired != n-len(stopped) || early+late > 0 {
			t.Errorf("%d of %d fired, %d early, %d late", fired, n-len(stopped), early, late)
		}
		var none *transaction.Timer
		if none.Stop() {
			t.Error("a nil timer was running")
		}
	})
}

// TestAfterFromTimers: what fires may set and stop others, the next to fire among them.
func TestAfterFromTimers(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		var log []string
		r.on(func() {
			var second *transaction.Timer
			r.layer.After("call", 100*time.Millisecond, func() {
				log = append(log, "first")
				second.Stop()
				r.layer.After("call", 0, func() { log = append(log, "now") })
				r.layer.After("call", -time.Hour, func() { log = append(log, "before") })
				r.layer.After("call", 1<<62, func() { log = append(log, "never") })
			})
			second = r.layer.After("call", 100*time.Millisecond, func() { log = append(log, "second") })
			r.layer.After("call", 100*time.Millisecond, func() { log = append(log, "third") })
		})
		r.sleep(time.Hour)
		if got := strings.Join(log, " "); got != "first third now before" {
			t.Error(got)
		}
	})
}

func TestPanicIsCaught(t *testing.T) {
	var caught atomic.Int64
	bubble(t, func(c *transaction.Config) { c.Recovered = func(any, []byte) { caught.Add(1) } }, func(r *rig) {
		r.user.request = func(s *transaction.Server) {
			if s.Msg().Method == "INFO" {
				panic("user's fault")
			}
		}
		r.send(request("INFO", "1")...)
		r.wantSeen("500@0")
		fired := false
		r.on(func() {
			r.layer.After("call", time.Second, func() { panic("timer's fault") })
			r.layer.After("call", time.Second, func() { fired = true })
		})
		r.on(func() { panic("posted fault") })
		r.sleep(2 * time.Second)
		r.send(request("INVITE", "2")...)
		r.wantSeen("100@2")
		if caught.Load() != 3 || !fired {
			t.Errorf("%d caught, the next timer fired: %v", caught.Load(), fired)
		}
	})
}

func TestClosed(t *testing.T) {
	var layer *transaction.Layer
	bubble(t, nil, func(r *rig) {
		layer = r.layer
		r.call("INVITE")
		r.send(request("INVITE", "1")...)
	})
	if layer.Post("call", func() { t.Error("run after the end") }) {
		t.Error("accepted after the end")
	}
}

// TestNothingIsLeft: half calls of every kind come to their end (S39).
func TestNothingIsLeft(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.user.request = func(s *transaction.Server) {
			if s.Msg().Method == "INFO" {
				return // never answered
			}
			status := []int{200, 486, 302}[len(r.user.servers)%3]
			if err := s.Respond(message.NewResponse(s.Msg(), status, "")); err != nil {
				t.Error(err)
			}
		}
		for i := range 3000 {
			method := []string{"INVITE", "OPTIONS", "INFO", "BYE"}[i%4]
			lines := request(method, fmt.Sprint(i))
			lines[5] = fmt.Sprintf("Call-ID: %d", i)
			r.send(lines...)
			if method == "INVITE" && i%8 == 0 {
				lines = request("ACK", fmt.Sprint(i))
				lines[5] = fmt.Sprintf("Call-ID: %d", i)
				r.send(lines...)
			}
		}
		for i := range 1000 {
			c, _ := r.call([]string{"INVITE", "OPTIONS"}[i%2])
			if i%3 == 0 {
				r.on(func() { c.Cancel(nil) })
			}
		}
		if s := r.layer.Stats(); s.Servers < 2000 || s.Clients < 1000 {
			t.Errorf("%+v", s)
		}
		r.sleep(5 * time.Minute)
		r.wantEmpty()
	})
}

// TestOverTCP: no repetition, no lingering; answers go to the flow the request came by.
func TestOverTCP(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		far, err := transport.New(transport.Config{
			Network: r.net.Host(peerAddr.Addr()), Listen: []transport.Listen{{Network: transport.TCP, Addr: peerAddr}},
		})
		if err != nil {
			t.Fatal(err)
		}
		user := &fakeUser{}
		peer := transaction.New(transaction.Config{Transport: far, User: user, Shards: 1})
		peer.Start()
		defer func() {
			if err := far.Close(); err != nil {
				t.Error(err)
			}
			peer.Close()
		}()
		to := transport.Target{Network: transport.TCP, Addr: peerAddr}
		send := func(method string, cseq int) (*transaction.Client, *outcome) {
			o := &outcome{}
			var c *transaction.Client
			r.on(func() {
				m := outgoing(method)
				m.Set("CSeq", fmt.Sprintf("%d %s", cseq, method))
				c = r.layer.Send(m, to, o.on)
			})
			return c, o
		}
		respond := func(i, status int) {
			peer.Post("call", func() {
				s := user.servers[i]
				if err := s.Respond(message.NewResponse(s.Msg(), status, "")); err != nil {
					t.Error(err)
				}
			})
			synctest.Wait()
		}
		_, o := send("OPTIONS", 1)
		r.sleep(10 * time.Second)
		respond(0, 200)
		if o.String() != "200" || len(user.servers) != 1 || user.servers[0].Reply().Network != transport.TCP {
			t.Errorf("%s; %d requests", o, len(user.servers))
		}
		r.wantEmpty()
		if s := peer.Stats(); s.Servers != 0 {
			t.Errorf("far end: %+v", s)
		}
		c, o := send("INVITE", 2)
		r.on(func() { c.Cancel(nil) })
		respond(1, 487)
		r.sleep(time.Second)
		if o.String() != "100 487" || len(user.cancelled) != 1 || len(user.servers) != 2 {
			t.Errorf("%s; %d cancelled", o, len(user.cancelled))
		}
		r.wantEmpty()
		if s := peer.Stats(); s.Servers != 0 { // the ACK came by the same flow
			t.Errorf("far end: %+v", s)
		}
		_, o = send("INVITE", 3)
		respond(2, 200)
		r.sleep(33 * time.Second)
		if o.String() != "100 200" || len(user.servers) != 3 {
			t.Errorf("%s; %d requests", o, len(user.servers))
		}
		r.wantEmpty()
		if far.Flows() != 1 {
			t.Errorf("%d flows", far.Flows())
		}
	})
}
