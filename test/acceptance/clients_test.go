package acceptance_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/switchhook/switchhook/test/need"
)

// This file has the customers' clients, each behind the same two shapes: what is asked of it, and what it made of the answer.

// asked is one operation, by the name that the vendor's model gives it.
type asked struct {
	Operation string `json:"operation"`
	Input     object `json:"input"`
	Pages     bool   `json:"pages"` // all pages; Input has MaxResults
}

// clientAnswer is what a client made of the server's answer.
type clientAnswer struct {
	Status  int    // 0 where the client does not show it
	Request string // the request's id; "" where the client does not show it
	Output  object
	Error   string // the exception; "client" when the client itself refused
	Typed   bool   // the client knows the exception as one that the operation declares
	Code    string // the body's Code, where the client shows it
	Message string
}

// client carries operations out.
type client interface {
	ask(t *testing.T, a asked) clientAnswer
}

// legacy is the client of the vendor's older namespace, chime: the same paths and bodies.
const legacy = "legacy"

// clients are the unmodified clients of customers, by name.
var clients = map[string]func(t *testing.T, s *server) client{
	"aws-cli":    func(t *testing.T, s *server) client { return pythonClient(t, s, "cli") },
	"boto3":      func(t *testing.T, s *server) client { return pythonClient(t, s, "boto3") },
	"go":         newGoClient,
	"javascript": func(t *testing.T, s *server) client { return nodeClient(t, s, "voice") },
	legacy:       func(t *testing.T, s *server) client { return nodeClient(t, s, legacy) },
}

// meetingClients are those for the vendor's service of meetings.
var meetingClients = map[string]func(t *testing.T, s *server) client{
	"aws-cli":    func(t *testing.T, s *server) client { return pythonClient(t, s, "cli", "chime-sdk-meetings") },
	"boto3":      func(t *testing.T, s *server) client { return pythonClient(t, s, "boto3", "chime-sdk-meetings") },
	"javascript": func(t *testing.T, s *server) client { return nodeClient(t, s, "meetings") },
	legacy:       func(t *testing.T, s *server) client { return nodeClient(t, s, "meetings2") }, // version 2, which published handlers have
}

func pythonClient(t *testing.T, s *server, which ...string) client {
	python := need.File(t, filepath.Join("..", "..", ".cache", "venv", "bin", "python"), "make test installs it")
	return newClientProcess(t, s, append([]string{python, filepath.Join("interop", "client.py")}, which...)...)
}

func nodeClient(t *testing.T, s *server, which string) client {
	need.File(t, filepath.Join("interop", "node", "node_modules"), "make test installs it")
	return newClientProcess(t, s, need.Tool(t, "node", "Node.js 20 or later"), filepath.Join("interop", "node", "client.mjs"), which)
}

// clientProcess is a client in a process of its own: a line of JSON for each operation, one for each answer.
type clientProcess struct {
	in  io.Writer
	out *bufio.Reader
}

func newClientProcess(t *testing.T, s *server, command ...string) *clientProcess {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(awsEnv(s), "AWS_ENDPOINT_URL_CHIME=http://"+s.HTTP, "AWS_ENDPOINT_URL_CHIME_SDK_MEETINGS=http://"+s.HTTP, fmt.Sprintf("AWS_MAX_ATTEMPTS=%d", max(s.attempts, 1)), "PYTHONUTF8=1", "NODE_NO_WARNINGS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("%q: %v", command, err)
		}
	})
	return &clientProcess{in, bufio.NewReaderSize(out, 1<<20)}
}

func (c *clientProcess) ask(t *testing.T, a asked) clientAnswer {
	t.Helper()
	line, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.in.Write(append(line, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err = c.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s: the client is gone: %v", a.Operation, err)
	}
	var out clientAnswer
	if err := json.Unmarshal(line, &out); err != nil {
		t.Fatalf("%s: %v\n%s", a.Operation, err, line)
	}
	return out
}

// goClient is the AWS SDK for Go, its operations found by name.
type goClient struct{ *chimesdkvoice.Client }

func newGoClient(_ *testing.T, s *server) client {
	return goClient{chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP), RetryMaxAttempts: max(s.attempts, 1),
		Credentials: credentials.NewStaticCredentialsProvider("dev", s.signs(), "")})}
}

func (c goClient) ask(t *testing.T, a asked) clientAnswer {
	t.Helper()
	method := reflect.ValueOf(c.Client).MethodByName(a.Operation)
	if !method.IsValid() {
		t.Fatalf("the SDK for Go has no operation %s", a.Operation)
	}
	given, err := json.Marshal(a.Input)
	if err != nil {
		t.Fatal(err)
	}
	input := reflect.New(method.Type().In(1).Elem())
	if err := json.Unmarshal(given, input.Interface()); err != nil {
		t.Fatalf("%s: %v", a.Operation, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	var pages []any
	for {
		out := method.Call([]reflect.Value{reflect.ValueOf(ctx), input})
		if err, failed := out[1].Interface().(error); failed {
			return goFailure(err)
		}
		pages = append(pages, out[0].Interface())
		output := out[0].Elem()
		if next := output.FieldByName("NextToken"); a.Pages && next.IsValid() && !next.IsNil() {
			input.Elem().FieldByName("NextToken").Set(next)
			continue
		}
		metadata, _ := output.FieldByName("ResultMetadata").Interface().(middleware.Metadata)
		answer := clientAnswer{Output: asObject(t, pages[0])}
		if a.Pages {
			answer.Output = asObject(t, object{"Pages": pages})
		}
		answer.Request, _ = awsmiddleware.GetRequestIDMetadata(metadata)
		if raw, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok {
			answer.Status = raw.StatusCode
		}
		return answer
	}
}

// goFailure tells an error's parts. An exception of the service's model is a type of the SDK's.
func goFailure(err error) clientAnswer {
	answer := clientAnswer{Error: "client", Message: err.Error()}
	var raw *awshttp.ResponseError
	if errors.As(err, &raw) {
		answer.Status, answer.Request = raw.HTTPStatusCode(), raw.ServiceRequestID()
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		answer.Error, answer.Message = api.ErrorCode(), api.ErrorMessage()
		kind := reflect.TypeOf(api).Elem()
		answer.Typed = kind.Name() == api.ErrorCode()
		if answer.Typed {
			answer.Code = reflect.ValueOf(api).Elem().FieldByName("Code").String()
		}
	}
	return answer
}

// asObject gives a value as JSON shows it.
func asObject(t *testing.T, v any) object {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out object
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// holder keeps what steps of a scenario name: "{app}" in later steps is what "app" was.
type holder map[string]string

// fill puts what is held into every string of a JSON value.
func (h holder) fill(v any) any {
	switch v := v.(type) {
	case string:
		for name, value := range h {
			v = strings.ReplaceAll(v, "{"+name+"}", value)
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = h.fill(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			out[name] = h.fill(value)
		}
		return out
	}
	return v
}

// at gives what a path of names and positions leads to: "Rules.0.Name".
func at(v any, path string) (any, error) {
	for _, name := range strings.Split(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			i := 0
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(in) {
				return nil, fmt.Errorf("%s: a list of %d has no %s", path, len(in), name)
			}
			v = in[i]
		default:
			return nil, fmt.Errorf("%s: %v has no %s", path, v, name)
		}
	}
	return v, nil
}
