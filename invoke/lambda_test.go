package invoke_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/invoke"
	"github.com/switchhook/switchhook/test/quiet"
)

// aws sets the settings of AWS for a test; nothing of the machine's own is read.
func aws(t *testing.T, settings map[string]string) {
	t.Helper()
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") {
			t.Setenv(name, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(dir, "config"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(dir, "credentials"))
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for k, v := range settings {
		t.Setenv(k, v)
	}
}

func TestLambdaFailures(t *testing.T) {
	for name, c := range failures {
		t.Run(name, func(t *testing.T) {
			s := &scripted{replies: c.replies}
			aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": serve(t, s), "AWS_MAX_ATTEMPTS": "7", "AWS_RETRY_MODE": "adaptive"})
			i := open(t, invoke.Config{MaxAnswer: 1000, Retry: invoke.Retry{Wait: time.Millisecond}})
			const arn = "arn:aws:lambda:eu-west-1:123456789012:function:one"
			e := fault(t, t.Context(), find(t, i, arn), `{}`)
			compare(t, e, c.want)
			if e.Function != arn {
				t.Errorf("names %s", e.Function)
			}
			if len(s.asked) != c.asked {
				t.Errorf("asked %d times, want %d", len(s.asked), c.asked)
			}
		})
	}
}

func TestLambdaRequest(t *testing.T) {
	s := &scripted{replies: []answer{{200, nil, `{"Actions":[]}`}}}
	url := serve(t, s)
	for name, c := range map[string]struct {
		settings map[string]string
		config   invoke.Config
		function string
		path     string
		region   string
	}{
		"ARN": {map[string]string{"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_REGION": "us-east-1"}, invoke.Config{},
			"arn:aws:lambda:eu-west-1:123456789012:function:one", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aone/invocations", "eu-west-1"},
		"ARN with qualifier": {map[string]string{"AWS_ENDPOINT_URL": url}, invoke.Config{},
			"arn:aws-us-gov:lambda:us-gov-west-1:123456789012:function:one:live", "/2015-03-31/functions/arn%3Aaws-us-gov%3Alambda%3Aus-gov-west-1%3A123456789012%3Afunction%3Aone%3Alive/invocations", "us-gov-west-1"},
		"name, region of the environment": {map[string]string{"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_REGION": "ap-south-1"}, invoke.Config{},
			"one", "/2015-03-31/functions/one/invocations", "ap-south-1"},
		"name, region of the configuration": {map[string]string{"AWS_ENDPOINT_URL_LAMBDA": url, "AWS_REGION": "ap-south-1"}, invoke.Config{Region: "eu-north-1"},
			"one:7", "/2015-03-31/functions/one%3A7/invocations", "eu-north-1"},
	} {
		t.Run(name, func(t *testing.T) {
			aws(t, c.settings)
			s.asked, s.bodies = nil, nil
			f := find(t, open(t, c.config), c.function)
			got, err := f.Invoke(t.Context(), []byte(`{"a":1}`))
			if err != nil || string(got) != `{"Actions":[]}` {
				t.Fatalf("got %s, %v", got, err)
			}
			r := s.asked[0]
			if r.Method != "POST" || r.URL.EscapedPath() != c.path || string(s.bodies[0]) != `{"a":1}` {
				t.Errorf("%s %s %s", r.Method, r.URL.EscapedPath(), s.bodies[0])
			}
			if a := r.Header.Get("Authorization"); !strings.Contains(a, "Credential=AKIDEXAMPLE/") || !strings.Contains(a, "/"+c.region+"/lambda/aws4_request") {
				t.Errorf("signed %s", a)
			}
			if len(r.URL.RawQuery) > 0 || r.Header.Get("X-Amz-Log-Type") != "" { // refused by sam local start-lambda
				t.Errorf("query %q, %v", r.URL.RawQuery, r.Header)
			}
		})
	}
}

func TestLambdaSharedConfigFile(t *testing.T) {
	s := &scripted{replies: []answer{{200, nil, `1`}}}
	aws(t, map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "pbx"})
	text := "[profile pbx]\nregion = sa-east-1\naws_access_key_id = AKIDFILE\naws_secret_access_key = x\nservices = s\n[services s]\nlambda =\n  endpoint_url = " + serve(t, s) + "\n"
	if err := os.WriteFile(os.Getenv("AWS_CONFIG_FILE"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := find(t, open(t, invoke.Config{}), "one").Invoke(t.Context(), nil); err != nil || string(b) != `1` {
		t.Fatalf("got %s, %v", b, err)
	}
	if a := s.asked[0].Header.Get("Authorization"); !strings.Contains(a, "Credential=AKIDFILE/") || !strings.Contains(a, "/sa-east-1/") {
		t.Errorf("signed %s", a)
	}
}

func TestLambdaTransportFailures(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	hang := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}))
	t.Run("refused", func(t *testing.T) {
		aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": "http://" + l.Addr().String()})
		e := fault(t, t.Context(), find(t, open(t, invoke.Config{Region: "us-east-1"}), "one"), `{}`)
		if e.Kind != invoke.Unreachable || !strings.Contains(e.Message, "refused") {
			t.Errorf("got %v", e)
		}
	})
	t.Run("late", func(t *testing.T) {
		aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": hang})
		f := find(t, open(t, invoke.Config{Region: "us-east-1", Timeout: 100 * time.Millisecond}), "one")
		if e := fault(t, t.Context(), f, `{}`); e.Kind != invoke.TimedOut || e.Message != "no answer within 100ms" {
			t.Errorf("got %v", e)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(20*time.Millisecond, cancel)
		if _, err := f.Invoke(ctx, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": hang, "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""})
		e := fault(t, t.Context(), find(t, open(t, invoke.Config{Region: "us-east-1"}), "one"), `{}`)
		if e.Kind != invoke.Unreachable || !strings.Contains(e.Message, "credentials") {
			t.Errorf("got %v", e)
		}
	})
	t.Run("endless answer", func(t *testing.T) {
		url, _ := raw(t, func(int) string { return "HTTP/1.1 200 OK\r\n\r\n" + strings.Repeat("x", 8<<20) })
		aws(t, map[string]string{"AWS_ENDPOINT_URL_LAMBDA": url})
		e := fault(t, t.Context(), find(t, open(t, invoke.Config{Region: "us-east-1"}), "one"), `{}`)
		if e.Kind != invoke.TooLarge {
			t.Errorf("got %v", e)
		}
	})
}

func TestFunctionNames(t *testing.T) {
	aws(t, nil)
	i := open(t, invoke.Config{Functions: []invoke.Declared{{Name: "mine", URL: "http://127.0.0.1:1"}}, Retry: invoke.Retry{Attempts: 1}})
	for name, want := range map[string]string{
		"mine":                            "",
		"mine:live":                       "",
		"123456789012:function:mine":      "",
		"123456789012:function:mine:live": "",
		"arn:aws:lambda:us-east-1:123456789012:function:mine":   "",
		"arn:aws:lambda:us-east-1:123456789012:function:mine:1": "",
		"arn:aws:lambda:us-east-1:123456789012:function:other":  "",
		"other":                      "no AWS region",
		"":                           "neither the ARN nor the name",
		"a b":                        "neither the ARN nor the name",
		"../../x":                    "neither the ARN nor the name",
		"a:b:c":                      "neither the ARN nor the name",
		strings.Repeat("a", 65):      "neither the ARN nor the name",
		"arn:aws:s3:::bucket":        "not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:1": "not the ARN of a Lambda function",
		"arn:aws:lambda:evil.example/:1:function:x":                 "not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:123456789012:function:a:b:c":      "not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:123456789012:function:":           "not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:123456789012:layer:mine":          "not the ARN of a Lambda function",
		"arn:aws:lambda:us-east-1:123456789012:function:mine\r\nX:": "not the ARN of a Lambda function",
	} {
		_, err := i.Function(name)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", name, err, want)
		}
	}
	if e := fault(t, t.Context(), find(t, i, "arn:aws:lambda:us-east-1:123456789012:function:mine:live"), `{}`); e.Kind != invoke.Unreachable {
		t.Errorf("got %v", e)
	}
}

func TestConfigIsChecked(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []string{"both.py", "both.js"} {
		if err := os.WriteFile(filepath.Join(dir, f), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for want, d := range map[string]invoke.Declared{
		"a name is 1 to 64":               {Name: "no name", URL: "http://x"},
		"it has no URL":                   {Name: "f"},
		"one of them":                     {Name: "f", URL: "http://x", Handler: "index.handler"},
		"not one of http or https":        {Name: "f", URL: "ftp://x"},
		"with a host":                     {Name: "f", URL: "http:///x"},
		"invalid control character":       {Name: "f", URL: "http://x/\r\n"},
		"names no export":                 {Name: "f", Handler: "index"},
		"no file for its handler":         {Name: "f", Dir: dir, Handler: "absent.handler"},
		"could be any of":                 {Name: "f", Dir: dir, Handler: "both.handler"},
		"negative":                        {Name: "f", URL: "http://x", Timeout: -1},
		"name of an environment variable": {Name: "f", Command: []string{"x"}, Env: map[string]string{"A=B": ""}},
	} {
		if _, err := invoke.New(invoke.Config{Functions: []invoke.Declared{d}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", d, err, want)
		}
	}
	twice := invoke.Declared{Name: "f", URL: "http://x"}
	if _, err := invoke.New(invoke.Config{Functions: []invoke.Declared{twice, twice}}); err == nil || !strings.Contains(err.Error(), "twice") {
		t.Errorf("declared twice: %v", err)
	}
	if _, err := invoke.New(invoke.Config{Region: "evil.example/"}); err == nil {
		t.Error("a region that is none passes")
	}
}

func TestErrorInWords(t *testing.T) {
	cause := errors.New("cause")
	e := &invoke.Error{Kind: invoke.Crashed, Function: "f", Type: "TypeError", Message: "no", Err: cause}
	if e.Error() != "function f: crashed: TypeError: no" || !errors.Is(e, cause) {
		t.Error(e)
	}
	if _, err := json.Marshal(e.Kind); err != nil {
		t.Error(err)
	}
}

func TestNothingIsWrittenBesideTheLog(t *testing.T) {
	quiet.WithoutCredentials(t, func() {
		i := open(t, invoke.Config{Retry: invoke.Retry{Wait: time.Millisecond}})
		fault(t, t.Context(), find(t, i, "one"), `{}`)
	})
}
