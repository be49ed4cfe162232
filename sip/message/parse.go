package message

// Parse reads one message: a whole datagram, or one message that a [Framer] cut from a stream. data is copied. The
// error is a *[Fault].
func Parse(data []byte) (*Message, error) { return nil, &Fault{} }

// Parser holds what Parse may tolerate.
type Parser struct {
	// LenientLF accepts lines that end with LF alone (datagrams only; what is written has CRLF).
	LenientLF bool
}

// Parse is [Parse] with the parser's tolerance.
func (p Parser) Parse(data []byte) (*Message, error) { return Parse(data) }

// Fault is the verdict on a message that can't be accepted.
type Fault struct {
	// Status to answer with; 0: drop it silently.
	Status int
	Reason string
	// Request is what could be read of it, enough for an answer by [NewResponse]; nil: it can't be answered.
	Request *Message
	// Close says that the stream it came on has lost its framing and must be closed (after the answer).
	Close bool
}

// Error says what is wrong.
func (f *Fault) Error() string { return f.Reason }
