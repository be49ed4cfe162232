package invoke

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

// maxConnections bounds what one process may open to its Runtime API.
const maxConnections = 16

// invocation is one event for a local process.
type invocation struct {
	id       string
	arn      string
	trace    string
	payload  []byte
	deadline time.Time
	lines    func(string)
	done     chan outcome // gets exactly one
}

type outcome struct {
	answer []byte
	fault  *Error
}

func newInvocation(arn string, payload []byte, lines func(string)) *invocation {
	id := uuid.New()
	return &invocation{
		id: id.String(), arn: arn, lines: lines, done: make(chan outcome, 1),
		trace:   fmt.Sprintf("Root=1-%08x-%s;Sampled=0", time.Now().Unix(), hex.EncodeToString(id[4:])),
		payload: append([]byte(nil), payload...), // the process may read it after the caller is gone
	}
}

func discardLog() *log.Logger { return log.New(io.Discard, "", 0) }

// runtimeAPI serves the AWS Lambda Runtime API, version 2018-06-01, for one process.
func (p *process) runtimeAPI() http.Handler {
	const api = "/2018-06-01/runtime/"
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"invocation/next", p.next)
	mux.HandleFunc("POST "+api+"invocation/{id}/response", p.response)
	mux.HandleFunc("POST "+api+"invocation/{id}/error", p.failure)
	mux.HandleFunc("POST "+api+"init/error", p.initFailure)
	return mux
}

// next gives the process its next event, when there is one.
func (p *process) next(w http.ResponseWriter, r *http.Request) {
	if !p.becomesReady(r.Context()) {
		refuse(w, http.StatusForbidden, "InvalidStateTransition", "the last event is not answered yet")
		return
	}
	var inv *invocation
	select {
	case inv = <-p.work:
	case <-r.Context().Done(): // asked again on another connection, or dying
		return
	case <-p.ctx.Done():
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(len(inv.payload))}
	h["Lambda-Runtime-Aws-Request-Id"] = []string{inv.id}
	h["Lambda-Runtime-Deadline-Ms"] = []string{strconv.FormatInt(inv.deadline.UnixMilli(), 10)}
	h["Lambda-Runtime-Invoked-Function-Arn"] = []string{inv.arn}
	h["Lambda-Runtime-Trace-Id"] = []string{inv.trace}
	_, _ = w.Write(inv.payload) // when it fails the process is dying, or runs into its limit
}

// becomesReady tells whether the process may have its next event. An answer that broke off on another connection may be noticed a
// moment after this request: it is given that moment.
func (p *process) becomesReady(ctx context.Context) bool {
	const tries, pause = 20, 5 * time.Millisecond
	for try := 0; ; try++ {
		switch {
		case p.fleet.ready(p):
			return true
		case try == tries:
			return false
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		case <-p.ctx.Done():
			return false
		}
	}
}

// response takes the function's answer.
func (p *process) response(w http.ResponseWriter, r *http.Request) {
	answer, err := readAnswer(r.Body, r.ContentLength, p.fleet.limits.answer)
	out := outcome{answer: answer}
	switch {
	case errors.Is(err, errTooLarge):
		out = outcome{fault: &Error{Kind: TooLarge, Type: "Function.ResponseSizeTooLarge", Message: err.Error(), Err: err}}
	case err != nil:
		out = outcome{fault: &Error{Kind: Crashed, Type: "Runtime.TruncatedResponse", Message: "its process broke its answer off", Err: err}}
	case r.Trailer.Get("Lambda-Runtime-Function-Error-Type") != "": // it failed while it streamed its answer
		out = outcome{fault: &Error{Kind: Crashed, Type: cut(r.Trailer.Get("Lambda-Runtime-Function-Error-Type")), Message: "it failed while it answered"}}
	}
	switch {
	case !p.finish(r.PathValue("id"), out):
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation is waiting for an answer")
	case errors.Is(err, errTooLarge):
		refuse(w, http.StatusRequestEntityTooLarge, "RequestEntityTooLarge", err.Error())
	default:
		accept(w)
	}
}

// failure takes the error that the function ended with.
func (p *process) failure(w http.ResponseWriter, r *http.Request) {
	if !p.finish(r.PathValue("id"), outcome{fault: failureOf(r)}) {
		refuse(w, http.StatusBadRequest, "InvalidRequestID", "no such invocation is waiting for an answer")
		return
	}
	accept(w)
}

// initFailure takes why the process can't start; it exits by itself then.
func (p *process) initFailure(w http.ResponseWriter, r *http.Request) {
	fault := failureOf(r)
	f := p.fleet
	f.mu.Lock()
	if p.state == starting {
		p.fault = fault
	}
	f.mu.Unlock()
	accept(w)
}

func failureOf(r *http.Request) *Error {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 256<<10)) // broken off: what came is better than nothing
	fault := crash(body)
	fault.Type = or(fault.Type, cut(r.Header.Get("Lambda-Runtime-Function-Error-Type")))
	return fault
}

func accept(w http.ResponseWriter) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(http.StatusAccepted)
	_, _ = io.WriteString(w, `{"status":"OK"}`)
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header()["Content-Type"] = []string{"application/json"}
	w.WriteHeader(status)
	body, _ := json.Marshal(map[string]string{"errorType": kind, "errorMessage": message})
	_, _ = w.Write(body)
}
