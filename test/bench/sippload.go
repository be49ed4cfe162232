package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// callee is a SIPp that answers on a port.
type callee struct {
	cmd  *exec.Cmd
	stat string
}

// sippFlags are the flags of both sides: statistics each second, errors to a file, no keyboard.
func sippFlags(dir, side string) []string {
	return []string{"-i", "127.0.0.1", "-nostdin", "-buff_size", "4000000", "-timer_resol", "1", "-max_socket", "50000",
		"-trace_stat", "-fd", "1", "-stf", filepath.Join(dir, side+".csv"), "-trace_err", "-error_file", filepath.Join(dir, side+".err")}
}

// startCallee starts the callee that checks the context.
func startCallee(dir, scenarios string, port int) (*callee, error) {
	c := &callee{stat: filepath.Join(dir, "uas.csv")}
	args := append([]string{"-c", generatorCPU, "sipp", "-sf", filepath.Join(scenarios, "uas.xml"), "-p", strconv.Itoa(port), "-mi", "127.0.0.1", "-mp", "26000"}, sippFlags(dir, "uas")...)
	c.cmd = exec.Command("taskset", args...)
	c.cmd.Env = append(os.Environ(), "TERM=xterm")
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	c.cmd.Dir = dir
	if err := c.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start callee: %w", err)
	}
	time.Sleep(time.Second) // it does not tell when it listens
	return c, nil
}

// stop ends the callee and gives how often it sent something again.
func (c *callee) stop() int {
	c.cmd.Process.Signal(syscall.SIGKILL)
	c.cmd.Wait()
	s, err := lastRow(c.stat)
	if err != nil {
		return 0
	}
	return number(s["Retransmissions(C)"])
}

// load is one run of the caller.
type load struct {
	target  string
	service string
	rate    int           // calls a second
	calls   int           // in all
	hold    time.Duration // answer to BYE
	half    func()        // called once when the calls should all stand, or nil
}

// outcome is what the caller counted.
type outcome struct {
	OK, Failed, Resent int
	Wall               time.Duration
}

// run makes the calls and waits for their end.
func (l load) run(dir, scenarios string) (outcome, error) {
	var o outcome
	args := append([]string{"-c", generatorCPU, "sipp", l.target, "-sf", filepath.Join(scenarios, "uac.xml"), "-s", l.service, "-p", "15070",
		"-mi", "127.0.0.1", "-mp", "24000", "-r", strconv.Itoa(l.rate), "-m", strconv.Itoa(l.calls), "-l", "100000", "-d", strconv.Itoa(int(l.hold.Milliseconds()))}, sippFlags(dir, "uac")...)
	cmd := exec.Command("taskset", args...)
	cmd.Env, cmd.Dir = append(os.Environ(), "TERM=xterm"), dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		return o, fmt.Errorf("start caller: %w", err)
	}
	setup := time.Duration(float64(l.calls) / float64(l.rate) * float64(time.Second))
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var half <-chan time.Time
	if l.half != nil {
		half = time.After(setup + l.hold/2)
	}
	limit := time.After(setup + l.hold + 60*time.Second)
	for {
		select {
		case <-half:
			l.half()
		case err := <-done:
			o.Wall = time.Since(begin)
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) {
				return o, err
			}
			return o, o.read(filepath.Join(dir, "uac.csv"))
		case <-limit:
			cmd.Process.Kill()
			<-done
			o.Wall = time.Since(begin)
			return o, errors.Join(o.read(filepath.Join(dir, "uac.csv")), errors.New("the caller did not end in time"))
		}
	}
}

func (o *outcome) read(path string) error {
	s, err := lastRow(path)
	if err != nil {
		return err
	}
	o.OK, o.Failed, o.Resent = number(s["SuccessfulCall(C)"]), number(s["FailedCall(C)"]), number(s["Retransmissions(C)"])
	return nil
}

// lastRow reads the last line of SIPp's statistics by its column names.
func lastRow(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("SIPp left no statistics: %w", err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma, r.FieldsPerRecord = ';', -1
	rows, err := r.ReadAll()
	if err != nil || len(rows) < 2 {
		return nil, fmt.Errorf("SIPp's statistics can't be read: %w", err)
	}
	m := make(map[string]string)
	for i, v := range rows[len(rows)-1] {
		if i < len(rows[0]) {
			m[rows[0][i]] = v
		}
	}
	return m, nil
}

func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}
