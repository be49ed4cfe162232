package header

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
)

// PDMode is how a vendor's User-to-User treats the protocol discriminator, the first octet of isdn-uui.
type PDMode string

// The closed list of modes.
const (
	PDKeep  PDMode = "keep"  // octets pass as they are; none is taken for a discriminator
	PDAdd   PDMode = "add"   // the first octet is one, and is added where the payload has none
	PDStrip PDMode = "strip" // the vendor knows none: it is left out
	PDParam PDMode = "param" // it stands in the parameter ";pd=" and not among the octets
)

// NoPD is the PD of a payload without a protocol discriminator.
const NoPD = -1

// Payload is what an application wants to say by User-to-User, apart from any vendor's form of it.
type Payload struct {
	PD   int    `json:"pd"` // 0 to 255, or NoPD
	Data []byte `json:"data"`
}

// UUIProfile is one vendor's form of User-to-User, as data: see [UUIProfiles]. It neither reads a value for relay nor
// changes one on the way: it serves an application that reads or writes a [Payload].
type UUIProfile struct {
	Name string `json:"name" yaml:"name"`
	// Header is the name to write; it is read first, then each of Also. Values under the names of Also carry no
	// discriminator.
	Header string   `json:"header" yaml:"header"`
	Also   []string `json:"also,omitempty" yaml:"also,omitempty"`
	PD     PDMode   `json:"pd" yaml:"pd"`
	// DefaultPD is written where the mode needs a discriminator and the payload has none.
	DefaultPD byte `json:"defaultPD,omitempty" yaml:"defaultPD,omitempty"`
	LowerHex  bool `json:"lowerHex,omitempty" yaml:"lowerHex,omitempty"`
	// Purpose and Content write "purpose=isdn-uui" and "content=isdn-uui".
	Purpose bool `json:"purpose,omitempty" yaml:"purpose,omitempty"`
	Content bool `json:"content,omitempty" yaml:"content,omitempty"`
	// Text reads "encoding=ascii" and "encoding=text" too, which the vendor writes though no standard knows them.
	Text bool `json:"text,omitempty" yaml:"text,omitempty"`
	// MaxOctets counts the octets written, the discriminator among them where it is one of them; MaxLength counts the
	// characters of the value. 0 is no limit of the vendor's own.
	MaxOctets int    `json:"maxOctets,omitempty" yaml:"maxOctets,omitempty"`
	MaxLength int    `json:"maxLength,omitempty" yaml:"maxLength,omitempty"`
	Source    string `json:"source,omitempty" yaml:"source,omitempty"` // where the facts come from
}

// Check tells what is wrong with a profile.
func (p UUIProfile) Check() error {
	switch p.PD {
	case PDKeep, PDAdd, PDStrip, PDParam:
	default:
		return fmt.Errorf("user-to-user profile %q: pd %q is not keep, add, strip or param", p.Name, p.PD)
	}
	for _, name := range append([]string{p.Header}, p.Also...) {
		if !IsToken(name) {
			return fmt.Errorf("user-to-user profile %q: %q is no header name", p.Name, name)
		}
	}
	if p.MaxOctets < 0 || p.MaxLength < 0 {
		return fmt.Errorf("user-to-user profile %q: a limit is negative", p.Name)
	}
	return nil
}

// Write gives the row that carries the payload in the vendor's form. It refuses what does not fit and never cuts.
func (p UUIProfile) Write(payload Payload) (Field, error) {
	if payload.PD < NoPD || payload.PD > 255 {
		return Field{}, fmt.Errorf("write User-to-User for %s: discriminator %d is not 0 to 255", p.Name, payload.PD)
	}
	pd := payload.PD
	if pd == NoPD && (p.PD == PDAdd || p.PD == PDParam) {
		pd = int(p.DefaultPD)
	}
	octets := payload.Data
	if pd != NoPD && (p.PD == PDAdd || p.PD == PDKeep) {
		octets = append([]byte{byte(pd)}, octets...)
	}
	if len(octets) == 0 && p.PD != PDParam {
		return Field{}, fmt.Errorf("write User-to-User for %s: no octets", p.Name)
	}
	if p.MaxOctets > 0 && len(octets) > p.MaxOctets {
		return Field{}, fmt.Errorf("write User-to-User for %s: %d octets, it takes %d", p.Name, len(octets), p.MaxOctets)
	}
	value := p.value(octets, pd)
	if p.MaxLength > 0 && len(value) > p.MaxLength {
		return Field{}, fmt.Errorf("write User-to-User for %s: %d characters, it takes %d", p.Name, len(value), p.MaxLength)
	}
	f := Field{Name: p.Header, Value: value}
	return f, Check(f.Name, f.Value)
}

func (p UUIProfile) value(octets []byte, pd int) string {
	data := upperHex(octets)
	if p.LowerHex {
		data = lowered(data)
	}
	if data == "" {
		data = `""` // a discriminator alone, in ;pd=, still needs uui-data before it
	}
	if p.PD == PDParam {
		data += ";pd=" + upperHex([]byte{byte(pd)})
	}
	data += ";encoding=hex"
	if p.Purpose {
		data += ";purpose=" + PurposeISDN
	}
	if p.Content {
		data += ";content=" + PurposeISDN
	}
	return data
}

// Read gives the payload of a message in the vendor's form, from Header or, where that is missing, the first name of
// Also that is there. ok is false when the message has neither. Why a value gives no payload is told by an [Undecoded]
// error.
func (p UUIProfile) Read(l List) (payload Payload, ok bool, err error) {
	if l.Has(p.Header) {
		payload, err = p.read(l, p.Header)
		return payload, true, err
	}
	for _, name := range p.Also {
		if l.Has(name) {
			p.PD = PDStrip
			payload, err = p.read(l, name)
			return payload, true, err
		}
	}
	return Payload{PD: NoPD}, false, nil
}

func (p UUIProfile) read(l List, name string) (Payload, error) {
	none := Payload{PD: NoPD}
	var values []UserToUser
	for row := range l.Values(name) {
		if text, ok := p.text(row); ok {
			return p.split(UserToUser{}, []byte(text))
		}
		values = append(values, ParseUserToUser(row)...)
	}
	isdn := 0
	var chosen UserToUser
	for _, u := range values {
		if u.IsISDN() {
			if isdn++; isdn == 1 {
				chosen = u
			}
		}
	}
	switch {
	case isdn > 1:
		return none, UndecodedAmbiguous
	case isdn == 0 && len(values) == 1:
		chosen = values[0]
	case isdn == 0:
		return none, UndecodedMalformed
	}
	octets, err := chosen.Decode()
	if err != nil {
		return none, err
	}
	return p.split(chosen, octets)
}

// text gives what comes before ";encoding=ascii" or ";encoding=text", which no grammar holds together.
func (p UUIProfile) text(row string) (string, bool) {
	if !p.Text || len(row) > MaxUUIValue {
		return "", false
	}
	low := lowered(row)
	for _, mark := range [2]string{";encoding=ascii", ";encoding=text"} {
		if i := strings.LastIndex(low, mark); i > 0 {
			text, _ := Unquote(trimBlank(row[:i]))
			return text, true
		}
	}
	return "", false
}

// split takes the discriminator from the octets or the parameter.
func (p UUIProfile) split(u UserToUser, octets []byte) (Payload, error) {
	payload := Payload{PD: NoPD, Data: octets}
	pd, inData, known := u.PD()
	switch {
	case known && !inData:
		payload.PD = int(pd)
	case p.PD != PDAdd && p.PD != PDParam:
	case len(octets) == 0:
		return Payload{PD: NoPD}, UndecodedMalformed
	default:
		payload.PD, payload.Data = int(octets[0]), octets[1:]
	}
	return payload, nil
}

// payloadJSON is a payload as applications send and see it.
type payloadJSON struct {
	PD      *int   `json:"pd,omitempty"`
	DataHex string `json:"dataHex"`
}

// MarshalJSON writes {"pd":0,"dataHex":"56A3"}; pd is left out for [NoPD].
func (p Payload) MarshalJSON() ([]byte, error) {
	v := payloadJSON{DataHex: upperHex(p.Data)}
	if p.PD != NoPD {
		v.PD = &p.PD
	}
	return json.Marshal(v)
}

// UnmarshalJSON reads what MarshalJSON writes; hex of either case.
func (p *Payload) UnmarshalJSON(text []byte) error {
	var v payloadJSON
	if err := json.Unmarshal(text, &v); err != nil {
		return fmt.Errorf("read User-to-User payload: %w", err)
	}
	data, err := hex.DecodeString(v.DataHex)
	if err != nil {
		return fmt.Errorf("read User-to-User payload: dataHex: %w", err)
	}
	p.PD, p.Data = NoPD, data
	if v.PD != nil {
		p.PD = *v.PD
	}
	return nil
}
