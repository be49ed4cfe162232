package invoke_test

import (
	"testing"

	"github.com/switchhook/switchhook/invoke"
)

// A name that nobody declared is a function of AWS Lambda, if it is one: it is found, and not declared.
func TestDeclared(t *testing.T) {
	i, err := invoke.New(invoke.Config{Region: "us-east-1", Functions: []invoke.Declared{{Name: "ivr", URL: "http://127.0.0.1:1"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	for name, want := range map[string]bool{
		"ivr": true, "ivr:prod": true, "arn:aws:lambda:us-east-1:111122223333:function:ivr": true,
		"": false, "not-declared": false, "arn:aws:lambda:us-east-1:111122223333:function:other": false, "ivr:": false, "arn:ivr": false,
	} {
		if got := i.Declared(name); got != want {
			t.Errorf("%q is declared: %v", name, got)
		}
	}
}
