package chime

import (
	"encoding/json"
	"slices"

	"github.com/switchhook/switchhook/directory"
)

// How calls are shared out among the members of a group.
const (
	byPriority = "PriorityWeightedDistribution"
	evenly     = "LoadBalancedDistribution"
)

// composeGroup makes a group's peers of what its members have: a group is a trunk of its own, and calls need no more.
func (c *control) composeGroup(r *request, g *group) error {
	g.Peers, g.Allow, g.Limits.Placed, g.TLS.Need, g.Audio.SRTP = nil, nil, 0, false, directory.Default
	placed, bounded := 0.0, true
	for _, item := range g.vendor.Items {
		vc, err := c.findConnector(r, item.VoiceConnectorID)
		if err != nil {
			return err
		}
		peers := vc.vendor.peers()
		if g.vendor.Distribution == evenly {
			peers = even(peers)
		} else {
			for i := range peers {
				peers[i].Priority += deref(item.Priority) * (maxPriority + 1)
			}
		}
		g.Peers = append(g.Peers, peers...)
		placed, bounded = placed+vc.vendor.rate(), bounded && vc.vendor.rate() > 0
		if vc.vendor.RequireEncryption { // whichever member a call goes by: keys are never offered in the clear
			g.TLS.Need, g.Audio.SRTP = true, directory.Always
		}
		for _, p := range vc.Allow { // nothing begins from there; what a member's host says inside a call may come from there
			if len(g.Allow) < maxGroupAllow && !slices.Contains(g.Allow, p) {
				g.Allow = append(g.Allow, p)
			}
		}
	}
	if bounded {
		g.Limits.Placed = placed
	}
	raw, err := json.Marshal(trunkVendor{VoiceConnectorGroup: &g.vendor})
	g.Vendor, g.Updated = raw, c.now()
	return err
}

// maxPriority is the last priority of an origination route.
const maxPriority = 100

// maxGroupAllow is how many networks a trunk may have.
const maxGroupAllow = 256

// share is what the weights of one member's routes of one priority add up to, where each member is to have as much.
const share = 1000

// even makes a member's peers such that each member has the same share of the calls: its first priority counts as 1, the next as
// 2, whatever numbers they have, and its weights are parts of the same whole.
func even(peers []directory.Peer) []directory.Peer {
	sum := map[int]int{}
	for _, p := range peers {
		sum[p.Priority] += p.Weight
	}
	var levels []int
	for priority := range sum {
		levels = append(levels, priority)
	}
	slices.Sort(levels)
	for i := range peers {
		p := &peers[i]
		p.Weight = max(1, p.Weight*share/max(1, sum[p.Priority]))
		p.Priority = slices.Index(levels, p.Priority) + 1
	}
	return peers
}
