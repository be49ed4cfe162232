package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// source is the text that a configuration was read from, so that what is wrong with a value can be told with its place.
type source struct {
	path string
	data []byte
	tree *ast.File
}

func newSource(path string, data []byte) *source {
	s := &source{path: path, data: data}
	s.tree, _ = parser.ParseBytes(data, 0) // it was read already; without a tree places are left out
	return s
}

// at puts the place of a value before what is wrong with it: "switchhook.yaml:12:5: …". The value is named by its path, as
// in "$.rules[1].number"; where that is not written, by what is around it. What no file says, flags and defaults, has no
// place: there the words alone must do.
func (s *source) at(path string, err error) error {
	if s == nil || s.tree == nil {
		return err
	}
	for {
		if p, bad := yaml.PathString(path); bad == nil {
			if n, bad := p.FilterFile(s.tree); bad == nil && n != nil {
				at := first(n).GetToken().Position
				return fmt.Errorf("%s:%d:%d: %w", s.path, at.Line, at.Column, err)
			}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut <= 0 {
			return fmt.Errorf("%s: %w", s.path, err)
		}
		path = path[:cut]
	}
}

// first gives the node that stands first of a node: a block of keys begins with its first key.
func first(n ast.Node) ast.Node {
	if m, ok := n.(*ast.MappingNode); ok && !m.IsFlowStyle && len(m.Values) > 0 {
		return m.Values[0].Key
	}
	return n
}

// position puts a YAML error as "file:line:column: message".
func (s *source) position(err error) error {
	var ye yaml.Error
	if errors.As(err, &ye) && ye.GetToken() != nil {
		p := ye.GetToken().Position
		return fmt.Errorf("%s:%d:%d: %s", s.path, p.Line, p.Column, inWords(ye.GetMessage()))
	}
	return fmt.Errorf("%s: %w", s.path, err)
}

// goType is how the reader tells of a value of a wrong type.
var goType = regexp.MustCompile(`^cannot unmarshal (\S+) into Go (?:struct field|value) (?:\S* )?of type (\S+)$`)

// goKind is how the reader tells of a list where keys must stand, and the like.
var goKind = regexp.MustCompile(`^\S+ was used where (\S+) is expected$`)

// inWords says in an operator's words what the reader says in a programmer's.
func inWords(message string) string {
	m := goType.FindStringSubmatch(message)
	if k := goKind.FindStringSubmatch(message); k != nil {
		m = []string{message, "", k[1]}
	}
	switch {
	case strings.Contains(message, "( overflow )"):
		return "the number is too large"
	case m == nil:
		return message
	}
	want, ok := map[string]string{
		"int": "a whole number", "float64": "a number", "bool": "true or false", "string": "text in quotes",
		"sequence": "a list ([a, b], or lines that begin with a dash)", "mapping": "keys with values ({a: b}, or lines like a: b)",
	}[m[2]]
	if !ok {
		return message
	}
	return want + " must stand here"
}
