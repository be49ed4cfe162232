package dialog

import (
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// state of a dialog; see the package comment.
type state uint8

const (
	idle      state = iota // caller: no INVITE is out
	calling                // caller: an INVITE is out
	incoming               // callee: the INVITE has no final answer
	answered               // a 2xx waits for its ACK: callee, ours; caller, theirs, while the user looks at it
	confirmed              // both
	ending                 // our BYE is out
	ended
)

// Identity is what names our end of a dialog.
type Identity struct {
	CallID  string
	Tag     string // our tag
	Local   string // our address as From of our requests, without the tag: `"Ann" <sip:ann@example.com>`
	Remote  string // the far end's address as To of our requests, without a tag
	Contact string // the value of our Contact
	Target  string // the first Request-URI
}

// Dialog is our end of one dialog, from the INVITE on. All of it belongs to the shard of its Call-ID.
type Dialog struct {
	set  *Set
	next *Dialog // another dialog of the same Call-ID: a call from us to us
	on   func(Event)

	callID, tag string
	local       string // From of our requests, its tag included
	contact     string
	remote      remote
	early       []remote
	near        transport.Target // where the far end was last heard, or called
	state       state
	seq, ackSeq uint32 // of our last request; of the INVITE whose 2xx we acknowledge
	attempt     *attempt
	losers      []string // tags of forks that were sent BYE
	server      *serving
	parting
	asking
	user
	proving
}

// user is what the dialog's user gave.
type user struct {
	trace   func(sent bool, m *message.Message)
	owner   any
	decline func(*message.Message) Reply
}

// Own makes [Set.Find] give this for the dialog.
func (d *Dialog) Own(owner any) { d.owner = owner }

// Decline makes f give what the ACK of a 2xx that nobody wants bears, a fork's for one: an answer where our INVITE had no
// offer (RFC 3261 section 13.2.2.4).
func (d *Dialog) Decline(f func(*message.Message) Reply) { d.decline = f }

// Target gives the URI at which the far end is called inside the dialog.
func (d *Dialog) Target() string { return d.remote.target }

// Tags gives both tags of the dialog.
func (d *Dialog) Tags() (ours, theirs string) { return d.tag, d.remote.tag }

// parting is a BYE that waits for an ACK.
type parting struct {
	byeWanted bool
	byeRows   header.List
}

// Trace makes f hear of every message of the dialog that is sent (sent is true) or received: retransmissions, the ACK
// of a refusal and the answer to CANCEL aside.
func (d *Dialog) Trace(f func(sent bool, m *message.Message)) { d.trace = f }

func (d *Dialog) traced(sent bool, m *message.Message) {
	if d.trace != nil && m != nil {
		d.trace(sent, m)
	}
}

// CallID gives the dialog's Call-ID.
func (d *Dialog) CallID() string { return d.callID }

// Near gives where the far end was last heard or called.
func (d *Dialog) Near() transport.Target { return d.near }

// Request makes a request of the dialog: the Request-URI, Max-Forwards, From, To, Call-ID, CSeq and Route rows, and our
// Contact where the method may bear one. The next request has the next CSeq.
func (d *Dialog) Request(method string) *message.Message {
	d.seq++
	return d.request(method, d.seq, &d.remote)
}

func (d *Dialog) request(method string, seq uint32, r *remote) *message.Message {
	p := r.path()
	m := message.NewRequest(method, p.uri)
	m.Add("Max-Forwards", "70")
	m.Add("From", d.local)
	m.Add("To", r.addr)
	m.Add("Call-ID", d.callID)
	m.Add("CSeq", strconv.FormatUint(uint64(seq), 10)+" "+method)
	switch method {
	case "ACK", "BYE", "PRACK", "INFO", "MESSAGE":
	default:
		m.Add("Contact", d.contact)
	}
	for _, route := range p.routes {
		m.Add("Route", route)
	}
	return m
}

// Draft makes the first request that a dialog of this identity would send, without making one: an OPTIONS outside of
// dialogs, or an INVITE to look at.
func Draft(id Identity, method string) *message.Message {
	d := newDialog(id)
	return d.Request(method)
}

func newDialog(id Identity) *Dialog {
	return &Dialog{
		callID: id.CallID, tag: id.Tag, local: withTag(id.Local, id.Tag), contact: id.Contact,
		remote: remote{addr: id.Remote, target: id.Target},
	}
}

// Retarget makes the next INVITE go to another Request-URI, with our Contact as seen from there and, unless to is empty,
// another To: another peer of the trunk, or the Contact of a 3xx. Before the dialog is established only.
func (d *Dialog) Retarget(to, uri, contact string) {
	if d.state != idle {
		return
	}
	d.remote.target, d.contact = uri, contact
	if to != "" {
		d.remote.addr = to
	}
}

// route finds where a request for r goes, then calls f on the shard.
func (d *Dialog) route(r *remote, f func(transport.Target, error)) {
	hop := r.path().hop
	if d.pin.IsValid() && !d.pinned(hop) {
		f(d.near, nil)
		return
	}
	d.set.cfg.Resolve(d.callID, hop, d.near, f)
}

// send begins a client transaction inside the dialog. on is called once, with the final response or an error.
func (d *Dialog) send(m *message.Message, r *remote, on func(*message.Message, error)) {
	d.sendBy("", m, r, on)
}

// sendBy is send by another network than UDP; empty: by whatever there is.
func (d *Dialog) sendBy(network string, m *message.Message, r *remote, on func(*message.Message, error)) {
	d.route(r, func(to transport.Target, err error) {
		if err != nil {
			on(nil, err)
			return
		}
		if network != "" && to.Network == transport.UDP {
			to.Network, to.Flow = network, 0
		}
		d.exchange(m, to, 0, on)
	})
}

// emit tells the user. The one event that follows the dialog's end is the last.
func (d *Dialog) emit(e Event) {
	on := d.on
	if on == nil {
		return
	}
	if d.state == ended {
		d.forget()
	}
	on(e)
}

// forget lets go of the user: an INVITE's transaction holds the dialog for 32 s, to acknowledge what comes of it late.
func (d *Dialog) forget() {
	d.on, d.trace, d.owner, d.prove, d.admit = nil, nil, nil, nil, nil
}

// end takes the dialog out of the set and frees what it holds. No event follows but the one that its caller emits.
func (d *Dialog) end() {
	if d.state == ended {
		return
	}
	d.state = ended
	d.unwatch()
	d.early = nil
	d.set.remove(d)
}

// End forgets a dialog whose INVITE was refused, or that never had one. An INVITE that is still out is given up: its
// late 2xx is acknowledged and ended.
func (d *Dialog) End() {
	d.Abandon()
	d.end()
	d.forget()
}

// matches tells whether the tags of a request or ACK from the far end are the dialog's.
func (d *Dialog) matches(ours, theirs string) bool {
	if d.tag != ours {
		return false
	}
	if d.state == calling || d.state == idle {
		return true // its 2xx may be on its way behind this request
	}
	return d.remote.tag == theirs
}

// far gives the far end that a request comes from: while our INVITE is out, that of an early dialog. nil: none is known.
func (d *Dialog) far(tag string) *remote {
	if d.state == calling {
		return d.earlyOf(tag)
	}
	return &d.remote
}

func (d *Dialog) earlyOf(tag string) *remote {
	for i := range d.early {
		if d.early[i].tag == tag {
			return &d.early[i]
		}
	}
	return nil
}

// withTag adds our tag to an address.
func withTag(addr, tag string) string { return strings.Clone(addr) + ";tag=" + tag }
