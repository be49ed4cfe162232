// Command bench measures the program beside its peers, in one run on one machine: the system under test on one core,
// the generators on the other, CPU seconds from the operating system's own accounting.
//
//	bench signalling   SIPp caller → system → SIPp callee with four context headers; Kamailio as peer
//	bench media        bridged G.711 calls; rtpengine as peer, a bare relay as the floor
//	bench soak         100,000 calls in a row: memory, goroutines and descriptors at the start and at the end
//
// Every figure is printed as a line of JSON and, at the end, as the table that docs/performance.md shows.
package main
