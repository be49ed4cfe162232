package sip

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/transport"
)

// maxRounds is how often in a row a call may dial a number of our own from a leg that came in by the last one: applications
// that bridge to each other's numbers would never end.
const maxRounds = 5

const inCircle = "numbers of our own dial each other in a circle"

// house is the way by which calls to numbers of our own stay in the house: from our listener to itself, without a carrier. An
// INVITE is known to be one of these by the host of its Request-URI, which only this process knows, by where it comes from,
// and by its Call-ID, which is that of a leg that is being dialled. Safe for all goroutines.
type house struct {
	host         string         // of Request-URIs
	at           netip.AddrPort // where we are called; invalid: nowhere
	whole, apart *peering

	busy atomic.Int64 // how many visits there are

	mu     sync.Mutex
	visits map[string]visit // by Call-ID, of the legs that are dialled and not over; guarded by mu
}

// visit is what the leg that comes in knows of the one that was dialled.
type visit struct {
	by      *peering
	account string // who dials; empty where that is none of the other's business
	rounds  int
}

// openHouse finds a listener to call.
func (s *Server) openHouse() {
	h := &s.trunks.house
	h.host, h.visits = randomID()+".house.invalid", map[string]visit{}
	at, ok := s.listener()
	if !ok {
		return
	}
	to := at.Addr.Addr().Unmap()
	switch {
	case to.IsUnspecified() && to.Is4():
		to = netip.AddrFrom4([4]byte{127, 0, 0, 1})
	case to.IsUnspecified():
		to = netip.IPv6Loopback()
	}
	h.at = netip.AddrPortFrom(to, at.Addr.Port())
	peers := []directory.Peer{{Host: to.String(), Port: int(h.at.Port()), Transport: directory.Transport(at.Network)}}
	everything := header.Policy{Name: "house", Rules: []header.Rule{{Match: "*", Do: header.Keep}}, Trusted: true}
	little := header.Untrusted()
	little.Name = "house, between accounts"
	h.whole, h.apart = housePeering(directory.House, peers, everything), housePeering(directory.HouseApart, peers, little)
}

// listener gives where we listen: over UDP if at all.
func (s *Server) listener() (transport.Listen, bool) {
	for _, network := range []string{transport.UDP, transport.TCP, transport.TLS} {
		for _, l := range s.sockets.Addrs() {
			if l.Network == network {
				return l, true
			}
		}
	}
	return transport.Listen{}, false
}

func housePeering(id string, peers []directory.Peer, policy header.Policy) *peering {
	t := &directory.Trunk{ID: id, Name: "numbers of our own", Peers: peers, In: policy, Out: policy}
	t.Signalling.Oversize = directory.OversizeUDP // nothing is lost between us and ourselves
	t.TLS.Unverified = true                       // whoever knows the host and the Call-ID is us
	return &peering{key: id, trunk: t, of: t, in: compiled(policy, header.In), out: compiled(policy, header.Out)}
}

// of gives what a trunk's ID means in the house; nil: nothing.
func (h *house) of(trunk string) *peering {
	switch {
	case !h.at.IsValid():
	case trunk == directory.House:
		return h.whole
	case trunk == directory.HouseApart:
		return h.apart
	}
	return nil
}

// leaves makes a leg known that is dialled to a number of our own, for an account, and gives its Request-URI.
func (h *house) leaves(l *Leg, to, account string) (uri string) {
	v := visit{by: l.trunk, rounds: l.rounds}
	if v.by == h.whole {
		v.account = account
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.visits[l.callID] = v
	h.busy.Store(int64(len(h.visits)))
	return header.URI{Scheme: "sip", User: header.EscapeUser(to), Host: h.host}.String()
}

// over forgets a leg.
func (h *house) over(callID string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.visits, callID)
	h.busy.Store(int64(len(h.visits)))
}

// isBusyAt tells whether we are to be heard at an address of ours, whatever strangers on this machine have done.
func (h *house) isBusyAt(a netip.Addr) bool { return h.busy.Load() > 0 && a.Unmap() == h.at.Addr() }

// visit gives what is known of a request to our secret host; false: it is not ours.
func (h *house) visit(in *transport.Incoming) (visit, bool) {
	if in.Source.Addr().Unmap() != h.at.Addr() {
		return visit{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	v, ok := h.visits[in.Msg.CallID]
	return v, ok
}

// goesHome counts one more round of an outbound leg that is called at ourselves, and gives its Request-URI.
func (l *Leg) goesHome(to string) (uri string) {
	l.rounds++
	return l.s.trunks.house.leaves(l, to, l.out.dial.Account)
}

// isHome tells whether a leg stays in the house.
func (p *peering) isHome(h *house) bool { return p != nil && (p == h.whole || p == h.apart) }
