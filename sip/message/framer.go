package message

// Framer cuts messages from a byte stream (RFC 3261 section 18.3). It holds at most one message and one read more.
//
//	for {
//		n, err := conn.Read(f.Room())
//		f.Filled(n)
//		for f.Next() { … f.Kind() … }
//	}
type Framer struct{}
