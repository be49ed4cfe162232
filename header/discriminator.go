package header

import (
	"encoding/hex"
	"strings"
)

// Discriminator says what is done with the protocol discriminator, the first octet of isdn-uui (RFC 7434 section 9), of
// a peer that treats it in its own way: "keep" or empty, "strip", "param", or "add:" and two hex digits. Values that are
// not hex of isdn-uui pass as they came, whatever it says.
type Discriminator string

// The choices. What is added is named by [DiscriminatorAdd] and two hex digits: "add:00".
const (
	DiscriminatorKeep  Discriminator = "keep"  // octets pass as they are
	DiscriminatorStrip Discriminator = "strip" // the first octet, or ";pd=", is taken away
	DiscriminatorParam Discriminator = "param" // the first octet is moved to ";pd="
	DiscriminatorAdd                 = "add:"  // one is put before the octets, that of ";pd=" where there is one
)

// octet gives what is to be added; false where nothing is, or what is named is no octet.
func (d Discriminator) octet() (string, bool) {
	digits, ok := strings.CutPrefix(string(d), DiscriminatorAdd)
	if _, err := hex.DecodeString(digits); !ok || err != nil || len(digits) != 2 {
		return "", false
	}
	return digits, true
}

func (d Discriminator) valid() bool {
	switch d {
	case "", DiscriminatorKeep, DiscriminatorStrip, DiscriminatorParam:
		return true
	}
	_, ok := d.octet()
	return ok
}

// changes tells whether it does anything.
func (d Discriminator) changes() bool { return d != "" && d != DiscriminatorKeep }

// discriminate treats the discriminator of every isdn-uui value as the trunk says.
func (r *run) discriminate() {
	for i := range r.out {
		if !SameName(r.out[i].Name, "User-to-User") {
			continue
		}
		values := ParseUserToUser(r.out[i].Value)
		texts, touched := make([]string, len(values)), false
		for n, u := range values {
			text, ok := r.c.policy.Discriminator.apply(u)
			if !ok {
				text = u.Raw
			}
			texts[n], touched = text, touched || text != u.Raw
		}
		if touched {
			r.rewrite(i, strings.Join(texts, ", "), BecauseDiscriminator, "discriminator: "+string(r.c.policy.Discriminator))
		}
	}
}

// apply gives the value anew; false where it is to pass as it came.
func (d Discriminator) apply(u UserToUser) (string, bool) {
	if !u.IsISDN() {
		return "", false
	}
	if _, err := u.Decode(); err != nil {
		return "", false
	}
	pd, inData, ok := u.PD()
	if !ok {
		return "", false
	}
	data, rest := u.Data, u.Params.Without("pd")
	switch add, adds := d.octet(); {
	case adds && len(data) == 2*MaxISDNOctets: // gateways would drop what is longer
		return "", false
	case adds && inData:
		data = add + data
	case adds:
		data = upperHex([]byte{pd}) + data
	case d == DiscriminatorStrip && !inData:
	case d == DiscriminatorStrip && len(data) > 2:
		data = data[2:]
	case d == DiscriminatorParam && inData && len(data) > 2:
		rest = append(Params{{Name: "pd", Value: data[:2]}}, rest...)
		data = data[2:]
	default:
		return "", false
	}
	return string(rest.Append([]byte(data))), true
}
