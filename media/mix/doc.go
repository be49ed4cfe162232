// Package mix lets several parties hear each other: rooms that mix, on one clock of 20 ms, and ears that listen to a leg
// for a recording.
//
// It must not know calls, sockets or files: a party is a [media.Port] each way. A [Clock] has a few shards; a shard is one
// goroutine that beats all rooms and ears given to it, so there is none per party, and none at all while nobody listens.
//
//	far end's packets ─▶ Party.Write ─▶ buffer ┐                         ┌─▶ encoded once for all who are silent ─▶ Port
//	far end's packets ─▶ Party.Write ─▶ buffer ┼─ beat: read, gate, sum ─┤
//	far end's packets ─▶ Party.Write ─▶ buffer ┘                         └─▶ less what it says, for each who talks ─▶ Port
//
// Those whose codec has 16 kHz are mixed in 16 kHz beside the rest: what they say as it is, what the others say brought to
// 16 kHz once for all of them. The others hear 8 kHz, of everybody; a room without such a codec knows nothing of this.
// A [Sink] hears what it wants of both.
//
// The buffer is where late, lost, doubled and shuffled packets become even sound; its delay follows the network between 20
// and 200 ms. It is the only thing that a packet's goroutine and a beat share, under a lock of its own. Who comes and goes
// waits for no beat: it is left in a list and taken in with the next one.
package mix
