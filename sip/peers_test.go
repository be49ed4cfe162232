package sip_test

import (
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

var (
	serverAt6 = netip.MustParseAddrPort("[2001:db8::1]:5060")
	peerAt6   = netip.MustParseAddrPort("[2001:db8::9]:5060")
)

// peerMessage gives a message of testdata/peers as it stands on the wire, with an offer where it says that it has one.
func peerMessage(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/peers/" + name + ".sip")
	if err != nil {
		t.Fatal(err)
	}
	body := ""
	if strings.Contains(string(text), "Content-Type:") {
		body = string(crlf(offer))
	}
	return append(crlf(string(text)+"Content-Length: "+strconv.Itoa(len(body))+"\n\n"), body...)
}

// What real peers send is understood, and becomes on a trunk of their profile what their kind needs.
func TestPeers(t *testing.T) {
	for _, c := range []struct {
		file, profile string
		network       string
		untrusted     bool
		status        int // it is refused with this
		to            string
		rows          []string          // that the application sees, in order
		dropped       map[string]string // name → reason
		routes        int               // that the answer bears
	}{
		{
			file: "twilio", profile: "twilio", to: "+12065550100", routes: 2,
			rows: []string{
				"P-Asserted-Identity: <sip:+12065550142@198.51.100.77:5060>", "Diversion: <sip:+12065550188@carrier.example.com>;reason=unconditional",
				"X-Twilio-AccountSid: AC-example", "X-Twilio-CallSid: CA-example",
			},
		},
		{
			file: "cisco-cucm", profile: "cisco-cucm", network: transport.TCP, to: "+12065550100",
			rows: []string{
				"Cisco-Guid: 2561977344-0000065536-0000000138-3269726474", "P-Asserted-Identity: <sip:4711@198.51.100.1>",
				"Remote-Party-ID: <sip:4711@198.51.100.1>;party=calling;screen=yes;privacy=off",
			},
			dropped: map[string]string{"Call-Info": "unknown", "Date": "never-crosses"},
		},
		{
			file: "cisco-cvp", profile: "cisco-cvp", to: "4711", routes: 1,
			rows: []string{
				"Diversion: <sip:+12065550188@10.9.9.8>;reason=unconditional;screen=yes;privacy=off",
				"Cisco-Guid: 1766213308-0488837607-2832368234-3409041498", "P-Asserted-Identity: <sip:+12065550142@10.9.9.7>",
				"Cisco-Gucid: 694646BC1D2311E7A8D2826ACB31D85A", "User-to-User: 047465737431;encoding=hex",
			},
			dropped: map[string]string{"History-Info": "rule", "Call-Info": "unknown", "App-Info": "unknown"},
		},
		{
			file: "cisco-cvp", profile: "", to: "4711", routes: 1, // without the profile the garbage passes as it came
			rows: []string{
				"Diversion: <sip:+12065550188@10.9.9.8>;reason=unconditional;screen=yes;privacy=off", "P-Asserted-Identity: <sip:+12065550142@10.9.9.7>",
				`History-Info: <sip:\u95>`, `History-Info: <sip:\u95>`, "User-to-User: 047465737431;encoding=hex",
			},
		},
		{
			file: "avaya-sm", profile: "avaya-sm", network: transport.TCP, to: "71506", routes: 8,
			rows: []string{
				"User-to-User: 00FA080001247C5E46F6E6;encoding=hex", `P-Asserted-Identity: "User 1175" <sip:1175@10.5.10.160>`,
				`History-Info: <sip:71506@example.com>;index=1, "71506" <sip:71506@10.5.10.160>;index=1.1`,
				"Av-Global-Session-ID: 64bf44a0-4f61-11ea-bea2-000000000001",
			},
			dropped: map[string]string{"P-Location": "unknown", "P-Charging-Vector": "unknown", "Endpoint-View": "unknown", "Alert-Info": "unknown"},
		},
		{file: "ims", profile: "ims", network: transport.TCP, status: 420},
		{
			file: "ims-core", profile: "ims", network: transport.TCP, to: "+12065550100",
			rows:    []string{"History-Info: <sip:+12065550188@ims.example.org;cause=302>;index=1.1;mp=1"},
			dropped: map[string]string{"P-Access-Network-Info": "rule", "P-Preferred-Identity": "never-crosses"},
		},
		{
			file: "eltex", profile: "eltex", to: "12065550100",
			rows: []string{
				"X-UniqueTag: 06000501 643d5ff3 23766d78 28498f16", "Diversion: <tel:12065550188>;reason=unconditional;counter=1;privacy=off",
				"Diversion: <tel:2065550177>;reason=unknown;counter=1;privacy=off",
			},
		},
		{
			file: "samsung-ue", profile: "samsung-ue", network: "tcp6", to: "12065550100",
			rows:    []string{"History-Info: <sip:302000000000000@ims.example.org>;index=1", "History-Info: <sip:302000000000000@ims.example.org>;index=1.1"},
			dropped: map[string]string{"P-Access-Network-Info": "rule", "P-Preferred-Service": "unknown"},
		},
		{
			file: "genesys-cloud", profile: "genesys-cloud", to: "+12065550100",
			rows: []string{"User-to-User: 3230385a48;pd=00;encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		},
		{
			file: "audiocodes", profile: "audiocodes", untrusted: true, to: "+12065550100",
			rows:    []string{"X-UserToUser: order 4711; blue, please", "x-User-to-User: order 4711;encoding=ascii"},
			dropped: map[string]string{"X-Other": "unknown"},
		},
		{
			file: "freeswitch", profile: "freeswitch", to: "+12065550100",
			rows: []string{"User-to-User: 00C84166616263%3Bencoding%3Dhex"},
		},
	} {
		t.Run(c.file+" as "+c.profile, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				r := newRig(t, func(cfg *sip.Config, d *directory.Content) {
					cfg.Transport.Listen = append(cfg.Transport.Listen, both(serverAt6)...)
					alice := &d.Trunks[0]
					alice.Profile = c.profile
					alice.Allow = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")}
					if c.untrusted {
						alice.In, alice.Out = header.Untrusted(), header.Untrusted()
					}
				})
				at, to := aliceAt, transport.Target{Network: transport.UDP, Addr: serverAt}
				switch c.network {
				case transport.TCP:
					to.Network = transport.TCP
				case "tcp6":
					at, to = peerAt6, transport.Target{Network: transport.TCP, Addr: serverAt6}
				}
				peer := r.phone(at)
				text := peerMessage(t, c.file)
				if err := peer.sockets.Send(to, text, nil); err != nil {
					t.Fatal(err)
				}
				if c.status != 0 {
					if m := peer.receive(strconv.Itoa(c.status)); c.status == 420 && m.Get("Unsupported") != "sec-agree" {
						t.Errorf("%+v", m)
					}
					return
				}
				a := r.attempt()
				if a.To != c.to {
					t.Errorf("to %q, want %q", a.To, c.to)
				}
				var got []string
				for _, f := range a.Headers {
					got = append(got, f.Name+": "+f.Value)
				}
				if d := cmp.Diff(c.rows, got); d != "" {
					t.Errorf("rows (-want +got):\n%s", d)
				}
				for name, why := range c.dropped {
					n := 0
					for _, e := range a.Ledger {
						if header.SameName(e.Name, name) && e.Action == header.Dropped && string(e.Reason) == why {
							n++
						}
					}
					if n == 0 {
						t.Errorf("%s is not told as dropped for %s: %+v", name, why, a.Ledger)
					}
				}
				peerAnswered(t, peer, a, text, c.routes)
			})
		})
	}
}

// peerAnswered rings, and refuses the peer's call: the answer has all Vias, and the route that was recorded.
func peerAnswered(t *testing.T, peer *phone, a attempt, text []byte, routes int) {
	t.Helper()
	inv, err := message.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	a.leg.Ring(180, nil)
	ringing := peer.receive("180")
	if viaCount(ringing) != viaCount(inv) {
		t.Errorf("%d Vias of %d came back", viaCount(ringing), viaCount(inv))
	}
	if n := ringing.Headers.Count("Record-Route"); n != routes {
		t.Errorf("%d Record-Route rows, want %d", n, routes)
	}
	a.leg.Hangup(call.Cause{SIP: 486}, nil)
	peer.receive("486")
	want[call.LegEnded](a.events)
}

func viaCount(m *message.Message) int {
	n := 0
	for v := range m.Headers.Values("Via") {
		n += 1 + strings.Count(v, ",")
	}
	return n
}
