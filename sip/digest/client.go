package digest

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Login is our account at a server.
type Login struct {
	User, Password string
	Realm          string // the only one that is answered to; needed
	Weak           bool   // MD5 is answered too
}

// ErrUnanswerable: none of the challenges may be answered.
var ErrUnanswerable = errors.New("no challenge that may be answered")

// Client answers challenges for one login, and counts how often it used the last nonce. It belongs to one goroutine.
type Client struct {
	nonce string
	used  uint32
}

// Choose gives the first challenge, in the server's order of preference, that may be answered: of the realm (any, where
// it is empty), by Digest with a known hash that is strong enough, and with protection "auth" or none. Else the error
// wraps [ErrUnanswerable] and says of each why not.
func Choose(rows []string, realm string, weak bool) (Challenge, error) {
	var why []string
	for _, row := range rows {
		c, err := ParseChallenge(row)
		switch {
		case errors.Is(err, ErrScheme):
			why = append(why, "not Digest")
		case err != nil:
			why = append(why, err.Error())
		case realm != "" && c.Realm != realm:
			why = append(why, fmt.Sprintf("realm %q", c.Realm))
		case c.Algorithm.IsWeak() && !weak:
			why = append(why, fmt.Sprintf("%s is too weak for this login", c.Algorithm))
		case len(c.QOP) > 0 && !slices.ContainsFunc(c.QOP, isAuth):
			why = append(why, "qop "+strings.Join(c.QOP, ","))
		default:
			return c, nil
		}
	}
	if len(why) == 0 {
		why = []string{"there is none"}
	}
	return Challenge{}, fmt.Errorf("%w: %s", ErrUnanswerable, strings.Join(why, "; "))
}

func isAuth(q string) bool { return strings.EqualFold(q, "auth") }

// Answer gives the credentials that answer a challenge for a request of this method and Request-URI.
func (c *Client) Answer(ch Challenge, l Login, method, uri string) Credentials {
	out := Credentials{
		User: l.User, Realm: ch.Realm, Nonce: ch.Nonce, URI: uri, Opaque: ch.Opaque, Algorithm: ch.Algorithm,
	}
	if len(ch.QOP) > 0 {
		if ch.Nonce != c.nonce {
			c.nonce, c.used = ch.Nonce, 0
		}
		c.used++
		var b [16]byte
		rand.Read(b[:]) // never fails
		out.QOP, out.NC, out.CNonce = "auth", c.used, hex.EncodeToString(b[:])
	}
	out.Response = out.response(l.Password, method)
	return out
}
