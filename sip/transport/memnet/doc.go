// Package memnet is a network in memory, for tests of what stands on package transport: hosts with addresses, UDP sockets
// that lose what they are told to lose, TCP connections as pipes. It runs inside a testing/synctest bubble.
//
// It owns no goroutine and no clock: a datagram is in the receiver's queue when WriteTo returns.
package memnet
