package acceptance_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emiago/sipgo"
	"github.com/emiago/sipgo/sip"
	"github.com/google/go-cmp/cmp"
)

// strict parses a message as sipgo does, which takes no liberties.
func strict(t *testing.T, text string) sip.Message {
	t.Helper()
	m, err := sip.NewParser().ParseSIP([]byte(text))
	if err != nil {
		t.Errorf("sipgo does not take it: %v\n%s", err, text)
		return nil
	}
	return m
}

// All that we send in a call's life is grammatical to a strict reader: each header that has a form is read, the rows are as
// many as on the wire, in their order, and what is written again is what was read.
func TestStrictReader(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	context := []string{`User-to-User: "quoted; text";encoding=ascii`, `Diversion: "a, b" <sip:+1@x>;reason=user-busy;counter=2`, "X-Odd: %41,;=\"", "X-UTF8: žluť"}
	from, to := st.run(t, scenario(invite(context...), progress(), answered(), ack(), inDialog("OPTIONS", 2), take("200"), wait(50), bye(3, context...), take("200")), callee())
	gaveUp, cancelled := st.run(t, scenario(invite(context...), take("100"), take("180"), cancel(), take("200"), take("487"), ackRefusal()),
		scenario(onInvite(), onAnswer("180 Ringing"), take("CANCEL"), onLast("200 OK"), onAnswer("487 Request Terminated"), take("ACK")))
	refusal := st.call(t, scenario(outside("OPTIONS", toServer, "Require: x"), take("420")))
	refusal.wait(t)
	seen := map[string]bool{}
	for _, s := range []*sipp{from, to, gaveUp, cancelled, refusal} {
		for _, text := range s.received(t) {
			seen[strictly(t, text)] = true
		}
	}
	for _, kind := range []string{"INVITE", "ACK", "BYE", "CANCEL", "100", "180", "200", "487", "420"} {
		if !seen[kind] {
			t.Errorf("no %s was read", kind)
		}
	}
}

// strictly reads a message of ours as sipgo does, and gives its method or status. Each header is read, in order, once.
func strictly(t *testing.T, text string) (kind string) {
	t.Helper()
	text = crlf(text)
	head, _, _ := strings.Cut(text, "\r\n\r\n")
	line, rest, _ := strings.Cut(head, "\r\n")
	kind, _, _ = strings.Cut(strings.TrimPrefix(line, "SIP/2.0 "), " ")
	m := strict(t, text[:min(len(text), len(head)+4+contentLength(t, text))])
	if m == nil {
		return kind
	}
	for _, name := range []string{"Via", "From", "To", "Call-ID", "CSeq"} {
		if len(m.GetHeaders(name)) == 0 {
			t.Errorf("sipgo finds no %s in\n%s", name, text)
		}
	}
	if req, ok := m.(*sip.Request); ok && req.MaxForwards() == nil {
		t.Errorf("no Max-Forwards in\n%s", text)
	}
	if m.Via() == nil || m.From() == nil || m.To() == nil || m.CSeq() == nil {
		t.Errorf("sipgo can't read what every message has:\n%s", text)
	}
	for _, must := range map[string][]string{"PRACK": {"RAck"}, "REFER": {"Refer-To"}, "NOTIFY": {"Event", "Subscription-State"}, "REGISTER": {"Contact"}, "UPDATE": {"Contact"}, "INVITE": {"Contact"}}[kind] {
		if len(m.GetHeaders(must)) != 1 {
			t.Errorf("no %s, or several, in\n%s", must, text)
		}
	}
	var wire, read []string
	for row := range strings.SplitSeq(rest, "\r\n") {
		wire = append(wire, row[:max(0, strings.IndexByte(row, ':'))])
	}
	for _, h := range m.(interface{ Headers() []sip.Header }).Headers() {
		read = append(read, h.Name())
	}
	lists := func(a, b string) bool { return a == b && (a == "Record-Route" || a == "Route" || a == "Via") } // sipgo gives each value a row
	if diff := cmp.Diff(slices.CompactFunc(wire, lists), slices.CompactFunc(read, lists)); diff != "" {
		t.Errorf("rows (-wire +read):\n%s\n%s", diff, text)
	}
	return kind
}

func contentLength(t *testing.T, text string) int {
	t.Helper()
	n := 0
	if _, err := fmt.Sscan(row(t, text, "Content-Length"), &n); err != nil {
		t.Fatalf("Content-Length: %v\n%s", err, text)
	}
	return n
}

// sipgoPhone is a phone made with sipgo.
type sipgoPhone struct {
	client   *sipgo.Client
	server   *sipgo.Server
	contact  sip.ContactHeader
	port     int
	messages chan *sip.Request // INVITEs that came in
}

func newSipgoPhone(t *testing.T, network string) *sipgoPhone {
	t.Helper()
	p := &sipgoPhone{port: freePort(t), messages: make(chan *sip.Request, 100)}
	ua, err := sipgo.NewUA(sipgo.WithUserAgent("sipgo"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ua.Close() })
	if p.server, err = sipgo.NewServer(ua); err != nil {
		t.Fatal(err)
	}
	if p.client, err = sipgo.NewClient(ua, sipgo.WithClientHostname("127.0.0.1"), sipgo.WithClientPort(p.port)); err != nil {
		t.Fatal(err)
	}
	p.contact = sip.ContactHeader{Address: sip.Uri{User: "sipgo", Host: "127.0.0.1", Port: p.port, UriParams: sip.NewParams()}}
	p.contact.Address.UriParams.Add("transport", network)
	return p
}

// serve begins to listen, once the handlers are set.
func (p *sipgoPhone) serve(t *testing.T, network string) {
	t.Helper()
	at := fmt.Sprintf("127.0.0.1:%d", p.port)
	if network == "tcp" {
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		go p.server.ServeTCP(l)
		return
	}
	c, err := net.ListenPacket("udp", at)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go p.server.ServeUDP(c)
}

// A call by sipgo to sipgo, over UDP and TCP: context passes, each side hangs up once.
func TestCallsWithSipgo(t *testing.T) {
	t.Parallel()
	for _, network := range []string{"udp", "tcp"} {
		for _, hangsUp := range []string{"caller", "callee"} {
			t.Run(network+" "+hangsUp, func(t *testing.T) {
				t.Parallel()
				sipgoCall(t, network, hangsUp == "caller")
			})
		}
	}
}

func sipgoCall(t *testing.T, network string, callerHangsUp bool) {
	caller, callee := newSipgoPhone(t, network), newSipgoPhone(t, network)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, config{peers: []string{peerAt(callee.port, "transport: "+network)}, functions: []string{f.URL}}.yaml())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	ended := make(chan string, 2)
	acked := make(chan struct{}, 1)
	dialogs := sipgo.NewDialogServerCache(callee.client, callee.contact)
	callee.server.OnInvite(func(req *sip.Request, tx sip.ServerTransaction) {
		callee.messages <- req
		d, err := dialogs.ReadInvite(req, tx)
		if err != nil {
			t.Errorf("sipgo takes no INVITE: %v", err)
			return
		}
		uui := sip.NewHeader("User-to-User", "00callee;encoding=hex")
		if err := d.Respond(180, "Ringing", nil, uui); err != nil {
			t.Errorf("180: %v", err)
		}
		if err := d.Respond(200, "OK", []byte(crlf(plainOffer)), sip.NewHeader("Content-Type", "application/sdp"), uui); err != nil {
			t.Errorf("200: %v", err)
			return
		}
		if !callerHangsUp {
			<-acked
			if err := d.Bye(ctx); err != nil {
				t.Errorf("callee's BYE: %v", err)
			}
		}
	})
	callee.server.OnAck(func(req *sip.Request, tx sip.ServerTransaction) {
		if err := dialogs.ReadAck(req, tx); err != nil {
			t.Errorf("sipgo takes no ACK: %v", err)
		}
		acked <- struct{}{}
	})
	onBye := func(who string, read func(*sip.Request, sip.ServerTransaction) error) sipgo.RequestHandler {
		return func(req *sip.Request, tx sip.ServerTransaction) {
			if err := read(req, tx); err != nil {
				t.Errorf("sipgo takes no BYE: %v", err)
			}
			ended <- who
		}
	}
	callee.server.OnBye(onBye("callee", dialogs.ReadBye))
	calls := sipgo.NewDialogClientCache(caller.client, caller.contact)
	caller.server.OnBye(onBye("caller", calls.ReadBye))
	caller.serve(t, network)
	callee.serve(t, network)

	to := sip.Uri{User: "+12065550100", Host: "127.0.0.1", Port: int(s.addr().Port()), UriParams: sip.NewParams()}
	to.UriParams.Add("transport", network)
	tag := sip.NewParams()
	tag.Add("tag", "sipgo"+network)
	d, err := calls.Invite(ctx, to, []byte(crlf(plainOffer)), sip.NewHeader("Content-Type", "application/sdp"), sip.NewHeader("X-Account-Id", "4711"),
		&sip.FromHeader{Address: sip.Uri{User: "+12065550142", Host: "127.0.0.1"}, Params: tag})
	if err != nil {
		t.Fatal(err)
	}
	if err := d.WaitAnswer(ctx, sipgo.AnswerOptions{}); err != nil {
		t.Fatalf("not answered: %v", err)
	}
	if got := d.InviteResponse.GetHeader("User-to-User"); got == nil || got.Value() != "00callee;encoding=hex" {
		t.Errorf("User-to-User of the callee: %v", got)
	}
	if err := d.Ack(ctx); err != nil {
		t.Fatal(err)
	}
	invite := <-callee.messages
	if got := invite.GetHeader("X-Account-Id"); got == nil || got.Value() != "4711" {
		t.Errorf("X-Account-Id at the callee: %v", got)
	}
	want := "callee"
	if callerHangsUp {
		<-acked // sipgo takes a BYE that is just behind its ACK before it
		if err := d.Bye(ctx); err != nil {
			t.Fatalf("caller's BYE: %v", err)
		}
	} else {
		want = "caller"
	}
	select {
	case got := <-ended:
		if got != want {
			t.Errorf("the %s was hung up, want the %s", got, want)
		}
	case <-ctx.Done():
		t.Error("nobody was hung up")
	}
	s.idle(t)
}
