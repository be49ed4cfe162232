package rtp

import (
	"encoding/binary"
	"fmt"
	"os"
	"runtime/debug"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media"
)

const (
	batch   = 256               // sockets served in one turn
	bufSize = headerSize + 1600 // largest packet taken: 200 ms of G.711

	playEvery = 5 * time.Millisecond // a session plays at every fourth tick, so not all at one instant
	phases    = int(media.FrameTime / playEvery)
	dense     = 32 // sessions of one phase before the next is used

	sweepEvery = 100 * time.Millisecond // a session is swept at every fiftieth tick
	sweepSlots = int(reportEvery / sweepEvery)
)

// What an epoll event is about, in its low bits; the rest is the session's slot.
const (
	onData = iota
	onControl
	onPlay
	onSweep
	kinds
)

// shard carries the packets of some sessions: one goroutine, one epoll set, which waits in the runtime's poller.
type shard struct {
	e           *Engine
	file        *os.File // the epoll set
	wait        syscall.RawConn
	epoll       int
	play, sweep int // timerfds

	mu      sync.Mutex
	slots   []slot
	free    []uint32
	live    int
	closed  bool
	playing [phases][]*Session
	players int

	turn
}

// turn is what the loop alone works with.
type turn struct {
	events  [batch]unix.EpollEvent
	ready   [batch]*Session // whose events they are
	buf     [bufSize]byte   // the packet
	plain   [bufSize]byte   // the same, opened
	event   [4]byte         // of a key that is a tone in the packet
	from    addr            // where it came from
	packet  media.Packet    // what is passed on of it
	frames  frames          // what is played of a source
	scratch []*Session      // whose clock it is
	phase   int             // of playing
	swept   int             // of sweeping
	faults  int             // caught
	told    time.Duration   // when the last one was
}

// slot is a place in the shard's table. The generation tells an event of a session that has left from one of the next.
type slot struct {
	s          *Session
	generation int32
}

func newShard(e *Engine) (*shard, error) {
	sh := &shard{e: e, epoll: -1, play: -1, sweep: -1}
	var err error
	if sh.epoll, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return nil, fmt.Errorf("creating an epoll set: %w", err)
	}
	for kind, fd := range map[int]*int{onPlay: &sh.play, onSweep: &sh.sweep} {
		if *fd, err = unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC); err == nil {
			err = sh.watch(*fd, kind, 0)
		}
		if err != nil {
			sh.closeFiles()
			return nil, fmt.Errorf("creating a timer: %w", err)
		}
	}
	// A file that is non-blocking when it is made is put into the runtime's poller: waiting for packets then parks a
	// goroutine, not a thread, and the scheduler needs no second thread to find out.
	if err = unix.SetNonblock(sh.epoll, true); err == nil {
		sh.file = os.NewFile(uintptr(sh.epoll), "rtp")
		sh.wait, err = sh.file.SyscallConn()
	}
	if err != nil {
		sh.closeFiles()
		return nil, fmt.Errorf("polling the epoll set: %w", err)
	}
	return sh, nil
}

func (sh *shard) closeFiles() {
	for _, fd := range []int{sh.play, sh.sweep} {
		if fd >= 0 {
			_ = unix.Close(fd)
		}
	}
	if sh.file != nil {
		_ = sh.file.Close()
	} else if sh.epoll >= 0 {
		_ = unix.Close(sh.epoll)
	}
}

// watch adds a socket or timer to the set.
func (sh *shard) watch(fd, what int, generation int32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(what), Pad: generation}
	if err := unix.EpollCtl(sh.epoll, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watching a socket: %w", err)
	}
	return nil
}

// add takes in a session and begins to listen for it.
func (sh *shard) add(s *Session) error {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if sh.closed {
		return ErrClosed
	}
	var i uint32
	if n := len(sh.free); n > 0 {
		i, sh.free = sh.free[n-1], sh.free[:n-1]
	} else {
		i = uint32(len(sh.slots))
		sh.slots = append(sh.slots, slot{})
	}
	at := &sh.slots[i]
	at.s, s.slot, s.generation, s.listed = s, i, at.generation, true
	if sh.live++; sh.live == 1 {
		sh.set(sh.sweep, sweepEvery)
	}
	return sh.watch(s.data, int(i)*kinds+onData, s.generation)
}

// remove forgets a session, if it is known.
func (sh *shard) remove(s *Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	if !s.listed {
		return
	}
	s.listed = false
	at := &sh.slots[s.slot]
	at.s, at.generation = nil, at.generation+1
	sh.free = append(sh.free, s.slot)
	if sh.live--; sh.live == 0 {
		sh.set(sh.sweep, 0)
	}
}

// set starts a timer, or stops it when every is zero. The caller holds mu and the shard is open.
func (sh *shard) set(timer int, every time.Duration) {
	if sh.closed {
		return
	}
	ts := unix.NsecToTimespec(int64(every))
	_ = unix.TimerfdSettime(timer, 0, &unix.ItimerSpec{Interval: ts, Value: ts}, nil)
}

func (sh *shard) closeSessions() {
	sh.mu.Lock()
	sh.closed = true
	var all []*Session
	for _, at := range sh.slots {
		if at.s != nil {
			all = append(all, at.s)
		}
	}
	sh.mu.Unlock()
	for _, s := range all {
		s.Close()
	}
}

// close wakes the loop for the last time.
func (sh *shard) close() error {
	if err := sh.file.Close(); err != nil {
		return fmt.Errorf("closing an epoll set: %w", err)
	}
	return nil
}

// loop serves sockets and timers until the epoll set is closed.
func (sh *shard) loop() {
	defer func() { _, _ = unix.Close(sh.play), unix.Close(sh.sweep) }()
	n := 0
	poll := func(fd uintptr) bool {
		n = pollEvents(int(fd), &sh.events)
		return n > 0
	}
	for {
		if err := sh.wait.Read(poll); err != nil {
			if !sh.e.closed.Load() {
				sh.e.cfg.Log.Error("RTP stopped: the poller failed", "err", err)
			}
			return
		}
		sh.lookUp(n)
		now := sh.e.now()
		for i := range n {
			sh.serve(i, now)
		}
	}
}

// serve does what the i-th event asks for.
func (sh *shard) serve(i int, now time.Duration) {
	defer sh.net()
	s := sh.ready[i]
	sh.ready[i] = nil
	switch what := int(sh.events[i].Fd); {
	case what == onPlay:
		sh.playTick(now)
	case what == onSweep:
		sh.sweepTick(now)
	case s == nil: // left meanwhile
	case what%kinds == onData:
		s.readData(sh, now)
	default:
		s.readControl(sh, now)
	}
}

// tellFaults is how often a fault is told: whoever finds one may send it in each packet.
const tellFaults = time.Second

// net, deferred, catches a fault of ours: it costs one packet, and touches no other. No lock is held when it is called.
func (sh *shard) net() {
	v := recover()
	if v == nil {
		return
	}
	sh.faults++
	if now := sh.e.now(); sh.told == 0 || now-sh.told >= tellFaults {
		sh.told = now
		sh.e.cfg.Log.Error("RTP packet given up: a fault of ours", "fault", v, "faults", sh.faults, "stack", string(debug.Stack()))
	}
}

// lookUp finds the sessions of the first n events, all under one lock.
func (sh *shard) lookUp(n int) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	for i, ev := range sh.events[:n] {
		if k := ev.Fd % kinds; k != onData && k != onControl {
			continue
		}
		if at := &sh.slots[ev.Fd/kinds]; at.generation == ev.Pad {
			sh.ready[i] = at.s
		}
	}
}

// expirations reads how often a timer went off since the last time.
func expirations(timer int) int {
	var b [8]byte
	if n, err := unix.Read(timer, b[:]); err != nil || n != len(b) {
		return 0
	}
	return int(min(binary.NativeEndian.Uint64(b[:]), 1<<20))
}

// startPlaying has s ticked from now on.
func (sh *shard) startPlaying(s *Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	best := 0
	for i := range sh.playing {
		if len(sh.playing[i]) < dense {
			best = i
			break
		}
		if len(sh.playing[i]) < len(sh.playing[best]) {
			best = i
		}
	}
	sh.playing[best] = append(sh.playing[best], s)
	if sh.players++; sh.players == 1 {
		sh.set(sh.play, playEvery)
	}
}

// playTick plays a frame on the sessions whose turn it is. Turns missed are made up for, up to a bound.
func (sh *shard) playTick(now time.Duration) {
	for range min(expirations(sh.play), 5*phases) {
		sh.phase = (sh.phase + 1) % phases
		sh.mu.Lock()
		sh.scratch = append(sh.scratch[:0], sh.playing[sh.phase]...)
		sh.mu.Unlock()
		var over []*Session
		for _, s := range sh.scratch {
			if !s.playFrame(now) {
				over = append(over, s)
			}
		}
		clear(sh.scratch)
		if over != nil {
			sh.stopPlaying(over)
		}
	}
}

// stopPlaying ends the ticks of sessions of the current phase: of each, one entry, as it may have begun anew.
func (sh *shard) stopPlaying(over []*Session) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	list := sh.playing[sh.phase]
	for _, s := range over {
		for i := range list {
			if list[i] == s {
				last := len(list) - 1
				list[i], list[last] = list[last], nil
				list = list[:last]
				sh.players--
				break
			}
		}
	}
	sh.playing[sh.phase] = list
	if sh.players == 0 {
		sh.set(sh.play, 0)
	}
}

// sweepTick reports for a fiftieth of the sessions.
func (sh *shard) sweepTick(now time.Duration) {
	for range min(expirations(sh.sweep), sweepSlots) {
		sh.swept = (sh.swept + 1) % sweepSlots
		sh.mu.Lock()
		sh.scratch = sh.scratch[:0]
		for i := sh.swept; i < len(sh.slots); i += sweepSlots {
			if s := sh.slots[i].s; s != nil {
				sh.scratch = append(sh.scratch, s)
			}
		}
		sh.mu.Unlock()
		for _, s := range sh.scratch {
			s.sweep(now)
		}
		clear(sh.scratch)
	}
}
