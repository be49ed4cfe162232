package chime

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
)

// Severity tells how much a [Finding] matters.
type Severity string

// The severities.
const (
	// Wrong would make an INVALID_LAMBDA_RESPONSE or an ACTION_FAILED.
	Wrong Severity = "error"
	// Doubtful has no effect, or another one than its author is likely to want.
	Doubtful Severity = "warning"
)

// Finding is something that a person should know of a function's answer, and where it stands.
type Finding struct {
	Line     int      `json:"line"`   // from 1
	Column   int      `json:"column"` // in bytes, from 1
	Path     string   `json:"path"`   // Actions[0].Parameters.Repeat
	Severity Severity `json:"severity"`
	Message  string   `json:"message"`
}

// maxFindings bounds what is said of one answer.
const maxFindings = 100

// Check reads an answer as a function gives it, and finds what of it can't be carried out, or not as it stands. It knows nothing
// of a call: whether a leg, a bucket or a number exists shows only there. The zero Limits are the vendor's.
func Check(answer []byte, lim Limits) []Finding {
	lim = lim.withDefaults()
	c := &checker{text: answer, lim: &lim}
	var syntax *json.SyntaxError
	switch err := json.Unmarshal(answer, new(json.RawMessage)); {
	case len(strings.Trim(string(answer), " \t\r\n")) == 0: // said below, in the words of the event
	case errors.As(err, &syntax):
		c.find(max(int(syntax.Offset)-1, 0), "", Wrong, "this is not JSON: "+syntax.Error())
		return c.found
	case err != nil:
		c.find(0, "", Wrong, "this is not JSON: "+err.Error())
		return c.found
	}
	if _, f := readAnswer(answer, c.lim); f != nil {
		c.whole = f
	}
	if at := skipBlank(answer); at < len(answer) {
		end := skipValue(answer, at)
		answerShape.check(c, node{at, answer[at:end:end]}, "")
	}
	if c.whole != nil { // what the answer as a whole is refused for, if nothing said it at its place
		message := c.whole.kind + ": " + c.whole.message
		if c.whole.detail != "" {
			message += " (" + c.whole.detail + ")"
		}
		if !c.wrong {
			c.find(skipBlank(answer), "", Wrong, message)
		}
	}
	return c.found
}

// CheckAnswer is [Check] of a function's answer to an event, which says what is made of it. The places are those in printed, the
// same JSON laid out for a person; how large it may be, the answer as it came decides.
func CheckAnswer(event, answer, printed []byte) []Finding {
	var e struct{ InvocationEventType string }
	_ = json.Unmarshal(event, &e) // one that is no event has no type
	lim := Limits{Answer: math.MaxInt, AttributeBytes: math.MaxInt}.withDefaults()
	found := Check(printed, lim)
	if !slices.ContainsFunc(found, isWrong) {
		found = append(found, slices.DeleteFunc(Check(answer, Limits{}), func(f Finding) bool { return !isWrong(f) })...)
	}
	ans, f := readAnswer(answer, &lim)
	switch e.InvocationEventType {
	case newOutbound, ringing, interrupted:
		for i := range found {
			found[i].Severity = Doubtful
		}
		if len(ans.actions) > 0 {
			found = append(found, Finding{1, 1, "Actions", Doubtful, "they are not carried out: of an answer to " + e.InvocationEventType + " its TransactionAttributes alone are kept"})
		}
	case hangup:
		if f != nil && f.kind == emptyResponse {
			return nil
		}
	case newInbound:
		if f == nil && len(ans.actions) == 0 {
			found = append(found, Finding{1, 1, "Actions", Doubtful, "there are none: the caller is not answered, and after 30 s gets 480"})
		}
	}
	return found
}

func isWrong(f Finding) bool { return f.Severity == Wrong }

// checker is one answer being checked.
type checker struct {
	text  []byte
	lim   *Limits
	whole *fault // why the answer as a whole is refused; nil: it is not
	found []Finding
	wrong bool // something of found is an error
}

// node is a value and where it begins in the text.
type node struct {
	at  int
	raw json.RawMessage
}

// field is a member of an object.
type field struct {
	key   string
	keyAt int
	value node
}

// find notes what is to be said of the place at.
func (c *checker) find(at int, path string, s Severity, message string) {
	if len(c.found) >= maxFindings {
		return
	}
	at = min(at, len(c.text))
	before := string(c.text[:at])
	line := strings.Count(before, "\n")
	c.wrong = c.wrong || s == Wrong
	c.found = append(c.found, Finding{line + 1, at - strings.LastIndexByte(before, '\n'), path, s, message})
}

func (c *checker) bad(n node, path, format string, args ...any) {
	c.find(n.at, path, Wrong, fmt.Sprintf(format, args...))
}

// skipBlank gives where the first thing of a text stands, or its length.
func skipBlank(b []byte) int { return len(b) - len(strings.TrimLeft(string(b), " \t\r\n")) }

// fields gives the members of an object, in order.
func (n node) fields() []field {
	var all []field
	for k, v := range memberSpans(n.raw) {
		key, _ := text(k.of(n.raw))
		all = append(all, field{key, n.at + k.from, node{n.at + v.from, v.of(n.raw)}})
	}
	return all
}

// list gives the elements of an array, in order.
func (n node) list() []node {
	var all []node
	for v := range elementSpans(n.raw) {
		all = append(all, node{n.at + v.from, v.of(n.raw)})
	}
	return all
}

// closest gives the name that was likely meant, as `; did you mean "X"?`, or nothing.
func closest(name string, of []string) string {
	best, least := "", max(2, len(name)/3)+1
	for _, have := range of {
		if d := distance(strings.ToLower(name), strings.ToLower(have)); d < least {
			best, least = have, d
		}
	}
	switch {
	case best == "":
		return ""
	case strings.EqualFold(best, name):
		return fmt.Sprintf("; it is written %q: upper and lower case count", best)
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is how many letters must be changed, added or left out to make b of a (Levenshtein). Long names count as far apart.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
