package chime

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

var _ dialect.Restful = (*Dialect)(nil)

// maxBody bounds a request's body: the largest that the vendor's model allows is far below.
const maxBody = 256 << 10

// maxParameters bounds a request's query, which is read before the signature is judged: the operation with most takes 9.
const maxParameters = 64

// operation is one row of the API. One more operation is one more row and one function.
type operation struct {
	name   string // as in the vendor's model
	method string
	path   string // with {name} for what the handler takes from it
	query  string // "operation=put": tells operations of one method and path apart; usually empty
	status int    // of success; 204 has no body
	do     handler
}

// handler carries one operation out.
type handler struct {
	run     func(*control, *request) (any, error) // gives the answer's body
	in, out reflect.Type                          // the bodies; in is nil where none is read
}

// control is the API's half of the dialect.
type control struct {
	*Dialect
	calls dialect.Calls
	// mu makes a change one step: its checks (does a rule still name this application?) and its write.
	mu sync.Mutex
	// creates and updates are how often calls were asked for and told something; replays, which calls came of it.
	creates, updates pace
	replays          replays
}

// request is one authenticated request.
type request struct {
	context.Context
	account string
	http    *http.Request
	query   url.Values
	body    []byte
}

// path gives a part of the path, unescaped.
func (r *request) path(name string) string { return r.http.PathValue(name) }

// bare makes a handler of a function that takes no body.
func bare[Out any](f func(*control, *request) (Out, error)) handler {
	run := func(c *control, r *request) (any, error) { return f(c, r) }
	return handler{run, nil, reflect.TypeFor[Out]()}
}

// with makes a handler of a function that takes the body as a T. Members that T does not have are passed over, as the
// vendor does: newer clients know more.
func with[In, Out any](f func(*control, *request, In) (Out, error)) handler {
	run := func(c *control, r *request) (any, error) {
		var in In
		if len(bytes.TrimSpace(r.body)) > 0 {
			if !utf8.Valid(r.body) { // what is handed on byte for byte would fail whom it reaches
				return nil, badRequest("The request's body is not UTF-8")
			}
			if err := json.Unmarshal(r.body, &in); err != nil {
				return nil, bodyError(err)
			}
		}
		return f(c, r, in)
	}
	return handler{run, reflect.TypeFor[In](), reflect.TypeFor[Out]()}
}

func bodyError(err error) error {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return badRequest("%s: a JSON %s stands where %s should", cmp.Or(kind.Field, "The request's body"), kind.Value, jsonKind(kind.Type.Kind()))
	}
	return badRequest("The request's body is not a JSON object of this operation: %v", err)
}

// nothing is the answer of operations that answer 204.
type nothing struct{}

// operations is the API: the same table for the vendor's namespaces (chime-sdk-voice 2022-08-03, chime-sdk-meetings 2021-07-15
// and, with the same paths, chime 2018-05-01).
func operations() []operation {
	return slices.Concat(applicationOperations, ruleOperations, connectorOperations, terminationOperations, credentialOperations, groupOperations,
		loggingOperations, configurationOperations, numberOperations, batchOperations, queueOperations, settingsOperations, associationOperations, orderOperations, callOperations, tagOperations,
		meetingOperations, attendeeOperations)
}

// roots begin the paths of the vendor's model, those of operations that are not served here too.
func roots() []string {
	return []string{"/emergency-calling", "/meetings", "/phone-number-countries", "/phone-number-orders", "/phone-numbers", "/search", "/settings",
		"/sip-media-applications", "/sip-rules", "/tags", "/voice-connector-groups", "/voice-connector-regions", "/voice-connectors",
		"/voice-profile-domains", "/voice-profiles"}
}

// Routes mounts the control plane. Its patterns begin with the vendor's own paths.
func (d *Dialect) Routes(mux dialect.Mux, calls dialect.Calls) {
	c := &control{Dialect: d, calls: calls}
	d.lobby.open(calls)
	byPattern := map[string][]operation{}
	for _, op := range operations() {
		pattern := op.method + " " + op.path
		byPattern[pattern] = append(byPattern[pattern], op)
		// A client that was given an empty ID asks for the path without it.
		if at, ok := strings.CutSuffix(pattern, lastWildcard(op.path)); ok && at != pattern {
			byPattern[at+"{$}"] = nil
		}
	}
	for _, pattern := range slices.Sorted(maps.Keys(byPattern)) {
		mux.Handle(pattern, c.serve(among(byPattern[pattern])))
	}
	for _, root := range roots() {
		mux.Handle(root, c.serve(unserved))
		mux.Handle(root+"/", c.serve(unserved))
	}
}

// lastWildcard gives the "{name}" that a path ends with, or "".
func lastWildcard(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	if strings.HasPrefix(last, "{") {
		return last
	}
	return ""
}

// serve answers requests with the operation that find gives for each.
func (c *control) serve(find func(*request) (operation, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, hr *http.Request) {
		id := hr.Header.Get("Amz-Sdk-Invocation-Id")
		if _, err := uuid.Parse(id); err != nil {
			id = uuid.NewString()
		}
		w.Header().Set("X-Amzn-RequestId", id)
		status, body, err := c.run(w, hr, find)
		if err != nil {
			e, known := asAPIError(err)
			if !known {
				c.cfg.Logger.Error("chime API request failed", "request", id, "method", hr.Method, "path", hr.URL.Path, "error", err)
			}
			e.write(w)
			return
		}
		if status == http.StatusNoContent {
			w.WriteHeader(status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body) //nolint:gosec // JSON, served as JSON; a client that is gone needs no answer
	})
}

// run lets the client in, finds the operation, and carries it out.
func (c *control) run(w http.ResponseWriter, hr *http.Request, find func(*request) (operation, error)) (int, []byte, error) {
	r, err := c.authenticate(w, hr)
	if err != nil {
		return 0, nil, err
	}
	op, err := find(r)
	if err != nil {
		return 0, nil, err
	}
	out, err := op.do.run(c, r)
	if err != nil || op.status == http.StatusNoContent {
		return op.status, nil, err
	}
	body, err := json.Marshal(out)
	if err != nil {
		return 0, nil, fmt.Errorf("encode answer of %s: %w", op.name, err)
	}
	return op.status, body, nil
}

// authenticate checks the signature and reads the body.
func (c *control) authenticate(w http.ResponseWriter, hr *http.Request) (*request, error) {
	if strings.Count(hr.URL.RawQuery, "&") >= maxParameters {
		return nil, badRequest("The query has more than %d parameters", maxParameters)
	}
	query := hr.URL.Query()
	s, err := parseSignature(hr, query)
	if err != nil {
		return nil, err
	}
	if err := s.check(hr, c.cfg.Clock().UTC()); err != nil {
		return nil, err
	}
	key, ok := c.cfg.Directory().Key(directory.KeyAWS, s.key)
	if !ok {
		return nil, errUnknownKey
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, hr.Body, maxBody))
	if err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return nil, errTooLarge
		}
		return nil, badRequest("The request's body could not be read: %v", err)
	}
	if err := s.verify(hr, query, body, key); err != nil {
		return nil, err
	}
	return &request{Context: hr.Context(), account: key.Account, http: hr, query: query, body: body}, nil
}

// among finds the operation that the query asks for, among those of one method and path.
func among(ops []operation) func(*request) (operation, error) {
	return func(r *request) (operation, error) {
		for _, op := range ops {
			name, value, _ := strings.Cut(op.query, "=")
			if op.query == "" && !r.query.Has("operation") || op.query != "" && r.query.Get(name) == value {
				return op, nil
			}
		}
		if len(ops) == 0 {
			return operation{}, badRequest("The path ends where an Id should stand")
		}
		return unserved(r)
	}
}

// unserved is the answer to operations of the vendor's that this server does not have.
func unserved(r *request) (operation, error) {
	return operation{}, unknownOperation(r.http.Method, r.http.URL.RequestURI())
}

// change runs f as one step among all changes of this API.
func (c *control) change(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return f()
}

func (c *control) now() time.Time { return c.cfg.Clock().UTC().Truncate(time.Millisecond) }

// taken makes a conflict of a store's, with words for the client.
func taken(err error, format string, args ...any) error {
	if errors.Is(err, directory.ErrConflict) {
		return conflict(format, args...)
	}
	return err
}

// newID gives the ID of most of the vendor's things: a random UUID.
func newID() string { return uuid.NewString() }

// arn gives the name of a thing: "sma", "vc", "phone-number" and its ID.
func (c *control) arn(kind, account, region, id string) string {
	return "arn:aws:chime:" + region + ":" + account + ":" + kind + "/" + id
}
