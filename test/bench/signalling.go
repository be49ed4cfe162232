package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

const (
	functionAddr = "127.0.0.1:15090"
	calleePort   = 15080
	ourPort      = 15060
	peerPort     = 15061
	dialled      = "+12065550100"
)

// system is one of those measured: how it is started and where it listens.
type system struct {
	name  string
	port  int
	start func() (*process, error)
}

// systems gives the program and its peer.
func (b *bench) systems() []system {
	return []system{
		{"switchhook", ourPort, b.startProgram},
		{"kamailio", peerPort, func() (*process, error) {
			p, err := start(b.dir, systemCPU, nil, "kamailio", "-f", filepath.Join(b.root, "test/bench/kamailio.cfg"), "-m", "1024", "-M", "16", "-DD", "-E", "-x", "fm", "-X", "fm", "-Y", b.dir, "-P", filepath.Join(b.dir, "kamailio.pid"))
			time.Sleep(2 * time.Second)
			return p, err
		}},
	}
}

// startProgram starts the program and waits until it takes calls.
func (b *bench) startProgram() (*process, error) {
	return b.startProgramAs(filepath.Join(b.root, "test/bench/switchhook.yaml"))
}

// startProgramAs does it with a configuration of one's own.
func (b *bench) startProgramAs(config string) (*process, error) {
	data, err := os.MkdirTemp(b.dir, "data")
	if err != nil {
		return nil, err
	}
	p, err := start(b.dir, systemCPU, []string{"GOMAXPROCS=1"}, b.program, "serve", "--config", config, "--data", data, "--log-level", "warn")
	if err != nil {
		return nil, err
	}
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		resp, err := http.Get("http://127.0.0.1:15081/readyz")
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return p, nil
		}
	}
	p.stop()
	log, _ := os.ReadFile(p.log)
	return nil, fmt.Errorf("the program does not get ready: %s", log)
}

// signalling measures the cost of calls at a low and at a high rate, interleaved with the peer, then the highest clean rate, then
// memory.
func (b *bench) signalling() error {
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	costs, rounds, seconds := []int{100, 600}, 3, 10
	rates := []int{700, 800, 900, 1000, 1200, 1400, 1600}
	if b.quick {
		costs, rounds, seconds, rates = []int{100}, 1, 3, []int{200}
	}
	for round := range rounds {
		for _, rate := range costs {
			for _, s := range b.systems() {
				err := b.each(fn, s, fmt.Sprintf("cost at %d calls/s", rate), fmt.Sprint("round ", round+1), load{rate: rate, calls: rate * seconds}, true)
				if err != nil && !errors.Is(err, errUnclean) { // what failed is in the line
					return err
				}
			}
		}
	}
	for _, rate := range rates {
		err := b.each(fn, b.systems()[0], "highest clean rate", "", load{rate: rate, calls: rate * seconds}, true)
		if errors.Is(err, errUnclean) {
			break
		}
		if err != nil {
			return err
		}
	}
	return b.standingCalls(2000)
}

var errUnclean = errors.New("calls failed")

// each measures one load on one system, freshly started.
func (b *bench) each(fn *function, s system, what, note string, l load, watch bool) error {
	p, err := s.start()
	if err != nil {
		return err
	}
	defer p.stop()
	c, err := startCallee(b.dir, b.scenarios(), calleePort)
	if err != nil {
		return err
	}
	l.target, l.service = fmt.Sprintf("127.0.0.1:%d", s.port), dialled
	warm := l
	warm.calls = min(l.calls, l.rate*2)
	if _, err := warm.run(b.dir, b.scenarios()); err != nil {
		return err
	}
	var cap *capture
	if watch {
		if cap, err = newCapture(s.port, calleePort); err != nil {
			return err
		}
		ask := cap.ask
		fn.asked.Store(&ask)
		defer fn.asked.Store(nil)
	}
	drops, cpu, asked := receiveDrops(), p.cpu(), fn.calls.Load()
	o, err := l.run(b.dir, b.scenarios())
	if err != nil {
		return err
	}
	time.Sleep(time.Second)
	used := p.cpu() - cpu
	v := map[string]float64{
		"rate": float64(l.rate), "calls": float64(o.OK), "failed": float64(o.Failed), "resent": float64(o.Resent + c.stop()),
		"cpuSecondsPer1000": used * 1000 / float64(max(1, o.OK)), "coreBusy": used / o.Wall.Seconds(), "receiveDrops": float64(receiveDrops() - drops),
		"invocationsPerCall": float64(fn.calls.Load()-asked) / float64(max(1, o.OK)), "memoryMB": float64(p.memory()) / (1 << 20),
	}
	if cap != nil {
		toFunction, toCallee := cap.stop()
		quantiles(v, "functionAsked", toFunction)
		quantiles(v, "inviteOut", toCallee)
	}
	b.report(result{What: what, System: s.name, Value: v, Note: note})
	if o.Failed > 0 || o.OK < l.calls {
		return errUnclean
	}
	return nil
}

// quantiles adds p50 and p99 in milliseconds.
func quantiles(v map[string]float64, name string, d []time.Duration) {
	if len(d) == 0 {
		return
	}
	slices.Sort(d)
	v[name+"P50ms"] = float64(d[len(d)/2].Microseconds()) / 1000
	v[name+"P99ms"] = float64(d[min(len(d)-1, len(d)*99/100)].Microseconds()) / 1000
}

// standing measures the memory of 10,000 calls that stand, or of as many as this machine lets one program have descriptors for.
func (b *bench) standing() error {
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	calls := 10000
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	const perCall, spare = 2, 500 // a socket for each leg
	calls = min(calls, int(limit.Cur-spare)/perCall)
	return b.standingCalls(calls)
}

// standingCalls measures the memory of so many calls.
func (b *bench) standingCalls(calls int) error {
	if b.quick {
		calls = 200
	}
	p, err := b.startProgram()
	if err != nil {
		return err
	}
	defer p.stop()
	c, err := startCallee(b.dir, b.scenarios(), calleePort)
	if err != nil {
		return err
	}
	defer c.stop()
	target := fmt.Sprintf("127.0.0.1:%d", ourPort)
	warm := load{target: target, service: dialled, rate: 100, calls: 200}
	if _, err := warm.run(b.dir, b.scenarios()); err != nil {
		return err
	}
	time.Sleep(settle) // what warmed up lets go of its transactions
	before, during, files := p.memory(), int64(0), 0
	l := load{target: target, service: dialled, rate: 200, calls: calls, hold: time.Duration(calls/200)*time.Second + 80*time.Second}
	l.half = func() { during, files = p.memory(), p.descriptors() } // 40 s and more after the last answer: no transaction lingers
	o, err := l.run(b.dir, b.scenarios())
	if err != nil {
		return err
	}
	b.report(result{What: "memory of standing calls", System: "switchhook", Value: map[string]float64{
		"calls": float64(o.OK), "failed": float64(o.Failed), "kBPerCall": float64(during-before) / 1024 / float64(calls),
		"beforeMB": float64(before) / (1 << 20), "duringMB": float64(during) / (1 << 20), "descriptors": float64(files),
	}})
	return nil
}
