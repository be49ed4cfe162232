package transport

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/sip/message"
)

// flow is one TCP or TLS connection: a goroutine reads it, another one writes what is queued.
//
//	opening ──▶ open ──▶ finishing (the queue is written, then closed) ──▶ closed
//	   └──────────┴───────────────────────────────────────────────────────▲
type flow struct {
	layer    *Layer
	id       FlowID
	end      end
	alias    end     // what else it is a flow to; guarded by the table's mu
	secure   *Secure // how it is opened, over TLS
	accepted bool
	peer     *Peer         // over TLS, once its handshake is done
	wake     chan struct{} // something is queued, or the state changed
	written  chan struct{} // closed when the writer has ended
	active   atomic.Int64  // when bytes last went in either direction, in Unix nanoseconds

	mu        sync.Mutex
	raw       net.Conn // what conn runs over: the same but for TLS; nil until there is one
	conn      net.Conn // nil while opening
	queue     []queued
	size      int // octets queued and being written
	finishing bool
	closed    error // why, once it is closed
}

// queued is one message that waits to be written.
type queued struct {
	data   []byte
	failed func(error)
	quiet  bool // a keep-alive of ours: no use of the flow
}

func (l *Layer) newFlow(e end, raw net.Conn) *flow {
	f := &flow{
		layer: l, id: l.nextID(), end: e, raw: raw, accepted: raw != nil,
		wake: make(chan struct{}, 1), written: make(chan struct{}),
	}
	f.touch()
	return f
}

func (f *flow) touch() { f.active.Store(time.Now().UnixNano()) }

// send queues a copy of data.
func (f *flow) send(data []byte, failed func(error)) error {
	return f.enqueue(queued{data: append([]byte(nil), data...), failed: failed})
}

// enqueue queues. A peer that lets too much wait is not worth keeping.
func (f *flow) enqueue(q queued) error {
	f.mu.Lock()
	if f.closed != nil {
		defer f.mu.Unlock()
		return f.closed
	}
	if f.size+len(q.data) > f.layer.cfg.MaxQueued {
		f.mu.Unlock()
		f.close(ErrSlow)
		return ErrSlow
	}
	f.size += len(q.data)
	f.queue = append(f.queue, q)
	f.mu.Unlock()
	f.signal()
	return nil
}

func (f *flow) signal() {
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// close ends the flow now and tells those whose bytes were not written.
func (f *flow) close(why error) {
	f.mu.Lock()
	if f.closed != nil {
		f.mu.Unlock()
		return
	}
	f.closed = why
	raw, left := f.raw, f.queue
	f.queue = nil
	f.mu.Unlock()
	f.layer.flows.remove(f)
	if raw != nil { // without TLS's farewell, which may block
		_ = raw.Close() // the reason to close is why, not what closing says
	}
	f.signal()
	tell(left, why)
}

func tell(left []queued, why error) {
	for _, q := range left {
		if q.failed != nil {
			q.failed(why)
		}
	}
}

// finish lets the queue be written, then closes.
func (f *flow) finish() {
	f.mu.Lock()
	f.finishing = true
	f.mu.Unlock()
	f.signal()
}

// awaitWritten waits for the writer to end after finish; not for a flow that is still opening.
func (f *flow) awaitWritten(patience <-chan struct{}) {
	f.mu.Lock()
	opening := f.conn == nil
	f.mu.Unlock()
	if opening {
		return
	}
	select {
	case <-f.written:
	case <-patience:
	}
}

// next gives what is queued, or waits for it. False: the writer is done.
func (f *flow) next(written int) ([]queued, net.Conn, bool) {
	for {
		f.mu.Lock()
		f.size -= written
		written = 0
		batch, conn := f.queue, f.conn
		f.queue = nil
		done := f.closed != nil || f.finishing && len(batch) == 0
		f.mu.Unlock()
		if done || len(batch) > 0 {
			return batch, conn, !done
		}
		<-f.wake
	}
}

// write is the flow's writing goroutine.
func (f *flow) write() {
	defer close(f.written)
	written := 0
	for {
		batch, conn, ok := f.next(written)
		if !ok {
			break
		}
		buffers := make(net.Buffers, len(batch))
		written = 0
		used := false
		for i, q := range batch {
			buffers[i] = q.data
			written += len(q.data)
			used = used || !q.quiet
		}
		_ = conn.SetWriteDeadline(time.Now().Add(f.layer.cfg.WriteTimeout))
		if _, err := buffers.WriteTo(conn); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				err = ErrSlow
			}
			f.close(err)
			tell(batch, err)
			return
		}
		if used {
			f.touch()
		}
	}
	// What is half closed may still be read, so that a last answer is not lost to a reset.
	if half, ok := f.conn.(interface{ CloseWrite() error }); ok {
		_ = half.CloseWrite()
	} else {
		f.close(net.ErrClosed)
	}
}

// run is an accepted flow's goroutines.
func (f *flow) run() {
	defer f.layer.running.Done()
	if err := f.greet(); err != nil {
		f.close(err)
		return
	}
	f.layer.running.Go(f.write)
	f.read()
}

// greet makes an accepted flow ready to be used: over TLS its handshake is done.
func (f *flow) greet() error {
	ctx, cancel := context.WithTimeout(f.layer.ctx, f.layer.cfg.HeaderTimeout)
	defer cancel()
	conn := f.raw
	if f.end.network == TLS {
		var err error
		if conn, f.peer, err = shake(ctx, tls.Server(f.raw, f.layer.cfg.TLS)); err != nil {
			if f.layer.cfg.Refused != nil && !f.layer.isClosed() {
				f.layer.cfg.Refused(f.end.addr, err)
			}
			return err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conn = conn
	return f.closed
}

// read is the flow's reading goroutine: it ends the flow when it ends.
func (f *flow) read() {
	defer f.close(net.ErrClosed) // whatever happens
	defer f.layer.recover()
	err := f.readMessages()
	if errors.Is(err, errBroken) {
		f.drain()
	}
	f.close(err)
}

var errBroken = errors.New("the stream's framing is lost")

func (f *flow) readMessages() error {
	var (
		framer message.Framer
		local  = addrPort(f.raw.LocalAddr())
		begun  time.Time
		pinged = time.Now()
		proven = !f.accepted // a message came, or we chose the peer
	)
	if f.accepted {
		begun = time.Now()
	}
	for {
		if err := f.conn.SetReadDeadline(f.wakeUp(begun, pinged)); err != nil {
			return err
		}
		room := framer.Room()
		n, err := f.conn.Read(room)
		if n > 0 && !f.layer.admits(f.end.addr.Addr(), time.Now()) {
			return ErrNotAdmitted
		}
		if pong := !f.accepted && !framer.Begun() && string(room[:n]) == "\r\n"; n > 0 && !pong { // it is no use of the flow
			f.touch()
			framer.Filled(n)
			got, err := f.deliver(&framer, local)
			if err != nil {
				return err
			}
			proven = proven || got
			switch {
			case proven && !framer.Begun():
				begun = time.Time{}
			case got || begun.IsZero():
				begun = time.Now()
			}
		}
		if err != nil && !f.stillActive(err, begun) {
			return err
		}
		if err != nil && !f.accepted && time.Since(pinged) >= f.layer.cfg.KeepAlive {
			pinged = time.Now()
			if err := f.enqueue(queued{data: []byte("\r\n\r\n"), quiet: true}); err != nil {
				return err
			}
		}
	}
}

// wakeUp gives until when to read: a flow that we opened is kept alive meanwhile, for there may be a NAT on its way.
func (f *flow) wakeUp(begun, pinged time.Time) time.Time {
	until := f.deadline(begun)
	if next := pinged.Add(f.layer.cfg.KeepAlive); !f.accepted && next.Before(until) {
		return next
	}
	return until
}

// deadline gives until when the next bytes must come.
func (f *flow) deadline(begun time.Time) time.Time {
	if !begun.IsZero() {
		return begun.Add(f.layer.cfg.HeaderTimeout)
	}
	return time.Unix(0, f.active.Load()).Add(f.layer.cfg.IdleTimeout)
}

// adopt keeps a connection, unless the flow is closed.
func (f *flow) adopt(at *net.Conn, conn net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed == nil {
		*at = conn
	}
	return f.closed == nil
}

// stillActive tells whether a read that timed out did so although we wrote meanwhile.
func (f *flow) stillActive(err error, begun time.Time) bool {
	return errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(f.deadline(begun))
}

// deliver hands on what the framer has, and tells whether a message was among it.
func (f *flow) deliver(framer *message.Framer, local netip.AddrPort) (got bool, err error) {
	for {
		ev, m, fault := framer.Next()
		switch ev {
		case message.More:
			return got, nil
		case message.Ping:
			if err := f.send([]byte("\r\n"), nil); err != nil {
				return got, err
			}
		case message.Got, message.Broken:
			got = got || m != nil
			in := Incoming{Source: f.end.addr, Local: local, Network: f.end.network, Flow: f.id, Peer: f.peer, At: time.Now()}
			f.layer.deliver(in, m, fault)
			if ev == message.Broken {
				return got, errBroken
			}
		}
	}
}

// drain reads what a peer still sends after its framing was lost, for a moment, so that our answer reaches it, and so do
// those to its earlier requests, which others are still busy with.
func (f *flow) drain() {
	const most, patience = 1 << 20, time.Second
	over := time.NewTimer(patience)
	defer over.Stop()
	if err := f.conn.SetReadDeadline(time.Now().Add(patience)); err == nil {
		_, _ = io.CopyN(io.Discard, f.conn, most)
	}
	select {
	case <-over.C:
	case <-f.written:
	case <-f.layer.ctx.Done():
	}
	f.finish()
	<-f.written // at the write deadline at the latest
}

// accept is the goroutine of one listener.
func (l *Layer) accept(s *streamSocket) {
	errs := 0
	for {
		conn, err := s.listener.Accept()
		if l.isClosed() {
			if conn != nil {
				_ = conn.Close()
			}
			return
		}
		if err != nil { // out of descriptors, most likely: what is accepted must end first
			if errs++; errs > maxErrors {
				time.Sleep(50 * time.Millisecond)
			}
			continue
		}
		errs = 0
		f := l.newFlow(end{network: s.listen.Network, addr: addrPort(conn.RemoteAddr())}, conn)
		if !l.admits(f.end.addr.Addr(), time.Now()) || l.flows.add(f) != nil {
			_ = conn.Close()
			continue
		}
		go f.run()
	}
}

func (l *Layer) sendStream(to Target, data []byte, failed func(error)) error {
	f := l.flows.find(to)
	if f == nil {
		var err error
		if f, err = l.dial(to); err != nil {
			return err
		}
	}
	return f.send(data, failed)
}

// dial opens a flow in the background; what is sent meanwhile waits in its queue.
func (l *Layer) dial(to Target) (*flow, error) {
	if to.Addr.Port() == 0 || !unicast(to.Addr.Addr()) || to.Network == TLS && to.Secure == nil {
		return nil, ErrNoPath
	}
	f := l.newFlow(end{to.Network, to.Addr, to.Secure.name()}, nil)
	f.secure = to.Secure
	if err := l.flows.add(f); err != nil {
		return nil, err
	}
	go f.open()
	return f, nil
}

// open connects, and then is the flow's writing goroutine.
func (f *flow) open() {
	defer f.layer.running.Done()
	ctx, cancel := context.WithTimeout(f.layer.ctx, f.layer.cfg.DialTimeout)
	defer cancel()
	conn, err := f.layer.cfg.Network.Dial(ctx, f.end.addr)
	if err != nil {
		f.close(err)
		return
	}
	if !f.adopt(&f.raw, conn) {
		_ = conn.Close()
		return
	}
	if f.secure != nil {
		if conn, f.peer, err = shake(ctx, tls.Client(conn, f.secure.Config)); err != nil {
			f.close(fmt.Errorf("TLS with %s: %w", f.end.addr, err))
			return
		}
	}
	if !f.adopt(&f.conn, conn) {
		return
	}
	f.layer.running.Go(f.read)
	f.write()
}
