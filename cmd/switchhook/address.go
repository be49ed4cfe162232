package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/sip/transport"
)

// listen gives the sockets of the SIP edge.
func (c config) listen() ([]transport.Listen, error) {
	external, err := c.address("sip.external", c.SIP.External)
	if err != nil {
		return nil, err
	}
	var out []transport.Listen
	for i, text := range c.SIP.Listen {
		place := fmt.Sprintf("$.sip.listen[%d]", i)
		network, at, ok := strings.Cut(text, "://")
		ap, err := netip.ParseAddrPort(at)
		if !ok || err != nil || !slices.Contains([]string{transport.UDP, transport.TCP, transport.TLS}, network) {
			return nil, c.text.at(place, fmt.Errorf("sip.listen: %q is not like udp://0.0.0.0:5060, tcp://[::]:5060 or tls://0.0.0.0:5061", text))
		}
		if network == transport.TLS && c.SIP.TLS.Cert == "" {
			return nil, c.text.at(place, errors.New("sip.listen: tls needs our certificate: sip.tls.cert and sip.tls.key name its files"))
		}
		if ap.Port() != 0 && slices.ContainsFunc(out, func(l transport.Listen) bool { return l.Network == network && l.Addr == ap }) {
			return nil, c.text.at(place, fmt.Errorf("sip.listen: %q is listed twice", text))
		}
		l := transport.Listen{Network: network, Addr: ap}
		if external.IsValid() {
			l.Advertise = netip.AddrPortFrom(external, ap.Port())
		}
		out = append(out, l)
	}
	return out, nil
}

// loopbackBeside gives the loopback address of a family that is listened on: IPv4's where both are.
func loopbackBeside(listen []transport.Listen) netip.Addr {
	for _, l := range listen {
		if l.Addr.Addr().Is4() {
			return netip.MustParseAddr("127.0.0.1")
		}
	}
	return netip.IPv6Loopback()
}

// elsewhere says what helps where an address can't be listened on.
func elsewhere(err error, flag, key string) string {
	for errno, why := range map[syscall.Errno]string{
		syscall.EADDRINUSE: "another program listens there", syscall.EADDRNOTAVAIL: "this machine does not have that address",
		syscall.EACCES: "ports below 1024 need more rights",
	} {
		if errors.Is(err, errno) {
			return fmt.Sprintf(": %s; %s, or %s in the file, names another address", why, flag, key)
		}
	}
	return ""
}

// listenable tells what is wrong with an address to listen on.
func listenable(at string) error {
	_, port, err := net.SplitHostPort(at)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("%q is not an address with a port, such as 127.0.0.1:8080, [::1]:8080 or :8080", at)
	}
	return nil
}

// address reads the IP address that a key of the file gives; none where it gives none.
func (c config) address(key, text string) (netip.Addr, error) {
	if text == "" {
		return netip.Addr{}, nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, c.text.at("$."+key, fmt.Errorf("%s: %q is not an IP address", key, text))
	}
	return a, nil
}

// media gives the settings of the RTP engine: it listens where SIP does unless told otherwise.
func (c config) media() (rtp.Config, error) {
	var out rtp.Config
	bind, err := c.address("media.listen", c.Media.Listen)
	if err != nil {
		return out, err
	}
	external, err := c.address("media.external", c.Media.External)
	if err == nil && !external.IsValid() {
		external, err = c.address("sip.external", c.SIP.External)
	}
	if err != nil {
		return out, err
	}
	add := func(a netip.Addr) {
		public := external
		if a.IsUnspecified() && !public.IsValid() {
			public = publicAddress(a)
		}
		out.Interfaces = append(out.Interfaces, rtp.Interface{Bind: a, Public: public})
	}
	if bind.IsValid() {
		add(bind)
	} else {
		listen, err := c.listen()
		if err != nil {
			return out, err
		}
		seen := map[netip.Addr]bool{}
		for _, l := range listen {
			if a := l.Addr.Addr(); !seen[a] {
				seen[a] = true
				add(a)
			}
		}
	}
	if c.Media.Ports == "" {
		return out, nil
	}
	from, to, ok := strings.Cut(c.Media.Ports, "-")
	first, err1 := strconv.ParseUint(from, 10, 16)
	last, err2 := strconv.ParseUint(to, 10, 16)
	if !ok || err1 != nil || err2 != nil || first == 0 || first >= last {
		return out, c.text.at("$.media.ports", fmt.Errorf("media.ports: %q is not like 10000-59999", c.Media.Ports))
	}
	if pairs := (last - (first + first%2) + 1) / 2; pairs < 2 { // RTP on an even port and RTCP above it, for each of two legs
		return out, c.text.at("$.media.ports", fmt.Errorf("media.ports: %q is too few: a call needs four, from an even one on", c.Media.Ports))
	}
	out.PortMin, out.PortMax = uint16(first), uint16(last)
	return out, nil
}

// ownAddress gives the address of this machine from which a far end is reached; other, where none is. Connecting a UDP socket asks
// the system for that and sends nothing.
func ownAddress(far string, other netip.Addr) netip.Addr {
	c, err := new(net.Dialer).DialContext(context.Background(), "udp", far)
	if err != nil {
		return other
	}
	defer c.Close()
	a, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return other
	}
	return a.Addr()
}

// publicAddress gives the address of this machine that far ends can most likely reach when we listen on all of a family: the one
// that the rest of the world is reached from.
func publicAddress(unspecified netip.Addr) netip.Addr {
	if unspecified.Is6() {
		return ownAddress("[2001:db8::1]:9", netip.IPv6Loopback())
	}
	return ownAddress("192.0.2.1:9", netip.MustParseAddr("127.0.0.1"))
}

// buckets gives the buckets by name. "prompts" and "recordings" are folders below the data
// folder where they are not declared.
func (c config) buckets(data string) (map[string]string, error) {
	out := map[string]string{}
	for name, u := range c.Buckets {
		out[name] = u
	}
	for _, name := range []string{"prompts", "recordings"} {
		dir, err := filepath.Abs(filepath.Join(data, name))
		if err != nil {
			return nil, err
		}
		if err := os.MkdirAll(dir, 0o750); err != nil {
			return nil, fmt.Errorf("folder for %s: %w", name, err)
		}
		if _, taken := out[name]; !taken {
			out[name] = (&url.URL{Scheme: "file", Path: dir}).String()
		}
	}
	return out, nil
}

// parsePeer reads sip:host[:port][;transport=udp|tcp|tls].
func parsePeer(uri string) (directory.Peer, error) {
	p := directory.Peer{Transport: "udp"}
	rest, ok := strings.CutPrefix(uri, "sip:")
	if !ok {
		return p, fmt.Errorf("%q is not like sip:192.0.2.1:5060;transport=tcp", uri)
	}
	rest, params, _ := strings.Cut(rest, ";")
	for param := range strings.SplitSeq(params, ";") {
		switch strings.ToLower(param) {
		case "":
		case "transport=tcp":
			p.Transport = "tcp"
		case "transport=tls":
			p.Transport = "tls"
		case "transport=udp":
		default:
			return p, fmt.Errorf("%q: what shall %q mean? Only transport=udp, transport=tcp and transport=tls are known", uri, param)
		}
	}
	host, port, err := hostPort(rest)
	if err != nil {
		return p, fmt.Errorf("%q: %w", uri, err)
	}
	p.Host, p.Port = host, port
	return p, nil
}

// hostPort splits host[:port]; an IPv6 address stands in brackets. The port is 0 when there is none.
func hostPort(s string) (string, int, error) {
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if host == "" {
		return "", 0, errors.New("a host is missing")
	}
	if port == "" {
		return host, 0, nil
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return "", 0, fmt.Errorf("%q is not a port", port)
	}
	return host, int(n), nil
}
