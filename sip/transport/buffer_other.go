//go:build !linux

package transport

import "net"

// growReceiveBuffer asks for a receive buffer; the system grants as much as it likes.
func growReceiveBuffer(conn *net.UDPConn, size int) { _ = conn.SetReadBuffer(size) }
