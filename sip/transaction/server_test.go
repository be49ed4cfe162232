package transaction_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
)

// answerTo makes a response; of a request that is let go, one that says nothing else.
func answerTo(s *transaction.Server, status int) *message.Message {
	if s.Msg() == nil {
		return &message.Message{Status: status}
	}
	return message.NewResponse(s.Msg(), status, "")
}

// respond answers the newest request.
func (r *rig) respond(status int) error {
	r.Helper()
	var err error
	r.on(func() {
		s := r.user.servers[len(r.user.servers)-1]
		err = s.Respond(answerTo(s, status))
	})
	return err
}

func (r *rig) mustRespond(status int) {
	r.Helper()
	if err := r.respond(status); err != nil {
		r.Fatalf("%d: %v", status, err)
	}
}

func TestTryingAtOnceAndRepeated(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.send(request("INVITE", "1")...)
		trying := r.next()
		if trying.Status != 100 || trying.ToTag != "" || trying.at != 0 || trying.Via.Received != "192.0.2.2" || trying.Via.RPort != 5060 {
			t.Errorf("%+v", trying)
		}
		r.wantSeen("100@0")
		r.mustRespond(180)
		r.send(request("INVITE", "1")...)
		r.wantSeen("180@0 180@0")
		if len(r.user.servers) != 1 {
			t.Errorf("%d calls", len(r.user.servers))
		}
	})
}

// TestTimersGHI: a refusal over UDP is repeated until its ACK.
func TestTimersGHI(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.mustRespond(486)
		r.sleep(8 * time.Second)
		r.wantSeen("100@0 486@0 486@0.5 486@1.5 486@3.5 486@7.5")
		r.send(request("ACK", "1")...)
		r.send(request("ACK", "1")...)
		r.send(request("INVITE", "1")...)
		r.sleep(4 * time.Second)
		r.quiet()
		if r.layer.Stats().Servers != 1 {
			t.Error("gone before Timer I")
		}
		r.sleep(2 * time.Second)
		if len(r.user.acks) != 0 {
			t.Error("the ACK of a refusal reached the user")
		}
		r.wantEmpty()
	})
}

func TestTimerH(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.mustRespond(404)
		r.sleep(time.Minute)
		r.wantSeen("100@0 404@0 404@0.5 404@1.5 404@3.5 404@7.5 404@11.5 404@15.5 404@19.5 404@23.5 404@27.5 404@31.5")
		r.wantEmpty()
	})
}

// TestAcceptedServer: RFC 6026: copies of the INVITE end here, the user repeats the 2xx, the ACK reaches the user.
func TestAcceptedServer(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.mustRespond(200)
		r.send(request("INVITE", "1")...)
		r.sleep(time.Second)
		r.wantSeen("100@0 200@0")
		r.on(func() {
			if err := r.user.servers[0].Repeat(); err != nil {
				t.Error(err)
			}
		})
		r.wantSeen("200@1")
		r.send(request("ACK", "2")...) // as it should be: a branch of its own
		r.send(request("ACK", "1")...) // as some do
		if len(r.user.acks) != 2 {
			t.Errorf("%d ACKs", len(r.user.acks))
		}
		r.sleep(32 * time.Second)
		r.wantEmpty()
	})
}

// TestFirstFinalWins: whatever is said after a final response, copies of the request get that one.
func TestFirstFinalWins(t *testing.T) {
	for _, first := range []int{200, 302, 486, 603} {
		for _, second := range []int{180, 200, 486, 500} {
			bubble(t, nil, func(r *rig) {
				r.send(request("INVITE", "1")...)
				r.mustRespond(first)
				if err := r.respond(second); !errors.Is(err, transaction.ErrFinal) {
					t.Errorf("%d after %d: %v", second, first, err)
				}
				r.seen()
				r.send(request("INVITE", "1")...)
				if got, want := r.seen(), fmt.Sprintf("%d@0", first); first >= 300 && got != want {
					t.Errorf("%d after %d: a copy got %s", second, first, got)
				}
			})
			bubble(t, nil, func(r *rig) {
				r.send(request("INFO", "1")...)
				r.mustRespond(first)
				if err := r.respond(second); !errors.Is(err, transaction.ErrFinal) {
					t.Errorf("%d after %d: %v", second, first, err)
				}
				r.send(request("INFO", "1")...)
				r.wantSeen(fmt.Sprintf("%d@0 %d@0", first, first))
			})
		}
	}
}

// A final response is repeated by its bytes: the request is let go.
func TestFinalResponseLetsRequestGo(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.on(func() {
			s := r.user.servers[0]
			m := message.NewResponse(s.Msg(), 200, "")
			if err := s.Respond(m); err != nil {
				t.Error(err)
			}
			if err := s.Respond(m); !errors.Is(err, transaction.ErrFinal) {
				t.Errorf("a second final response: %v", err)
			}
			if s.Msg() == nil {
				t.Error("the request is gone while it is answered")
			}
		})
		r.on(func() {
			s := r.user.servers[0]
			if s.Msg() != nil {
				t.Error("the request is kept")
			}
			if err := s.Repeat(); err != nil {
				t.Error(err)
			}
		})
		r.send(request("INVITE", "1")...)
		r.wantSeen("100@0 200@0 200@0")
	})
}

func TestTimerJ(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("OPTIONS", "1")...)
		r.send(request("OPTIONS", "1")...)
		r.quiet()
		r.mustRespond(200)
		r.sleep(31 * time.Second)
		r.send(request("OPTIONS", "1")...)
		r.wantSeen("200@0 200@31")
		r.sleep(2 * time.Second)
		r.wantEmpty()
	})
}

// TestS23Once: what may come from a forged address gets one answer to each copy, and takes up no room for long.
func TestS23Once(t *testing.T) {
	for _, method := range []string{"INVITE", "OPTIONS"} {
		bubble(t, nil, func(r *rig) {
			r.user.request = func(s *transaction.Server) {
				s.Once()
				if err := s.Respond(answerTo(s, 403)); err != nil {
					t.Error(err)
				}
			}
			r.send(request(method, "1")...)
			r.sleep(4 * time.Second)
			r.send(request(method, "1")...)
			r.wantSeen("403@0 403@4")
			r.sleep(2 * time.Second)
			r.wantEmpty()
		})
	}
}

// TestNever408: an unanswered request other than INVITE ends in silence (RFC 4320).
func TestNever408(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INFO", "1")...)
		r.sleep(time.Minute)
		r.quiet()
		r.wantEmpty()
		if err := r.respond(200); !errors.Is(err, transaction.ErrTimeout) {
			t.Errorf("late answer: %v", err)
		}
		r.quiet()
	})
}

func TestCancelServer(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.mustRespond(180)
		r.seen()
		cancel := request("CANCEL", "1", "Reason: SIP;cause=200")
		r.send(cancel...)
		r.send(cancel...)
		ok := r.next()
		if ok.Status != 200 || ok.CSeq.Method != "CANCEL" {
			t.Errorf("%+v", ok.Message)
		}
		r.wantSeen("200@0")
		if len(r.user.cancelled) != 1 || r.user.cancelled[0].Get("Reason") != "SIP;cause=200" {
			t.Errorf("told %v", r.user.cancelled)
		}
		r.mustRespond(487)
		if refusal := r.next(); refusal.ToTag != ok.ToTag || refusal.ToTag == "" {
			t.Errorf("tags %q and %q", refusal.ToTag, ok.ToTag)
		}
		r.send(request("ACK", "1")...)
		r.send(cancel...) // late: no effect
		if len(r.user.cancelled) != 1 {
			t.Error("told again")
		}
		r.sleep(time.Minute)
		r.wantEmpty()
	})
}

// TestCancelAfterFinal: RFC 3261 section 9.2: 200 to the CANCEL, and nothing else.
func TestCancelAfterFinal(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.mustRespond(200)
		r.seen()
		r.send(request("CANCEL", "1")...)
		r.wantSeen("200@0")
		if len(r.user.cancelled) != 0 {
			t.Error("an accepted INVITE was cancelled")
		}
	})
}

func TestCancelOfNothing(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("CANCEL", "9")...)
		if m := r.next(); m.Status != 481 || m.ToTag == "" {
			t.Errorf("%+v", m.Message)
		}
		r.wantEmpty()
	})
}

func TestMergedRequest(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		for _, method := range []string{"INVITE", "OPTIONS"} {
			r.user.servers = nil
			r.send(request(method, method+"1")...)
			r.seen()
			r.send(request(method, method+"2")...)
			if m := r.next(); m.Status != 482 || m.Via.Branch != "z9hG4bK"+method+"2" {
				t.Errorf("%+v", m.Message)
			}
			if len(r.user.servers) != 1 {
				t.Errorf("%s: %d requests", method, len(r.user.servers))
			}
			r.mustRespond(200)
			r.seen()
			r.sleep(time.Minute)
			r.send(request(method, method+"3")...)
			if len(r.user.servers) != 2 {
				t.Errorf("%s: refused after the first was over", method)
			}
			r.mustRespond(200)
			r.sleep(time.Minute)
			r.seen()
		}
		r.wantEmpty()
	})
}

// TestRFC2543: without the magic cookie a request is known by what it says (C06).
func TestRFC2543(t *testing.T) {
	old := func(method, via string, more ...string) []string {
		out := request(method, "")
		out[1] = "Via: SIP/2.0/UDP " + via
		return append(out, more...)
	}
	bubble(t, nil, func(r *rig) {
		r.send(old("INVITE", "host")...)
		r.send(old("INVITE", "host")...)
		if len(r.user.servers) != 1 {
			t.Errorf("%d calls", len(r.user.servers))
		}
		r.mustRespond(486)
		r.seen()
		ack := old("ACK", "host")
		ack[4] += ";tag=" + "ours"
		r.send(ack...)
		r.sleep(2 * time.Second)
		r.quiet()
		if len(r.user.acks) != 0 {
			t.Error("the ACK was not matched")
		}
	})
	bubble(t, nil, func(r *rig) {
		r.send(old("INVITE", "host;branch=390skdjuw")...)
		r.send(old("CANCEL", "host;branch=390skdjuw")...)
		if len(r.user.cancelled) != 1 {
			t.Error("the CANCEL was not matched")
		}
		r.send(old("CANCEL", "other;branch=390skdjuw")...)
		if len(r.user.cancelled) != 1 {
			t.Error("another host's CANCEL was matched")
		}
	})
}

// TestBranchOfAnotherHost: two clients may choose the same branch.
func TestBranchOfAnotherHost(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("OPTIONS", "1")...)
		other := request("OPTIONS", "1")
		other[1] = strings.Replace(other[1], "192.0.2.2:5060", "192.0.2.2:5070", 1)
		other[5] = "Call-ID: other"
		r.send(other...)
		if len(r.user.servers) != 2 {
			t.Errorf("%d requests", len(r.user.servers))
		}
	})
}

// TestReplyPort: with rport the answer goes to the source, without it to the port of sent-by (C04, C05).
func TestReplyPort(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		lines := request("OPTIONS", "1")
		lines[1] = "Via: SIP/2.0/UDP nat.example.com:5070;branch=z9hG4bK1;rport"
		r.send(lines...)
		r.mustRespond(200)
		if m := r.next(); m.Via.RPort != 5060 || m.Via.Received != "192.0.2.2" {
			t.Errorf("%+v", m.Via)
		}
		lines[1] = "Via: SIP/2.0/UDP nat.example.com:5070;branch=z9hG4bK2"
		lines[6] = "CSeq: 2 OPTIONS"
		r.send(lines...)
		if to := r.user.servers[1].Reply(); to.Addr.String() != "192.0.2.2:5070" {
			t.Errorf("answers to %v", to)
		}
		r.mustRespond(200)
		r.quiet()
	})
}

func TestTags(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("INVITE", "1")...)
		r.seen()
		r.mustRespond(180)
		r.mustRespond(200)
		a, b := r.next(), r.next()
		if a.ToTag != b.ToTag || len(a.ToTag) < 20 {
			t.Errorf("tags %q, %q", a.ToTag, b.ToTag)
		}
		in := request("INFO", "3")
		in[4] += ";tag=dialog"
		r.send(in...)
		r.mustRespond(200)
		if m := r.next(); m.ToTag != "dialog" || m.Get("To") != "<sip:bob@192.0.2.1>;tag=dialog" {
			t.Errorf("To %q", m.Get("To"))
		}
	})
}

// TestRequestAtTheLimits: the longest rows that are read can be mirrored in an answer.
func TestRequestAtTheLimits(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		fill := func(row string) string { return row + strings.Repeat("x", message.MaxRow-len(row)) }
		lines := request("INVITE", "1")
		lines[1] = fill("Via: SIP/2.0/UDP 192.0.2.2:5060;rport;branch=z9hG4bK1;x=")
		lines[3] = fill("From: <sip:alice@192.0.2.2>;tag=a;x=")
		lines[4] = fill("To: <sip:bob@192.0.2.1>;x=")
		lines = append(lines, "Record-Route: <sip:"+strings.Repeat("p", 7500)+">")
		r.send(lines...)
		r.mustRespond(183)
		r.mustRespond(200)
		r.wantSeen("100@0 183@0 200@0")
	})
}

// TestUnfitResponse: a final response that can't be written still ends the transaction.
func TestUnfitResponse(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		r.send(request("OPTIONS", "1")...)
		r.on(func() {
			s := r.user.servers[0]
			for _, status := range []int{180, 200} {
				m := message.NewResponse(s.Msg(), status, "")
				m.Add("X-A", "v\r\nX-Inj: 1")
				if err := s.Respond(m); !errors.Is(err, message.ErrMessage) || s.Done() != (status == 200) {
					t.Errorf("%d: %v", status, err)
				}
			}
		})
		r.wantSeen("500@0")
	})
}
