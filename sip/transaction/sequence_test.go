package transaction_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/sip/transaction"
)

// TestAnySequence lets both sides do anything in any order: nothing breaks, the first final response is the only one
// that a peer ever sees in a transaction, a client hears one end at most and nothing after it, and all comes to its end.
func TestAnySequence(t *testing.T) {
	seeds := uint64(100)
	if testing.Short() {
		seeds = 30
	}
	for seed := range seeds {
		bubble(t, nil, func(r *rig) {
			p := &play{rig: r, rnd: rand.New(rand.NewPCG(seed, 7))}
			for range 150 {
				p.step()
			}
			p.settle()
			if r.Failed() {
				r.Logf("seed %d", seed)
			}
		})
		if t.Failed() {
			return
		}
	}
}

// play is one run of random steps.
type play struct {
	*rig
	rnd      *rand.Rand
	branches int
	sent     []arrival // our requests that the peer got
	finals   map[string]int
	outcomes []*outcome
	clients  []*transaction.Client
}

var anyStatus = []int{100, 180, 183, 200, 200, 302, 404, 486, 487, 503, 603}

func (p *play) step() {
	switch p.rnd.IntN(9) {
	case 0, 1: // a request, new or again
		p.branches = min(p.branches+p.rnd.IntN(2), 20)
		p.request([]string{"INVITE", "INVITE", "BYE", "OPTIONS"}[p.branches%4], p.rnd.IntN(p.branches+1))
	case 2:
		p.request([]string{"ACK", "CANCEL"}[p.rnd.IntN(2)], p.rnd.IntN(p.branches+1))
	case 3: // our user answers anything with anything
		if n := len(p.user.servers); n > 0 {
			s := p.user.servers[p.rnd.IntN(n)]
			status := anyStatus[p.rnd.IntN(len(anyStatus))]
			p.on(func() {
				err := s.Respond(answerTo(s, status))
				if err != nil && !errors.Is(err, transaction.ErrFinal) && !errors.Is(err, transaction.ErrTimeout) {
					p.Error(err)
				}
			})
		}
	case 4:
		if n := len(p.user.servers); n > 0 {
			s := p.user.servers[p.rnd.IntN(n)]
			p.on(func() { _ = s.Repeat() })
		}
	case 5:
		c, o := p.call([]string{"INVITE", "INFO"}[p.rnd.IntN(2)])
		p.clients, p.outcomes = append(p.clients, c), append(p.outcomes, o)
	case 6: // the peer answers anything with anything
		if n := len(p.sent); n > 0 {
			p.send(answer(p.sent[p.rnd.IntN(n)], anyStatus[p.rnd.IntN(len(anyStatus))])...)
		}
	case 7:
		if n := len(p.clients); n > 0 {
			c := p.clients[p.rnd.IntN(n)]
			p.on(func() { c.Cancel(nil) })
		}
	case 8:
		p.sleep([]time.Duration{time.Millisecond, 500 * time.Millisecond, 4 * time.Second, 33 * time.Second}[p.rnd.IntN(4)])
	}
	p.collect()
}

// request sends a request whose Call-ID and method follow from its branch.
func (p *play) request(method string, branch int) {
	if method != "ACK" && method != "CANCEL" {
		method = []string{"INVITE", "INVITE", "BYE", "OPTIONS"}[branch%4]
	}
	lines := request(method, fmt.Sprint(branch))
	lines[5] = fmt.Sprintf("Call-ID: c%d", branch)
	if method == "CANCEL" && p.rnd.IntN(4) == 0 {
		lines = append(lines, "Reason: SIP;cause=200")
	}
	p.send(lines...)
}

// collect looks at what the peer got.
func (p *play) collect() {
	if p.finals == nil {
		p.finals = make(map[string]int)
	}
	for len(p.got) > 0 {
		a := <-p.got
		switch {
		case a.IsRequest():
			if a.Method != "ACK" {
				p.sent = append(p.sent, a)
			}
		case a.Status >= 200 && a.CSeq.Method != "CANCEL" && a.Status != 482:
			// A transaction that is over may be followed by another of the same branch: that one has a tag of its own.
			key := a.Via.Branch + a.CSeq.Method + a.ToTag
			if first := p.finals[key]; first != 0 && first != a.Status {
				p.Errorf("%s: %d after %d", key, a.Status, first)
			}
			p.finals[key] = a.Status
		}
	}
}

// settle ends what the user still has to end, waits, and looks at what is left.
func (p *play) settle() {
	p.on(func() {
		for _, s := range p.user.servers {
			_ = s.Respond(answerTo(s, 500))
		}
		for _, c := range p.clients {
			c.Cancel(nil)
		}
	})
	p.sleep(5 * time.Minute)
	p.collect()
	// An INVITE that rings and was never cancelled would ring on; all were.
	p.wantEmpty()
	for _, o := range p.outcomes {
		if o.after || strings.Count(o.String(), "err") > 1 {
			p.Errorf("told %s", o)
		}
	}
}
