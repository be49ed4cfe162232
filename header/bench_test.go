package header_test

import (
	"testing"

	"github.com/switchhook/switchhook/header"
)

// realInvite is the rows of an INVITE as a session border controller sends them: 22 rows, of which 6 are context.
func realInvite() header.List {
	return rows(
		"Via: SIP/2.0/UDP 172.20.203.31;rport;branch=z9hG4bK702879035187387-AP", "Via: SIP/2.0/TLS 192.168.200.145;branch=z9hG4bK41092",
		"Record-Route: <sip:SM01@172.20.203.31;transport=udp;lr>", "Record-Route: <sip:SM03@192.168.200.145;transport=tls;lr>",
		`From: "User1175" <sip:1175@10.5.10.160>;tag=65c2a5724f6141eaadc605056b4205f`, "To: <sip:71506@10.5.10.160>",
		"Call-ID: 65c2a4f64f6141eaadc605056b4205f", "CSeq: 1 INVITE", "Max-Forwards: 61",
		`Contact: "User1175" <sip:1175@172.20.203.3;transport=tls;gsid=64bf44a0>`,
		"Supported: 100rel, histinfo, join, replaces, timer", "Allow: INVITE, ACK, OPTIONS, BYE, CANCEL, REFER, PRACK, UPDATE",
		"Session-Expires: 1200;refresher=uac", "Min-SE: 1200", "User-Agent: SBC 7.1",
		"User-to-User: 00FA080001247C5E46F6E6;encoding=hex", "Diversion: <sip:+15551234567@10.5.10.160>;reason=user-busy;counter=1;privacy=off",
		`P-Asserted-Identity: "User1175" <sip:1175@10.5.10.160>`, "X-Account-Id: 8471-1", "X-Call-Reason: renewal",
		"History-Info: <sip:71506@abcd.example>;index=1, \"71506\" <sip:71506@10.5.10.160;cause=302>;index=1.1;mp=1",
		"Content-Type: application/sdp")
}

func compiled(b *testing.B, p header.Policy) *header.Compiled {
	b.Helper()
	c, err := p.Compile()
	if err != nil {
		b.Fatal(err)
	}
	return c
}

func benchmarkApply(b *testing.B, p header.Policy) {
	c, in := compiled(b, p), realInvite()
	m := header.Message{Kind: header.Invite, Target: "sip:+1777@h"}
	b.ReportAllocs()
	for b.Loop() {
		if out, changes, err := c.Apply(m, in); err != nil || len(out) == 0 || len(changes) == 0 {
			b.Fatal(err)
		}
	}
}

func BenchmarkApplyTrusted(b *testing.B) { benchmarkApply(b, header.Trusted()) }

func BenchmarkApplyUntrusted(b *testing.B) {
	benchmarkApply(b, header.Untrusted("User-to-User", "X-Account-*"))
}

func BenchmarkApplyEverything(b *testing.B) {
	p := header.Trusted()
	p.Direction, p.UUI, p.Diversion = header.Out, header.UUIStrict, header.FormHistory
	p.Rules = append([]header.Rule{rule("Diversion", header.RewriteHost, "sip.example.net"), rule("X-Account-*", header.Rename, "X-Acc-*")},
		p.Rules[0], p.Rules[1], p.Rules[3], p.Rules[5])
	benchmarkApply(b, p)
}

// BenchmarkContextOfInvite is the whole way of one INVITE's context: policy in, every typed form read, policy out,
// written. The bar is 20 µs.
func BenchmarkContextOfInvite(b *testing.B) {
	in, trusted := realInvite(), header.Trusted()
	from := compiled(b, trusted)
	trusted.Direction = header.Out
	to, m, wire := compiled(b, trusted), header.Message{Kind: header.Invite, Target: "sip:+1777@h"}, make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		context, _, _ := from.Apply(m, in)
		uui := header.FindUserToUser(context)
		octets, err := uui[0].Decode()
		ds, err1 := header.FindDiversions(context)
		hs, err2 := header.FindHistoryInfo(context)
		ids, err3 := header.FindIdentities(context)
		if err != nil || err1 != nil || err2 != nil || err3 != nil || len(octets) != 11 || len(ds) != 1 || len(hs) != 2 || len(ids) != 1 {
			b.Fatal("not read")
		}
		out, _, _ := to.Apply(m, context)
		if _, err := out.AppendWire(wire); err != nil || len(out) != 6 {
			b.Fatal(err, len(out))
		}
	}
}

func BenchmarkParseUserToUser(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		header.ParseUserToUser("00FA080001247C5E46F6E6;encoding=hex;purpose=isdn-uui;content=isdn-uui")
	}
}

func BenchmarkParseDiversions(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = header.ParseDiversions(`"84999999999"<sip:84999999999@10.23.0.5:5060>;reason=unconditional;privacy=off;counter=1`)
	}
}

func BenchmarkParseURI(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = header.ParseURI("sip:+112055305520@192.168.16.114:5060;user=phone;transport=udp")
	}
}

func BenchmarkSameName(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		header.SameName("P-Asserted-Identity", "p-asserted-identity")
	}
}

func BenchmarkCompile(b *testing.B) {
	p := header.Trusted()
	b.ReportAllocs()
	for b.Loop() {
		_, _ = p.Compile()
	}
}
