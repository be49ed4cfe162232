// Package message reads and writes SIP messages (RFC 3261 section 7).
//
// It owns framing, the grammar of what every message must have, and the verdict on what does not stand: which answer a
// bad request gets, or that it gets none. It must not know sockets, transactions or dialogs.
//
// Parse works on two levels. Framing and what an answer needs (Via) come first; where they stand, a [Fault] carries the
// request, so that 400, 413, 505 or 513 can be sent instead of silence. Then come the strict checks.
//
//	bytes ──▶ Framer (streams) ──▶ Parse ──▶ *Message          every row as received, in order
//	                                     └─▶ *Fault            Status and Request: answer it; Status 0: drop it
//	*Message ──▶ Append ──▶ bytes                              strict: nothing is written that reads back differently
//
// What is checked here: start line, header syntax and sizes, mandatory and singleton headers (those of the method
// too), Via, CSeq, From, To, Contact, Max-Forwards, Content-Length, the syntax of the Request-URI. What needs to know
// what the user agent can do is decided above, with the helpers here: 416 ([Message.Scheme]), 420 ([Message.Unsupported]),
// 406 and 415 ([Message.Accepts], [Message.ContentType]), 483 ([Message.MaxForwards]); 405, 481 and 501 need no helper.
package message
