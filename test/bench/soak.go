package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// soaker is a long run: the rates, and what was counted.
type soaker struct {
	b        *bench
	p        *process
	far      *phones
	kinds    []kind
	mu       sync.Mutex
	done     map[string]int
	failed   map[string]int
	first    map[string]error
	recorded int
	took     []time.Duration // of the calls of the last minute, INVITE to 200
}

// kind is something that is done over and over beside the calls of SIPp.
type kind struct {
	name  string
	every time.Duration
	work  func() error
}

const soakPhones = 500

// soak runs a mixed load for hours: calls with context at 70 % of the highest clean rate, and beside them holds, calls that are given
// up, transfers, recordings in rooms, registrations and junk. It prints a line each minute and fails when anything fails or grows.
func (b *bench) soak() error {
	rate := b.rate
	if rate == 0 {
		var err error
		if rate, err = b.highest(); err != nil {
			return err
		}
		rate = rate * 7 / 10
	}
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	s := &soaker{b: b, done: map[string]int{}, failed: map[string]int{}, first: map[string]error{}}
	if s.p, err = b.startWith(adminKey + endpoints(soakPhones)); err != nil {
		return err
	}
	defer s.p.stop()
	c, err := startCallee(b.dir, b.scenarios(), calleePort)
	if err != nil {
		return err
	}
	defer c.stop()
	if s.far, err = newPhones(farPort); err != nil {
		return err
	}
	defer s.far.close()
	s.kinds = s.mixed()
	return s.run(rate)
}

// highest looks for the highest rate at which every call of ten seconds went well.
func (b *bench) highest() (int, error) {
	fn, err := startFunction(functionAddr)
	if err != nil {
		return 0, err
	}
	defer fn.server.Close()
	best := 0
	for rate := 200; rate <= 1600; rate += 200 {
		err := b.each(fn, b.systems()[0], "highest clean rate", "", load{rate: rate, calls: rate * 10}, false)
		if errors.Is(err, errUnclean) {
			break
		}
		if err != nil {
			return 0, err
		}
		best = rate
	}
	if best == 0 {
		return 0, errors.New("not even 200 calls a second went well")
	}
	return best, nil
}

// mixed gives what is done beside the calls.
func (s *soaker) mixed() []kind {
	next := 0
	return []kind{
		{"holds", 200 * time.Millisecond, s.hold},
		{"given up", 200 * time.Millisecond, s.giveUp},
		{"transfers", time.Second, s.far.transfer},
		{"recorded in rooms", 2 * time.Second, s.record},
		{"registrations", 50 * time.Millisecond, func() error {
			s.mu.Lock()
			next++
			i := next
			s.mu.Unlock()
			return s.far.register(i % soakPhones)
		}},
	}
}

// hold calls, holds, resumes and hangs up.
func (s *soaker) hold() error {
	d := s.far.newDialog("+12065550142", dialled)
	defer d.forget()
	took, err := d.call()
	if err != nil {
		return err
	}
	s.mu.Lock()
	s.took = append(s.took, took)
	s.mu.Unlock()
	for _, direction := range []string{"sendonly", "sendrecv"} {
		if err := d.again(direction); err != nil {
			return err
		}
	}
	return d.bye()
}

// giveUp calls and sends BYE before the answer can have come: it ends one way or the other.
func (s *soaker) giveUp() error {
	d := s.far.newDialog("+12065550142", dialled)
	defer d.forget()
	d.send("INVITE", sdp(9), "User-to-User: 00c0ffee30000000000;encoding=hex", "Diversion: <sip:+12065550143@carrier.example>;reason=unconditional;counter=1",
		"X-Call-Context: bench-1-1", "X-Account-Id: 4711")
	if _, err := d.await("SIP/2.0 100", "SIP/2.0 180"); err != nil {
		return err
	}
	d.cancel()
	for {
		m, err := d.await("SIP/2.0 200", "SIP/2.0 487", "SIP/2.0 481")
		if err != nil {
			return err
		}
		switch seq := row(m, "CSeq"); {
		case m[8:11] == "487":
			d.ackRefusal()
			return nil
		case m[8:11] == "200" && seq == "CSeq: 1 INVITE": // it crossed
			d.answered(m)
			d.send("ACK", "")
			return d.bye()
		}
	}
}

// run keeps the load up for the time, and judges.
func (s *soaker) run(rate int) error {
	length, minute := s.b.last, time.Minute
	if s.b.quick {
		length, minute = min(length, 20*time.Second), 5*time.Second
	}
	hold := min(10*time.Second, time.Duration(2000/rate+1)*time.Second)
	begin := time.Now()
	stop := make(chan struct{})
	var workers sync.WaitGroup
	for _, k := range s.kinds {
		workers.Go(func() { s.over(k, stop) })
	}
	f, err := newFlooder(ourPort)
	if err != nil {
		return err
	}
	go f.run(ourPort, 200)
	var o outcome
	over := make(chan error, 1)
	l := load{target: fmt.Sprintf("127.0.0.1:%d", ourPort), service: dialled, rate: rate, calls: rate * int(length.Seconds()), hold: hold}
	go func() {
		var err error
		o, err = l.run(s.b.dir, s.b.scenarios())
		over <- err
	}()
	fmt.Printf("%d calls a second held for %v, for %v\n", rate, hold, length)
	var lines []map[string]float64
	ticker := time.NewTicker(minute)
	for waiting := true; waiting; {
		select {
		case err = <-over:
			waiting = false
		case <-ticker.C:
			lines = append(lines, s.line(time.Since(begin)))
		}
	}
	ticker.Stop()
	close(stop)
	workers.Wait()
	f.stop()
	if err != nil {
		return err
	}
	time.Sleep(settle)
	return s.judge(o, lines, length)
}

// over does one thing over and over, several at a time when it takes long.
func (s *soaker) over(k kind, stop chan struct{}) {
	var busy sync.WaitGroup
	defer busy.Wait()
	ticker := time.NewTicker(k.every)
	defer ticker.Stop()
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
			busy.Go(func() {
				err := k.work()
				s.mu.Lock()
				defer s.mu.Unlock()
				if err == nil {
					s.done[k.name]++
					return
				}
				s.failed[k.name]++
				if s.first[k.name] == nil {
					s.first[k.name] = err
					fmt.Fprintf(os.Stderr, "%s: %v\n", k.name, err)
				}
			})
		}
	}
}

// line prints what a minute brought.
func (s *soaker) line(since time.Duration) map[string]float64 {
	v := holdings(s.p)
	if row, err := lastRow(filepath.Join(s.b.dir, "uac.csv")); err == nil {
		v["calls"], v["failed"] = float64(number(row["SuccessfulCall(C)"])), float64(number(row["FailedCall(C)"]))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.Sort(s.took)
	p99 := time.Duration(0)
	if n := len(s.took); n > 0 {
		p99 = s.took[n*99/100]
	}
	s.took = s.took[:0]
	fmt.Printf("%-9v calls %.0f failed %.0f, memory %.0f MB, goroutines %.0f, descriptors %.0f, answer p99 %v", since.Round(time.Second), v["calls"], v["failed"], v["memoryMB"], v["goroutines"], v["descriptors"], p99.Round(time.Millisecond))
	for _, k := range s.kinds {
		fmt.Printf("; %s %d failed %d", k.name, s.done[k.name], s.failed[k.name])
	}
	fmt.Println()
	return v
}

// judge says what of the run was not as it must be: failures, or memory, goroutines and descriptors that grew.
func (s *soaker) judge(o outcome, lines []map[string]float64, length time.Duration) error {
	after := holdings(s.p)
	v := map[string]float64{"calls": float64(o.OK), "failed": float64(o.Failed), "seconds": length.Seconds(), "memoryMBAfter": after["memoryMB"], "goroutinesAfter": after["goroutines"], "descriptorsAfter": after["descriptors"]}
	var errs []error
	if o.Failed > o.OK/100000 {
		errs = append(errs, fmt.Errorf("%d calls failed", o.Failed))
	}
	for _, k := range s.kinds {
		v[k.name] = float64(s.done[k.name])
		if n := s.failed[k.name]; n > s.done[k.name]/10000 {
			errs = append(errs, fmt.Errorf("%d %s failed, the first: %w", n, k.name, s.first[k.name]))
		}
	}
	if len(lines) >= 10 { // the first tenth warms up
		early, late := lines[len(lines)/10], lines[len(lines)-1]
		for name, slack := range map[string]float64{"memoryMB": 64, "goroutines": 50, "descriptors": 500} {
			v[name+"Early"], v[name+"Late"] = early[name], late[name]
			if late[name] > 1.25*early[name]+slack {
				errs = append(errs, fmt.Errorf("%s grew from %.0f to %.0f", name, early[name], late[name]))
			}
		}
	}
	s.b.report(result{What: "soak", System: "switchhook", Value: v})
	return errors.Join(errs...)
}
