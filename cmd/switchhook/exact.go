package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// exact tells, each with its place, of the values that would be read as others than the ones written: numbers that are cut,
// rounded, wrapped or taken to another base, and text that is taken for a number. into is what the file is read into; what
// can't stand at a place at all is the reader's to refuse.
func (s *source) exact(into any) error {
	if s.tree == nil {
		return nil
	}
	var errs []error
	for _, doc := range s.tree.Docs {
		look(doc.Body, reflect.TypeOf(into), func(n ast.Node, err error) {
			at := first(n).GetToken().Position
			errs = append(errs, fmt.Errorf("%s:%d:%d: %w", s.path, at.Line, at.Column, err))
		})
	}
	return errors.Join(errs...)
}

// look goes through a node along the type that it is read into.
func look(n ast.Node, t reflect.Type, tell func(ast.Node, error)) {
	if n == nil {
		return
	}
	if err, own := parsed(n, t); own {
		if err != nil {
			tell(n, err)
		}
		return
	}
	switch n := n.(type) {
	case *ast.LiteralNode:
		look(n.Value, t, tell)
	case *ast.MappingNode:
		for _, v := range n.Values {
			look(v, t, tell)
		}
	case *ast.MappingValueNode:
		if inner, ok := below(t, keyOf(n.Key)); ok {
			look(n.Value, inner, tell)
		}
	case *ast.SequenceNode:
		inner := t
		if t.Kind() == reflect.Slice && t != freeform {
			inner = t.Elem()
		}
		for _, v := range n.Values {
			look(v, inner, tell)
		}
	case ast.ScalarNode:
		if err := same(n, t); err != nil {
			tell(n, err)
		}
	}
}

// freeform is what has no type here: an application's settings.
var freeform = reflect.TypeFor[json.RawMessage]()

// parsed reads what has a form of its own; own is false for a type that has none.
func parsed(n ast.Node, t reflect.Type) (err error, own bool) {
	text := n.String()
	if _, scalar := n.(ast.ScalarNode); scalar {
		text = n.GetToken().Value
	}
	switch t {
	case reflect.TypeFor[time.Duration]():
		_, err = parseTime(text)
	case reflect.TypeFor[netip.Prefix]():
		_, err = parsePrefix(text)
	default:
		return nil, false
	}
	return err, true
}

// keyOf is what a key says.
func keyOf(k ast.MapKeyNode) string {
	if m, ok := k.(*ast.MappingKeyNode); ok { // behind a question mark
		return m.Value.GetToken().Value
	}
	return k.GetToken().Value
}

// below gives the type of what a key names.
func below(t reflect.Type, key string) (reflect.Type, bool) {
	switch {
	case t == freeform:
		return t, true
	case t.Kind() == reflect.Map:
		return t.Elem(), true
	case t.Kind() != reflect.Struct:
		return nil, false
	}
	for f := range t.Fields() {
		name, how, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == key && name != "" {
			return f.Type, true
		}
		if how == "inline" {
			if inner, ok := below(f.Type, key); ok {
				return inner, true
			}
		}
	}
	return nil, false
}

// Whole numbers: those that are read in one way, and those with a zero before them, which some take to the base 8.
var (
	whole  = regexp.MustCompile(`^[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0o[0-7_]+|0b[01_]+)$`)
	zeroed = regexp.MustCompile(`^[-+]?0[0-9_]+$`)
)

// errLarge is what is wrong with a number that has no room.
var errLarge = errors.New("the number is too large")

// same tells why a value is not read as it is written.
func same(n ast.ScalarNode, t reflect.Type) error {
	text := strings.TrimSpace(n.GetToken().Value)
	_, quoted := n.(*ast.StringNode)
	switch t.Kind() {
	case reflect.Int:
		return sameWhole(text, t.Bits())
	case reflect.Float64:
		return sameReal(text)
	case reflect.String:
		if value := n.GetValue(); !quoted && value != nil && fmt.Sprint(value) != text {
			return fmt.Errorf("text in quotes must stand here: %s is no text, and would be read as %v", text, value)
		}
	}
	if t == freeform && !quoted {
		return sameReal(text)
	}
	return nil
}

// sameWhole tells why a number is not read as it is written where a whole one must stand. What is no number is none of its
// business.
func sameWhole(text string, bits int) error {
	if whole.MatchString(text) {
		if _, err := strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 0, bits); err != nil {
			return errLarge
		}
		return nil
	}
	if _, err := strconv.ParseFloat(text, 64); err == nil || errors.Is(err, strconv.ErrRange) || zeroed.MatchString(text) {
		return fmt.Errorf("a whole number must stand here, without point, exponent or zeros before it: not %s", text)
	}
	return nil
}

// sameReal is sameWhole where a number with a fraction may stand.
func sameReal(text string) error {
	if zeroed.MatchString(text) {
		return fmt.Errorf("a number must stand here without zeros before it: not %s", text)
	}
	f, err := strconv.ParseFloat(strings.TrimPrefix(strings.ToLower(text), "."), 64)
	digits, _, _ := strings.Cut(strings.ToLower(text), "e")
	switch {
	case errors.Is(err, strconv.ErrRange):
		return errLarge
	case err == nil && (math.IsInf(f, 0) || math.IsNaN(f)):
		return fmt.Errorf("a number must stand here: not %s", text)
	case err == nil && f == 0 && strings.ContainsAny(digits, "123456789"):
		return fmt.Errorf("the number is too small: %s would be read as 0", text)
	}
	return nil // a number, or no business of this
}
