package chime

import (
	"encoding/json"
	"regexp"
	"regexp/syntax"
	"time"
)

// maxCount is the most that a parameter which the vendor does not bound counts to.
const maxCount = 1 << 30

// Bounds of a pattern: its characters, and the instructions that it may come to. Both are more than any use of it has.
const (
	maxPattern = 1024
	maxEffort  = 20_000
)

// badParameter says that a parameter of this name won't do, in the vendor's words.
func badParameter(name string) *fault { return invalid("The " + name + " parameter is invalid.") }

// bounded gives a whole number from low to high.
func bounded(raw json.RawMessage, low, high int) (int, bool) {
	n, ok := whole(raw)
	return n, ok && low <= n && n <= high
}

// milliseconds gives a time above zero.
func milliseconds(raw json.RawMessage) (time.Duration, bool) {
	n, ok := bounded(raw, 1, maxCount)
	return time.Duration(n) * time.Millisecond, ok
}

// readPattern gives a regular expression that stands in a function's answer: one of RE2, which takes a time that is bounded by
// the product of its own length and the text's, and no more than some effort.
func readPattern(raw json.RawMessage) (*regexp.Regexp, bool) {
	s, _ := text(raw)
	if s == "" || len(s) > maxPattern {
		return nil, false
	}
	tree, err := syntax.Parse(s, syntax.Perl)
	if err != nil || effort(tree) > maxEffort {
		return nil, false
	}
	p, err := regexp.Compile(s)
	return p, err == nil
}

// effort estimates how many instructions a pattern comes to, before it does: what is repeated is written out so many times.
func effort(tree *syntax.Regexp) int {
	sum := 1 + len(tree.Rune)/16
	for _, sub := range tree.Sub {
		sum = min(sum+effort(sub), maxCount)
	}
	if tree.Op == syntax.OpRepeat {
		sum = min(sum*max(tree.Min, tree.Max, 1), maxCount)
	}
	return sum
}
