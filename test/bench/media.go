package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// relaySystem is one relay measured: how it is started, and how a call's two ports are got.
type relaySystem struct {
	name  string
	start func() (*process, error)
	setUp func(n int) ([]pair, func(), error)
}

// pair is where the generator sends the packets of one call: to the relay's side towards A, and towards B.
type pair struct{ A, B int }

// media relays bridged calls through each system in turn, several times, and compares CPU per packet.
func (b *bench) media() error {
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	systems := []relaySystem{
		{"switchhook", b.startProgram, func(n int) ([]pair, func(), error) { return sipPairs(n, ourPort, calleePort) }},
		{"rtpengine", b.startRTPEngine, func(n int) ([]pair, func(), error) { return ngPairs(n, "127.0.0.1:15022") }},
		{"bare relay", b.startBareRelay, func(n int) ([]pair, func(), error) { return linearPairs(n), func() {}, nil }},
	}
	calls, rounds, length := 300, 3, 15*time.Second
	if b.quick {
		calls, rounds, length = 20, 1, 2*time.Second
	}
	for round := range rounds {
		for _, s := range systems {
			if err := b.relayed(s, calls, length, fmt.Sprint("round ", round+1)); err != nil {
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	return nil
}

// relayed measures one system.
func (b *bench) relayed(s relaySystem, calls int, length time.Duration, note string) error {
	p, err := s.start()
	if err != nil {
		return err
	}
	defer p.stop()
	pairs, end, err := s.setUp(calls)
	if err != nil {
		return err
	}
	defer end()
	g, err := newGenerator(pairs)
	if err != nil {
		return err
	}
	defer g.close()
	g.run(2 * time.Second) // sources are learnt, caches are warm
	g.reset()
	drops, cpu := receiveDrops(), p.cpu()
	g.run(length)
	used := p.cpu() - cpu
	sent, got := g.counts()
	if got == 0 {
		return errors.New("no packet came through")
	}
	v := map[string]float64{
		"calls": float64(calls), "sent": float64(sent), "lossPercent": 100 * float64(sent-got) / float64(sent),
		"microsecondsPerPacket": used * 1e6 / float64(got), "coreBusy": used / length.Seconds(), "receiveDrops": float64(receiveDrops() - drops),
	}
	quantiles(v, "latency", g.latencies())
	b.report(result{What: "relayed G.711", System: s.name, Value: v, Note: note})
	return nil
}

// startRTPEngine starts the peer in user space.
func (b *bench) startRTPEngine() (*process, error) {
	p, err := start(b.dir, systemCPU, nil, "rtpengine", "--interface=127.0.0.1", "--listen-ng=127.0.0.1:15022", "--foreground", "--table=-1",
		"--port-min=20000", "--port-max=59999", "--log-level=3", "--log-stderr", "--num-threads=1", "--pidfile="+filepath.Join(b.dir, "rtpengine.pid"))
	time.Sleep(time.Second)
	return p, err
}

// startBareRelay starts this program's own relay, which does nothing but receive and send.
func (b *bench) startBareRelay() (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := start(b.dir, systemCPU, []string{"GOMAXPROCS=1"}, self, "relay", strconv.Itoa(bareBase), "400")
	time.Sleep(500 * time.Millisecond)
	return p, err
}

// linearPairs are the ports of the bare relay.
func linearPairs(n int) []pair {
	out := make([]pair, n)
	for i := range out {
		out[i] = pair{bareBase + 2*i, bareBase + 2*i + 1}
	}
	return out
}
