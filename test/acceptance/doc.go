// Package acceptance tests the program as a whole, as its users meet it: the built binary, real sockets, SIPp at both ends, the
// customers' clients unmodified. One file for each story.
package acceptance
