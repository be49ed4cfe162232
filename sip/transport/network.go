package transport

import (
	"context"
	"net"
	"net/netip"
)

// Network makes sockets: the machine's ([Machine]), or a test's (package memnet).
type Network interface {
	ListenPacket(addr netip.AddrPort) (PacketConn, error)
	Listen(addr netip.AddrPort) (net.Listener, error)
	Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error)
	// Source gives the address of this host from which packets toward an address leave.
	Source(toward netip.Addr) (netip.Addr, error)
}

// PacketConn is a datagram socket. It may be read by one goroutine and written by many.
type PacketConn interface {
	// ReadBatch waits for a datagram and gives as many as have come, up to the length of ds.
	ReadBatch(ds []Datagram) (int, error)
	WriteTo(data []byte, to netip.AddrPort) error
	Addr() netip.AddrPort
	Close() error
}

// Datagram is one received: Buf is lent by the reader, the rest is filled in.
type Datagram struct {
	Buf  []byte
	N    int
	From netip.AddrPort
}

// unmap gives an address in the form we compare: no IPv4 inside IPv6, no zone.
func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap().WithZone(""), a.Port())
}

// addrPort gives the address of a TCP connection's end.
func addrPort(a net.Addr) netip.AddrPort {
	if t, ok := a.(interface{ AddrPort() netip.AddrPort }); ok {
		return unmap(t.AddrPort())
	}
	ap, _ := netip.ParseAddrPort(a.String())
	return unmap(ap)
}
