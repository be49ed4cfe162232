package main

import (
	"cmp"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/transport"
)

// peerHealth keeps what the SIP edge tells of the trunks' peers. Safe for concurrent use.
type peerHealth struct {
	directory func() *directory.Snapshot
	mu        sync.Mutex
	changes   map[trunkPeer]change // guarded by mu
}

// trunkPeer names a peer: its trunk's id, and "host:port", with ";tcp" or ";tls" where that is how it is reached.
type trunkPeer struct{ trunk, peer string }

// change is when a peer went down or came up last.
type change struct {
	up bool
	at time.Time
}

func peerOf(trunk string, p directory.Peer) trunkPeer {
	name := net.JoinHostPort(p.Host, strconv.Itoa(cmp.Or(p.Port, int(transport.DefaultPort(string(p.Transport))))))
	if p.Transport != "" && p.Transport != transport.UDP {
		name += ";" + string(p.Transport)
	}
	return trunkPeer{trunk, name}
}

// changed hears of a peer that goes down or comes up. The SIP edge has logged it.
func (h *peerHealth) changed(trunk string, peer directory.Peer, up bool) {
	name := peerOf(trunk, peer)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.changes[name] = change{up, time.Now().UTC()}
}

// Health gives every peer that is asked how it does: it is up until it is found down.
func (h *peerHealth) Health() []api.PeerHealth {
	h.mu.Lock()
	defer h.mu.Unlock()
	known := map[trunkPeer]change{}
	for _, t := range h.directory().Trunks() {
		if t.Keepalive <= 0 || t.Disabled {
			continue
		}
		for _, p := range t.Peers {
			name := peerOf(t.ID, p)
			c, ok := h.changes[name]
			if !ok {
				c.up = true
			}
			known[name] = c
		}
	}
	out := make([]api.PeerHealth, 0, len(known))
	for name, c := range known {
		out = append(out, api.PeerHealth{Trunk: name.trunk, Peer: name.peer, Up: c.up, Since: c.at})
	}
	for name := range h.changes { // what is no longer there needn't be remembered
		if _, ok := known[name]; !ok {
			delete(h.changes, name)
		}
	}
	slices.SortFunc(out, func(a, b api.PeerHealth) int {
		return cmp.Or(strings.Compare(a.Trunk, b.Trunk), strings.Compare(a.Peer, b.Peer))
	})
	return out
}
