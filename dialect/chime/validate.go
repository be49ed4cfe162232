package chime

import (
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/directory"
)

// What the vendor's model says of members, checked here because no client does. Each check names the member, says what
// is wrong, and what would be right; the first fault is told.

// The patterns of the vendor's model.
var (
	thingName   = regexp.MustCompile(`^[a-zA-Z0-9 _.-]{1,256}$`)
	numberName  = regexp.MustCompile(`^$|^[a-zA-Z0-9,._-]+(\s+[a-zA-Z0-9,._-]+)*$`)
	callingName = regexp.MustCompile(`^$|^[a-zA-Z0-9 ]{2,15}$`)
	lambdaArn   = regexp.MustCompile(`^arn:(aws[a-zA-Z-]*)?:lambda:[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d{1}:\d{12}:function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?$`)
	awsRegion   = regexp.MustCompile(`^[a-z]{2}((-gov)|(-iso(b?)))?-[a-z]+-\d$`)
	country     = regexp.MustCompile(`^[A-Z]{2}$`)
	arnPattern  = regexp.MustCompile(`^arn[/:\-_.a-zA-Z0-9]+$`)
	tollFree    = regexp.MustCompile(`^8(00|33|44|55|66|77|88)$`)
)

// connectorRegions are the regions that a Voice Connector may be in.
var connectorRegions = []string{"us-east-1", "us-west-2", "ca-central-1", "eu-central-1", "eu-west-1", "eu-west-2",
	"ap-northeast-2", "ap-northeast-1", "ap-southeast-1", "ap-southeast-2"}

// Kinds of phone number, by what they are for.
const (
	forConnector = "VoiceConnector"
	forDialIn    = "SipMediaApplicationDialIn"
)

// checks gathers the first fault.
type checks struct{ err error }

func (c *checks) fail(format string, args ...any) {
	if c.err == nil {
		c.err = badRequest(format, args...)
	}
}

// result gives the fault as an error, or nil.
func (c *checks) result() error { return c.err }

// name: of an application, a rule, a Voice Connector.
func (c *checks) name(member string, v *string) {
	switch {
	case v == nil:
		c.fail("%s: it is required", member)
	case !thingName.MatchString(*v):
		c.fail("%s: %s must have 1 to 256 characters, each a letter of a to z, a digit, a blank or one of _ . -", member, quote(*v))
	}
}

// numberName: what an account calls a phone number.
func (c *checks) numberName(member string, v *string) {
	if v != nil && (len(*v) > 256 || !numberName.MatchString(*v)) {
		c.fail("%s: %s must have at most 256 characters, letters, digits and , . _ - with blanks between", member, quote(*v))
	}
}

// callingName: what a callee is shown beside a number.
func (c *checks) callingName(member string, v *string) {
	if v != nil && !callingName.MatchString(*v) {
		c.fail("%s: %s must have 2 to 15 letters, digits and blanks", member, quote(*v))
	}
}

func (c *checks) oneOf(member, v string, known ...string) {
	if !slices.Contains(known, v) {
		c.fail("%s: %s is none of %s", member, quote(v), strings.Join(known, ", "))
	}
}

func (c *checks) region(member, v string) {
	if !awsRegion.MatchString(v) {
		c.fail("%s: %s is no region: write one like us-east-1", member, quote(v))
	}
}

// number gives a phone number with its "+", which the vendor lets clients leave out.
func (c *checks) number(member, v string) string {
	e164 := "+" + strings.TrimPrefix(v, "+")
	if !directory.IsE164(e164) {
		c.fail("%s: %s is no E.164 number: write it like +12065550100", member, quote(v))
	}
	return e164
}

// numbers checks a list of phone numbers and gives each with its "+".
func (c *checks) numbers(member string, list []string, most int) []string {
	if len(list) == 0 || len(list) > most {
		c.fail("%s: it has %d numbers; 1 to %d are possible", member, len(list), most)
		return nil
	}
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = c.number(member, v)
	}
	return out
}

func (c *checks) between(member string, v *int, low, high int) {
	if v != nil && (*v < low || *v > high) {
		c.fail("%s: %d is not from %d to %d", member, *v, low, high)
	}
}

// stringMap: a map of strings with at most so many pairs. It is checked as JSON because its order matters elsewhere.
func (c *checks) stringMap(member string, raw []byte, most int) {
	if len(raw) == 0 || string(raw) == "null" {
		return
	}
	if !isObject(raw) {
		c.fail("%s: it must be a map of strings", member)
		return
	}
	n := 0
	for name, value := range members(raw) {
		if _, ok := text(value); !ok {
			c.fail("%s: the value of %s must be a string", member, quote(name))
		}
		n++
	}
	if n > most {
		c.fail("%s: it has %d pairs; at most %d are possible", member, n, most)
	}
}

func (c *checks) tags(list []tag) {
	if len(list) > maxTags {
		c.fail("Tags: there are %d; at most %d are possible", len(list), maxTags)
	}
	seen := map[string]bool{}
	for _, t := range list {
		switch n := utf8.RuneCountInString(t.Key); {
		case n < 1 || n > 128:
			c.fail("Tags: a Key has 1 to 128 characters, %s has %d", quote(t.Key), n)
		case utf8.RuneCountInString(t.Value) > 256:
			c.fail("Tags: the Value of %s has more than 256 characters", quote(t.Key))
		case seen[t.Key]:
			c.fail("Tags: the Key %s is there twice", quote(t.Key))
		}
		seen[t.Key] = true
	}
}

// network reads one entry of a list of networks: "198.51.100.0/27", or an address alone.
func (c *checks) network(member, v string) netip.Prefix {
	if a, err := netip.ParseAddr(v); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen())
	}
	p, err := netip.ParsePrefix(v)
	if err != nil {
		c.fail("%s: %s is no network: write it like 198.51.100.0/27", member, quote(v))
	}
	return p.Masked()
}

// phoneNumber reads the PhoneNumberId of a path or body, in any of the three spellings that clients send: +1206…,
// 1206…, and %2B1206…, which is what the API itself gives out.
func phoneNumber(id string) (string, bool) {
	if v, err := url.PathUnescape(id); err == nil {
		id = v
	}
	e164 := "+" + strings.TrimPrefix(id, "+")
	return e164, directory.IsE164(e164)
}

// quote shows what a client sent, shortened: it goes into a message that is logged and printed.
func quote(s string) string {
	const most = 64
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	b := appendString(nil, strings.ToValidUTF8(s, "\ufffd"))
	return string(b)
}

// jsonKind says in JSON's words what a member should be.
func jsonKind(k reflect.Kind) string {
	switch k {
	case reflect.String:
		return "a string"
	case reflect.Bool:
		return "true or false"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Struct, reflect.Map:
		return "an object"
	default:
		return "a whole number"
	}
}
