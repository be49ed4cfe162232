package rtp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// addr is a socket address in the kernel's form, so that none is converted per packet. The zero value is no address.
type addr struct {
	raw [unix.SizeofSockaddrInet6]byte
	n   uint32
}

func toAddr(ap netip.AddrPort) (a addr) {
	ip := ap.Addr().Unmap()
	switch {
	case ip.Is4():
		a.n = unix.SizeofSockaddrInet4
		binary.NativeEndian.PutUint16(a.raw[0:], unix.AF_INET)
		b := ip.As4()
		copy(a.raw[4:], b[:])
	case ip.Is6():
		a.n = unix.SizeofSockaddrInet6
		binary.NativeEndian.PutUint16(a.raw[0:], unix.AF_INET6)
		b := ip.As16()
		copy(a.raw[8:], b[:])
	default:
		return a
	}
	binary.BigEndian.PutUint16(a.raw[2:], ap.Port())
	return a
}

func (a *addr) isZero() bool { return a.n == 0 }

// equal compares host and port.
func (a *addr) equal(b *addr) bool {
	return a.n == b.n && *(*[4]byte)(a.raw[:4]) == *(*[4]byte)(b.raw[:4]) && a.sameHost(b)
}

// sameHost compares the host alone.
func (a *addr) sameHost(b *addr) bool {
	switch {
	case a.n != b.n || a.n == 0:
		return false
	case a.n == unix.SizeofSockaddrInet4:
		return *(*[4]byte)(a.raw[4:8]) == *(*[4]byte)(b.raw[4:8])
	}
	return *(*[16]byte)(a.raw[8:24]) == *(*[16]byte)(b.raw[8:24])
}

// The kernel is given pointers to what lives until the call returns; sizes are those of the things pointed to. Each
// function that does so says so to the linter.

// openSocket gives a non-blocking UDP socket bound to ap.
//
//nolint:gosec // the address lives until bind returns
func openSocket(ap netip.AddrPort, dscp uint8) (int, error) {
	family, level, option := unix.AF_INET, unix.IPPROTO_IP, unix.IP_TOS
	if ap.Addr().Is6() {
		family, level, option = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_TCLASS
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("opening a UDP socket: %w", err)
	}
	if family == unix.AF_INET6 {
		_ = unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if dscp != 0 { // a network that refuses the mark still carries the audio
		_ = unix.SetsockoptInt(fd, level, option, int(dscp)<<2)
	}
	a := toAddr(ap)
	if _, _, e := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&a.raw)), uintptr(a.n)); e != 0 {
		_ = unix.Close(fd)
		return -1, fmt.Errorf("binding %v: %w", ap, e)
	}
	return fd, nil
}

// connect makes the socket exchange packets with a alone; with no address, with anybody again.
//
//nolint:gosec // the address lives until connect returns
func connect(fd int, a *addr) error {
	raw, n := a.raw, a.n
	if n == 0 {
		n = unix.SizeofSockaddrInet4 // all zero: AF_UNSPEC
	}
	if _, _, e := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&raw)), uintptr(n)); e != 0 {
		return e
	}
	return nil
}

// recv reads one packet. The sockets never block, so the runtime needn't be told of this call and the next two: that
// would cost more than the call.
//
//nolint:gosec // buffer and address live until recvfrom returns
func recv(fd int, b []byte, from *addr) (int, syscall.Errno) {
	from.n = uint32(len(from.raw))
	n, _, e := unix.RawSyscall6(unix.SYS_RECVFROM, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), 0,
		uintptr(unsafe.Pointer(&from.raw)), uintptr(unsafe.Pointer(&from.n)))
	return int(n), e
}

// send gives b to the kernel. An ICMP error of an earlier packet is reported in place of sending: then it tries again.
//
//nolint:gosec // buffer and address live until sendto returns
func send(fd int, b []byte, to *addr, connected bool) bool {
	for range 2 {
		var e syscall.Errno
		if connected {
			_, _, e = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL, 0, 0)
		} else {
			_, _, e = unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)), unix.MSG_NOSIGNAL,
				uintptr(unsafe.Pointer(&to.raw)), uintptr(to.n))
		}
		switch e {
		case 0:
			return true
		case unix.ECONNREFUSED, unix.EINTR:
		default: // no buffer, no route: this packet is lost, as on any network
			return false
		}
	}
	return false
}

// pollEvents gives the number of events there are, without waiting.
//
//nolint:gosec // the array lives until epoll_pwait returns
func pollEvents(epoll int, events *[batch]unix.EpollEvent) int {
	n, _, e := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(events)), batch, 0, 0, 0)
	if e != 0 {
		return 0
	}
	return int(n)
}
