// Package lex lets bots of Amazon Lex V2 talk with far ends, by StartConversation of its runtime API: a stream of events both
// ways over HTTP/2, each of ours signed. It stands on the parts of the AWS SDK (settings, credentials, signatures, the encoding
// of events), whose generated client has not this operation in all editions. It must not know what a call is beyond
// call.Converse, nor how sound gets to it.
//
//	far end ── Hear, Press ──▶ outbox ── writer ──▶ ┌─────┐
//	                                                │ Lex │
//	far end ◀── Next ── voice ◀───── reader ◀────── └─────┘
//
// # The way through
//
// [Client.Converse] begins a [Talk] at once. Its goroutine (talk.go) finds credentials, opens the stream (stream.go), sends the
// configuration and does what the bot sends, while another writes what waits in the outbox (outbox.go). What the
// bot says waits in the voice (voice.go) until it is heard; when all of a response has been, the bot is told
// (PlaybackCompletionEvent). Where it says that the far end interrupts it (PlaybackInterruptionEvent), what waits is dropped.
//
// A conversation is over when the bot has closed its dialog (dialogAction Close) and its last words are said. All that a bot
// may send is bounded: one event to 1 MiB, the sound that waits to two minutes (more waits in the stream, and its sender
// with it), its silence and the whole conversation in time.
package lex
