package sip

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/sip/claim"
	"github.com/switchhook/switchhook/sip/guard"
	"github.com/switchhook/switchhook/sip/locate"
	"github.com/switchhook/switchhook/sip/transport"
)

// Session is the media of a leg as this package needs it: rtp.Session, or a test's.
type Session interface {
	media.Session
	// Local gives the address that the far end must send to.
	Local() netip.AddrPort
	// SetRemote says where and how the far end wants media, after each offer and answer.
	SetRemote(media.Remote) error
}

// Open makes the leg of an attempt that a call takes: from now on report hears of it. It may be called once, from any
// goroutine; what happened meanwhile is reported then.
type Open func(id call.LegID, report call.Report) *Leg

// Config is a server's settings. Zero values mean the defaults named.
type Config struct {
	// Transport says where to listen, UDP, TCP and TLS, and its limits. Needed.
	Transport transport.Config
	// Directory gives the directory as it is now. Needed.
	Directory func() *directory.Snapshot
	// Receive hears of every attempt that is let in, on its shard: it must not block. It calls open, now or later, or
	// the attempt is refused in the end. Without it every INVITE is refused (404).
	Receive func(at call.Attempt, open Open)
	// Media opens the media of a leg, toward an address of the far end's family. Needed.
	Media func(toward netip.Addr) (Session, error)
	// Reaches tells whether media can be sent to an address: whether there is a family in common. nil: to all.
	Reaches func(netip.Addr) bool
	// Locate finds where a SIP domain is served: by package locate.
	Locate func(ctx context.Context, q locate.Query) (locate.Answer, error)
	// Lookup, if set, finds the addresses of a host name, and there are no other records. It counts where Locate is not set.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// DNS are the name servers that Locate asks: see [locate.Config].
	DNS []netip.AddrPort
	// TLS names the files of our own certificate (Cert, CertKey): needed to listen for TLS, and shown to peers that ask for
	// one where their trunk names no other.
	TLS directory.TLS
	// Guard bounds what strangers may send. Its Exempt and Banned are ours.
	Guard guard.Config
	// Changed hears when a peer that is pinged goes down or comes up. It must not block.
	Changed func(trunk string, peer directory.Peer, up bool)
	// Claims keeps values that are too long for a trunk's next hop: one of its own, of which nobody can redeem.
	Claims *claim.Desk
	// Log hears what concerns no call: slog.Default().
	Log *slog.Logger
	// Product is what User-Agent and Server say: "Switchhook".
	Product string
	// TrustLoopback lets requests from this machine in that no trunk claims, and lets them use any trunk's host.
	TrustLoopback bool
	Tracing
	// Endpoints is how endpoints register and call.
	Endpoints Endpoints
	Limits    Limits
	Timers    Timers
	// Shards is the number of goroutines that own calls' signalling: GOMAXPROCS.
	Shards int
}

// Tracing says who hears of the SIP messages of legs, retransmissions aside.
type Tracing struct {
	// Trace reports each as call.Logged.
	Trace bool
	// Copy, if set, is asked for each leg of a trunk: it gives who takes the leg's messages whole, or nil. Neither may block.
	Copy func(t *directory.Trunk) func(at time.Time, callID string, message []byte)
}

// Limits bound what the server takes on. Zero values mean the defaults named.
type Limits struct {
	Legs      int     // that stand at once: 100,000
	Rate      float64 // calls that begin each second, in both directions: none
	TrunkRate float64 // the same, of each trunk: none
	Redirects int     // 3xx followed for one leg: 5
}

// Timers are the server's times. Zero values mean the defaults named.
type Timers struct {
	T1, T2, T4 time.Duration // RFC 3261: 500 ms, 4 s, 5 s
	Attempt    time.Duration // to a peer's first response, while there is another peer to try: 5 s
	Ring       time.Duration // an inbound leg without answer: 180 s
	Dial       time.Duration // an outbound leg without answer whose call.Dial names no time: 60 s
	Part       time.Duration // to the answer to our BYE or CANCEL, before the leg ends without it: 5 s
	Rest       time.Duration // a peer that is not pinged and failed three times is left alone: 30 s
}

func (c *Config) setDefaults() error {
	if c.Directory == nil || c.Media == nil {
		return errors.New("SIP server: directory and media are needed")
	}
	if c.Locate == nil {
		c.Locate = locate.New(locate.Config{Servers: c.DNS, Lookup: c.Lookup, Plain: c.Lookup != nil}).Find
	}
	if c.Changed == nil {
		c.Changed = func(string, directory.Peer, bool) {}
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Claims == nil {
		c.Claims = claim.New()
	}
	if c.Product == "" {
		c.Product = "Switchhook"
	}
	if c.Endpoints.Realm == "" {
		c.Endpoints.Realm = "switchhook"
	}
	if c.Limits.Legs == 0 {
		c.Limits.Legs = 100_000
	}
	if c.Limits.Redirects == 0 {
		c.Limits.Redirects = 5
	}
	t := &c.Timers
	for _, d := range []struct {
		at *time.Duration
		to time.Duration
	}{
		{&t.T1, 500 * time.Millisecond}, {&t.T2, 4 * time.Second}, {&t.T4, 5 * time.Second}, {&t.Attempt, 5 * time.Second},
		{&t.Ring, 180 * time.Second}, {&t.Dial, time.Minute}, {&t.Part, 5 * time.Second}, {&t.Rest, 30 * time.Second},
	} {
		if *d.at == 0 {
			*d.at = d.to
		}
	}
	return nil
}
