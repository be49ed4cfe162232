package directory

import (
	"time"

	"github.com/switchhook/switchhook/header"
)

// Options say how a trunk's peers want to be spoken to. Zero values suit most peers; [Options.Profile] sets what is known
// of a kind of peer where a field is zero.
type Options struct {
	Profile    string     `json:"profile,omitempty"` // one of package sip/profile; empty for none
	Signalling Signalling `json:"signalling,omitzero"`
	Audio      Audio      `json:"audio,omitzero"`
	Transfer   Transfer   `json:"transfer,omitzero"`
	Signing    Signing    `json:"signing,omitzero"`
	Claims     Claims     `json:"claims,omitzero"`
	TLS        TLS        `json:"tls,omitzero"`
	Login      Login      `json:"login,omitzero"`
	Limits     Limits     `json:"limits,omitzero"`
}

// Choice is a three-valued setting: a default, or yes, or no.
type Choice string

// The choices.
const (
	Default Choice = ""
	Always  Choice = "always" // required: a peer without is refused
	Offered Choice = "offered"
	Never   Choice = "never"
)

// Signalling is how SIP is spoken with a trunk's peers.
type Signalling struct {
	Reliable Choice        `json:"reliable,omitempty"` // reliable provisional responses (RFC 3262); default: offered
	Timer    Choice        `json:"timer,omitempty"`    // session timers (RFC 4028); default: offered
	Session  time.Duration `json:"session,omitempty"`  // Session-Expires that we ask for; 0 means 30 min, at least 90 s
	// Silence is how long the far end of a leg may send no media while it should, before the leg ends. 0: for ever where a
	// session timer runs; else the far end is asked after 10 min (OPTIONS), and the leg ends where it is not there. Negative:
	// for ever.
	Silence  time.Duration `json:"silence,omitempty"`
	Oversize Oversize      `json:"oversize,omitempty"` // what is done with a request too long for UDP
	Budget   int           `json:"budget,omitempty"`   // bytes of an INVITE that the next hop is known to take; 0: no warning
	Delayed  bool          `json:"delayed,omitempty"`  // INVITEs go out without offer: the answer brings it
	Update   Choice        `json:"update,omitempty"`   // UPDATE (RFC 3311) towards the peer; default: where it says Allow
	Rows     header.List   `json:"rows,omitempty"`     // of ours, that INVITEs bear beside the call's context
	Inside   Inside        `json:"inside,omitempty"`   // whence requests inside a call are taken; an endpoint proves who it is instead
}

// Inside says whence requests inside a trunk's calls are taken.
type Inside string

// The ways. A trunk's addresses are those of its allow list and its peers, the one that the call began with, and those that
// the far end's Contact and Record-Route name.
const (
	InsideTrunk  Inside = ""       // from the trunk's addresses, or with its certificate
	InsideAnyone Inside = "anyone" // from anywhere: who knows Call-ID and tags is believed
)

// Oversize says what is done with a request over 1300 bytes at a peer that is reached over UDP (RFC 3261 section 18.1.1).
type Oversize string

// The ways.
const (
	OversizeTry Oversize = ""    // TCP, then UDP where TCP fails
	OversizeTCP Oversize = "tcp" // TCP, or the call fails
	OversizeUDP Oversize = "udp" // UDP, in fragments
)

// Audio is how sound is exchanged with a trunk's peers.
type Audio struct {
	Codecs []string `json:"codecs,omitempty"` // "PCMU", "PCMA", "G722" in order of preference; empty: PCMU, PCMA
	Keys   string   `json:"keys,omitempty"`   // how keys are sent: "auto" (RFC 4733 where agreed on, else in-band), "rfc4733", "info", "inband"; empty: auto
	Listen bool     `json:"listen,omitempty"` // keys are also recognised as tones in the audio
	SRTP   Choice   `json:"srtp,omitempty"`   // SDES (RFC 4568); default: offered over TLS, never else
	Ptime  int      `json:"ptime,omitempty"`  // milliseconds of a packet to the peer: 10, 20, 30, 40 or 60; 0: as the peer asks, 20 where it does not
	Tones  bool     `json:"tones,omitempty"`  // busy, congestion and special information tones are recognised in the audio
}

// Transfer is how calls are transferred from and to a trunk's peers.
type Transfer struct {
	// Strategy is how we transfer a peer: "header" (REFER that bears the context as rows of its own), "refer-to" (REFER whose
	// Refer-To bears it, RFC 7433 section 4.1), "both", or "anchored" (a leg of ours takes its place); empty: anchored. Where
	// the peer refuses the REFER the transfer is anchored.
	Strategy string `json:"strategy,omitempty"`
	// Accept lets peers transfer their calls (REFER, INVITE with Replaces); default: only those of trusted trunks and
	// registered endpoints ("always", "never").
	Accept Choice `json:"accept,omitempty"`
	// Context says what of the call's context goes to the target beside what the transfer brings: "inherit", "replace" (only
	// what it brings, if anything), "none"; empty: inherit.
	Context string `json:"context,omitempty"`
}

// Signing is the signature over context headers: a detached JWS (RFC 7515 appendix F) bound to Call-ID, From, To and time.
type Signing struct {
	Key    string   `json:"key,omitempty"`    // file with our private key (PEM; Ed25519, P-256 or RSA): what goes out is signed
	KeyID  string   `json:"keyId,omitempty"`  // names it to the peer
	Verify []string `json:"verify,omitempty"` // files with the peer's public keys (PEM): what comes in is verified
	Need   bool     `json:"need,omitempty"`   // an INVITE whose signature does not hold is refused (403)
}

// Claims is the claim check: a value too long for the next hop is kept here, and a short signed reference goes out.
type Claims struct {
	Over int           `json:"over,omitempty"` // bytes of a value from which it is kept; 0: never
	URL  string        `json:"url,omitempty"`  // under which the next hop redeems references; needed
	Keep time.Duration `json:"keep,omitempty"` // how long; 0 means 5 min
}

// TLS is how a trunk's peers prove who they are, and we to them. Peers are reached over TLS where [Peer.Transport] says so.
type TLS struct {
	Roots      string   `json:"roots,omitempty"`      // file with the CAs that peers' certificates must descend from (PEM); empty: the system's
	Cert       string   `json:"cert,omitempty"`       // file with our certificate for these peers (PEM); empty: the server's own
	CertKey    string   `json:"certKey,omitempty"`    // file with its private key
	Names      []string `json:"names,omitempty"`      // names that a peer's certificate may bear beside the peer's host (RFC 5922)
	Need       bool     `json:"need,omitempty"`       // calls come in by this trunk over TLS alone
	Mutual     bool     `json:"mutual,omitempty"`     // who calls by this trunk must show a certificate that descends from Roots; means Need
	Unverified bool     `json:"unverified,omitempty"` // peers' certificates are not checked: for tests alone
}

// Login is our account at a trunk's peers.
type Login struct {
	User     string        `json:"user,omitempty"`
	Password string        `json:"password,omitempty"`
	Realm    string        `json:"realm,omitempty"`    // the only realm that we answer to; empty: those that challenge what begins a call or a registration
	Weak     bool          `json:"weak,omitempty"`     // MD5 is answered too; else only SHA-256 and SHA-512-256 (RFC 8760)
	Register bool          `json:"register,omitempty"` // we register there
	Expires  time.Duration `json:"expires,omitempty"`  // for so long; 0 means 1 h
}

// Limits bound what one trunk, or one account, takes. Zero values mean the server's own limits alone.
type Limits struct {
	Rate       float64 `json:"rate,omitempty"`       // calls that begin each second, in both directions
	Placed     float64 `json:"placed,omitempty"`     // of these, calls that we place
	Calls      int     `json:"calls,omitempty"`      // standing calls
	Unanswered int     `json:"unanswered,omitempty"` // calls that ring or wait
	// Prefixes are the numbers that may be dialled (E.164 with "+"): the longest match counts, "!" before one forbids it.
	// Empty: all.
	Prefixes []string `json:"prefixes,omitempty"`
}
