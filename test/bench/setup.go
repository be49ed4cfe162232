package main

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// media lines of SDP.
var mediaPort = regexp.MustCompile(`m=audio (\d+)`)

// sdp offers or answers plain G.711 at one port.
func sdp(port int) string {
	return fmt.Sprintf("v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n", port)
}

// sipPairs places n calls through a B2BUA, answers them, and reads from the SDP where it wants each side's packets.
func sipPairs(n, port, calleePort int) ([]pair, func(), error) {
	caller, err := listen(15070)
	if err != nil {
		return nil, nil, err
	}
	defer caller.Close()
	called, err := listen(calleePort)
	if err != nil {
		return nil, nil, err
	}
	defer called.Close()
	out := make([]pair, n)
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
	for i := range out {
		body := sdp(portA)
		head := fmt.Sprintf("Via: SIP/2.0/UDP 127.0.0.1:15070;branch=z9hG4bKm%d\r\nFrom: <sip:+12065550142@127.0.0.1>;tag=m%d\r\nMax-Forwards: 70\r\nCall-ID: media-%d@127.0.0.1\r\nContact: <sip:c@127.0.0.1:15070>\r\n", i, i, i)
		invite := "INVITE sip:" + dialled + "@127.0.0.1 SIP/2.0\r\n" + head + "To: <sip:" + dialled + "@127.0.0.1>\r\nCSeq: 1 INVITE\r\nX-Call-Context: m\r\nContent-Type: application/sdp\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
		caller.WriteToUDP([]byte(invite), to)
		in, src, err := await(called, "INVITE ")
		if err != nil {
			return nil, nil, fmt.Errorf("call %d did not reach the callee: %w", i, err)
		}
		out[i].B = portOf(in)
		called.WriteToUDP([]byte(answer(in)), src)
		ok, _, err := await(caller, "SIP/2.0 200")
		if err != nil {
			return nil, nil, fmt.Errorf("call %d was not answered: %w", i, err)
		}
		out[i].A = portOf(ok)
		ack := "ACK sip:" + dialled + "@127.0.0.1 SIP/2.0\r\n" + strings.Replace(head, "z9hG4bKm", "z9hG4bKa", 1) + row(ok, "To") + "\r\nCSeq: 1 ACK\r\nContent-Length: 0\r\n\r\n"
		caller.WriteToUDP([]byte(ack), to)
	}
	return out, func() {}, nil
}

// answer makes the 200 to an INVITE.
func answer(invite string) string {
	body := sdp(portB)
	var b strings.Builder
	b.WriteString("SIP/2.0 200 OK\r\n")
	for line := range strings.SplitSeq(invite, "\r\n") {
		name, _, _ := strings.Cut(line, ":")
		switch strings.ToLower(name) {
		case "via", "from", "call-id", "cseq":
			b.WriteString(line + "\r\n")
		case "to":
			b.WriteString(line + ";tag=b\r\n")
		}
	}
	fmt.Fprintf(&b, "Contact: <sip:b@127.0.0.1:%d>\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", calleePort, len(body), body)
	return b.String()
}

// row gives a header row of a message.
func row(msg, name string) string {
	for line := range strings.SplitSeq(msg, "\r\n") {
		if strings.HasPrefix(line, name+":") {
			return line
		}
	}
	return ""
}

func portOf(msg string) int {
	m := mediaPort.FindStringSubmatch(msg)
	if m == nil {
		return 0
	}
	return number(m[1])
}

// await reads until a message begins so.
func await(c *net.UDPConn, prefix string) (string, *net.UDPAddr, error) {
	buf := make([]byte, 65536)
	c.SetReadDeadline(time.Now().Add(10 * time.Second))
	for {
		n, src, err := c.ReadFromUDP(buf)
		if err != nil {
			return "", nil, err
		}
		if s := string(buf[:n]); strings.HasPrefix(s, prefix) {
			return s, src, nil
		}
	}
}

// ngPairs sets calls up by rtpengine's ng protocol (bencode over UDP).
func ngPairs(n int, addr string) ([]pair, func(), error) {
	c, err := net.Dial("udp", addr)
	if err != nil {
		return nil, nil, err
	}
	defer c.Close()
	ask := func(i int, command, body, tags string) (int, error) {
		msg := fmt.Sprintf("m%d-%s d7:call-id%s7:command%s8:from-tag1:a7:replacel6:origine3:sdp%s%se", i, command, ben(fmt.Sprint("bench-", i)), ben(command), ben(body), tags)
		if _, err := c.Write([]byte(msg)); err != nil {
			return 0, err
		}
		buf := make([]byte, 65536)
		c.SetReadDeadline(time.Now().Add(5 * time.Second))
		k, err := c.Read(buf)
		if err != nil {
			return 0, err
		}
		if p := portOf(string(buf[:k])); p != 0 {
			return p, nil
		}
		return 0, fmt.Errorf("rtpengine says %q", buf[:k])
	}
	out := make([]pair, n)
	for i := range out {
		if out[i].B, err = ask(i, "offer", sdp(portA), ""); err != nil {
			return nil, nil, err
		}
		if out[i].A, err = ask(i, "answer", sdp(portB), "6:to-tag1:b"); err != nil {
			return nil, nil, err
		}
	}
	return out, func() {}, nil
}

// ben writes a string as bencode.
func ben(s string) string { return strconv.Itoa(len(s)) + ":" + s }
