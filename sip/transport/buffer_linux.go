package transport

import (
	"net"

	"golang.org/x/sys/unix"
)

// growReceiveBuffer asks for a receive buffer, beyond the system's limit where we may.
func growReceiveBuffer(conn *net.UDPConn, size int) {
	_ = conn.SetReadBuffer(size) // as much of it as the system grants
	raw, err := conn.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, size)
	})
}
