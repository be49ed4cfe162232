package transport

import "net/netip"

// Binding gives the answer to a STUN Binding request; nil for what is none.
func Binding(b []byte, from netip.AddrPort) []byte {
	if !isBinding(b) {
		return nil
	}
	return bindingAnswer(nil, b, from)
}
