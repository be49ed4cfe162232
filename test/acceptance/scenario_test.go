package acceptance_test

import (
	"fmt"
	"strings"
)

// This file writes scenarios for SIPp. A scenario is a list of steps; those that begin with "on" are of the called side.

func scenario(steps ...string) string {
	return "<?xml version=\"1.0\" encoding=\"ISO-8859-1\" ?>\n<scenario name=\"acceptance\">\n" + strings.Join(steps, "") + "</scenario>\n"
}

// offer is a session description with PCMU and keys, at SIPp's own address.
const offer = `v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15
`

// wait is a pause in milliseconds.
func wait(ms int) string { return fmt.Sprintf("<pause milliseconds=\"%d\"/>\n", ms) }

// take awaits a response by its status, or a request by its method.
func take(what string) string { return receive(what, "") }

// may allows a message before the next that is awaited.
func may(what string) string { return receive(what, ` optional="true"`) }

// answered awaits the 200 to the INVITE.
func answered() string { return receive("200", ` rrs="true"`) }

func receive(what, attributes string) string {
	kind := "request"
	if what[0] >= '1' && what[0] <= '6' {
		kind = "response"
	}
	return fmt.Sprintf("<recv %s=%q%s/>\n", kind, what, attributes)
}

// progress allows what may come before the end of an INVITE.
func progress() string { return may("100") + may("180") + may("183") }

// message is what one side sends.
type message struct {
	line string   // "INVITE [uri] SIP/2.0", "SIP/2.0 200 OK"
	head []string // Via, From, To, CSeq and the like
	rows []string // what the test adds
	body string   // of type application/sdp, unless rows say otherwise
	once bool     // not to be repeated, though nobody answers
}

func (m message) String() string {
	var b strings.Builder
	for _, r := range append(append([]string{m.line}, m.head...), m.rows...) {
		b.WriteString(r + "\n")
	}
	if m.body != "" && !strings.Contains(b.String(), "\nContent-Type:") {
		b.WriteString("Content-Type: application/sdp\n")
	}
	if !strings.Contains(b.String(), "\nContent-Length:") {
		b.WriteString("Content-Length: [len]\n")
	}
	attributes := ` retrans="500"`
	if m.once {
		attributes = ""
	}
	return fmt.Sprintf("<send%s><![CDATA[\n%s\n%s]]></send>\n", attributes, b.String(), m.body)
}

const (
	freshVia = "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]"
	lastVia  = "[last_Via:]"
)

// callerHead is what every request of the caller has. to is the To row's tag.
func callerHead(via, method string, seq int, tag string) []string {
	return []string{via, "From: <sip:+12065550142@[local_ip]:[local_port]>;tag=[pid]c[call_number]",
		"To: <sip:[service]@[remote_ip]:[remote_port]>" + tag, "Call-ID: [call_id]", fmt.Sprintf("CSeq: %d %s", seq, method),
		"Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>"}
}

const (
	toServer = "sip:[service]@[remote_ip]:[remote_port]"
	hops     = "Max-Forwards: 70"
	peerTag  = "[peer_tag_param]"
)

// invite calls, with rows of the test's own. A row of Max-Forwards takes the place of ours.
func invite(rows ...string) string { return inviteWith(offer, rows...) }

func inviteWith(body string, rows ...string) string {
	return message{line: "INVITE " + toServer + " SIP/2.0", head: callerHead(freshVia, "INVITE", 1, ""), rows: withHops(rows), body: body}.String()
}

func withHops(rows []string) []string {
	for _, r := range rows {
		if strings.HasPrefix(r, "Max-Forwards:") || r == noHops {
			return rows
		}
	}
	return append([]string{hops}, rows...)
}

// noHops leaves Max-Forwards out.
const noHops = "X-No-Hops: 1"

// ack acknowledges a 200; ackRefusal any other final response.
func ack() string {
	return message{line: "ACK [next_url] SIP/2.0", head: callerHead(freshVia, "ACK", 1, peerTag), rows: []string{"[routes]", hops}, once: true}.String()
}

func ackRefusal() string {
	return message{line: "ACK " + toServer + " SIP/2.0", head: callerHead(lastVia, "ACK", 1, peerTag), rows: []string{hops}, once: true}.String()
}

// inDialog sends a request inside the dialog.
func inDialog(method string, seq int, rows ...string) string {
	return message{line: method + " [next_url] SIP/2.0", head: callerHead(freshVia, method, seq, peerTag), rows: append([]string{"[routes]", hops}, rows...)}.String()
}

// cancel gives the INVITE up.
func cancel() string {
	return message{line: "CANCEL " + toServer + " SIP/2.0", head: callerHead(lastVia, "CANCEL", 1, ""), rows: []string{hops}}.String()
}

// bye hangs up.
func bye(seq int, rows ...string) string { return inDialog("BYE", seq, rows...) }

// outside sends a request outside of dialogs.
func outside(method, uri string, rows ...string) string {
	return message{line: method + " " + uri + " SIP/2.0", head: callerHead(freshVia, method, 1, ""), rows: withHops(rows)}.String()
}

// caller is a whole scenario that calls, is answered, and hangs up after a moment.
func caller(rows ...string) string { return callerFor(100, rows...) }

func callerFor(ms int, rows ...string) string {
	return scenario(invite(rows...), progress(), answered(), ack(), wait(ms), bye(2), take("200"))
}

// refused is a whole scenario that calls and must be refused with a status.
func refused(status int, rows ...string) string {
	return scenario(invite(rows...), progress(), take(fmt.Sprint(status)), ackRefusal())
}

// onInvite awaits an INVITE and remembers what every later message needs.
func onInvite() string {
	var b strings.Builder
	b.WriteString("<recv request=\"INVITE\" rrs=\"true\"><action>\n")
	for _, v := range [][2]string{{"Via:", "via"}, {"From:", "from"}, {"To:", "to"}, {"CSeq:", "cseq"}} {
		fmt.Fprintf(&b, "<ereg regexp=\".*\" search_in=\"hdr\" header=%q check_it=\"true\" assign_to=%q/>\n", v[0], v[1])
	}
	b.WriteString("</action></recv>\n<Reference variables=\"via,from,to,cseq\"/>\n")
	return b.String()
}

const tagged = "tag=[pid]s[call_number]"

// onAnswer answers the INVITE. A status from 180 to 299 other than 180 bears a session description.
func onAnswer(status string, rows ...string) string {
	body := ""
	if status[0] == '2' || strings.HasPrefix(status, "183") {
		body = offer
	}
	return onAnswerAs(status, ";"+tagged, body, rows...)
}

// onAnswerAs does it with a tag and a body of one's own.
func onAnswerAs(status, tag, body string, rows ...string) string {
	return message{line: "SIP/2.0 " + status, head: answerHead(tag),
		rows: withContact(rows), body: body, once: status[0] == '1'}.String()
}

// answerHead is what every answer to the INVITE has, with the To row's tag.
func answerHead(tag string) []string {
	return []string{"Via:[$via]", "From:[$from]", "To:[$to]" + tag, "Call-ID: [call_id]", "CSeq:[$cseq]"}
}

func withContact(rows []string) []string {
	for _, r := range rows {
		if strings.HasPrefix(r, "Contact:") {
			return rows
		}
	}
	return append([]string{"Contact: <sip:callee@[local_ip]:[local_port];transport=[transport]>"}, rows...)
}

// onLast answers the last request, which was not INVITE.
func onLast(status string, rows ...string) string {
	return message{line: "SIP/2.0 " + status, head: []string{"[last_Via:]", "[last_From:]", "[last_To:]", "[last_Call-ID:]", "[last_CSeq:]"}, rows: rows, once: true}.String()
}

// onRequest sends a request of the called side.
func onRequest(method string, seq int, rows ...string) string {
	return onRequestWith("", method, seq, rows...)
}

func onRequestWith(body, method string, seq int, rows ...string) string {
	return message{line: method + " [next_url] SIP/2.0", head: []string{freshVia, "From:[$to];" + tagged, "To:[$from]", "Call-ID: [call_id]",
		fmt.Sprintf("CSeq: %d %s", seq, method)}, rows: withContact(append([]string{hops}, rows...)), body: body, once: method == "ACK"}.String()
}

// callee is a whole scenario that rings, answers and awaits the hang-up.
func callee() string {
	return scenario(onInvite(), onAnswer("180 Ringing"), wait(20), onAnswer("200 OK"), take("ACK"), take("BYE"), onLast("200 OK"))
}
