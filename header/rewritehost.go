package header

// rewriteHost replaces host and port of each sip or sips address in a comma list; every other byte stays. Addresses of
// other schemes have no host and stay too.
func rewriteHost(value, host string) (string, error) {
	var out []byte
	done := 0
	for i := 0; ; {
		a, end, err := scanNameAddr("address list", value, i)
		if err != nil {
			return "", err
		}
		if n := schemeEnd(a.URI); isSIPScheme(a.URI[:n-1]) {
			p, err := scanSIP(a.URI)
			if err != nil {
				return "", err
			}
			at := addressAt(value, i)
			out = append(append(out, value[done:at+p.host]...), host...)
			done = at + p.portEnd
		}
		if end == len(value) {
			return string(append(out, value[done:]...)), nil
		}
		i = end + 1
	}
}

// addressAt gives where the address begins in the value that begins at i and is known to parse.
func addressAt(s string, i int) int {
	_, i, _ = scanDisplay("", s, skipBlank(s, i))
	if s[i] == '<' {
		i++
	}
	return skipBlank(s, i)
}
