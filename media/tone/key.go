package tone

import "strings"

// Key fills s with the tone of a key (0-9 * # A-D) from its n-th sample on, and with silence for any other byte.
func Key(s []int16, digit byte, n int) {
	clear(s)
	if i := strings.IndexByte(keys, digit); i >= 0 {
		add(s, rows[i/4], n)
		add(s, columns[i%4], n)
	}
}
