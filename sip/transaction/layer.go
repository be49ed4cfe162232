package transaction

import (
	"errors"
	"hash/maphash"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/switchhook/switchhook/sip/message"
	"github.com/switchhook/switchhook/sip/transport"
)

// Errors that a client transaction or a send ends with.
var (
	ErrTimeout   = errors.New("no response in time")
	ErrTransport = errors.New("the transport failed")
	ErrOverload  = errors.New("too many transactions")
	ErrFinal     = errors.New("a final response was sent before")
)

// User is the layer above. Its methods are called on the shard of the Call-ID and must never block.
type User interface {
	// Request brings a new request other than ACK and CANCEL. The user answers with [Server.Respond], now or later. An
	// INVITE gets 100 before that, but for one that is answered once and now: see [Server.Once].
	Request(s *Server)
	// Cancelled says that a CANCEL matched this INVITE server transaction, once, before a final response. The CANCEL is
	// answered already; the user answers the INVITE with 487. cancel is the CANCEL itself (its Reason, say).
	Cancelled(s *Server, cancel *message.Message)
	// Ack brings an ACK that matched no transaction or an accepted one: the ACK for a 2xx.
	Ack(ack *message.Message, in transport.Incoming)
	// Stray brings a 2xx to INVITE that matches no client transaction: it came late.
	Stray(in transport.Incoming)
}

// Carrier is what the layer needs of the transport: [transport.Layer], or a test's.
type Carrier interface {
	Serve(handler func(transport.Incoming))
	Send(to transport.Target, data []byte, failed func(error)) error
	Local(network string, toward netip.Addr) netip.AddrPort
}

var _ Carrier = (*transport.Layer)(nil)

// Config is a layer's settings. Zero values mean the defaults named.
type Config struct {
	Transport Carrier
	User      User
	// T1, T2, T4 of RFC 3261 table 4: 500 ms, 4 s, 5 s.
	T1, T2, T4 time.Duration
	// Shards is the number of goroutines that own transactions: GOMAXPROCS.
	Shards int
	// MaxServers and MaxClients limit the transactions of each side: 262,144. A request beyond gets 503.
	MaxServers, MaxClients int
	// MaxInbox limits the messages that wait for a shard: 4,096. From half of it on, requests outside of dialogs get 503;
	// beyond it messages are dropped, for those that count come again.
	MaxInbox int
	// Recovered, if set, hears of a panic on a shard, which then goes on with the next piece of work; a request over
	// which the user broke is answered with 500. Unset, the panic ends the program.
	Recovered func(value any, stack []byte)
}

func (c Config) withDefaults() Config {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	num := func(n *int, v int) {
		if *n <= 0 {
			*n = v
		}
	}
	def(&c.T1, 500*time.Millisecond)
	def(&c.T2, 4*time.Second)
	def(&c.T4, 5*time.Second)
	num(&c.Shards, runtime.GOMAXPROCS(0))
	num(&c.MaxServers, 1<<18)
	num(&c.MaxClients, 1<<18)
	num(&c.MaxInbox, 4096)
	return c
}

// Layer is the transaction layer.
type Layer struct {
	cfg     Config
	seed    maphash.Seed
	shards  []*shard
	running sync.WaitGroup
	counts  counters
}

// counters are what a layer tells of itself.
type counters struct {
	clients, servers   atomic.Int64
	refused, discarded atomic.Int64
}

// Stats is what a layer tells of itself.
type Stats struct {
	Clients, Servers int64 // transactions that are alive
	Refused          int64 // requests refused with 503 for overload
	Discarded        int64 // messages dropped for overload
}

// New makes the layer. Nothing runs before [Layer.Start].
func New(cfg Config) *Layer {
	l := &Layer{cfg: cfg.withDefaults(), seed: maphash.MakeSeed()}
	for range l.cfg.Shards {
		l.shards = append(l.shards, newShard(l))
	}
	return l
}

// Start runs the shards and begins to read from the transport.
func (l *Layer) Start() {
	for _, s := range l.shards {
		l.running.Go(s.run)
	}
	l.cfg.Transport.Serve(l.receive)
}

// Close stops the shards and waits for them. Close the transport first. What was posted and not run is dropped, and no
// transaction tells its end.
func (l *Layer) Close() {
	for _, s := range l.shards {
		s.close()
	}
	l.running.Wait()
}

// Stats gives the layer's figures.
func (l *Layer) Stats() Stats {
	return Stats{
		Clients: l.counts.clients.Load(), Servers: l.counts.servers.Load(),
		Refused: l.counts.refused.Load(), Discarded: l.counts.discarded.Load(),
	}
}

// shardOf gives the owner of a Call-ID. The seed keeps others from choosing Call-IDs for one shard.
func (l *Layer) shardOf(callID string) *shard {
	if len(l.shards) == 1 {
		return l.shards[0]
	}
	return l.shards[maphash.String(l.seed, callID)%uint64(len(l.shards))]
}

// Post runs f on the shard of the Call-ID, after what was posted before. It never blocks and may be called from
// anywhere, the shard included. False: the layer is closed, f will not run.
func (l *Layer) Post(callID string, f func()) bool { return l.shardOf(callID).post(f) }

// After calls f on the shard of the Call-ID after d. It must be called on that shard.
func (l *Layer) After(callID string, d time.Duration, f func()) *Timer {
	s := l.shardOf(callID)
	t := &Timer{shard: s, f: f}
	t.entry.owner = t
	s.wheel.set(&t.entry, s.now, d)
	return t
}

// Now gives the time of the batch of work that the shard of the Call-ID is doing. It must be called on that shard.
func (l *Layer) Now(callID string) time.Time { return l.shardOf(callID).now }

// Local gives the address that Contact shall name toward a target.
func (l *Layer) Local(network string, toward netip.Addr) netip.AddrPort {
	return l.cfg.Transport.Local(network, toward)
}

// receive is the transport's handler: it runs on the reader's goroutine.
func (l *Layer) receive(in transport.Incoming) {
	if in.Fault != nil {
		l.answer(&in, in.Fault.Request, in.Fault.Status, in.Fault.Reason)
		return
	}
	switch l.shardOf(in.Msg.CallID).receive(in) {
	case refused:
		l.counts.refused.Add(1)
		l.answer(&in, in.Msg, 503, "")
	case discarded:
		l.counts.discarded.Add(1)
	}
}
