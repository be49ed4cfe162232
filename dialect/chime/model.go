package chime

import "time"

// The shapes of the vendor's model: what is asked and answered, member by member. Members that a client may leave out
// are pointers where leaving out means something else than zero.

// timestamp is written as the vendor does: ISO 8601 text in UTC with milliseconds. The zero time is left out.
type timestamp time.Time

// MarshalJSON gives the text.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

type tag struct {
	Key, Value string
}
