package header

import (
	"iter"
	"strings"
)

// Field is one header row.
type Field struct {
	// Name as it stands (or shall stand) on the wire: case and compact form are kept.
	Name string `json:"name"`
	// Value is the row's value, byte for byte, without the blanks around it; a folded row is unfolded, each fold one
	// space (RFC 3261 section 7.3.1). Never split at commas, never merged with another row, never percent-decoded.
	Value string `json:"value"`
}

// List is an ordered list of header rows: rows of one name stay separate and in order. The zero value is empty and
// ready to use. Names are compared with [SameName].
type List []Field

// Get gives the value of the first row with the name, and whether there is one.
func (l List) Get(name string) (string, bool) {
	for i := range l {
		if SameName(l[i].Name, name) {
			return l[i].Value, true
		}
	}
	return "", false
}

// Has tells whether a row with the name exists.
func (l List) Has(name string) bool {
	_, ok := l.Get(name)
	return ok
}

// Values gives the values of all rows with the name, in order.
func (l List) Values(name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range l {
			if SameName(l[i].Name, name) && !yield(l[i].Value) {
				return
			}
		}
	}
}

// Count gives the number of rows with the name.
func (l List) Count(name string) int {
	n := 0
	for range l.Values(name) {
		n++
	}
	return n
}

// With gives the list with one more row at its end, sharing no later row with l. It does not validate: see [Check].
func (l List) With(name, value string) List {
	return append(l[:len(l):len(l)], Field{Name: name, Value: value})
}

// Without gives a new list without the rows of the name.
func (l List) Without(name string) List {
	out := make(List, 0, len(l))
	for _, f := range l {
		if !SameName(f.Name, name) {
			out = append(out, f)
		}
	}
	return out
}

// Clone gives a list that shares no memory with the message it came from: use it to keep rows beyond the message's
// life. The texts of all rows stand in one allocation.
func (l List) Clone() List {
	if l == nil {
		return nil
	}
	size := 0
	for i := range l {
		size += len(l[i].Name) + len(l[i].Value)
	}
	var b strings.Builder
	b.Grow(size)
	for i := range l {
		b.WriteString(l[i].Name)
		b.WriteString(l[i].Value)
	}
	text, out := b.String(), make(List, len(l))
	for i := range l {
		name, value := len(l[i].Name), len(l[i].Value)
		out[i] = Field{Name: text[:name], Value: text[name : name+value]}
		text = text[name+value:]
	}
	return out
}
