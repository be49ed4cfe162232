// Package guard keeps count of strangers: how fast each source sends, and how often it did what no peer does. One that
// sends too fast is dropped until it slows down; one that does wrong too often is banned for a while, before any of its
// bytes are read.
//
// It must not know SIP: who calls [Guard.Fault] says what was wrong and how much it weighs. Sources that are exempt (the
// peers of trunks) and those that have proved themselves ([Guard.Trust]) are never dropped, for anybody can write their
// address into a datagram. An IPv6 source is its /64, for one host has all of it.
//
// Memory is bounded: of more sources than are remembered those are forgotten that were silent the longest, and of more
// bans than are kept the oldest ends.
package guard
