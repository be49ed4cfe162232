package invoke_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/invoke"
)

// scripted answers requests with one reply after the other, then with the last again.
type scripted struct {
	replies []answer
	mu      sync.Mutex
	asked   []*http.Request
	bodies  [][]byte
}

type answer struct {
	status int
	header map[string]string
	body   string
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	n := min(len(s.asked), len(s.replies)-1)
	s.asked, s.bodies = append(s.asked, r), append(s.bodies, body)
	s.mu.Unlock()
	for k, v := range s.replies[n].header {
		w.Header().Set(k, v)
	}
	w.WriteHeader(s.replies[n].status)
	io.WriteString(w, s.replies[n].body)
}

func serve(t testing.TB, h http.Handler) string {
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

// both runs a test over http and over https, which have a client each.
func both(t *testing.T, test func(t *testing.T, serve func(testing.TB, http.Handler) string)) {
	t.Run("http", func(t *testing.T) { test(t, serve) })
	t.Run("https", func(t *testing.T) {
		test(t, func(t testing.TB, h http.Handler) string {
			s := httptest.NewTLSServer(h)
			t.Cleanup(s.Close)
			return s.URL
		})
	})
}

// failures are what the Invoke API and the emulator say instead of an answer, and what comes of it.
var failures = map[string]struct {
	replies []answer
	want    invoke.Error // Function left empty
	asked   int
}{
	"denied":        {[]answer{{403, map[string]string{"X-Amzn-Errortype": "AccessDeniedException"}, `{"Message":"not you"}`}}, invoke.Error{Kind: invoke.Denied, Type: "AccessDeniedException", Message: "not you"}, 2},
	"not found":     {[]answer{{404, map[string]string{"X-Amzn-Errortype": "ResourceNotFoundException"}, `{"Type":"User","Message":"Function not found: f"}`}}, invoke.Error{Kind: invoke.NotFound, Type: "ResourceNotFoundException", Message: "Function not found: f"}, 2},
	"throttled":     {[]answer{{429, map[string]string{"X-Amzn-Errortype": "TooManyRequestsException"}, `{"Reason":"CallerRateLimitExceeded","message":"Rate exceeded"}`}}, invoke.Error{Kind: invoke.Throttled, Type: "TooManyRequestsException", Message: "Rate exceeded"}, 2},
	"service":       {[]answer{{500, map[string]string{"X-Amzn-Errortype": "ServiceException"}, `{"Message":"oh"}`}}, invoke.Error{Kind: invoke.Unreachable, Type: "ServiceException", Message: "oh"}, 2},
	"gateway":       {[]answer{{504, map[string]string{"X-Amzn-Errortype": "GatewayTimeout"}, `{"message":"late"}`}}, invoke.Error{Kind: invoke.TimedOut, Type: "GatewayTimeout", Message: "late"}, 1},
	"unhandled":     {[]answer{{200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `{"errorMessage":"no","errorType":"TypeError","trace":["a"]}`}}, invoke.Error{Kind: invoke.Crashed, Type: "TypeError", Message: "no"}, 1},
	"handled, bare": {[]answer{{200, map[string]string{"X-Amz-Function-Error": "Handled"}, `oops`}}, invoke.Error{Kind: invoke.Crashed, Message: "oops"}, 1},
	"too large":     {[]answer{{200, nil, strings.Repeat("x", 2000)}}, invoke.Error{Kind: invoke.TooLarge, Message: "the answer is larger than the limit"}, 1},
}

func compare(t *testing.T, got *invoke.Error, want invoke.Error) {
	t.Helper()
	if got.Kind != want.Kind || got.Type != want.Type || got.Message != want.Message {
		t.Errorf("got %#v, want %#v", got, want)
	}
	if got.Function == "" {
		t.Error("the error names no function")
	}
}

func opened(t testing.TB, url string) invoke.Function {
	return find(t, open(t, invoke.Config{
		Functions: []invoke.Declared{{Name: "one", URL: url}}, MaxAnswer: 1000, Retry: invoke.Retry{Wait: time.Millisecond},
	}), "arn:aws:lambda:us-east-1:123456789012:function:one")
}

func TestURLFailures(t *testing.T) {
	cases := map[string]struct {
		replies []answer
		want    invoke.Error
		asked   int
	}{
		"emulator crash":    {[]answer{{502, nil, `{"errorType":"Runtime.ExitError","errorMessage":"exit status 1"}`}}, invoke.Error{Kind: invoke.Crashed, Type: "Runtime.ExitError", Message: "exit status 1"}, 1},
		"emulator error":    {[]answer{{200, nil, `{"errorType":"Boom","errorMessage":"bad"}`}}, invoke.Error{Kind: invoke.Crashed, Type: "Boom", Message: "bad"}, 1},
		"emulator time-out": {[]answer{{200, nil, `Task timed out after 3.00 seconds`}}, invoke.Error{Kind: invoke.TimedOut, Message: "Task timed out after 3.00 seconds"}, 1},
		"other gateway":     {[]answer{{502, nil, `<html>`}}, invoke.Error{Kind: invoke.Unreachable, Message: "502 Bad Gateway"}, 2},
		"redirect":          {[]answer{{302, map[string]string{"Location": "/x"}, ``}}, invoke.Error{Kind: invoke.Unreachable, Message: "302 Found"}, 2},
	}
	for name, c := range failures {
		cases[name] = c
	}
	both(t, func(t *testing.T, serve func(testing.TB, http.Handler) string) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				s := &scripted{replies: c.replies}
				compare(t, fault(t, t.Context(), opened(t, serve(t, s)), `{}`), c.want)
				if len(s.asked) != c.asked {
					t.Errorf("asked %d times, want %d", len(s.asked), c.asked)
				}
			})
		}
	})
}

func TestURLIsPostedToAsItIs(t *testing.T) { both(t, testPosted) }

func testPosted(t *testing.T, serve func(testing.TB, http.Handler) string) {
	s := &scripted{replies: []answer{{429, nil, ``}, {200, nil, `{"Actions":[]}`}}}
	url := strings.Replace(serve(t, s), "://", "://me:secret@", 1)
	f := opened(t, url+"/2015-03-31/functions/function/invocations?a=b")
	event := []byte(`{"Sequence":1}`)
	got, err := f.Invoke(t.Context(), event)
	if err != nil || string(got) != `{"Actions":[]}` {
		t.Fatalf("got %s, %v", got, err)
	}
	if len(s.asked) != 2 {
		t.Fatalf("asked %d times: one retry was due", len(s.asked))
	}
	for n, r := range s.asked {
		user, password, _ := r.BasicAuth()
		if r.Method != "POST" || r.URL.String() != "/2015-03-31/functions/function/invocations?a=b" || r.Header.Get("Content-Type") != "application/json" ||
			user != "me" || password != "secret" || !bytes.Equal(s.bodies[n], event) || r.ContentLength != int64(len(event)) {
			t.Errorf("request %d: %s %s %v %s", n, r.Method, r.URL, r.Header, s.bodies[n])
		}
	}
}

func TestURLTimeLimit(t *testing.T) { both(t, testTimeLimit) }

func testTimeLimit(t *testing.T, serve func(testing.TB, http.Handler) string) {
	var asked atomic.Int32
	release := make(chan struct{})
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		<-release
	}))
	defer close(release)
	f := one(t, invoke.Declared{URL: url, Timeout: 100 * time.Millisecond})
	e := fault(t, t.Context(), f, `{}`)
	if e.Kind != invoke.TimedOut || e.Message != "no answer within 100ms" || asked.Load() != 1 {
		t.Errorf("got %v after %d attempts", e, asked.Load())
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, err := f.Invoke(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestURLUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	e := fault(t, t.Context(), opened(t, "http://"+l.Addr().String()), `{}`)
	if e.Kind != invoke.Unreachable || !strings.Contains(e.Message, "refused") || e.Unwrap() == nil {
		t.Errorf("got %v", e)
	}
}

// raw answers each connection's requests with bytes, and closes it when they are not a whole response.
func raw(t testing.TB, reply func(connection int) string) (string, *atomic.Int32) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var connections atomic.Int32
	var all sync.WaitGroup
	t.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(connections.Add(1))
			all.Go(func() {
				defer c.Close()
				c.Read(make([]byte, 4096))
				io.WriteString(c, reply(n))
			})
		}
	})
	return "http://" + l.Addr().String(), &connections
}

func TestURLHostileServer(t *testing.T) {
	for name, c := range map[string]struct {
		reply string
		kind  invoke.Kind
	}{
		"nothing":        {"", invoke.Unreachable},
		"no HTTP":        {"SIP/2.0 200 OK\r\n\r\n", invoke.Unreachable},
		"half a body":    {"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", invoke.Unreachable},
		"a huge length":  {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n{", invoke.TooLarge},
		"endless header": {"HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: b\r\n", 100_000), invoke.Unreachable},
		"endless body":   {"HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 100_000), invoke.TooLarge},
		"early hints":    {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", invoke.Denied},
		"endless hints":  {strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 100_000), invoke.Unreachable},
		"other protocol": {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", invoke.Unreachable},
		"100 megabytes":  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5f5e100\r\n" + strings.Repeat("x", 100_000), invoke.TooLarge},
		"bad chunks":     {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", invoke.Unreachable},
		"bad length":     {"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", invoke.Unreachable},
	} {
		t.Run(name, func(t *testing.T) {
			url, _ := raw(t, func(int) string { return c.reply })
			if e := fault(t, t.Context(), opened(t, url), `{}`); e.Kind != c.kind {
				t.Errorf("got %v", e)
			}
		})
	}
}

// A connection that the server closed while it was idle is no reason to fail.
func TestURLConnectionClosedWhileIdle(t *testing.T) {
	url, connections := raw(t, func(int) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" })
	f := opened(t, url)
	for range 20 {
		if b, err := f.Invoke(t.Context(), []byte(`{}`)); err != nil || string(b) != `{}` {
			t.Fatalf("got %q, %v", b, err)
		}
	}
	if n := connections.Load(); n < 20 {
		t.Errorf("%d connections", n)
	}
}

// The payload is the caller's again after return, whatever happened: changing it then is no race.
func TestPayloadIsNotKept(t *testing.T) {
	url, _ := raw(t, func(int) string { return "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}" })
	release := make(chan struct{})
	slow := serve(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer close(release)
	t.Setenv("AWS_ENDPOINT_URL_LAMBDA", url)
	t.Setenv("AWS_ACCESS_KEY_ID", "a")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	i := open(t, invoke.Config{Region: "us-east-1", Functions: []invoke.Declared{
		{Name: "early", URL: url}, {Name: "slow", URL: slow}, {Name: "process", Command: []string{built(t, "echo")}},
	}})
	for _, name := range []string{"early", "slow", "process", "cloud"} {
		payload := bytes.Repeat([]byte(" "), 4<<20)
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		_, err := find(t, i, name).Invoke(ctx, payload)
		cancel()
		clear(payload)
		t.Log(name, err) // it may be answered or not
	}
}

// What a server says unasked on an idle connection is nobody's answer.
func TestURLUnaskedResponse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		for n := range 2 {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			c.Read(make([]byte, 4096))
			fmt.Fprintf(c, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d", n)
			if n == 0 {
				<-said
				io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsmuggled")
				said <- struct{}{}
			}
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	f := opened(t, "http://"+l.Addr().String())
	for n := range 2 {
		if b, err := f.Invoke(t.Context(), nil); err != nil || string(b) != fmt.Sprint(n) {
			t.Fatalf("got %q, %v; want %d", b, err, n)
		}
		if n == 0 {
			said <- struct{}{}
			<-said
		}
	}
}

// Nor is what follows a response.
func TestURLTooMuchIsSaid(t *testing.T) {
	url, connections := raw(t, func(n int) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%dHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n9", n)
	})
	f := opened(t, url)
	for n := range 3 {
		if b, err := f.Invoke(t.Context(), nil); err != nil || string(b) != fmt.Sprint(n+1) {
			t.Fatalf("got %q, %v; want %d of %d connections", b, err, n+1, connections.Load())
		}
	}
}

func TestURLKeepsConnections(t *testing.T) {
	t.Run("http", func(t *testing.T) { testKept(t, (*httptest.Server).Start) })
	t.Run("https", func(t *testing.T) { testKept(t, (*httptest.Server).StartTLS) })
}

func testKept(t *testing.T, start func(*httptest.Server)) {
	var opens atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Write(b)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opens.Add(1)
		}
	}
	start(s)
	t.Cleanup(s.Close)
	f := one(t, invoke.Declared{URL: s.URL})
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for n := range 50 {
				event := fmt.Sprintf(`"%d-%d"`, g, n)
				if b, err := f.Invoke(t.Context(), []byte(event)); err != nil || string(b) != event {
					t.Errorf("got %s, %v", b, err)
				}
			}
		})
	}
	all.Wait()
	if n := opens.Load(); n > 64 {
		t.Errorf("%d connections for 16 callers", n)
	}
}
