package main

import (
	"fmt"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// bareBase is the first port of the bare relay.
const bareBase = 20000

// bareRelay is the floor: one loop that receives on one port of a pair and sends from the other to the generator, and knows
// nothing else. Its system calls are raw: what Go's scheduler adds to a call that may block is no part of a floor. It never
// returns.
func bareRelay(base, calls string) error {
	first, err := strconv.Atoi(base)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(calls)
	if err != nil {
		return err
	}
	ep, err := unix.EpollCreate1(0)
	if err != nil {
		return err
	}
	fds := make([]int, 2*n)
	for i := range fds {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return err
		}
		if err := unix.Bind(fd, &unix.SockaddrInet4{Port: first + i, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return fmt.Errorf("port %d: %w", first+i, err)
		}
		far := portA
		if i%2 == 1 {
			far = portB
		}
		if err := unix.Connect(fd, &unix.SockaddrInet4{Port: far, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			return err
		}
		if err := unix.EpollCtl(ep, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(i)}); err != nil {
			return err
		}
		fds[i] = fd
	}
	events, buf := make([]unix.EpollEvent, 256), make([]byte, 2048)
	for {
		k, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(ep), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), ^uintptr(0), 0, 0)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 {
			return errno
		}
		for _, e := range events[:k] {
			m, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fds[e.Fd]), uintptr(unsafe.Pointer(&buf[0])), uintptr(len(buf)))
			if errno == 0 {
				unix.RawSyscall(unix.SYS_WRITE, uintptr(fds[e.Fd^1]), uintptr(unsafe.Pointer(&buf[0])), m)
			}
		}
	}
}
