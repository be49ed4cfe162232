package transaction_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transaction"
	"github.com/switchhook/switchhook/sip/transport"
)

// tortureFiles reads the torture messages of RFC 4475 and RFC 5118.
func tortureFiles(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	for _, folder := range []string{"rfc4475", "rfc5118-crlf"} {
		names, err := filepath.Glob(filepath.Join("..", "message", "testdata", folder, "*.dat"))
		if err != nil || len(names) == 0 {
			t.Fatal("no torture messages", err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[strings.TrimSuffix(filepath.Base(name), ".dat")] = string(data)
		}
	}
	return out
}

// torture is what comes back over UDP where the user accepts all that reaches it; what is not here is accepted. 0 means
// silence.
var torture = map[string]int{
	"badinv01": 400, "clerr": 400, "ncl": 400, "scalar02": 400, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400,
	"lwsstart": 400, "trws": 400, "escruri": 400, "regbadct": 400, "badaspec": 400, "baddn": 400, "badvers": 505,
	"mismatch01": 400, "mismatch02": 400, "badbranch": 400, "insuf": 400, "multi01": 400, "mcl01": 400, "ipv6-bad": 400,
	"scalarlg": 0, "bigcode": 0, "bcast": 0, "test": 0, "unreason": 0, "noreason": 0,
}

// torturedStream is what differs over TCP: closed says that the flow ends after the answer. The status of several answers
// is their sum.
var torturedStream = map[string]struct {
	status int
	closed bool
}{
	"clerr":   {0, true},   // the body never comes: the deadline closes
	"baddn":   {0, true},   // nor does the blank line
	"ncl":     {400, true}, // the end can't be known
	"mcl01":   {400, true},
	"inv2543": {400, true}, // no Content-Length
	"test":    {0, true},   // no SIP
	"bigcode": {0, true},
	"dblreq":  {600, true}, // 200 and 400, in any order: the second request has no Contact, and what follows its body is no SIP
}

// TestTortureOverUDP sends each message from the port that its top Via names, and hears what comes back there.
func TestTortureOverUDP(t *testing.T) {
	for name, text := range tortureFiles(t) {
		t.Run(name, func(t *testing.T) {
			want, ok := torture[name]
			if !ok {
				want = 200
			}
			bubble(t, nil, func(r *rig) {
				r.user.request = func(s *transaction.Server) {
					if err := s.Respond(message.NewResponse(s.Msg(), 200, "")); err != nil {
						t.Error(err)
					}
				}
				port := sentBy(text)
				if port != peerAddr.Port() {
					_ = r.peer.Close()
					var err error
					if r.peer, err = r.net.Host(peerAddr.Addr()).ListenPacket(netip.AddrPortFrom(peerAddr.Addr(), port)); err != nil {
						t.Fatal(err)
					}
					go r.listen(r.peer)
				}
				if err := r.peer.WriteTo([]byte(text), ourAddr); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				got := 0
				for len(r.got) > 0 {
					m := <-r.got
					if got = m.Status; got < 0 { // a mirrored fault
						got, _ = strconv.Atoi(strings.Fields(m.Reason)[1])
					}
				}
				if got != want {
					t.Errorf("answered %d, want %d", got, want)
				}
				r.sleep(time.Minute)
				r.wantEmpty()
			})
		})
	}
}

// sentBy gives the port of a message's top Via.
func sentBy(text string) uint16 {
	m, err := message.Parse([]byte(text))
	var fault *message.Fault
	if errors.As(err, &fault) {
		m = fault.Request
	}
	if m == nil || m.Via.Port == 0 {
		return 5060
	}
	return uint16(m.Via.Port)
}

// accepting is a user that accepts everything.
type accepting struct{ fakeUser }

func (*accepting) Request(s *transaction.Server) {
	_ = s.Respond(message.NewResponse(s.Msg(), 200, ""))
}
func (*accepting) Ack(*message.Message, transport.Incoming) {}

// TestTortureOverTCP sends each message over a connection of its own, real ones.
func TestTortureOverTCP(t *testing.T) {
	l, err := transport.New(transport.Config{
		Listen:        []transport.Listen{{Network: transport.TCP, Addr: netip.MustParseAddrPort("127.0.0.1:0")}},
		HeaderTimeout: 500 * time.Millisecond,
	})
	if err != nil {
		t.Fatal(err)
	}
	layer := transaction.New(transaction.Config{Transport: l, User: &accepting{}, Shards: 1, T1: 10 * time.Millisecond})
	layer.Start()
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		layer.Close()
	}()
	addr := l.Addrs()[0].Addr.String()
	t.Run("all", func(t *testing.T) {
		for name, text := range tortureFiles(t) {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				want, ok := torture[name]
				if !ok {
					want = 200
				}
				over, closes := torturedStream[name]
				if closes {
					want = over.status
				}
				c, err := net.Dial("tcp", addr)
				if err != nil {
					t.Fatal(err)
				}
				defer c.Close()
				_ = c.SetDeadline(time.Now().Add(20 * time.Second))
				marker := strings.Join(request("OPTIONS", "marker", "Content-Length: 0"), "\r\n") + "\r\n\r\n"
				marker = strings.Replace(marker, "Call-ID: call", "Call-ID: "+name, 1)
				if !closes {
					text += marker // its answer comes last
				}
				if _, err := io.WriteString(c, text); err != nil {
					t.Fatal(err)
				}
				got, marked := finalStatus(t, c, name)
				if got != want || marked == closes {
					t.Errorf("answered %d, want %d; the flow goes on: %v", got, want, marked)
				}
			})
		}
	})
}

// finalStatus reads answers until that to the marker or the end of the stream, and gives the sum of the final ones before.
func finalStatus(t *testing.T, c net.Conn, name string) (status int, marked bool) {
	t.Helper()
	r := bufio.NewReader(c)
	current, isMarker := 0, false
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				t.Fatal("neither answered nor closed")
			}
			return status, marked
		}
		switch {
		case strings.HasPrefix(line, "SIP/2.0 "):
			current, _ = strconv.Atoi(line[8:11])
		case strings.HasPrefix(line, "Call-ID: "+name+"\r"):
			isMarker = true
		case line == "\r\n" && isMarker:
			return status, true
		case line == "\r\n" && current >= 200:
			status += current
		}
	}
}

// TestMissingHeadersLive removes each row from a request of each method, one at a time, and looks whether the layer is
// still there after all of them (S02).
func TestMissingHeadersLive(t *testing.T) {
	bubble(t, nil, func(r *rig) {
		for _, method := range []string{"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "PRACK", "UPDATE", "INFO", "MESSAGE",
			"SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "SIP"} {
			for i := range 8 {
				lines := request(method, method+strconv.Itoa(i))
				r.send(append(lines[:i:i], lines[i+1:]...)...)
				response := request(method, "x")
				response[0] = "SIP/2.0 200 OK"
				r.send(append(response[:i:i], response[i+1:]...)...)
			}
		}
		r.seen()
		lines := request("OPTIONS", "alive")
		lines[5] = "Call-ID: alive"
		r.send(lines...)
		r.mustRespond(200)
		if m := r.next(); m.Status != 200 || m.CallID != "alive" {
			t.Errorf("%+v", m.Message)
		}
	})
}
