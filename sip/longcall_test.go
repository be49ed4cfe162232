package sip_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/transport"
	"github.com/switchhook/switchhook/sip/transport/memnet"
)

// A call between two servers stands for an hour of session timers and of holds from both sides, often at once (C39), while
// one datagram of ten gets lost; in the end both sides speak and listen.
func TestLongCallOverLossyNetwork(t *testing.T) {
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			inTime(t, func(t *testing.T) { longCall(t, rand.New(rand.NewPCG(seed, 2))) })
		})
	}
}

func longCall(t *testing.T, random *rand.Rand) {
	var mu sync.Mutex
	chance := func(n int) int { mu.Lock(); defer mu.Unlock(); return random.IntN(n) }
	var calm atomic.Bool
	net := memnet.New()
	net.Lose(func(_, _ netip.AddrPort, _ []byte) bool { return !calm.Load() && chance(10) == 0 })
	open := 0
	var sessions []*fakeSession
	legs := make(chan *sip.Leg, 1)
	update := directory.Choice([]string{"", "always", "never"}[chance(3)])
	server := func(at, far netip.AddrPort) *sip.Server {
		trusted := header.Trusted()
		o := directory.Signalling{Session: 90 * time.Second, Update: update, Reliable: directory.Always}
		snapshot := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{{ID: "far", In: trusted, Out: trusted,
			Peers: []directory.Peer{{Host: far.Addr().String()}}, Options: directory.Options{Signalling: o}}}})
		s, err := sip.New(sip.Config{
			Transport: transport.Config{Listen: both(at), Network: net.Host(at.Addr())}, Shards: 1,
			Directory: func() *directory.Snapshot { return snapshot },
			Media: func(netip.Addr) (sip.Session, error) {
				mu.Lock()
				defer mu.Unlock()
				open++
				f := &fakeSession{at: netip.AddrPortFrom(at.Addr(), 4000), open: &open, shared: &mu}
				sessions = append(sessions, f)
				return f, nil
			},
			Receive: func(_ call.Attempt, open sip.Open) {
				legs <- open(call.NewLegID(0), newEvents(t).report)
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.Serve()
		return s
	}
	a, b := server(aliceAt, bobAt), server(bobAt, aliceAt)
	out := a.Dial(call.NewLegID(0), call.Dial{Trunk: "far", To: "1", From: "2"}, newEvents(t).report)
	in := <-legs
	in.Ring(0, nil)
	in.Answer(nil)
	held := 0
	for end := time.Now().Add(time.Hour); time.Now().Before(end); pass(time.Duration(chance(20_000)) * time.Millisecond) {
		out.Hold(chance(2) == 0)
		if chance(2) == 0 { // at once
			in.Hold(chance(2) == 0)
		}
		sessions[0].mu.Lock()
		if sessions[0].remote.Direction != media.SendRecv {
			held++
		}
		sessions[0].mu.Unlock()
	}
	if held < 20 {
		t.Errorf("on hold %d times", held)
	}
	calm.Store(true)
	out.Hold(false)
	in.Hold(false)
	pass(time.Minute)
	if a.Legs() != 1 || b.Legs() != 1 {
		t.Errorf("%d and %d legs stand", a.Legs(), b.Legs())
	}
	for i, f := range sessions {
		f.mu.Lock()
		if f.remote.Direction != media.SendRecv {
			t.Errorf("session %d: %v", i, f.remote.Direction)
		}
		f.mu.Unlock()
	}
	out.Hangup(call.Cause{By: call.ByApp, Label: call.LabelNormal}, nil)
	pass(time.Minute)
	for _, s := range []*sip.Server{a, b} {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if open != 0 {
		t.Errorf("%d sessions are open", open)
	}
}
