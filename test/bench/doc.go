// Command bench measures the program beside its peers, in one run on one machine: the system under test on one core,
// the generators on the other, CPU seconds from the operating system's own accounting.
//
//	bench signalling     SIPp caller → system → SIPp callee with four context headers; Kamailio as peer
//	bench media          bridged G.711 calls; rtpengine as peer, a bare relay as the floor
//	bench rooms          parties that one core mixes; recordings: calls that it records
//	bench registrations  telephones that register with a password, and their memory
//	bench transfers      calls that are transferred by their caller
//	bench flood          300 standing calls beside 20,000 junk packets a second
//	bench standing       memory of 10,000 calls
//	bench row            100,000 calls in a row: memory, goroutines and descriptors at the start and at the end
//	bench soak           all kinds of load together for hours
//
// Every figure is printed as a line of JSON and, at the end, as the table that docs/performance.md shows.
package main
