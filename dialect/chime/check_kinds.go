package chime

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/header"
)

// shape is what a value of an answer may be: it finds what is wrong with one, and describes itself as a JSON Schema.
type shape interface {
	check(c *checker, n node, path string)
	schema() map[string]any
}

// object is a value with named members. Members that it does not know are ignored when it is carried out, which is told.
type object struct {
	members []member
	// also checks what members have to do with each other; nil: nothing.
	also func(c *checker, n node, path string)
}

// member is one of an object's.
type member struct {
	name     string
	shape    shape
	required bool
}

func (o object) check(c *checker, n node, path string) {
	if !isObject(n.raw) {
		c.bad(n, path, "an object is needed here, in braces")
		return
	}
	var seen []string
	for _, f := range n.fields() {
		at := below(path, f.key)
		i := slices.IndexFunc(o.members, func(m member) bool { return m.name == f.key })
		switch {
		case slices.Contains(seen, f.key):
			c.find(f.keyAt, at, Doubtful, fmt.Sprintf("%q is here twice: the last one counts", f.key))
		case i < 0:
			var names []string
			for _, m := range o.members {
				names = append(names, m.name)
			}
			c.find(f.keyAt, at, Doubtful, fmt.Sprintf("%q is not known here and is ignored%s", f.key, closest(f.key, names)))
		case isUnset(f.value.raw) && !o.members[i].required:
			if _, strict := o.members[i].shape.(pattern); strict {
				o.members[i].shape.check(c, f.value, at)
			}
		case isUnset(f.value.raw):
			c.bad(f.value, at, "%q is required", f.key)
		default:
			o.members[i].shape.check(c, f.value, at)
		}
		seen = append(seen, f.key)
	}
	for _, m := range o.members {
		if m.required && !slices.Contains(seen, m.name) {
			c.bad(n, path, "%q is missing", m.name)
		}
	}
	if o.also != nil {
		o.also(c, n, path)
	}
}

// below names a member of what path names.
func below(path, key string) string {
	plain := strings.IndexFunc(key, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_')
	}) < 0
	switch {
	case !plain || key == "":
		return path + "[" + strconv.Quote(key) + "]"
	case path == "":
		return key
	}
	return path + "." + key
}

func (o object) schema() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, m := range o.members {
		properties[m.name] = m.shape.schema()
		if _, strict := m.shape.(pattern); !m.required && !strict {
			properties[m.name] = map[string]any{"anyOf": []any{m.shape.schema(), map[string]any{"enum": []any{nil, ""}}}} // counts as left out
		}
		if m.required {
			required = append(required, m.name)
		}
	}
	s := map[string]any{"type": "object", "properties": properties}
	if len(required) > 0 {
		s["required"] = required
	}
	return s
}

// list is an array of alike values.
type list struct {
	of       shape
	min, max int // elements; max 0: any number
}

func (l list) check(c *checker, n node, path string) {
	if !isArray(n.raw) {
		c.bad(n, path, "a list is needed here, in brackets")
		return
	}
	all := n.list()
	switch {
	case l.min == l.max && l.max > 0 && len(all) != l.max:
		c.bad(n, path, "exactly %d is needed here, there are %d", l.max, len(all))
	case len(all) < l.min:
		c.bad(n, path, "at least %d are needed here, there are %d", l.min, len(all))
	case l.max > 0 && len(all) > l.max:
		c.bad(all[l.max], fmt.Sprintf("%s[%d]", path, l.max), "at most %d may be here, there are %d", l.max, len(all))
	}
	for i, e := range all {
		l.of.check(c, e, fmt.Sprintf("%s[%d]", path, i))
	}
}

func (l list) schema() map[string]any {
	s := map[string]any{"type": "array", "items": l.of.schema()}
	if l.min > 0 {
		s["minItems"] = l.min
	}
	if l.max > 0 {
		s["maxItems"] = l.max
	}
	return s
}

// words is text, may be one of some words, may be of a bounded length, may be judged by a test.
type words struct {
	oneOf []string
	max   int // characters; 0: any number
	bytes int // of its UTF-8; 0: any number
	// test tells what is wrong with it; "": nothing. nil: no test.
	test func(string) string
	// doubt makes what test says a warning.
	doubt bool
	// number: it may be written as a number or a boolean.
	number bool
}

func (w words) check(c *checker, n node, path string) {
	s, ok := text(n.raw)
	if !ok && w.number {
		s, ok = scalar(n.raw)
	}
	switch {
	case !ok:
		c.bad(n, path, "text is needed here, in double quotes")
	case len(w.oneOf) > 0 && !slices.Contains(w.oneOf, s):
		c.bad(n, path, "%s is not one of %s%s", clipped(s), strings.Join(w.oneOf, ", "), closest(s, w.oneOf))
	case w.max > 0 && utf8.RuneCountInString(s) > w.max:
		c.bad(n, path, "this has %d characters, at most %d may be here", utf8.RuneCountInString(s), w.max)
	case w.bytes > 0 && len(s) > w.bytes:
		c.bad(n, path, "this has %d bytes, at most %d may be here", len(s), w.bytes)
	case w.test != nil:
		severity := Wrong
		if w.doubt {
			severity = Doubtful
		}
		if why := w.test(s); why != "" {
			c.find(n.at, path, severity, clipped(s)+" "+why)
		}
	}
}

func clipped(s string) string {
	if r := []rune(s); len(r) > 60 {
		s = string(r[:59]) + "…"
	}
	return strconv.Quote(s)
}

func (w words) schema() map[string]any {
	s := map[string]any{"type": "string"}
	if w.number {
		s["type"] = []string{"string", "number", "boolean"}
	}
	if len(w.oneOf) > 0 {
		var all []any
		for _, v := range w.oneOf {
			all = append(all, v)
			if n, err := strconv.Atoi(v); err == nil && w.number {
				all = append(all, n)
			}
		}
		s["enum"] = all
		delete(s, "type")
	}
	if most := max(w.max, w.bytes); most > 0 {
		s["maxLength"] = most
	}
	return s
}

// number is a whole number, which may be written as text.
type number struct{ min, max int } // max 0: no bound

func (r number) check(c *checker, n node, path string) {
	v, ok := whole(n.raw)
	switch {
	case !ok:
		c.bad(n, path, "%s is no whole number", clipped(string(n.raw)))
	case v < r.min && r.max == 0:
		c.bad(n, path, "%d is too small: it must be at least %d", v, r.min)
	case v < r.min, r.max > 0 && v > r.max:
		c.bad(n, path, "%d is out of range: it must be from %d to %d", v, r.min, r.max)
	}
}

func (r number) schema() map[string]any {
	s := map[string]any{"type": []string{"integer", "string"}, "minimum": r.min, "pattern": `^\s*-?[0-9]+(\.0+)?\s*$`}
	if r.max > 0 {
		s["maximum"] = r.max
	}
	return s
}

// truth is a boolean, which may be written as text.
type truth struct{}

func (truth) check(c *checker, n node, path string) {
	if s, _ := scalar(n.raw); !strings.EqualFold(s, "true") && !strings.EqualFold(s, "false") {
		c.bad(n, path, "true or false is needed here")
	}
}

func (truth) schema() map[string]any {
	return map[string]any{"enum": []any{true, false, "True", "False", "true", "false"}}
}

// phoneKeys are keys of a telephone: a list of them, or text.
type phoneKeys struct{}

func (phoneKeys) check(c *checker, n node, path string) {
	if _, ok := digits(n.raw); !ok {
		c.bad(n, path, `keys are needed here: a list of them, each one of 0-9, * and #, as ["#", "*"]`)
	}
}

func (phoneKeys) schema() map[string]any {
	return map[string]any{"anyOf": []any{
		map[string]any{"type": "array", "items": map[string]any{"type": []string{"string", "integer"}, "pattern": `^[0-9*#]$`, "minimum": 0, "maximum": 9}},
		map[string]any{"type": "string", "pattern": `^[0-9*#]*$`},
	}}
}

// pattern is a regular expression, which must not be empty.
type pattern struct{}

func (pattern) check(c *checker, n node, path string) {
	s, _ := text(n.raw)
	if s == "" {
		c.bad(n, path, "a regular expression is needed here; leave the member out if every input is good")
		return
	}
	if _, err := regexp.Compile(s); err != nil {
		c.bad(n, path, "%v", err)
	} else if _, ok := readPattern(n.raw); !ok {
		c.bad(n, path, "the regular expression is too long or too costly")
	}
}

func (pattern) schema() map[string]any {
	return map[string]any{"type": "string", "format": "regex", "minLength": 1}
}

// sipHeaders are names and values that go out with an INVITE.
type sipHeaders struct{}

func (sipHeaders) check(c *checker, n node, path string) {
	if !isObject(n.raw) {
		c.bad(n, path, `an object of names and values is needed here, as {"X-Account": "4711"}`)
		return
	}
	var before header.List
	for i, f := range n.fields() {
		at := below(path, f.key)
		if i >= maxRows {
			c.find(f.keyAt, at, Wrong, fmt.Sprintf("at most %d headers may be here", maxRows))
			return
		}
		value, isText := scalar(f.value.raw)
		row := header.Field{Name: f.key, Value: value}
		if reason, detail := checkHeader(row, isText, before, c.lim); reason != "" {
			c.find(f.keyAt, at, Wrong, fmt.Sprintf("%s can't be sent, and nothing is sent then: %s (%s)", clipped(f.key), detail, reason))
			continue
		}
		before = append(before, row)
	}
	if _, _, bad := readHeaders(n.raw, c.lim); len(bad) > 0 && len(before) == len(n.fields()) {
		c.bad(n, path, "%s", (&HeadersError{Names: bad}).Error())
	}
}

func (sipHeaders) schema() map[string]any {
	return map[string]any{"type": "object", "maxProperties": maxRows,
		"propertyNames":        map[string]any{"pattern": "^([Xx]-.+|[Uu]ser-[Tt]o-[Uu]ser|[Dd]iversion)$"},
		"additionalProperties": map[string]any{"type": []string{"string", "number", "boolean"}, "maxLength": Limits{}.withDefaults().HeaderLength}}
}

// anything is a value that is handed on as it is.
type anything struct{ object bool }

func (a anything) check(c *checker, n node, path string) {
	if a.object && !isObject(n.raw) {
		c.bad(n, path, "an object is needed here, in braces")
	}
}

func (a anything) schema() map[string]any {
	if a.object {
		return map[string]any{"type": "object"}
	}
	return map[string]any{}
}

// Schema gives a JSON Schema (draft 2020-12) of functions' answers, for editors and tests. It is as strict as a schema can be;
// [Check] knows more.
func Schema() ([]byte, error) {
	s := answerShape.schema()
	s["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	s["title"] = "What the function of a SIP media application answers"
	return json.MarshalIndent(s, "", "  ")
}
