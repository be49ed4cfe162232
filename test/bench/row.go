package main

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// settle is how long what is over takes to let go of all: transactions linger for 32 s.
const settle = 45 * time.Second

// row makes 100,000 calls in a row and compares what the program holds before and after.
func (b *bench) row() error {
	calls, rate := 100000, 400
	if b.quick {
		calls, rate = 2000, 200
	}
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
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
	l := load{target: fmt.Sprintf("127.0.0.1:%d", ourPort), service: dialled, rate: rate, calls: rate * 10}
	if _, err := l.run(b.dir, b.scenarios()); err != nil { // pools and heaps reach their size
		return err
	}
	time.Sleep(settle)
	before := holdings(p)
	l.calls = calls
	o, err := l.run(b.dir, b.scenarios())
	if err != nil {
		return err
	}
	over := time.Now()
	time.Sleep(settle)
	after := holdings(p)
	// The collector runs at least every two minutes, and what it frees goes back to the system little by little.
	for after["memoryMB"] > 1.1*before["memoryMB"] && time.Since(over) < 6*time.Minute {
		time.Sleep(5 * time.Second)
		after = holdings(p)
	}
	v := map[string]float64{"calls": float64(o.OK), "failed": float64(o.Failed), "secondsUntilAfter": time.Since(over).Seconds()}
	for k, x := range before {
		v[k+"Before"], v[k+"After"] = x, after[k]
	}
	b.report(result{What: "100,000 calls in a row", System: "switchhook", Value: v})
	return nil
}

// holdings gives what a program holds: memory, goroutines, descriptors.
func holdings(p *process) map[string]float64 {
	h := map[string]float64{"memoryMB": float64(p.memory()) / (1 << 20), "descriptors": float64(p.descriptors())}
	resp, err := http.Get("http://127.0.0.1:15081/metrics")
	if err != nil {
		return h
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	for line := range strings.Lines(string(body)) {
		if v, ok := strings.CutPrefix(line, "go_goroutines "); ok {
			h["goroutines"], _ = strconv.ParseFloat(strings.TrimSpace(v), 64)
		}
	}
	return h
}
