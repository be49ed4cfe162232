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

// maxNonces is of how many nonces a client knows how often it used them.
const maxNonces = 16

// Client answers challenges for one login, and counts how often it used the last nonces. It belongs to one goroutine.
type Client struct {
	used []used // the last one first
}

// used is how often a nonce was.
type used struct {
	nonce string
	times uint32
}

// again counts one more use of a nonce, and gives which it is.
func (c *Client) again(nonce string) uint32 {
	at := slices.IndexFunc(c.used, func(u used) bool { return u.nonce == nonce })
	if at < 0 {
		if len(c.used) < maxNonces {
			c.used = append(c.used, used{})
		}
		at = len(c.used) - 1
		c.used[at] = used{nonce: strings.Clone(nonce)}
	}
	u := c.used[at]
	u.times++
	copy(c.used[1:at+1], c.used[:at])
	c.used[0] = u
	return u.times
}

// Choose gives of each realm that may be answered to the first challenge, in the server's order of preference, that may be:
// by Digest with a known hash that is strong enough, and with protection "auth" or none (RFC 8760 section 2.4). Where
// there is none, the error wraps [ErrUnanswerable] and says of each why not.
func Choose(rows []string, may func(realm string) bool, weak bool) ([]Challenge, error) {
	var why []string
	var out []Challenge
	for _, row := range rows {
		c, err := ParseChallenge(row)
		switch {
		case errors.Is(err, ErrScheme):
			why = append(why, "not Digest")
		case err != nil:
			why = append(why, err.Error())
		case !may(c.Realm):
			why = append(why, fmt.Sprintf("realm %q", c.Realm))
		case c.Algorithm.IsWeak() && !weak:
			why = append(why, fmt.Sprintf("%s is too weak for this login", c.Algorithm))
		case len(c.QOP) > 0 && !slices.ContainsFunc(c.QOP, isAuth):
			why = append(why, "qop "+strings.Join(c.QOP, ","))
		case !slices.ContainsFunc(out, func(o Challenge) bool { return o.Realm == c.Realm }):
			out = append(out, c)
		}
	}
	switch {
	case len(out) > 0:
		return out, nil
	case len(why) == 0:
		why = []string{"there is none"}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnanswerable, strings.Join(why, "; "))
}

func isAuth(q string) bool { return strings.EqualFold(q, "auth") }

// Answer gives the credentials that answer a challenge for a request of this method and Request-URI.
func (c *Client) Answer(ch Challenge, l Login, method, uri string) Credentials {
	out := Credentials{
		User: l.User, Realm: ch.Realm, Nonce: ch.Nonce, URI: uri, Opaque: ch.Opaque, Algorithm: ch.Algorithm,
	}
	if len(ch.QOP) > 0 {
		var b [16]byte
		rand.Read(b[:]) // never fails
		out.QOP, out.NC, out.CNonce = "auth", c.again(ch.Nonce), hex.EncodeToString(b[:])
	}
	out.Response = out.response(l.Password, method)
	return out
}
