// Package transaction runs the transactions of RFC 3261 section 17, with the Accepted state of RFC 6026, RFC 4320 (no
// 408 to requests other than INVITE, ever), and the matching of RFC 2543 for requests without the magic cookie.
//
// It owns transactions, their timers, and the order of things: every Call-ID belongs to one of a few shards, each one
// goroutine, which owns all transactions of the Call-ID and all that the layer above keeps for it. Nothing here has a
// lock but the shards' doors. It must not know dialogs, calls or bodies; there is no goroutine and no timer object per
// message or transaction, and nothing global: many layers run side by side.
//
//	transport ──▶ fault? answered at once, without state
//	         └──▶ shard of the Call-ID ──▶ server transaction ──▶ User.Request, Cancelled
//	                    ▲          ├─────▶ client transaction ──▶ the on function given to Send
//	         Post, After┘          └─────▶ no transaction ─────▶ User.Ack, Stray; 481 for CANCEL
//
// Client transactions:
//
//	INVITE  calling ──1xx──▶ inviteProceeding ──2xx──▶ accepted ──M──▶ terminated
//	          │ A: repeat         │ 300–699                              ▲
//	          │ B: ErrTimeout     └────────▶ inviteCompleted ──D─────────┘   (ACK sent, again for each copy)
//	other   trying ──1xx──▶ proceeding ──200–699──▶ completed ──K──▶ terminated
//	          E: repeat, F: ErrTimeout
//
// Server transactions:
//
//	INVITE  inviteProceeding ──2xx──▶ accepted ──L──▶ terminated              (the user repeats the 2xx)
//	          │ 300–699                                  ▲
//	          └──▶ inviteCompleted ──ACK──▶ confirmed ──I┘    G: repeat, H: terminated
//	other   trying ──200–699──▶ completed ──J──▶ terminated
//
// The first final response wins for good: copies of the request get that one, and a second one is refused with
// [ErrFinal].
package transaction
