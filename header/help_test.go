package header_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/header"
)

// ignoreRaw compares what was parsed, not the text it was parsed from; nil and empty parameters are the same.
var ignoreRaw = cmp.Options{cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Raw" }, cmp.Ignore()),
	cmpopts.EquateEmpty()}

// apply compiles a policy and applies it, and checks what holds for every application.
func apply(t testing.TB, p header.Policy, m header.Message, in header.List) (header.List, []header.Change) {
	t.Helper()
	c, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	out, changes, err := c.Apply(m, in)
	if err != nil {
		t.Fatal(err)
	}
	return out, changes
}

// told writes changes as lines: "dropped X-Id unknown".
func told(changes []header.Change) []string {
	var out []string
	for _, c := range changes {
		line := string(c.Action) + " " + c.Name + " " + string(c.Reason)
		if c.NewName != "" && c.NewName != c.Name {
			line += " → " + c.NewName
		}
		out = append(out, line)
	}
	return out
}

// rows makes a list from lines "Name: value".
func rows(lines ...string) header.List {
	var l header.List
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		l = append(l, header.Field{Name: name, Value: value})
	}
	return l
}

// lines writes a list as rows takes it.
func lines(l header.List) []string {
	var out []string
	for _, f := range l {
		out = append(out, f.Name+": "+f.Value)
	}
	return out
}
