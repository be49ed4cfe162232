package message_test

import (
	"testing"

	"github.com/switchhook/switchhook/sip/message"
)

// invite is an INVITE of 13 headers with context and a body, as a carrier sends it.
const invite = "INVITE sip:+12065550100@switchhook.example.com SIP/2.0\r\n" +
	"Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK-524287-1---a8f7d2c3;rport\r\n" +
	"Max-Forwards: 70\r\n" +
	"From: \"Alice\" <sip:+14255550101@carrier.example.net>;tag=a73kszlfl\r\n" +
	"To: <sip:+12065550100@switchhook.example.com>\r\n" +
	"Call-ID: 2f8c1ae0-7b1c-4f0c-9e1f-3f2a9d2b7c55@192.0.2.10\r\n" +
	"CSeq: 314159 INVITE\r\n" +
	"Contact: <sip:+14255550101@192.0.2.10:5060;transport=udp>\r\n" +
	"User-to-User: 00C84B2D3F0A;encoding=hex;purpose=isdn-uui\r\n" +
	"Diversion: <sip:+12065550199@carrier.example.net>;reason=unconditional;counter=1\r\n" +
	"X-Account-Id: 8812764\r\n" +
	"X-Queue: billing\r\n" +
	"Content-Type: application/sdp\r\n" +
	"Content-Length: 129\r\n\r\n" +
	"v=0\r\no=- 3 3 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 49172 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n"

func BenchmarkParse(b *testing.B) {
	data := []byte(invite)
	b.ReportAllocs()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := message.Parse(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	m, err := message.Parse([]byte(invite))
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Append(buf); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRespond(b *testing.B) {
	m, err := message.Parse([]byte(invite))
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		r := message.NewResponse(m, 180, "")
		r.Tag("8f7d2c3a")
		if _, err := r.Append(buf); err != nil {
			b.Fatal(err)
		}
	}
}
