package header

// AppendWire writes the rows as they stand in a message, each with its CRLF, to dst. No row is ever folded. A row that
// [CheckWire] refuses stops it, and dst comes back as it was.
func (l List) AppendWire(dst []byte) ([]byte, error) {
	size := 0
	for i := range l {
		if err := CheckWire(l[i].Name, l[i].Value); err != nil {
			return dst, err
		}
		size += len(l[i].Name) + len(l[i].Value) + 4
	}
	if free := cap(dst) - len(dst); free < size {
		dst = append(make([]byte, 0, len(dst)+size), dst...)
	}
	for i := range l {
		dst = append(append(append(append(dst, l[i].Name...), ": "...), l[i].Value...), "\r\n"...)
	}
	return dst, nil
}
