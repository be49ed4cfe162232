// Package rtp carries the media of legs as RTP or SRTP over UDP (RFC 3550, 3551, 3711, 4733, 4961, 5761).
//
// It owns sockets, ports, who is believed to be the far end, packet headers, RTCP and the clock that plays sound. It
// must not know SDP text, calls, or what a port connected to a session does with a packet.
//
// An [Engine] has a few shards. A shard is one goroutine with an epoll set of all its sessions' sockets, waiting in the
// Go runtime's own poller; there is no goroutine, timer or buffer per session, and none per packet. A packet is read,
// its source and header checked, and given to the connected port within the same turn of the loop. When the port is
// another session, that one writes its own header before the payload and sends: the payload is not touched unless the
// codecs differ, or the far end wants packets of another length, or an event or noise is something that it does not know.
//
//	socket ─▶ shard.loop ─▶ receiver.take ─▶ port.Write ─▶ sender.forward ─▶ the other session's socket
//	timerfd ─▶ shard.loop ─▶ session.playFrame ───────────────────────────▶ socket (each 20 ms while a source plays or keys are pressed)
//	timerfd ─▶ shard.loop ─▶ session.report ──────────────────────────────▶ RTCP socket (each 5 s)
//
// Locks (the shard's is taken last of all): a session has one for what comes in and one for what goes out. The first may be held while taking the second,
// never the reverse, and neither while calling a port or a callback. A [media.Source], and a tap of what is sent, is called
// under the second. SRTP is opened under the first, before the source is judged, and sealed under the second. A
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
