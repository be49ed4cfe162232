package sqlite

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

func standard(t interface{ Fatal(...any) }, v any) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// set fills every field that has a value of a kind, those of embedded structs too: a field that is added to the types
// and forgotten here shows.
func set(t *testing.T, v reflect.Value, text string) {
	for i := range v.NumField() {
		switch f := v.Field(i); {
		case f.Type() == reflect.TypeFor[time.Time]():
			f.Set(reflect.ValueOf(time.Date(2026, 3, 1, 2, 3, 4, 5006, time.FixedZone("", 3600))))
		case f.Type() == reflect.TypeFor[header.List]():
			f.Set(reflect.ValueOf(header.List{{Name: text, Value: text}, {Name: "X-B", Value: ""}}))
		case f.Kind() == reflect.String:
			f.SetString(text + v.Type().Field(i).Name)
		case f.Kind() == reflect.Struct:
			set(t, f, text)
		default:
			t.Fatalf("a field of kind %s: give it a case here and in json.go", f.Kind())
		}
	}
}

func TestJSONIsThatOfTheStandardLibrary(t *testing.T) {
	var e call.Entry
	var l call.Log
	set(t, reflect.ValueOf(&e).Elem(), "<\x01\"é\xff>")
	set(t, reflect.ValueOf(&l).Elem(), "<\x01\"é\xff>")
	for _, ledger := range []call.Ledger{{{}}, {e}, {e, {}, e}} {
		if got, want := string(appendLedger(nil, ledger)), standard(t, ledger); got != want {
			t.Errorf("ledger\n got %s\nwant %s", got, want)
		}
	}
	for _, log := range [][]call.Log{{{}}, {l}, {l, {}, l}} {
		if got, want := string(appendLog(nil, log)), standard(t, log); got != want {
			t.Errorf("log\n got %s\nwant %s", got, want)
		}
	}
}

func TestTextIsThatOfTheStandardLibrary(t *testing.T) {
	check := func(t interface {
		Fatal(...any)
		Errorf(string, ...any)
	}, s string) {
		if got, want := string(appendText(nil, s)), standard(t, s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
	for c := range 256 {
		check(t, "a"+string([]byte{byte(c)})+"b")
	}
	check(t, "\u2028\u2029\u202a\ufffd\U0001f600\xf0\x9f\x98")
	rapid.Check(t, func(t *rapid.T) { check(t, string(rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"))) })
	rapid.Check(t, func(t *rapid.T) { check(t, rapid.String().Draw(t, "text")) })
}
