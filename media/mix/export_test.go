package mix

import "github.com/switchhook/switchhook/media"

// Still makes a clock that stands: the test beats.
func Still() *Clock { return &Clock{shards: []*shard{{closed: true}}} }

// Beat beats a room once; false when it is over.
func (a *Rooms) Beat(name string) bool {
	a.mu.Lock()
	r := a.rooms[name]
	a.mu.Unlock()
	return r != nil && r.beat()
}

// Find gives a room to be beaten after its end.
func (a *Rooms) Find(name string) func() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.rooms[name].beat
}

// Beat beats an ear once.
func (e *Ear) Beat() bool { return e.beat() }

// Buffer is a buffer by itself.
type Buffer struct{ b buffer }

func (b *Buffer) Write(p *media.Packet)    { b.b.write(p) }
func (b *Buffer) Read(f *media.Frame) bool { return b.b.read(f[:]) }

func (b *Buffer) ReadWide(s *[2 * frame]int16) bool { return b.b.read(s[:]) }

// Depth is how much is there that was not read, in samples.
func (b *Buffer) Depth() int { return int(int32(b.b.top - b.b.head)) }

// Still tells whether the far end said what its silence sounds like.
func (b *Buffer) Still() bool { return b.b.still }

// Counts gives how many packets were late, and how many came twice.
func (b *Buffer) Counts() (late, doubled uint64) { return b.b.late, b.b.doubled }

const Longest = longest
