package digest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/header"
)

// Limits of what a row may make us read.
const (
	maxRow    = 4096
	maxParams = 32
)

// Errors of reading.
var (
	// ErrScheme: the row is of another scheme than Digest.
	ErrScheme = errors.New("not Digest")
	// ErrAlgorithm: the row asks for a hash that is not known here.
	ErrAlgorithm = errors.New("unknown algorithm")
	// ErrSyntax: the row can't be read.
	ErrSyntax = errors.New("malformed")
)

// Challenge is the value of one WWW-Authenticate or Proxy-Authenticate row.
type Challenge struct {
	Realm, Nonce, Opaque string
	Algorithm            Algorithm
	QOP                  []string // as offered; empty for a server of RFC 2069
	Stale                bool     // the nonce was too old, the password right
}

// Credentials are the value of one Authorization or Proxy-Authorization row.
type Credentials struct {
	User, Realm, Nonce, URI, Response, CNonce, Opaque string
	Algorithm                                         Algorithm
	QOP                                               string // empty for a client of RFC 2069
	NC                                                uint32 // how often the nonce was used, from 1
}

// ParseChallenge reads a challenge. The errors are [ErrScheme], [ErrAlgorithm] and [ErrSyntax], wrapped.
func ParseChallenge(row string) (Challenge, error) {
	c := Challenge{Algorithm: MD5}
	nonce := false
	err := params(row, func(name, value string) error {
		switch name {
		case "realm":
			c.Realm = value
		case "nonce":
			c.Nonce, nonce = value, true
		case "opaque":
			c.Opaque = value
		case "stale":
			c.Stale = strings.EqualFold(value, "true")
		case "qop":
			for q := range strings.SplitSeq(value, ",") {
				if q = strings.Trim(q, " \t"); q != "" {
					c.QOP = append(c.QOP, q)
				}
			}
		case "algorithm":
			return c.Algorithm.parse(value)
		}
		return nil
	})
	if err == nil && !nonce {
		err = fmt.Errorf("challenge without nonce: %w", ErrSyntax)
	}
	return c, err
}

// ParseCredentials reads credentials. The errors are [ErrScheme], [ErrAlgorithm] and [ErrSyntax], wrapped.
func ParseCredentials(row string) (Credentials, error) {
	c := Credentials{Algorithm: MD5}
	err := params(row, func(name, value string) error {
		switch name {
		case "username":
			c.User = value
		case "realm":
			c.Realm = value
		case "nonce":
			c.Nonce = value
		case "uri":
			c.URI = value
		case "response":
			c.Response = value
		case "cnonce":
			c.CNonce = value
		case "opaque":
			c.Opaque = value
		case "qop":
			c.QOP = value
		case "nc":
			n, err := strconv.ParseUint(value, 16, 32)
			if err != nil || len(value) != 8 {
				return fmt.Errorf("nc %s: %w", header.Quote(value), ErrSyntax)
			}
			c.NC = uint32(n)
		case "algorithm":
			return c.Algorithm.parse(value)
		}
		return nil
	})
	if err == nil && (c.User == "" || c.Nonce == "" || c.URI == "" || c.Response == "") {
		err = fmt.Errorf("credentials without username, nonce, uri or response: %w", ErrSyntax)
	}
	return c, err
}

func (a *Algorithm) parse(value string) error {
	found, ok := FindAlgorithm(value)
	if !ok {
		return fmt.Errorf("algorithm %s: %w", header.Quote(value), ErrAlgorithm)
	}
	*a = found
	return nil
}

// params gives each parameter of a row, its name in lower case, its value without quotes. A name may stand once.
func params(row string, each func(name, value string) error) error {
	scheme, rest, _ := strings.Cut(strings.Trim(row, " \t"), " ")
	if !strings.EqualFold(scheme, "Digest") {
		return fmt.Errorf("scheme %s: %w", header.Quote(scheme), ErrScheme)
	}
	if len(row) > maxRow {
		return fmt.Errorf("%d bytes: %w", len(row), ErrSyntax)
	}
	var seen []string
	for {
		rest = strings.TrimLeft(rest, " \t,")
		if rest == "" {
			return nil
		}
		name, after, ok := strings.Cut(rest, "=")
		name = strings.ToLower(strings.TrimRight(name, " \t"))
		if !ok || !header.IsToken(name) || len(seen) == maxParams {
			return fmt.Errorf("parameter %d: %w", len(seen)+1, ErrSyntax)
		}
		for _, s := range seen {
			if s == name {
				return fmt.Errorf("%s twice: %w", name, ErrSyntax)
			}
		}
		seen = append(seen, name)
		var value string
		if value, rest, ok = cutValue(strings.TrimLeft(after, " \t")); !ok {
			return fmt.Errorf("%s: %w", name, ErrSyntax)
		}
		if err := each(name, value); err != nil {
			return err
		}
	}
}

// cutValue cuts a quoted string or what stands before the next comma.
func cutValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ",")
		value = strings.TrimRight(value, " \t")
		return value, rest, value != "" && !strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7F })
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			value, ok = header.Unquote(s[:i+1])
			rest = strings.TrimLeft(s[i+1:], " \t")
			return value, rest, ok && (rest == "" || rest[0] == ',')
		}
	}
	return "", "", false
}

// String gives the row of a challenge.
func (c Challenge) String() string {
	var b strings.Builder
	b.WriteString("Digest realm=" + header.Quote(c.Realm) + ", nonce=" + header.Quote(c.Nonce))
	if c.Opaque != "" {
		b.WriteString(", opaque=" + header.Quote(c.Opaque))
	}
	b.WriteString(", algorithm=" + string(c.Algorithm))
	if len(c.QOP) > 0 {
		b.WriteString(", qop=" + header.Quote(strings.Join(c.QOP, ",")))
	}
	if c.Stale {
		b.WriteString(", stale=true")
	}
	return b.String()
}

// String gives the row of credentials.
func (c Credentials) String() string {
	var b strings.Builder
	b.WriteString("Digest username=" + header.Quote(c.User) + ", realm=" + header.Quote(c.Realm) + ", nonce=" + header.Quote(c.Nonce) +
		", uri=" + header.Quote(c.URI) + ", response=" + header.Quote(c.Response) + ", algorithm=" + string(c.Algorithm))
	if c.Opaque != "" {
		b.WriteString(", opaque=" + header.Quote(c.Opaque))
	}
	if c.QOP != "" {
		b.WriteString(", cnonce=" + header.Quote(c.CNonce) + ", qop=" + c.QOP + ", nc=" + c.nc())
	}
	return b.String()
}

// nc gives the nonce count as it is written and hashed.
func (c *Credentials) nc() string { return fmt.Sprintf("%08x", c.NC) }
