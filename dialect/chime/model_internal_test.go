package chime

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/test/need"
)

// service is a service model as the vendor publishes it with its SDK for Python.
type service struct {
	Operations map[string]struct {
		HTTP struct {
			Method, RequestURI string
			ResponseCode       int
		}
		Input, Output struct{ Shape string }
	}
	Shapes map[string]published
}

// published is a shape of the model.
type published struct {
	Type    string
	Members map[string]struct{ Shape, Location, LocationName string }
	Member  struct{ Shape string }
	Value   struct{ Shape string }
}

func readService(t *testing.T, name string) service {
	t.Helper()
	pattern := filepath.Join("..", "..", ".cache", "venv", "lib", "python3*", "site-packages", "botocore", "data", name, "*", "service-2.json.gz")
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		need.Missing(t, pattern+" is not there: make test installs it")
	}
	slices.Sort(files)
	f, err := os.Open(files[len(files)-1])
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var s service
	if err := json.NewDecoder(text).Decode(&s); err != nil {
		t.Fatal(err)
	}
	return s
}

// TestModel: each operation has the method, path, status and members that the vendor's model has, no more and no fewer.
func TestModel(t *testing.T) {
	models := []service{readService(t, "chime-sdk-voice"), readService(t, "chime-sdk-meetings")}
	served := map[string]bool{}
	for _, op := range operations() {
		i := slices.IndexFunc(models, func(m service) bool { _, ok := m.Operations[op.name]; return ok })
		if i < 0 {
			t.Errorf("%s is no operation of the vendor's", op.name)
			continue
		}
		served[op.name] = true
		model := models[i].Operations[op.name]
		uri, query, _ := strings.Cut(model.HTTP.RequestURI, "?")
		if model.HTTP.Method != op.method || wildcards(uri) != wildcards(op.path) || query != op.query {
			t.Errorf("%s is %s %s ?%s, the model has %s %s", op.name, op.method, op.path, op.query, model.HTTP.Method, model.HTTP.RequestURI)
		}
		if status := model.HTTP.ResponseCode; status != op.status && (status != 0 || op.status != 200) {
			t.Errorf("%s answers %d, the model has %d", op.name, op.status, status)
		}
		in := compare{t, models[i].Shapes, op.name + " in", true, map[reflect.Type]bool{}}
		in.members(op.do.in, model.Input.Shape, "")
		out := compare{t, models[i].Shapes, op.name + " out", false, map[reflect.Type]bool{}}
		out.members(op.do.out, model.Output.Shape, "")
	}
	for i, m := range models {
		var missing []string
		for _, name := range slices.Sorted(maps.Keys(m.Operations)) {
			if !served[name] {
				missing = append(missing, name)
			}
		}
		t.Logf("model %d: %d of %d operations are served; not: %s", i, len(m.Operations)-len(missing), len(m.Operations), strings.Join(missing, " "))
	}
}

// wildcards makes the names in a path alike.
func wildcards(path string) string {
	parts := strings.Split(path, "/")
	for i := range parts {
		if strings.HasPrefix(parts[i], "{") {
			parts[i] = "{}"
		}
	}
	return strings.Join(parts, "/")
}

// compare compares our types with shapes.
type compare struct {
	t      *testing.T
	shapes map[string]published
	what   string
	asked  bool // it is a request: operations may share a type, so that one knows more than it is asked
	seen   map[reflect.Type]bool
}

// beyond are the members that we know and the model of this version of the SDK does not, or the other way about.
var beyond = map[string]string{
	"CallDistributionType":    "newer models have it",
	"PhoneNumberArn":          "newer models have it",
	"BusinessCalling":         "the older namespace has it",
	"PrimaryMeetingId":        "meetings are not replicated",
	"FocDate":                 "of ports, which there are not",
	"Address.preDirectional":  "an address is not taken apart: it is told in the way it was given",
	"Address.postDirectional": "as above",
	"Address.streetSuffix":    "as above",
	"Address.postalCodePlus4": "as above",
}

var errOpaque = errors.New("written by itself")

// members compares the members of a structure.
func (c compare) members(ours reflect.Type, shape, path string) {
	theirs := map[string]string{}
	for name, m := range c.shapes[shape].Members {
		if m.Location == "" {
			theirs[name] = m.Shape
		}
	}
	have, err := jsonMembers(ours)
	if errors.Is(err, errOpaque) || c.seen[ours] {
		return
	}
	if ours != nil {
		c.seen[ours] = true
		defer delete(c.seen, ours)
	}
	for _, name := range slices.Sorted(maps.Keys(theirs)) {
		if _, ok := have[name]; !ok && !isBeyond(path+name) {
			c.t.Errorf("%s: %s%s is not there", c.what, path, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := theirs[name]; !ok {
			if !c.asked && !isBeyond(path+name) {
				c.t.Errorf("%s: %s%s is none of the model's", c.what, path, name)
			}
			continue
		}
		c.value(have[name], theirs[name], path+name)
	}
}

func isBeyond(path string) bool {
	for end := range beyond {
		if path == end || strings.HasSuffix(path, "."+end) {
			return true
		}
	}
	return false
}

// value compares a member's type.
func (c compare) value(ours reflect.Type, shape, path string) {
	for ours.Kind() == reflect.Pointer {
		ours = ours.Elem()
	}
	if opaque(ours) || ours.Kind() == reflect.Interface {
		return
	}
	s := c.shapes[shape]
	kinds := map[string][]reflect.Kind{
		"structure": {reflect.Struct}, "list": {reflect.Slice}, "map": {reflect.Map}, "string": {reflect.String}, "boolean": {reflect.Bool},
		"integer": {reflect.Int, reflect.Int64}, "long": {reflect.Int, reflect.Int64}, "double": {reflect.Float64}, "float": {reflect.Float64},
		"timestamp": {}, "blob": {reflect.String, reflect.Slice},
	}
	if !slices.Contains(kinds[s.Type], ours.Kind()) {
		c.t.Errorf("%s: %s is a %s, the model has %s", c.what, path, ours, s.Type)
		return
	}
	switch s.Type {
	case "structure":
		c.members(ours, shape, path+".")
	case "list":
		c.value(ours.Elem(), s.Member.Shape, path+"[]")
	case "map":
		c.value(ours.Elem(), s.Value.Shape, path+"{}")
	}
}

// opaque tells whether a type reads or writes itself, or is handed on as it is.
func opaque(t reflect.Type) bool {
	return t.Implements(reflect.TypeFor[json.Marshaler]()) || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || t == reflect.TypeFor[json.RawMessage]()
}

// jsonMembers gives the members of a type as JSON shows them.
func jsonMembers(t reflect.Type) (map[string]reflect.Type, error) {
	out := map[string]reflect.Type{}
	if t == nil {
		return out, nil
	}
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if opaque(t) || t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("%s: %w", t, errOpaque)
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-":
		case f.Anonymous && name == "":
			more, err := jsonMembers(f.Type)
			if err != nil {
				return nil, err
			}
			maps.Copy(out, more)
		case name != "":
			out[name] = f.Type
		case f.IsExported():
			out[f.Name] = f.Type
		}
	}
	return out, nil
}
