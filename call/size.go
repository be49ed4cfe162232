package call

// About what a value takes in memory beside its texts, in bytes.
const (
	sizeOfRow    = 32
	sizeOfLog    = 136
	sizeOfEntry  = 224
	sizeOfLeg    = 384
	sizeOfRecord = 384
)

// Size gives about what the entry takes in memory, in bytes: itself and its texts.
func (e *Entry) Size() int {
	return sizeOfEntry + len(e.Leg) + len(e.Message) + len(e.Name) + len(e.Value) + len(e.NewName) + len(e.NewValue) + len(e.Detail)
}

// Size gives about what the entry takes in memory, in bytes: itself, its rows and its texts.
func (l *Log) Size() int {
	n := sizeOfLog + len(l.Leg) + len(l.Text) + len(l.Body)
	for i := range l.Headers {
		n += sizeOfRow + len(l.Headers[i].Name) + len(l.Headers[i].Value)
	}
	return n
}

// Size gives about what all of it takes in memory, in bytes. Texts that several share count once for each.
func (f *Finished) Size() int {
	r := &f.Record
	n := sizeOfRecord + len(r.ID) + len(r.Login) + len(r.From) + len(r.To) + len(r.Host) + len(r.Cause.Text)
	for i := range r.Legs {
		l := &r.Legs[i]
		n += sizeOfLeg + len(l.ID) + len(l.From) + len(l.To) + len(l.SIPCallID) + len(l.Cause.Text)
	}
	for i := range f.Ledger {
		n += f.Ledger[i].Size()
	}
	for i := range f.Log {
		n += f.Log[i].Size()
	}
	return n
}
