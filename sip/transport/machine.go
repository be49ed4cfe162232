package transport

import (
	"context"
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

// Machine is the operating system's network.
type Machine struct{}

var _ Network = Machine{}

// receiveBuffer is asked of the kernel for each UDP socket: its default holds some 90 messages, a burst many more.
const receiveBuffer = 4 << 20

// family gives the network's name for net: an IPv6 socket takes IPv6 alone, so that one address means one socket.
func family(network string, a netip.Addr) string {
	if a.Is4() {
		return network + "4"
	}
	return network + "6"
}

// ListenPacket opens a UDP socket.
func (Machine) ListenPacket(addr netip.AddrPort) (PacketConn, error) {
	conn, err := net.ListenUDP(family(UDP, addr.Addr()), net.UDPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("listening on UDP %s: %w", addr, err)
	}
	growReceiveBuffer(conn, receiveBuffer)
	s := &udpSocket{conn: conn}
	// Both kinds of batch reader take the same messages; they differ in name alone.
	if addr.Addr().Is4() {
		s.read = ipv4.NewPacketConn(conn).ReadBatch
	} else {
		s.read = ipv6.NewPacketConn(conn).ReadBatch
	}
	return s, nil
}

// Listen opens a TCP listener.
func (Machine) Listen(addr netip.AddrPort) (net.Listener, error) {
	l, err := net.ListenTCP(family(TCP, addr.Addr()), net.TCPAddrFromAddrPort(addr))
	if err != nil {
		return nil, fmt.Errorf("listening on TCP %s: %w", addr, err)
	}
	return l, nil
}

// Dial opens a TCP connection.
func (Machine) Dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, TCP, to.String())
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return c, nil
}

// Source asks the kernel's routes by connecting a datagram socket, which sends nothing.
func (Machine) Source(toward netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP(UDP, nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(toward, 5060)))
	if err != nil {
		return netip.Addr{}, fmt.Errorf("finding the way to %s: %w", toward, err)
	}
	from := addrPort(c.LocalAddr()).Addr()
	return from, c.Close()
}

// udpSocket reads by recvmmsg where the system has it.
type udpSocket struct {
	conn *net.UDPConn
	read func([]ipv4.Message, int) (int, error)
	msgs []ipv4.Message
}

func (s *udpSocket) ReadBatch(ds []Datagram) (int, error) {
	if len(s.msgs) != len(ds) {
		s.msgs = make([]ipv4.Message, len(ds))
		for i := range ds {
			s.msgs[i].Buffers = make([][]byte, 1)
		}
	}
	for i := range ds {
		s.msgs[i].Buffers[0] = ds[i].Buf
	}
	n, err := s.read(s.msgs, 0)
	if err != nil {
		return 0, err
	}
	for i := range n {
		ds[i].N = s.msgs[i].N
		ds[i].From = netip.AddrPort{}
		if a, ok := s.msgs[i].Addr.(*net.UDPAddr); ok {
			ds[i].From = unmap(a.AddrPort())
		}
	}
	return n, nil
}

func (s *udpSocket) WriteTo(data []byte, to netip.AddrPort) error {
	_, err := s.conn.WriteToUDPAddrPort(data, to)
	return err
}

func (s *udpSocket) Addr() netip.AddrPort { return addrPort(s.conn.LocalAddr()) }
func (s *udpSocket) Close() error         { return s.conn.Close() }
