package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
)

func testBinding(user string, expires time.Time) directory.Binding {
	return directory.Binding{
		User: user, Contact: "sip:" + user + "@192.0.2.9:5062;ob", Instance: "<urn:uuid:0>", Path: []string{"<sip:p.example.com;lr>"}, Q: 500,
		CallID: "c", CSeq: 7, Agent: "test", Network: "tcp", Source: netip.MustParseAddrPort("192.0.2.9:40000"), Since: day(0), Expires: expires,
	}
}

// testBindings: what is written is read back, but for what has expired; a second write takes the place of the first.
func testBindings(t *testing.T, open func() Store) {
	first := open()
	ctx := t.Context()
	alice := []directory.Binding{testBinding("alice", day(1)), testBinding("alice", day(3))}
	must(t, first.KeepBindings(ctx, map[string][]directory.Binding{"alice": alice, "bob": {testBinding("bob", day(1))}, "carol": {testBinding("carol", day(9))}}))
	got, err := first.Bindings(ctx, day(2))
	must(t, err)
	same(t, "bindings", got, append(alice, testBinding("carol", day(9))))
	got, err = first.Bindings(ctx, day(0))
	must(t, err)
	same(t, "bindings, once those that have expired are forgotten", got, append(alice, testBinding("carol", day(9))))
	must(t, first.KeepBindings(ctx, map[string][]directory.Binding{"alice": alice[1:], "carol": nil}))
	must(t, first.Close())
	got, err = open().Bindings(ctx, day(2))
	must(t, err)
	same(t, "bindings after opening again", got, alice[1:])
}
