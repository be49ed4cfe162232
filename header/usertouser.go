package header

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

// Sizes of User-to-User.
const (
	MaxISDNOctets = 129  // of isdn-uui: one discriminator and 128 octets; gateways drop longer data (RFC 7434 section 3.1)
	MaxUUIValue   = 2048 // bytes of one value that are still interpreted
)

// The one standard package (RFC 7434) and the name by which drafts before it went (its section 8).
const (
	PurposeISDN   = "isdn-uui"
	purposeLegacy = "isdn-interwork"
)

// UserToUser is one value of the User-to-User header (RFC 7433 section 4.1), as a view: relay keeps Raw.
type UserToUser struct {
	// Raw is the value byte for byte; the whole row where Valid is false.
	Raw string
	// Valid tells whether the row it stood in follows the grammar. If not, Raw is all there is to know.
	Valid bool
	// Data is the uui-data without quotes; Params what follows it, in order.
	Data   string
	Params Params
	// Ambiguous tells that the message carries several isdn-uui values, of which a receiver must use none (RFC 7434
	// section 7). Only [FindUserToUser] can know.
	Ambiguous bool
}

// Undecoded is why a value gives no octets, as a label from a closed list. It is an error.
type Undecoded string

// The closed list of reasons.
const (
	UndecodedMalformed Undecoded = "malformed"        // the row does not follow the grammar
	UndecodedAmbiguous Undecoded = "ambiguous"        // several isdn-uui values in one message
	UndecodedContent   Undecoded = "unknown-content"  // isdn-uui with a content that it does not know (RFC 7434 section 9)
	UndecodedEncoding  Undecoded = "unknown-encoding" // neither hex nor a package whose default is hex
	UndecodedDigits    Undecoded = "not-hex"
	UndecodedOdd       Undecoded = "odd-digits"
	UndecodedLong      Undecoded = "too-long" // more than MaxUUIValue bytes, or MaxISDNOctets octets of isdn-uui
)

// Error gives the label in a sentence.
func (u Undecoded) Error() string { return "User-to-User is not decoded: " + string(u) }

// ParseUserToUser reads one row. It never fails: a row that follows the grammar gives its values in order; any other is
// one opaque value, never divided at its commas.
func ParseUserToUser(row string) []UserToUser {
	var out []UserToUser
	for i := 0; ; {
		from := skipBlank(row, i)
		end := scanToken(row, from)
		if end == from {
			var ok bool
			if end, ok = scanQuoted(row, from); !ok {
				return opaqueUUI(row)
			}
		}
		ps, stop, err := scanParams("User-to-User", row, end, true)
		if err != nil || stop < len(row) && row[stop] != ',' {
			return opaqueUUI(row)
		}
		data, _ := Unquote(row[from:end])
		out = append(out, UserToUser{Raw: trimBlank(row[from:stop]), Valid: true, Data: data, Params: ps})
		if stop == len(row) {
			return out
		}
		i = stop + 1
	}
}

func opaqueUUI(row string) []UserToUser { return []UserToUser{{Raw: row}} }

// FindUserToUser gives the values of all User-to-User rows in order. Where two or more of them are isdn-uui (an opaque
// one counts, for its purpose can't be read and isdn-uui is the default), those are marked Ambiguous.
func FindUserToUser(l List) []UserToUser {
	var out []UserToUser
	isdn := 0
	for row := range l.Values("User-to-User") {
		for _, u := range ParseUserToUser(row) {
			if u.IsISDN() {
				isdn++
			}
			out = append(out, u)
		}
	}
	for i := range out {
		out[i].Ambiguous = isdn > 1 && out[i].IsISDN()
	}
	return out
}

// NewUserToUser makes a value from octets: hex in upper case (RFC 7433 section 4.2) and "encoding=hex", then the
// parameters. The octets begin with the protocol discriminator, which isdn-uui needs (RFC 7434 section 9). Without a
// purpose parameter the value is isdn-uui, of which it refuses more than [MaxISDNOctets] octets; it never cuts. For one
// vendor's form see [UUIProfile].
func NewUserToUser(octets []byte, params ...Param) (UserToUser, error) {
	u := UserToUser{Valid: true, Data: upperHex(octets)}
	u.Params = append(append(u.Params, Param{Name: "encoding", Value: "hex"}), params...)
	switch {
	case len(octets) == 0:
		return UserToUser{}, bad("User-to-User", 0, "no octets, not even the protocol discriminator")
	case u.IsISDN() && len(octets) > MaxISDNOctets:
		return UserToUser{}, bad("User-to-User", 0, fmt.Sprintf("%d octets, isdn-uui carries %d", len(octets), MaxISDNOctets))
	}
	return u, u.Check()
}

func upperHex(octets []byte) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, 0, 2*len(octets))
	for _, o := range octets {
		b = append(b, digits[o>>4], digits[o&15])
	}
	return string(b)
}

// Purpose gives the package in lower case: isdn-uui when there is no such parameter, and for the older isdn-interwork.
// An opaque value counts as isdn-uui.
func (u UserToUser) Purpose() string {
	p, ok := u.Params.Get("purpose")
	if p = lowered(p); !ok || p == purposeLegacy {
		return PurposeISDN
	}
	return p
}

// IsISDN tells whether the package is isdn-uui.
func (u UserToUser) IsISDN() bool { return u.Purpose() == PurposeISDN }

// Encoding gives the encoding in lower case: hex by default for isdn-uui, "" by default for other packages.
func (u UserToUser) Encoding() string {
	e, ok := u.Params.Get("encoding")
	if !ok && u.IsISDN() {
		return "hex"
	}
	return lowered(e)
}

// Content gives the content in lower case: isdn-uui by default for isdn-uui, "" by default for other packages.
func (u UserToUser) Content() string {
	c, ok := u.Params.Get("content")
	if !ok && u.IsISDN() {
		return PurposeISDN
	}
	return lowered(c)
}

// Decode gives the octets, the protocol discriminator among them where the data hold it. The error is an [Undecoded].
// It decodes hex and nothing else, and never a value whose meaning the standard leaves open.
func (u UserToUser) Decode() ([]byte, error) {
	switch {
	case !u.Valid:
		return nil, UndecodedMalformed
	case u.Ambiguous:
		return nil, UndecodedAmbiguous
	case len(u.Data) > MaxUUIValue, u.IsISDN() && len(u.Data) > 2*MaxISDNOctets:
		return nil, UndecodedLong
	case u.IsISDN() && u.Content() != PurposeISDN:
		return nil, UndecodedContent
	case u.Encoding() != "hex":
		return nil, UndecodedEncoding
	}
	for i := range len(u.Data) {
		if !isHexDigit(u.Data[i]) {
			return nil, UndecodedDigits
		}
	}
	octets, err := hex.DecodeString(u.Data)
	if err != nil {
		return nil, UndecodedOdd
	}
	return octets, nil
}

// PD gives the protocol discriminator of isdn-uui: the pd parameter where a gateway has put it there, otherwise the
// first octet. inData tells that it is the first octet. False where there is none to be known.
func (u UserToUser) PD() (pd byte, inData, ok bool) {
	if !u.Valid || !u.IsISDN() || u.Ambiguous {
		return 0, false, false
	}
	if s, has := u.Params.Get("pd"); has {
		n, err := strconv.ParseUint(s, 16, 8)
		return byte(n), false, err == nil
	}
	if octets, err := u.Decode(); err == nil && len(octets) > 0 {
		return octets[0], true, true
	}
	return 0, false, false
}

// Check tells whether the value, when written, reads back as itself. The error is a *[ParseError] or *[CheckError].
func (u UserToUser) Check() error {
	if !u.Valid {
		return Check("User-to-User", u.Raw)
	}
	if u.Data != "" {
		if err := checkText("User-to-User", u.Data, 0); err != nil {
			return err
		}
	}
	for _, p := range u.Params {
		if p.Value != "" && scanValue(p.Value, 0, true) != len(p.Value) {
			return bad("User-to-User", 0, "value of parameter "+p.Name+" must be quoted")
		}
	}
	return u.Params.check("User-to-User")
}

// Append writes the value to dst: the data as a token, or quoted where they are none, then the parameters; an opaque
// value as Raw. For relay use Raw always.
func (u UserToUser) Append(dst []byte) []byte {
	switch {
	case !u.Valid:
		return append(dst, u.Raw...)
	case IsToken(u.Data):
		dst = append(dst, u.Data...)
	default:
		dst = appendQuoted(dst, u.Data)
	}
	return u.Params.Append(dst)
}

// String gives the value as [UserToUser.Append] writes it.
func (u UserToUser) String() string { return string(u.Append(nil)) }

// uuiView is the shape in which applications see a value.
type uuiView struct {
	Raw       string    `json:"raw"`
	Valid     bool      `json:"valid"`
	Purpose   string    `json:"purpose,omitempty"`
	Content   string    `json:"content,omitempty"`
	Encoding  string    `json:"encoding,omitempty"`
	PD        *byte     `json:"pd,omitempty"`
	DataHex   string    `json:"dataHex,omitempty"`
	Undecoded Undecoded `json:"undecoded,omitempty"`
	Ambiguous bool      `json:"ambiguous,omitempty"`
}

// MarshalJSON gives the view for an application: raw, valid, purpose, content, encoding, pd, and either dataHex (all
// octets, upper case) or undecoded (the label why not).
func (u UserToUser) MarshalJSON() ([]byte, error) {
	v := uuiView{Raw: u.Raw, Valid: u.Valid, Ambiguous: u.Ambiguous}
	if v.Raw == "" {
		v.Raw = u.String()
	}
	if u.Valid {
		v.Purpose, v.Content, v.Encoding = u.Purpose(), u.Content(), u.Encoding()
	}
	if pd, _, ok := u.PD(); ok {
		v.PD = &pd
	}
	if octets, err := u.Decode(); !errors.As(err, &v.Undecoded) {
		v.DataHex = upperHex(octets)
	}
	return json.Marshal(v)
}
