package invoke_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/switchhook/switchhook/invoke"
)

// An event and an answer of the size that telephony has.
var (
	benchEvent  = []byte(`{"pad":"` + strings.Repeat("x", 1500) + `"}`)
	benchAnswer = `{"SchemaVersion":"1.0","Actions":[` + strings.Repeat(`{"Type":"Pause"},`, 20) + `{}]}`
)

// instant is an HTTP server that costs next to nothing, so that what is measured is the client's.
func instant(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	response := fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(benchAnswer), benchAnswer)
	var all sync.WaitGroup
	b.Cleanup(func() { l.Close(); all.Wait() })
	all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				r := bufio.NewReader(c)
				for {
					for {
						line, err := r.ReadSlice('\n')
						if err != nil {
							return
						}
						if len(line) == 2 {
							break
						}
					}
					if _, err := r.Discard(len(benchEvent)); err != nil {
						return
					}
					if _, err := io.WriteString(c, response); err != nil {
						return
					}
				}
			})
		}
	})
	return "http://" + l.Addr().String() + "/2015-03-31/functions/function/invocations"
}

func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}

func run(b *testing.B, f invoke.Function, inFlight int) {
	b.Helper()
	if _, err := f.Invoke(b.Context(), benchEvent); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	before := cpu()
	var all sync.WaitGroup
	for n := range inFlight {
		all.Go(func() {
			for range b.N/inFlight + min(1, max(0, b.N%inFlight-n)) {
				if _, err := f.Invoke(b.Context(), benchEvent); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.ReportMetric(float64(cpu()-before)/float64(b.N)/1000, "cpu-µs/op") // server included, where it is in this process
}

func BenchmarkURL(b *testing.B) {
	for _, n := range []int{1, 16} {
		b.Run(fmt.Sprintf("%d in flight", n), func(b *testing.B) {
			run(b, one(b, invoke.Declared{URL: instant(b)}), n)
		})
	}
}

// What a client of the standard library alone costs, for comparison in the same run.
func BenchmarkBareHTTPClient(b *testing.B) {
	url := instant(b)
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	run(b, bare{url, &http.Client{Transport: transport}}, 16)
}

func BenchmarkLocalProcess(b *testing.B) {
	for _, n := range []int{1, 4} {
		b.Run(fmt.Sprintf("%d in flight", n), func(b *testing.B) {
			run(b, one(b, invoke.Declared{Command: []string{built(b, "echo")}, Concurrency: n}), n)
		})
	}
}

func BenchmarkLambda(b *testing.B) {
	b.Setenv("AWS_ENDPOINT_URL_LAMBDA", strings.TrimSuffix(instant(b), "/2015-03-31/functions/function/invocations"))
	b.Setenv("AWS_ACCESS_KEY_ID", "a")
	b.Setenv("AWS_SECRET_ACCESS_KEY", "b")
	run(b, find(b, open(b, invoke.Config{Region: "us-east-1"}), "one"), 16)
}
