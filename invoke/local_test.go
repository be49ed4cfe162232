package invoke_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/invoke"
)

// Every kind of local function sees its event and its context.
func TestLocalFunctionSeesEventAndContext(t *testing.T) {
	t.Setenv("SWITCHHOOK_SECRET", "leaked")
	for name, d := range map[string]invoke.Declared{
		"go":     {Command: []string{built(t, "echo")}},
		"node":   {Dir: "testdata/node/esm", Handler: "index.handler"},
		"python": {Dir: "testdata/python", Handler: "app.handler"},
	} {
		t.Run(name, func(t *testing.T) {
			d.Name, d.Env = "my-function", map[string]string{"OWN": "mine"}
			i := open(t, invoke.Config{Functions: []invoke.Declared{d}, Region: "eu-central-1"})
			r := ask(t, find(t, i, "my-function"), `{"do":"echo","n":7,"text":"ü\n\u0000 </script>"}`)
			if r.Event.Text != "ü\n\x00 </script>" || r.Event.N != 7 {
				t.Errorf("event came back as %+v", r.Event)
			}
			if r.Env != "mine" {
				t.Errorf("environment is %q", r.Env)
			}
			if r.ARN != "arn:aws:lambda:eu-central-1:000000000000:function:my-function" || r.Function != "my-function" || len(r.RequestID) != 36 {
				t.Errorf("context is %+v", r)
			}
			if r.Remaining < 15_000 || r.Remaining > 20_000 {
				t.Errorf("remaining time is %d ms", r.Remaining)
			}
			const arn = "arn:aws:lambda:us-west-2:123456789012:function:my-function:live"
			if r := ask(t, find(t, i, arn), `{}`); r.ARN != arn {
				t.Errorf("asked for by ARN, told %s", r.ARN)
			}
		})
	}
}

func TestLocalAnswers(t *testing.T) {
	echo := built(t, "echo")
	for name, c := range map[string]struct {
		d           invoke.Declared
		event, want string
	}{
		"node nested export":   {invoke.Declared{Dir: "testdata/node/esm", Handler: "index.app.nested"}, `{}`, `"nested"`},
		"node in a folder":     {invoke.Declared{Dir: "testdata/node", Handler: "esm/index.app.nested"}, `{}`, `"nested"`},
		"node undefined":       {invoke.Declared{Dir: "testdata/node/esm", Handler: "index.handler"}, `{"do":"undefined"}`, `null`},
		"node callback":        {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.callback"}, `{}`, `{"via":"callback","file":"index.js"}`},
		"node CommonJS async":  {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.handler"}, `[1]`, `{"via":"async","event":[1]}`},
		"node sync":            {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.sync"}, `{}`, `{"via":"sync"}`},
		"node nothing":         {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.nothing"}, `{}`, `null`},
		"node context.succeed": {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.succeed"}, `{}`, `{"via":"succeed"}`},
		"python package":       {invoke.Declared{Dir: "testdata/python", Handler: "pkg.deep.handler"}, `{}`, `"deep"`},
		"python folder":        {invoke.Declared{Dir: "testdata/python", Handler: "pkg/deep.handler"}, `{}`, `"deep"`},
		"python decimal":       {invoke.Declared{Dir: "testdata/python", Handler: "app.handler"}, `{"do":"decimal"}`, `{"whole": 3, "part": 1.5}`},
		"python tuple":         {invoke.Declared{Dir: "testdata/python", Handler: "app.handler"}, `{"do":"tuple"}`, `[]`},
		"command with handler": {invoke.Declared{Dir: filepath.Dir(echo), Command: []string{"./echo"}, Handler: "x"}, `{"do":"big","n":0}`, ""},
		"go run":               {invoke.Declared{Command: []string{"go", "run", "./testdata/echo"}}, `{}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := one(t, c.d)
			for range 3 {
				got, err := f.Invoke(t.Context(), []byte(c.event))
				if err != nil || c.want != "" && string(got) != c.want {
					t.Fatalf("got %s, %v; want %s", got, err, c.want)
				}
			}
		})
	}
}

func TestLocalFailures(t *testing.T) {
	echo := invoke.Declared{Command: []string{built(t, "echo")}}
	node := invoke.Declared{Dir: "testdata/node/esm", Handler: "index.handler"}
	python := invoke.Declared{Dir: "testdata/python", Handler: "app.handler"}
	for name, c := range map[string]struct {
		d             invoke.Declared
		event         string
		kind          invoke.Kind
		errorType     string
		message       string // that is contained
		worksNextTime bool
	}{
		"go error":            {echo, `{"do":"fail","text":"no luck"}`, invoke.Crashed, "customError", "no luck", true},
		"go panic":            {echo, `{"do":"panic","text":"help"}`, invoke.Crashed, "string", "help", true},
		"go exit":             {echo, `{"do":"exit","text":"bye now"}`, invoke.Crashed, "Runtime.ExitError", "exit status 3) after it printed: bye now", true},
		"go event is no JSON": {echo, `{`, invoke.Crashed, "errorString", "EOF", true},
		"go too large":        {echo, `{"do":"big","n":7000000}`, invoke.TooLarge, "Function.ResponseSizeTooLarge", "larger", true},

		"node error":           {node, `{"do":"fail","text":"no luck"}`, invoke.Crashed, "TypeError", "no luck", true},
		"node throws text":     {node, `{"do":"throw"}`, invoke.Crashed, "string", "just text", true},
		"node rejection":       {node, `{"do":"reject","text":"lost"}`, invoke.Crashed, "Runtime.UnhandledPromiseRejection", "lost", true},
		"node throw in timer":  {node, `{"do":"timer","text":"late"}`, invoke.Crashed, "Error", "late", true},
		"node exit":            {node, `{"do":"exit","text":"bye now"}`, invoke.Crashed, "Runtime.ExitError", "exit status 3) after it printed: bye now", true},
		"node circular":        {node, `{"do":"circular"}`, invoke.Crashed, "TypeError", "circular", true},
		"node event no JSON":   {node, `{`, invoke.Crashed, "SyntaxError", "JSON", true},
		"node too large":       {node, `{"do":"big","n":7000000}`, invoke.TooLarge, "Function.ResponseSizeTooLarge", "larger", true},
		"node callback error":  {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.callback"}, `{"do":"fail","text":"called"}`, invoke.Crashed, "Error", "called", true},
		"node sync throw":      {invoke.Declared{Dir: "testdata/node/cjs", Handler: "index.sync"}, `{"do":"fail","text":"sync"}`, invoke.Crashed, "SyntaxError", "sync", true},
		"node bad export":      {invoke.Declared{Dir: "testdata/node/esm", Handler: "index.absent"}, `{}`, invoke.Crashed, "Runtime.HandlerNotFound", "absent", false},
		"node no function":     {invoke.Declared{Dir: "testdata/node/esm", Handler: "index.notFunction"}, `{}`, invoke.Crashed, "Runtime.HandlerNotFound", "not a function", false},
		"node syntax error":    {invoke.Declared{Dir: "testdata/node", Handler: "broken.handler"}, `{}`, invoke.Crashed, "Runtime.UserCodeSyntaxError", "Unexpected", false},
		"node missing package": {invoke.Declared{Dir: "testdata/node", Handler: "missing.handler"}, `{}`, invoke.Crashed, "Runtime.ImportModuleError", "there-is-no-such-package", false},
		"node throws at load":  {invoke.Declared{Dir: "testdata/node", Handler: "throws.handler"}, `{}`, invoke.Crashed, "RangeError", "at load", false},

		"python error":          {python, `{"do":"fail","text":"no luck"}`, invoke.Crashed, "CustomError", "no luck", true},
		"python exit":           {python, `{"do":"exit","text":"bye now"}`, invoke.Crashed, "Runtime.ExitError", "exit status 3) after it printed: bye now", true},
		"python unmarshalable":  {python, `{"do":"unmarshalable"}`, invoke.Crashed, "Runtime.MarshalError", "lock", true},
		"python event no JSON":  {python, `{`, invoke.Crashed, "JSONDecodeError", "Expecting", true},
		"python too large":      {python, `{"do":"big","n":7000000}`, invoke.TooLarge, "Function.ResponseSizeTooLarge", "larger", true},
		"python missing module": {invoke.Declared{Dir: "testdata/python", Handler: "missing.handler"}, `{}`, invoke.Crashed, "Runtime.ImportModuleError", "there_is_no_such_module", false},
		"python syntax error":   {invoke.Declared{Dir: "testdata/python", Handler: "broken.handler"}, `{}`, invoke.Crashed, "Runtime.UserCodeSyntaxError", "broken", false},
		"python throws at load": {invoke.Declared{Dir: "testdata/python", Handler: "throws.handler"}, `{}`, invoke.Crashed, "ValueError", "at load", false},
		"python bad name":       {invoke.Declared{Dir: "testdata/python", Handler: "app.absent"}, `{}`, invoke.Crashed, "Runtime.HandlerNotFound", "absent", false},

		"no such program":     {invoke.Declared{Command: []string{"/there/is/no/such/program"}}, `{}`, invoke.NotFound, "", "no such", false},
		"program not in PATH": {invoke.Declared{Command: []string{"there-is-no-such-program"}}, `{}`, invoke.NotFound, "", "not found", false},
		"folder is no more":   {invoke.Declared{Dir: "/there/is/no/folder", Command: []string{"true"}}, `{}`, invoke.NotFound, "", "no such", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := one(t, c.d)
			e := fault(t, t.Context(), f, c.event)
			if e.Kind != c.kind || e.Type != c.errorType || !strings.Contains(e.Message, c.message) || e.Function != "one" {
				t.Fatalf("got %#v", e)
			}
			if c.worksNextTime {
				if _, err := f.Invoke(t.Context(), []byte(`{}`)); err != nil {
					t.Errorf("and then: %v", err)
				}
			} else {
				again := fault(t, t.Context(), f, `{}`)
				if diff := cmp.Diff(e.Kind, again.Kind); diff != "" || again.Type != e.Type {
					t.Errorf("and then: %#v", again)
				}
			}
		})
	}
}

func TestLinesGoToTheirInvocation(t *testing.T) {
	for name, c := range map[string]struct {
		d    invoke.Declared
		want string
	}{
		"go":     {invoke.Declared{Command: []string{built(t, "echo")}}, "line 0 hello"},
		"node":   {invoke.Declared{Dir: "testdata/node/esm", Handler: "index.handler"}, "line hello { a: 1 }"},
		"python": {invoke.Declared{Dir: "testdata/python", Handler: "app.handler"}, "line hello"},
	} {
		t.Run(name, func(t *testing.T) {
			f := one(t, c.d)
			for range 20 {
				var l lines
				if _, err := f.Invoke(invoke.WithLines(t.Context(), l.add), []byte(`{"do":"print","n":1,"text":"hello"}`)); err != nil {
					t.Fatal(err)
				}
				got := l.got()
				if len(got) == 0 || got[0] != c.want {
					t.Fatalf("lines are %q", got)
				}
				if name == "python" && (len(got) != 2 || !strings.HasSuffix(got[1], "\tlogged hello") || !strings.HasPrefix(got[1], "[INFO]\t2")) {
					t.Fatalf("lines are %q", got)
				}
			}
		})
	}
}

func TestWarmStartsEachOnce(t *testing.T) {
	i := open(t, invoke.Config{Functions: []invoke.Declared{
		{Name: "go", Command: []string{built(t, "echo")}},
		{Name: "node", Dir: "testdata/node/esm", Handler: "index.handler"},
		{Name: "url", URL: "http://127.0.0.1:1/"},
	}})
	for range 2 {
		if err := i.Warm(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	bad := open(t, invoke.Config{Functions: []invoke.Declared{{Name: "bad", Command: []string{"false"}}}})
	if err := bad.Warm(t.Context()); err == nil || !strings.Contains(err.Error(), "function bad: crashed") {
		t.Errorf("warming a function that can't start: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	slow := open(t, invoke.Config{Functions: []invoke.Declared{{Name: "slow", Command: []string{"sleep", "600"}}}})
	if err := slow.Warm(ended); err == nil {
		t.Error("an ended context does not end Warm")
	}
}
