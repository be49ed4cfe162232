package header

import (
	"fmt"
	"unicode/utf8"
)

// Fault is what makes a name or value unfit, as a label from a closed list.
type Fault string

// The closed list of faults.
const (
	FaultEmptyName  Fault = "empty-name"
	FaultName       Fault = "name-byte"    // the name has a byte that is no token character
	FaultEmptyValue Fault = "empty-value"  // legal on the wire, refused from an application
	FaultControl    Fault = "control-byte" // CR, LF, NUL and the other control characters, HTAB included
	FaultSeparator  Fault = "line-break"   // U+0085, U+2028 or U+2029, which readers of text take for a line end
	FaultUTF8       Fault = "not-utf8"
	FaultBlank      Fault = "outer-blank" // the value begins or ends with a blank, which the wire would not keep
)

// CheckError tells why a row may not be written.
type CheckError struct {
	Name  string // the name as given
	Fault Fault
	At    int  // index of the offending byte, in the name for [FaultName], otherwise in the value
	Byte  byte // the offending byte
}

// Error names the header, the fault, the byte and its place. Everything that was given is quoted, so that the message
// is fit for one line of a log.
func (e *CheckError) Error() string {
	switch e.Fault {
	case FaultEmptyName:
		return "header name is empty"
	case FaultName:
		return fmt.Sprintf("header name %q: byte 0x%02X at %d is no token character", e.Name, e.Byte, e.At)
	case FaultEmptyValue:
		return fmt.Sprintf("header %q: value is empty", e.Name)
	case FaultControl:
		return fmt.Sprintf("header %q: value has control character 0x%02X at %d", e.Name, e.Byte, e.At)
	case FaultSeparator:
		return fmt.Sprintf("header %q: value has a Unicode line break at %d", e.Name, e.At)
	case FaultUTF8:
		return fmt.Sprintf("header %q: value is not UTF-8 at %d (byte 0x%02X)", e.Name, e.At, e.Byte)
	case FaultBlank:
		return fmt.Sprintf("header %q: value begins or ends with a blank", e.Name)
	}
	return fmt.Sprintf("header %q: %s at %d", e.Name, e.Fault, e.At)
}

// Check tells whether an application may set a row: the name is a token (RFC 3261 section 25.1), the value is not
// empty, is UTF-8, has no control character (HTAB and NUL included), no Unicode line break, and no blank at either end.
// It refuses and never repairs, for a stripped CR still leaves odd data. The error is a *[CheckError].
//
// Run it after every decoding (percent signs, templates, XML), on what will be written. "%0d%0a" as it stands is
// ordinary text in a header value and passes: nothing percent-decodes a header value.
func Check(name, value string) error {
	if err := checkName(name); err != nil {
		return err
	}
	if value == "" {
		return &CheckError{Name: name, Fault: FaultEmptyValue}
	}
	if err := checkEnds(name, value); err != nil && err.Byte == ' ' {
		return err
	}
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c >= utf8.RuneSelf {
			return checkText(name, value, i)
		}
		if c < ' ' || c == 0x7F {
			return &CheckError{Name: name, Fault: FaultControl, At: i, Byte: c}
		}
	}
	return nil
}

// checkText is the rest of Check for a value with bytes outside ASCII.
func checkText(name, value string, from int) error {
	for i := from; i < len(value); {
		r, n := utf8.DecodeRuneInString(value[i:])
		switch {
		case r == utf8.RuneError && n <= 1:
			return &CheckError{Name: name, Fault: FaultUTF8, At: i, Byte: value[i]}
		case r == 0x85 || r == 0x2028 || r == 0x2029:
			return &CheckError{Name: name, Fault: FaultSeparator, At: i, Byte: value[i]}
		case r < ' ' || r == 0x7F:
			return &CheckError{Name: name, Fault: FaultControl, At: i, Byte: value[i]}
		}
		i += n
	}
	return nil
}

// checkEnds refuses a blank at either end of a value.
func checkEnds(name, value string) *CheckError {
	for _, i := range [2]int{0, len(value) - 1} {
		if i >= 0 && i < len(value) && isBlank(value[i]) {
			return &CheckError{Name: name, Fault: FaultBlank, At: i, Byte: value[i]}
		}
	}
	return nil
}

// CheckWire tells whether a row may stand on the wire at all: the name is a token and the value has no control
// character but HTAB, and no blank at either end. It is looser than [Check], for rows that are relayed byte for byte: an
// empty value, a tab between words and bytes of another character set came from a peer and another peer may want them.
// The error is a *[CheckError].
func CheckWire(name, value string) error {
	if err := checkName(name); err != nil {
		return err
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c == 0x7F {
			return &CheckError{Name: name, Fault: FaultControl, At: i, Byte: c}
		}
	}
	if err := checkEnds(name, value); err != nil {
		return err
	}
	return nil
}

func checkName(name string) error {
	if name == "" {
		return &CheckError{Fault: FaultEmptyName}
	}
	for i := range len(name) {
		if !isTokenByte(name[i]) {
			return &CheckError{Name: name, Fault: FaultName, At: i, Byte: name[i]}
		}
	}
	return nil
}
