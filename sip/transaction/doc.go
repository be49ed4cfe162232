// Package transaction runs the transactions of RFC 3261 section 17, with RFC 6026 (Accepted), RFC 4320 and RFC 2543
// matching.
package transaction
