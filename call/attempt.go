package call

import (
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/header"
)

// Attempt is what is known about a call before anyone has decided about it.
type Attempt struct {
	// Account owns the trunk, the rule or the application that the attempt belongs to.
	Account string `json:"account,omitempty"`
	// Trunk is the ID of the trunk it came by; empty when the application asked for the call.
	Trunk string `json:"trunk,omitempty"`
	// Endpoint is the user name of the registered endpoint that proved to be the caller by its password; empty for others.
	Endpoint string `json:"endpoint,omitempty"`
	// Login is the user name by which the far end proved to be one of the trunk's (directory.Trunk.Callers); empty where none was asked.
	Login string `json:"login,omitempty"`
	// From and To are the caller and the called party: the user part of the From header and of the Request-URI,
	// E.164 with "+" where they are numbers, else as received (percent-escapes kept).
	From string `json:"from"`
	To   string `json:"to"`
	// Host is the host of the Request-URI, without port, lower case.
	Host string `json:"host,omitempty"`
	// Params are the parameters of the Request-URI whose names begin with X-, in whatever case, as written. They may be secrets:
	// no record shows them.
	Params header.Params `json:"-"`
	// Source is where the INVITE came from.
	Source netip.AddrPort `json:"source,omitzero"`
	// Headers is the context as the trunk's policy let it in.
	Headers header.List `json:"headers,omitempty"`
	// Ledger tells what the policy did to get there.
	Ledger []Entry `json:"-"`
	// At is when it arrived.
	At time.Time `json:"at"`
}

// Origin says how a call came to be.
type Origin struct {
	Attempt
	// Leg is the inbound leg; empty when the application asked for the call.
	Leg LegID `json:"leg,omitempty"`
	// Rule is the ID of the rule that chose the application; empty when the application asked for the call.
	Rule string `json:"rule,omitempty"`
	// Request is what the application asked for when it created the call, in its dialect's own form; nil for an inbound call.
	Request []byte `json:"request,omitempty"`
}
