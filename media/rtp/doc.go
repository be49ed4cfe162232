// Package rtp carries the media of legs as plain RTP over UDP (RFC 3550, 3551, 4733, 4961).
//
// It owns sockets, ports, who is believed to be the far end, packet headers, RTCP and the clock that plays sound. It
// must not know SDP text, calls, or what a port connected to a session does with a packet.
//
// An [Engine] has a few shards. A shard is one goroutine with an epoll set of all its sessions' sockets, waiting in the
// Go runtime's own poller; there is no goroutine, timer or buffer per session, and none per packet. A packet is read,
// its source and header checked, and given to the connected port within the same turn of the loop. When the port is
// another session, that one writes its own header before the payload and sends: the payload is not touched unless the
// codecs differ.
//
//	socket ─▶ shard.loop ─▶ receiver.take ─▶ port.Write ─▶ sender.forward ─▶ the other session's socket
//	timerfd ─▶ shard.loop ─▶ sender.play ─────────────────────────────────▶ socket (each 20 ms while a source plays)
//	timerfd ─▶ shard.loop ─▶ session.report ──────────────────────────────▶ RTCP socket (each 5 s)
//
// Locks: a session has one for what comes in and one for what goes out. The first may be held while taking the second,
// never the reverse, and neither while calling a port or a callback. A [media.Source] is called under the second. A
// socket is used and closed under the lock of its side, so a number used again by the system is never written to.
//
// Who is believed (symmetric RTP, RFC 4961; no audio to third parties):
//
//	              packet from the SDP address
//	learning ──────────────────────────────────────────▶ locked: socket connected, all others ignored
//	   │ a few packets in sequence from the same host,     ▲   ▲
//	   │ or from the host that signals, while the SDP      │   │ the window is over
//	   │ address is silent                                 │   │
//	   └──────────────────────▶ provisional ───────────────┴───┘
//	SetRemote with another address: learning again
package rtp
