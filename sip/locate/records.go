package locate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// A resolvConf has at most so many servers that are asked, as in the C library.
const maxServers = 3

// maxAliases is how many CNAMEs are followed from one name.
const maxAliases = 8

// service is one way to reach a domain: what NAPTR calls it (RFC 3263 section 4.1), and the prefix of its SRV records.
type service struct{ naptr, srv, network string }

// services are those that we speak, the one first that is asked for first where no NAPTR record says otherwise.
func services() []service {
	return []service{{"SIP+D2U", "_sip._udp.", "udp"}, {"SIP+D2T", "_sip._tcp.", "tcp"}, {"SIPS+D2T", "_sips._tcp.", "tls"}}
}

// services gives the servers of a domain, without their addresses; none where its name is to be called as it is.
func (s *search) services(ctx context.Context, q Query) []Target {
	if s.l.cfg.Plain || q.Port != 0 || !strings.Contains(q.Host, ".") {
		return nil
	}
	suits := func(v service) bool {
		if q.Network != "" || q.Secure {
			return v.network == q.network()
		}
		return true
	}
	if q.Network == "" {
		if out := s.naptr(ctx, q.Host, suits); len(out) > 0 {
			return out
		}
	}
	for _, v := range services() {
		if suits(v) {
			if out := s.srv(ctx, v.srv+q.Host, v.network, 0); len(out) > 0 {
				return out
			}
		}
	}
	return nil
}

// naptr gives the servers that NAPTR records lead to, those of the record that is preferred first.
func (s *search) naptr(ctx context.Context, host string, suits func(service) bool) []Target {
	rrs, err := s.ask(ctx, host, dns.TypeNAPTR)
	if err != nil {
		return nil
	}
	var found []*dns.NAPTR
	for _, rr := range rrs {
		if n, ok := rr.(*dns.NAPTR); ok && n.Regexp == "" && strings.EqualFold(n.Flags, "s") {
			found = append(found, n)
		}
	}
	slices.SortStableFunc(found, func(a, b *dns.NAPTR) int {
		return cmp.Or(cmp.Compare(a.Order, b.Order), cmp.Compare(a.Preference, b.Preference))
	})
	var out []Target
	rank := 0
	for _, n := range found {
		i := slices.IndexFunc(services(), func(v service) bool { return strings.EqualFold(v.naptr, n.Service) })
		if i < 0 || !suits(services()[i]) || len(out) >= maxTargets {
			continue
		}
		out = append(out, s.srv(ctx, n.Replacement, services()[i].network, rank)...)
		rank += 1 << 16 // after all that an SRV record's 16 bits of priority can say
	}
	return out[:min(len(out), maxTargets)]
}

// srv gives the servers that the SRV records of a name give, the best first.
func (s *search) srv(ctx context.Context, name, network string, rank int) []Target {
	rrs, err := s.ask(ctx, name, dns.TypeSRV)
	if err != nil {
		return nil
	}
	var out []Target
	denied := 0
	for _, rr := range rrs {
		r, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		if r.Target == "." {
			denied++
			continue
		}
		t := Target{Network: network, Host: strings.ToLower(strings.TrimSuffix(r.Target, ".")), Port: r.Port,
			Priority: rank + int(r.Priority), Weight: int(r.Weight)}
		if twice := slices.ContainsFunc(out, func(o Target) bool { return o.Host == t.Host && o.Port == t.Port }); t.Port == 0 || twice {
			continue
		}
		out = append(out, t)
	}
	if denied > 0 && denied == len(rrs) {
		s.denied = append(s.denied, network)
	}
	slices.SortStableFunc(out, func(a, b Target) int { return cmp.Compare(a.Priority, b.Priority) })
	return out[:min(len(out), maxTargets)]
}

// hosts asks the servers that are set for both kinds of addresses, IPv6 first.
func (s *search) hosts(ctx context.Context, host string) ([]netip.Addr, error) {
	var out []netip.Addr
	var errs []error
	for _, kind := range []uint16{dns.TypeAAAA, dns.TypeA} {
		rrs, err := s.ask(ctx, host, kind)
		if err != nil {
			if len(errs) == 0 || err.Error() != errs[0].Error() { // servers that are dead are so for both kinds
				errs = append(errs, err)
			}
			continue
		}
		for _, rr := range rrs {
			var a netip.Addr
			switch r := rr.(type) {
			case *dns.AAAA:
				a, _ = netip.AddrFromSlice(r.AAAA)
			case *dns.A:
				a, _ = netip.AddrFromSlice(r.A.To4())
			}
			if a.IsValid() {
				out = append(out, a)
			}
		}
	}
	if len(out) > 0 {
		return out, nil
	}
	return nil, errors.Join(errs...)
}

// ask gives the records of a kind that a name has, aliases followed.
func (s *search) ask(ctx context.Context, name string, kind uint16) ([]dns.RR, error) {
	at := dns.CanonicalName(name)
	for hops := 0; hops <= maxAliases; {
		if s.lookups >= s.most {
			return nil, errors.New("too many questions for one name")
		}
		s.lookups++
		if _, ok := dns.IsDomainName(at); !ok {
			return nil, fmt.Errorf("%q is no domain name", at)
		}
		m, err := s.exchange(ctx, at, kind)
		if err != nil {
			return nil, err
		}
		before := at
		for hops <= maxAliases {
			if found := s.of(m, at, kind); len(found) > 0 {
				return found, nil
			}
			next := s.alias(m, at)
			if next == "" {
				break
			}
			at = next
			hops++
		}
		if at == before {
			return nil, ErrNone
		}
	}
	return nil, fmt.Errorf("more than %d aliases", maxAliases)
}

// of gives the records of a kind that an answer has of a name.
func (s *search) of(m *dns.Msg, name string, kind uint16) []dns.RR {
	var out []dns.RR
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Rrtype == kind && h.Class == dns.ClassINET && dns.CanonicalName(h.Name) == name {
			s.live(h.Ttl)
			out = append(out, rr)
		}
	}
	return out
}

// alias gives what a name is an alias of; empty if it is none.
func (s *search) alias(m *dns.Msg, name string) string {
	for _, rr := range m.Answer {
		if c, ok := rr.(*dns.CNAME); ok && dns.CanonicalName(c.Hdr.Name) == name {
			s.live(c.Hdr.Ttl)
			return dns.CanonicalName(c.Target)
		}
	}
	return ""
}

// exchange asks one server after the other until one answers: by UDP, and by TCP where the answer is too long for that.
func (s *search) exchange(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	if s.dead != nil {
		return nil, s.dead
	}
	servers, err := s.l.servers()
	if err != nil {
		return nil, err
	}
	q := new(dns.Msg).SetQuestion(name, kind)
	q.SetEdns0(1232, false)
	last, heard := errors.New("no name server is set"), false
	for _, server := range servers {
		m, err := s.l.exchange(ctx, q, server)
		switch {
		case err != nil:
			last = fmt.Errorf("name server %s: %w", server, err)
		case m.Rcode == dns.RcodeSuccess:
			return m, nil
		case m.Rcode == dns.RcodeNameError:
			return nil, fmt.Errorf("%w: no such name", ErrNone)
		default:
			heard = true
			last = fmt.Errorf("name server %s: %s", server, dns.RcodeToString[m.Rcode])
		}
		if ctx.Err() != nil {
			break
		}
	}
	if !heard {
		s.dead = last
	}
	return nil, last
}

func (l *Locator) exchange(ctx context.Context, q *dns.Msg, server string) (*dns.Msg, error) {
	for _, network := range []string{"udp", "tcp"} {
		c := dns.Client{Net: network, Timeout: l.cfg.Timeout}
		m, _, err := c.ExchangeContext(ctx, q, server)
		if err != nil {
			return nil, err
		}
		if len(m.Question) != 1 || m.Question[0] != q.Question[0] {
			return nil, errors.New("it answers what was not asked")
		}
		if !m.Truncated {
			return m, nil
		}
	}
	return nil, errors.New("its answer is cut off")
}

// servers gives the name servers to ask.
func (l *Locator) servers() ([]string, error) {
	var out []string
	for _, s := range l.cfg.Servers {
		out = append(out, s.String())
	}
	if len(out) > 0 {
		return out, nil
	}
	conf, err := dns.ClientConfigFromFile("/etc/resolv.conf")
	if err != nil {
		return nil, fmt.Errorf("find the name servers: %w", err)
	}
	for _, s := range conf.Servers[:min(len(conf.Servers), maxServers)] {
		out = append(out, net.JoinHostPort(s, conf.Port))
	}
	return out, nil
}
