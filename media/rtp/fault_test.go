package rtp_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

// broken is audio that breaks, and a port that does; it tells each time.
type broken chan struct{}

func (b broken) Next(*media.Frame) error { panic("the source broke") }

func (b broken) Write(*media.Packet) {
	b <- struct{}{}
	panic("the port broke")
}

// lines is a log that many may write.
type lines struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// A fault of ours costs what it happened to: a packet, or what was played. Nothing else notices, and it is told.
func TestFaultsDoNotSpread(t *testing.T) {
	var log lines
	e := engine(t, func(c *rtp.Config) { c.Shards, c.Log = 1, slog.New(slog.NewTextHandler(&log, nil)) })
	a, b, sa, sb := bridge(t, e)

	done := make(chan error, 1)
	bad := make(broken, 100)
	sa.Play(bad, func(err error) { done <- err })
	if err := <-done; err == nil || !strings.Contains(err.Error(), "the source broke") {
		t.Errorf("what broke ended with %v", err)
	}

	sa.Connect(bad)
	for range cap(bad) {
		a.speak(sa.Local(), 1)
	}
	b.speak(sb.Local(), 2) // by the same shard
	if h := a.hear(); h.payload[0] != 2 {
		t.Errorf("the other heard %+v", h)
	}
	for range cap(bad) {
		<-bad
	}
	sa.Connect(sb)
	a.speak(sa.Local(), 3)
	if h := b.hear(); h.payload[0] != 3 {
		t.Errorf("after the fault: %+v", h)
	}
	if n := strings.Count(log.String(), "the port broke"); n < 1 || n > 10 {
		t.Errorf("the fault was told %d times:\n%s", n, &log)
	}
}
