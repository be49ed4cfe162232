package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
)

// Every peer that is asked how it does is told of, from the start; those that are gone are forgotten.
func TestHealthTellsOfAllPeers(t *testing.T) {
	one := directory.Peer{Host: "192.0.2.1"}
	trunks := []directory.Trunk{
		{ID: "a", Keepalive: time.Second, Peers: []directory.Peer{one, one, {Host: "2001:db8::1", Port: 5070, Transport: "tcp"}}},
		{ID: "not asked", Peers: []directory.Peer{one}},
		{ID: "disabled", Keepalive: time.Second, Disabled: true, Peers: []directory.Peer{one}},
	}
	h := peerHealth{changes: map[trunkPeer]change{}, directory: func() *directory.Snapshot { return directory.NewSnapshot(directory.Content{Trunks: trunks}) }}
	want := func(peers ...api.PeerHealth) {
		t.Helper()
		if diff := cmp.Diff(peers, h.Health(), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(api.PeerHealth{}, "Since")); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	other := api.PeerHealth{Trunk: "a", Peer: "[2001:db8::1]:5070;tcp", Up: true}
	want(api.PeerHealth{Trunk: "a", Peer: "192.0.2.1:5060", Up: true}, other)
	h.changed("a", one, false)
	want(api.PeerHealth{Trunk: "a", Peer: "192.0.2.1:5060"}, other)
	trunks = nil
	want()
	if len(h.changes) != 0 {
		t.Errorf("%d changes are remembered of peers that are gone", len(h.changes))
	}
}
