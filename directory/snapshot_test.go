package directory_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/directory"
)

// The trunk of a source is the one with the longest prefix that holds it; of equal ones, the first.
func TestTrunkBySource(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		addr := rapid.Custom(func(t *rapid.T) netip.Addr { // few different ones, so that prefixes meet
			b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 10, 127, 128, 255}), 4, 4).Draw(t, "bytes")
			if rapid.Bool().Draw(t, "v6") {
				return netip.AddrFrom16([16]byte{0x20, 1, b[0], b[1], 15: b[3]})
			}
			return netip.AddrFrom4([4]byte(b))
		})
		var c directory.Content
		for i := range rapid.IntRange(0, 12).Draw(t, "trunks") {
			tr := directory.Trunk{ID: fmt.Sprint(i), Disabled: rapid.IntRange(0, 9).Draw(t, "disabled") == 0}
			if rapid.Bool().Draw(t, "by peer") {
				tr.Peers = []directory.Peer{{Host: addr.Draw(t, "peer").String()}, {Host: "name.example"}}
			} else {
				a := addr.Draw(t, "allow")
				p, err := a.Prefix(rapid.SampledFrom([]int{0, 1, 8, 16, 24, 31, 32}).Draw(t, "bits"))
				if err != nil {
					t.Fatal(err)
				}
				tr.Allow = []netip.Prefix{p}
			}
			c.Trunks = append(c.Trunks, tr)
		}
		source := addr.Draw(t, "source")
		want, bits := "", -1
		for _, tr := range c.Trunks {
			all := tr.Allow
			for _, p := range tr.Peers {
				if a, err := netip.ParseAddr(p.Host); err == nil {
					all = append(all, netip.PrefixFrom(a, a.BitLen()))
				}
			}
			for _, p := range all {
				if p.Contains(source) && p.Bits() > bits && !tr.Disabled {
					want, bits = tr.ID, p.Bits()
				}
			}
		}
		s := directory.NewSnapshot(c)
		for _, from := range []netip.Addr{source, netip.AddrFrom16(source.As16())} { // an IPv4 source on an IPv6 socket is the same
			got, ok := s.TrunkBySource(from)
			if ok != (bits >= 0) || ok && got.ID != want {
				t.Fatalf("%v: %v, %v; want %q of %+v", from, got, ok, want, c.Trunks)
			}
		}
	})
}

// Who makes a trunk for the address of another account's carrier takes no calls of that carrier. Inside an account the longest
// prefix counts, and of equal ones the operator's.
func TestTrunkBySourceOfOthers(t *testing.T) {
	const house, stranger = "111122223333", "444455556666"
	made := json.RawMessage(`{}`)
	s := directory.NewSnapshot(directory.Content{Trunks: []directory.Trunk{
		{ID: "0", Account: stranger, Vendor: made, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("203.0.113.0/24")}},
		{ID: "1", Account: house, Vendor: made, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.8/32"), netip.MustParsePrefix("192.0.2.0/24")}},
		{ID: "carrier", Account: house, Allow: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}},
	}})
	for from, want := range map[string]string{"192.0.2.7": "carrier", "192.0.2.8": "1", "192.0.2.9": "carrier", "203.0.113.1": "0"} {
		if got, ok := s.TrunkBySource(netip.MustParseAddr(from)); !ok || got.ID != want {
			t.Errorf("%s does not come by %s (%v)", from, want, ok)
		}
	}
}
