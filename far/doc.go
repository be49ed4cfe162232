// Package far makes far ends out of our own SIP edge: [Phone], which calls and is called, plays, listens and presses keys; and
// [Box], the carrier in a box, which answers whatever is dialled, each number in the way that its ending says.
//
// They speak real SIP and RTP over real sockets, as any peer does, and know nothing of the server they talk to: no application,
// no engine, no store. The demo, the phone of the terminal and the tests are made of them.
package far
