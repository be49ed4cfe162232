package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ticks is how many clock ticks of /proc/PID/stat make a second (USER_HZ, 100 on Linux).
const ticks = 100

// process is a system under test: a program, its children, and where it may run.
type process struct {
	cmd *exec.Cmd
	log string
}

// start runs a program on one CPU, its output in a file of the folder.
func start(dir, cpu string, env []string, name string, args ...string) (*process, error) {
	p := &process{cmd: exec.Command("taskset", append([]string{"-c", cpu, name}, args...)...), log: filepath.Join(dir, filepath.Base(name)+".log")}
	out, err := os.Create(p.log)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.Dir = out, out, dir
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return p, nil
}

// stop ends the program and its children.
func (p *process) stop() {
	if p == nil || p.cmd.Process == nil {
		return
	}
	syscall.Kill(-p.cmd.Process.Pid, syscall.SIGTERM)
	done := make(chan struct{})
	go func() { p.cmd.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(3 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
}

// tree gives the process and all its children.
func (p *process) tree() []int {
	kids := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		if f := statFields(s); len(f) > 1 {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(s)))
			ppid, _ := strconv.Atoi(f[1])
			kids[ppid] = append(kids[ppid], pid)
		}
	}
	all := []int{p.cmd.Process.Pid}
	for i := 0; i < len(all); i++ {
		all = append(all, kids[all[i]]...)
	}
	return all
}

// statFields gives the fields of a stat file after the program's name.
func statFields(path string) []string {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+2 > len(b) {
		return nil
	}
	return strings.Fields(string(b[i+2:]))
}

// cpu gives the CPU seconds, user and system, that the tree has used.
func (p *process) cpu() float64 {
	sum := 0
	for _, pid := range p.tree() {
		if f := statFields(fmt.Sprintf("/proc/%d/stat", pid)); len(f) > 12 {
			u, _ := strconv.Atoi(f[11])
			s, _ := strconv.Atoi(f[12])
			sum += u + s
		}
	}
	return float64(sum) / ticks
}

// memory gives the tree's proportional set size in bytes.
func (p *process) memory() int64 {
	var sum int64
	for _, pid := range p.tree() {
		f, err := os.Open(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for sc := bufio.NewScanner(f); sc.Scan(); {
			if v, ok := strings.CutPrefix(sc.Text(), "Pss:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
				sum += kb << 10
			}
		}
		f.Close()
	}
	return sum
}

// descriptors gives the number of open files of the tree.
func (p *process) descriptors() int {
	n := 0
	for _, pid := range p.tree() {
		list, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		n += len(list)
	}
	return n
}

// receiveDrops gives how many datagrams the kernel dropped because a receive buffer was full, on the whole machine.
func receiveDrops() int64 {
	b, _ := os.ReadFile("/proc/net/snmp")
	var names []string
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] != "Udp:" {
			continue
		}
		if names == nil {
			names = f
			continue
		}
		for i, n := range names {
			if n == "RcvbufErrors" && i < len(f) {
				v, _ := strconv.ParseInt(f[i], 10, 64)
				return v
			}
		}
	}
	return 0
}

// dropsOf gives how many datagrams the kernel dropped for want of room in the receive buffers of a port's sockets.
func dropsOf(port int) int64 {
	b, _ := os.ReadFile("/proc/net/udp")
	sum := int64(0)
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 12 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) {
			n, _ := strconv.ParseInt(f[12], 10, 64)
			sum += n
		}
	}
	return sum
}
