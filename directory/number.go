package directory

import (
	"fmt"
	"strings"
)

// NumberOf gives a called party in the form of a rule's value: a number as "+" and digits, whatever its form on the wire
// (percent-escapes, parameters such as ";phone-context", visual separators of RFC 3966 section 5.1.1, a missing "+").
// What is none comes back unescaped and without parameters.
func NumberOf(user string) string {
	user, _, _ = strings.Cut(user, ";")
	user = unescape(user)
	digits := make([]byte, 1, 16)
	digits[0] = '+'
	for i := range len(user) {
		switch b := user[i]; {
		case b >= '0' && b <= '9':
			digits = append(digits, b)
		case b == '+' && i == 0, b == '-', b == '.', b == '(', b == ')':
		default:
			return user
		}
	}
	if len(digits) == 1 || user[0] != '+' && len(digits) <= minDigits {
		return user
	}
	return string(digits)
}

// minDigits is how many digits a number without "+" has at least; fewer are a service's, such as 911.
const minDigits = 7

// Forbids tells why a called party, as the user of a URI, may not be dialled under these limits; empty where it may. With
// prefixes only E.164 numbers are dialled: what a carrier would read otherwise (a national prefix, a phone-context) would
// pass them by. Where each prefix forbids ("!+1900"), a number that none matches is dialled.
func (l Limits) Forbids(party string) string {
	if len(l.Prefixes) == 0 {
		return ""
	}
	number := NumberOf(party)
	if !IsE164(number) || strings.Contains(strings.ToLower(party), "phone-context") {
		return fmt.Sprintf("%q is no E.164 number, and limits.prefixes lets no other be dialled", party)
	}
	best, deny, allows := "", false, false
	for _, p := range l.Prefixes {
		prefix, no := strings.CutPrefix(p, "!")
		allows = allows || !no
		if strings.HasPrefix(number, prefix) && (len(prefix) > len(best) || len(prefix) == len(best) && no) {
			best, deny = prefix, no
		}
	}
	switch {
	case best == "" && allows:
		return fmt.Sprintf("no prefix of limits.prefixes has %s", number)
	case deny:
		return fmt.Sprintf("limits.prefixes has !%s", best)
	}
	return ""
}

// unescape undoes percent-escapes; what is no escape stays.
func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := hexDigit(s[i+1]), hexDigit(s[i+2])
			if hi >= 0 && lo >= 0 {
				b.WriteByte(byte(hi<<4 | lo))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// hexDigit gives the value of a hexadecimal digit, -1 for what is none.
func hexDigit(b byte) int {
	switch {
	case b >= '0' && b <= '9':
		return int(b - '0')
	case b|0x20 >= 'a' && b|0x20 <= 'f':
		return int(b|0x20-'a') + 10
	}
	return -1
}

// Forbids tells why limits, of whose trunk or endpoint they are, or those of an account do not let a party be dialled; empty
// where both let it.
func (s *Snapshot) Forbids(l Limits, whose, account, party string) string {
	if why := l.Forbids(party); why != "" {
		return whose + ": " + why
	}
	if a, ok := s.Account(account); ok {
		if why := a.Limits.Forbids(party); why != "" {
			return "account " + a.ID + ": " + why
		}
	}
	return ""
}
