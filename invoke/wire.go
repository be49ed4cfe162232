package invoke

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	maxHead      = 64 << 10         // bytes of a response before its body
	maxIdleLinks = 1024             // of one function
	idleLink     = 60 * time.Second // then a connection is closed
	keptRequest  = 64 << 10         // a larger buffer is not kept
	dialTimeout  = 5 * time.Second
)

// wire is HTTP/1.1 without TLS and proxy to one URL: what runs on every event of every call where functions are
// neighbours. It does on the caller's goroutine what net/http's client does on three, for half the CPU time; responses
// are read by net/http. See BenchmarkURL.
type wire struct {
	address string
	head    []byte // of each request, up to the value of Content-Length
	request http.Request
	limit   int64 // of an answer

	mu     sync.Mutex
	idle   []*link // the one used last is last, and is taken first
	sweep  *time.Timer
	closed bool
}

// link is one connection. It belongs to one attempt at a time, or lies idle.
type link struct {
	conn   net.Conn
	raw    syscall.RawConn
	source io.LimitedReader
	reader *bufio.Reader
	out    []byte
	since  time.Time // idle since
}

// fits tells whether a URL can be asked over a wire.
func fits(u *url.URL) bool {
	proxy, err := http.ProxyFromEnvironment(&http.Request{URL: u})
	plain := !strings.ContainsFunc(u.Host, func(r rune) bool { return r > '~' || r == '%' })
	return u.Scheme == "http" && proxy == nil && err == nil && plain
}

func newWire(u *url.URL, limit int64) *wire {
	head := "POST " + u.RequestURI() + " HTTP/1.1\r\nHost: " + u.Host + "\r\n"
	if u.User != nil {
		password, _ := u.User.Password()
		head += "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)) + "\r\n"
	}
	head += "User-Agent: switchhook\r\nContent-Type: application/json\r\nX-Amz-Invocation-Type: RequestResponse\r\nContent-Length: "
	port := or(u.Port(), "80")
	w := &wire{
		address: net.JoinHostPort(u.Hostname(), port), head: []byte(head),
		request: http.Request{Method: http.MethodPost}, limit: limit,
	}
	w.sweep = time.AfterFunc(idleLink, w.expire)
	w.sweep.Stop()
	return w
}

// try implements [target]. A kept connection that fails before it gave one byte had been closed by the server
// meanwhile: a new one is tried at once.
func (w *wire) try(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	for {
		l, kept := w.take()
		if !kept {
			var err error
			if l, err = dial(ctx, w.address); err != nil {
				return nil, err
			}
		}
		answer, keep, err := w.exchange(ctx, l, payload)
		if keep {
			w.keep(l)
		} else {
			l.conn.Close()
		}
		if kept && ctx.Err() == nil && errors.Is(err, errNoByte) {
			continue
		}
		return answer, err
	}
}

// errNoByte says that a connection ended before it gave a byte of the response.
var errNoByte = errors.New("the connection ended without a response")

// exchange sends a request and reads the response; keep tells that the connection can serve another.
func (w *wire) exchange(ctx context.Context, l *link, payload []byte) (answer []byte, keep bool, err error) {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() {
			keep = false
		}
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	l.out = append(strconv.AppendInt(append(l.out[:0], w.head...), int64(len(payload)), 10), "\r\n\r\n"...)
	l.out = append(l.out, payload...)
	_, err = l.conn.Write(l.out)
	if cap(l.out) > keptRequest {
		l.out = nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("%w: %w", errNoByte, err)
	}
	resp, err := w.response(l) //nolint:bodyclose // an endless body must not be read to its end: the connection is closed instead
	if err != nil {
		return nil, false, err
	}
	answer, err = readAnswer(resp.Body, resp.ContentLength, w.limit)
	switch {
	case errors.Is(err, errTooLarge):
		return nil, false, &Error{Kind: TooLarge, Message: err.Error(), Err: err}
	case err != nil:
		return nil, false, fmt.Errorf("read the response: %w", err)
	}
	keep = !resp.Close && l.reader.Buffered() == 0 // nothing may follow that was not asked for
	answer, err = judge(resp, answer)
	return answer, keep, err
}

// response reads the head of the final response.
func (w *wire) response(l *link) (*http.Response, error) {
	l.source.N = maxHead
	if _, err := l.reader.Peek(1); err != nil {
		return nil, fmt.Errorf("%w: %w", errNoByte, err)
	}
	for {
		resp, err := http.ReadResponse(l.reader, &w.request)
		if err != nil {
			return nil, fmt.Errorf("read the response: %w", err)
		}
		if resp.StatusCode >= 200 {
			l.source.N = math.MaxInt64 // the answer has its own limit
			return resp, nil
		}
		if resp.StatusCode == http.StatusSwitchingProtocols {
			return nil, errors.New("the server switches protocols, which nobody asked for")
		}
	}
}

func dial(ctx context.Context, address string) (*link, error) {
	conn, err := (&net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l := &link{conn: conn}
	if c, ok := conn.(syscall.Conn); ok {
		l.raw, err = c.SyscallConn()
	}
	if err != nil || l.raw == nil {
		conn.Close()
		return nil, fmt.Errorf("reach the socket of the connection: %w", err)
	}
	l.source.R = conn
	l.reader = bufio.NewReader(&l.source)
	return l, nil
}

// take gives the connection used last that is still open and silent.
func (w *wire) take() (*link, bool) {
	for {
		w.mu.Lock()
		n := len(w.idle)
		if n == 0 {
			w.mu.Unlock()
			return nil, false
		}
		l := w.idle[n-1]
		w.idle[n-1] = nil
		w.idle = w.idle[:n-1]
		w.mu.Unlock()
		if l.silent() {
			return l, true
		}
		l.conn.Close()
	}
}

// silent tells that an idle connection is open and that nothing came on it unasked.
func (l *link) silent() bool {
	silent := false
	err := l.raw.Read(func(fd uintptr) bool {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK)
		silent = errors.Is(err, syscall.EAGAIN)
		return true
	})
	return err == nil && silent
}

func (w *wire) keep(l *link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed || len(w.idle) >= maxIdleLinks {
		l.conn.Close()
		return
	}
	l.since = time.Now()
	if len(w.idle) == 0 {
		w.sweep.Reset(idleLink)
	}
	w.idle = append(w.idle, l)
}

// expire closes connections that were idle for long.
func (w *wire) expire() {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	n := 0
	for n < len(w.idle) && now.Sub(w.idle[n].since) >= idleLink {
		w.idle[n].conn.Close()
		n++
	}
	w.idle = append(w.idle[:0:0], w.idle[n:]...)
	if len(w.idle) > 0 && !w.closed {
		w.sweep.Reset(idleLink / 2)
	}
}

// close closes idle connections; those in use are closed by their users.
func (w *wire) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	w.sweep.Stop()
	for _, l := range w.idle {
		l.conn.Close()
	}
	w.idle = nil
}
