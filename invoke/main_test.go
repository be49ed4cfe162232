package invoke_test

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/invoke"
)

// TestMain has the certificate of httptest's servers trusted, as an operator would.
func TestMain(m *testing.M) {
	s := httptest.NewTLSServer(nil)
	s.Close()
	file := filepath.Join(os.TempDir(), fmt.Sprintf("invoke-test-%d.pem", os.Getpid()))
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := errors.Join(os.WriteFile(file, text, 0o600), os.Setenv("SSL_CERT_FILE", file)); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		os.Remove(file)
		if dir, err := builds(); err == nil {
			os.RemoveAll(dir)
		}
		os.Exit(code)
	}))
}

// builds compiles the functions of testdata once.
var builds = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "invoke-test-")
	if err != nil {
		return "", err
	}
	out, err := exec.Command("go", "build", "-o", dir, "./testdata/echo", "./testdata/rogue").CombinedOutput()
	if err != nil {
		return "", errors.New(string(out))
	}
	return dir, nil
})

func built(t testing.TB, name string) string {
	t.Helper()
	dir, err := builds()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, name)
}

// open makes an Invoker that is closed when the test ends.
func open(t testing.TB, c invoke.Config) *invoke.Invoker {
	t.Helper()
	i, err := invoke.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Close(); err != nil {
			t.Error(err)
		}
	})
	return i
}

func find(t testing.TB, i *invoke.Invoker, name string) invoke.Function {
	t.Helper()
	f, err := i.Function(name)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// one opens an Invoker with one function.
func one(t testing.TB, d invoke.Declared) invoke.Function {
	t.Helper()
	if d.Name == "" {
		d.Name = "one"
	}
	return find(t, open(t, invoke.Config{Functions: []invoke.Declared{d}}), d.Name)
}

type reply struct {
	Event struct {
		Do   string `json:"do"`
		N    int    `json:"n"`
		Text string `json:"text"`
	} `json:"event"`
	PID       int    `json:"pid"`
	RequestID string `json:"requestId"`
	ARN       string `json:"arn"`
	Function  string `json:"function"`
	Remaining int    `json:"remaining"`
	Child     int    `json:"child"`
	Env       string `json:"env"`
	Dir       string `json:"dir"`
}

func ask(t testing.TB, f invoke.Function, event string) reply {
	t.Helper()
	b, err := f.Invoke(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var r reply
	if err := json.Unmarshal(b, &r); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return r
}

// fault invokes a function that must fail.
func fault(t testing.TB, ctx context.Context, f invoke.Function, event string) *invoke.Error {
	t.Helper()
	b, err := f.Invoke(ctx, []byte(event))
	var e *invoke.Error
	if !errors.As(err, &e) {
		t.Fatalf("got %.200q, %v; want an *invoke.Error", b, err)
	}
	return e
}

// eventually waits for what another process does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

// lines collects what a function prints.
type lines struct {
	mu  sync.Mutex
	all []string
}

func (l *lines) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, s)
}

func (l *lines) got() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.all...)
}
