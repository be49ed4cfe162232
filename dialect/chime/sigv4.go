package chime

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// AWS Signature Version 4, the server's half
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html). The canonical request
// is built from the headers that the client says it signed, so it does not matter which a client chooses to sign.

const (
	algorithm   = "AWS4-HMAC-SHA256"
	signingName = "chime"
	amzTime     = "20060102T150405Z"
	maxSkew     = 15 * time.Minute
)

// signature is what a request's Authorization header says.
type signature struct {
	key     string // the public half
	date    string // of the scope: 20060102
	region  string
	service string
	headers []string // lower case, sorted, each once
	mac     []byte
	at      time.Time // X-Amz-Date, or Date
}

// parseSignature reads the Authorization header and the time of signing.
func parseSignature(r *http.Request, query url.Values) (signature, error) {
	var s signature
	auth := r.Header.Get("Authorization")
	switch {
	case query.Has("X-Amz-Signature"), query.Has("X-Amz-Algorithm"):
		return s, errPresigned
	case auth == "":
		return s, errNoSignature
	}
	rest, ok := strings.CutPrefix(auth, algorithm)
	if !ok || !strings.HasPrefix(rest, " ") {
		return s, incomplete("Authorization does not begin with " + algorithm)
	}
	for part := range strings.SplitSeq(rest, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			n := len(scope)
			if n < 5 || scope[n-1] != "aws4_request" {
				return s, incomplete("Credential is not KEY/DATE/REGION/SERVICE/aws4_request")
			}
			s.key, s.date, s.region, s.service = strings.Join(scope[:n-4], "/"), scope[n-4], scope[n-3], scope[n-2]
		case "SignedHeaders":
			names, err := signedHeaders(value)
			if err != nil {
				return s, err
			}
			s.headers = names
		case "Signature":
			mac, err := hex.DecodeString(value)
			if err != nil || len(mac) != sha256.Size {
				return s, incomplete("Signature is not 64 hexadecimal digits")
			}
			s.mac = mac
		}
	}
	if s.key == "" || s.mac == nil || s.headers == nil {
		return s, incomplete("Authorization lacks Credential, SignedHeaders or Signature")
	}
	at, err := signedAt(r)
	s.at = at
	return s, err
}

// signedHeaders reads the list of signed headers, which is lower case, sorted, and has each once: AWS makes the canonical
// request of such a list alone, and only so is that request no larger than the one that came.
func signedHeaders(list string) ([]string, error) {
	var names []string
	last := ""
	for name := range strings.SplitSeq(list, ";") {
		if name <= last || strings.ToLower(name) != name {
			return nil, badSignature("SignedHeaders must be in lower case and sorted, with each header once: %s does not stand where it should", quote(name))
		}
		names, last = append(names, name), name
	}
	return names, nil
}

func signedAt(r *http.Request) (time.Time, error) {
	if v := r.Header.Get("X-Amz-Date"); v != "" {
		at, err := time.Parse(amzTime, v)
		if err != nil {
			return at, incomplete("X-Amz-Date is not of the form 20060102T150405Z")
		}
		return at, nil
	}
	at, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return at, incomplete("the request has neither X-Amz-Date nor Date")
	}
	return at.UTC(), nil
}

// check tells whether the scope and the time of a signature are good, before its body is read.
func (s signature) check(r *http.Request, now time.Time) error {
	switch skew := now.Sub(s.at); {
	case s.service != signingName:
		return badSignature("Credential should be scoped to service %q, not %q", signingName, s.service)
	case s.date != s.at.Format("20060102"):
		return badSignature("Date in Credential scope does not match the date of the request: %s is not %s", s.date, s.at.Format("20060102"))
	case skew > maxSkew:
		return badSignature("Signature expired: %s is now earlier than %s (%s - 15 min.)", s.at.Format(amzTime), now.Add(-maxSkew).Format(amzTime), now.Format(amzTime))
	case skew < -maxSkew:
		return badSignature("Signature not yet current: %s is still later than %s (%s + 15 min.)", s.at.Format(amzTime), now.Add(maxSkew).Format(amzTime), now.Format(amzTime))
	case !s.signs("host"):
		return badSignature("Host must be one of the SignedHeaders")
	}
	for name := range r.Header {
		if low := strings.ToLower(name); strings.HasPrefix(low, "x-amz-") && !s.signs(low) {
			return badSignature("%s must be one of the SignedHeaders", low)
		}
	}
	if r.Header.Get("X-Amz-Date") == "" && !s.signs("date") {
		return badSignature("date must be one of the SignedHeaders")
	}
	return nil
}

func (s signature) signs(header string) bool {
	_, ok := slices.BinarySearch(s.headers, header)
	return ok
}

// verify tells whether a request with this query and body was signed with the key.
func (s signature) verify(r *http.Request, query url.Values, body []byte, key directory.Key) error {
	sum := sha256.Sum256(body)
	hash := hex.EncodeToString(sum[:])
	if said := r.Header.Get("X-Amz-Content-Sha256"); said != "" && said != hash {
		return badSignature("X-Amz-Content-Sha256 is not the hash of the body: %s", said)
	}
	canonical := sha256.Sum256([]byte(s.canonical(r, query, hash)))
	scope := strings.Join([]string{s.date, s.region, s.service, "aws4_request"}, "/")
	toSign := strings.Join([]string{algorithm, s.at.Format(amzTime), scope, hex.EncodeToString(canonical[:])}, "\n")
	mac := []byte("AWS4" + key.Secret)
	for _, part := range []string{s.date, s.region, s.service, "aws4_request", toSign} {
		h := hmac.New(sha256.New, mac)
		h.Write([]byte(part))
		mac = h.Sum(nil)
	}
	if !hmac.Equal(mac, s.mac) {
		return badSignature("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.")
	}
	return nil
}

// canonical gives the canonical request.
func (s signature) canonical(r *http.Request, query url.Values, hash string) string {
	var b strings.Builder
	b.WriteString(r.Method + "\n" + awsEscape(r.URL.EscapedPath(), true) + "\n" + canonicalQuery(query) + "\n")
	for _, name := range s.headers {
		b.WriteString(name + ":")
		writeCanonical(&b, r, name)
		b.WriteByte('\n')
	}
	b.WriteString("\n" + strings.Join(s.headers, ";") + "\n" + hash)
	return b.String()
}

// writeCanonical writes a header's rows, trimmed, runs of blanks as one, joined with commas.
func writeCanonical(b *strings.Builder, r *http.Request, name string) {
	switch name {
	case "host":
		b.WriteString(r.Host) // net/http keeps it apart
		return
	case "content-length":
		fmt.Fprint(b, r.ContentLength)
		return
	}
	for i, row := range r.Header.Values(name) {
		if i > 0 {
			b.WriteByte(',')
		}
		begun := false
		for word := range strings.SplitSeq(row, " ") {
			if word == "" {
				continue
			}
			if begun {
				b.WriteByte(' ')
			}
			b.WriteString(word)
			begun = true
		}
	}
}

// canonicalQuery gives the parameters escaped and sorted by name, then by value.
func canonicalQuery(query url.Values) string {
	var list []string
	for name, values := range query {
		for _, v := range values {
			list = append(list, awsEscape(name, false)+"="+awsEscape(v, false))
		}
	}
	slices.SortFunc(list, func(a, b string) int {
		an, av, _ := strings.Cut(a, "=")
		bn, bv, _ := strings.Cut(b, "=")
		if c := strings.Compare(an, bn); c != 0 {
			return c
		}
		return strings.Compare(av, bv)
	})
	return strings.Join(list, "&")
}

// awsEscape escapes every byte that is not unreserved (RFC 3986 section 2.3). Of a path, which comes escaped as on the
// wire and so is escaped twice, the slashes stay.
func awsEscape(s string, path bool) string {
	const hex = "0123456789ABCDEF"
	b := make([]byte, 0, len(s)+16)
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' || strings.IndexByte("-._~", c) >= 0 || path && c == '/' {
			b = append(b, c)
		} else {
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	if path && len(b) == 0 {
		return "/"
	}
	return string(b)
}
