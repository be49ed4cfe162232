package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// capture reads INVITEs off the loopback with the kernel's own time stamps: when each came to the system under test, and
// when it left for the callee, told apart by the UDP port and matched by X-Call-Context.
type capture struct {
	fd         int
	inPort     int
	outPort    int
	mu         sync.Mutex
	in, out    map[string]time.Time
	asked      map[string]time.Time
	done, quit chan struct{}
}

// newCapture begins to listen; root is needed.
func newCapture(inPort, outPort int) (*capture, error) {
	const ipv4InNetworkOrder = unix.ETH_P_IP<<8&0xff00 | unix.ETH_P_IP>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, ipv4InNetworkOrder)
	if err != nil {
		return nil, fmt.Errorf("capture on the loopback (root is needed): %w", err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20)
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	tv := unix.Timeval{Usec: 100000}
	unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv)
	c := &capture{fd: fd, inPort: inPort, outPort: outPort, in: map[string]time.Time{}, out: map[string]time.Time{}, asked: map[string]time.Time{},
		done: make(chan struct{}), quit: make(chan struct{})}
	go c.read()
	return c, nil
}

// read takes packets until stop.
func (c *capture) read() {
	defer close(c.done)
	buf, oob := make([]byte, 65536), make([]byte, 256)
	for {
		select {
		case <-c.quit:
			return
		default:
		}
		n, on, _, from, err := unix.Recvmsg(c.fd, buf, oob, 0)
		if err != nil {
			continue
		}
		if ll, ok := from.(*unix.SockaddrLinklayer); ok && ll.Pkttype == unix.PACKET_OUTGOING {
			continue // the loopback shows each packet twice
		}
		c.packet(buf[:n], stamp(oob[:on]))
	}
}

// stamp finds the kernel's time stamp among the control messages.
func stamp(oob []byte) time.Time {
	msgs, err := unix.ParseSocketControlMessage(oob)
	if err == nil {
		for _, m := range msgs {
			if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SO_TIMESTAMPNS && len(m.Data) >= int(unsafe.Sizeof(unix.Timespec{})) {
				ts := (*unix.Timespec)(unsafe.Pointer(&m.Data[0]))
				return time.Unix(ts.Unix())
			}
		}
	}
	return time.Now()
}

// packet notes an INVITE.
func (c *capture) packet(p []byte, at time.Time) {
	if len(p) < 28 || p[0]>>4 != 4 || p[9] != syscall.IPPROTO_UDP {
		return
	}
	ihl := int(p[0]&15) * 4
	if len(p) < ihl+8 {
		return
	}
	port := int(binary.BigEndian.Uint16(p[ihl+2:]))
	body := p[ihl+8:]
	if port != c.inPort && port != c.outPort || !bytes.HasPrefix(body, []byte("INVITE ")) {
		return
	}
	_, rest, ok := bytes.Cut(body, []byte("X-Call-Context: "))
	if !ok {
		return
	}
	key, _, _ := bytes.Cut(rest, []byte("\r"))
	c.mu.Lock()
	defer c.mu.Unlock()
	m := c.in
	if port == c.outPort {
		m = c.out
	}
	if _, again := m[string(key)]; !again {
		m[string(key)] = at
	}
}

// ask notes that the function was asked for the call.
func (c *capture) ask(key string) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked[key] = now
}

// stop ends the capture and gives the delays from INVITE in to function asked and to INVITE out.
func (c *capture) stop() (asked, out []time.Duration) {
	close(c.quit)
	<-c.done
	unix.Close(c.fd)
	for key, t := range c.in {
		if a, ok := c.asked[key]; ok {
			asked = append(asked, a.Sub(t))
		}
		if o, ok := c.out[key]; ok {
			out = append(out, o.Sub(t))
		}
	}
	return asked, out
}
