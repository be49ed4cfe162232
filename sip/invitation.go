package sip

import (
	"fmt"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/dialog"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// identity is our end of a dialog that is dialled.
func identity(d call.Dial, uri, callID, tag, contact, domain string) dialog.Identity {
	from := "<sip:anonymous@anonymous.invalid>"
	if d.From != "" {
		from = "<sip:" + header.EscapeUser(d.From) + "@" + domain + ">"
	}
	if d.Display != "" {
		from = header.Quote(d.Display) + " " + from
	}
	return dialog.Identity{CallID: callID, Tag: tag, Local: from, Remote: "<" + toURI(uri) + ">", Contact: contact, Target: uri}
}

// toURI is a Request-URI as To bears it: without port and parameters (RFC 3261 section 19.1.1, table 1).
func toURI(uri string) string {
	u, err := header.ParseURI(uri)
	if err != nil || !u.IsSIP() {
		return uri
	}
	u.Port, u.Params, u.Headers = 0, nil, ""
	return u.String()
}

// requestURI names what is dialled at a peer; the peer itself if to is empty.
func requestURI(to string, peer directory.Peer) string {
	host := peer.Host
	if a, ok := hostAddr(host); ok && a.Is6() {
		host = "[" + a.String() + "]"
	}
	u := header.URI{Scheme: "sip", User: header.EscapeUser(to), Host: host, Port: peer.Port}
	if peer.Transport != "" && peer.Transport != transport.UDP {
		u.Params = header.Params{{Name: "transport", Value: string(peer.Transport)}}
	}
	return u.String()
}

// complete adds to an INVITE of a dialog what is ours to say, the context, and the offer.
func complete(m *message.Message, hops int, extensions, context header.List, body []byte, product string) {
	m.Set("Max-Forwards", fmt.Sprint(hops))
	m.Add("Allow", allow)
	for _, f := range extensions {
		m.Add(f.Name, f.Value)
	}
	m.Add("User-Agent", product)
	for _, f := range context {
		m.Add(f.Name, f.Value)
	}
	if len(body) > 0 {
		m.Add("Content-Type", sdpType)
		m.Body = body
	}
}
