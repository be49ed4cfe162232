package api

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"reflect"
	"runtime/debug"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/exchange"
	"github.com/switchhook/switchhook/header"
)

// Records gives the calls that are over.
type Records interface {
	// Record gives one; directory.ErrNotFound.
	Record(ctx context.Context, id call.ID) (call.Finished, error)
	// Records gives a page, newest first.
	Records(ctx context.Context, f call.Filter, p directory.Page) ([]call.Record, error)
}

// Trunks tells how the trunks' peers do.
type Trunks interface {
	Health() []PeerHealth
}

// PeerHealth is what is known of one peer.
type PeerHealth struct {
	Trunk string    `json:"trunk"`
	Peer  string    `json:"peer" doc:"host:port, with ;tcp or ;tls where that is how it is reached"`
	Up    bool      `json:"up"`
	Since time.Time `json:"since,omitzero" doc:"since when; absent while nothing has changed since the start"`
}

// RefusedCalls counts calls of which nothing came.
type RefusedCalls struct {
	Direction string // "in": refused; "out": not placed
	Status    int    // SIP
	Calls     uint64
}

// Config is what the API needs.
type Config struct {
	Records       Records
	Exchange      *exchange.Exchange
	Trunks        Trunks
	Claims        Claims
	Registrations Registrations
	Legs          func() int                      // SIP legs that stand
	Overload      func() (refused, dropped int64) // SIP requests and messages that were too many
	Strangers     Strangers
	Keys          Keys
	Refused       func() []RefusedCalls       // calls that never were, in an order of no meaning
	Certificates  func() map[string]time.Time // files of our certificates, and when they end
	Rooms         func() (rooms, parties int)
	LogLost       func() int64 // lines of the log that were left out because its reader did not keep up
	Directory     func() *directory.Snapshot
	Dialects      []dialect.Dialect
	TrustLoopback bool // requests from this machine need no key (--dev)
	Version       string
	Logger        *slog.Logger
}

// New gives the handler of the whole HTTP address.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if c.Exchange.Draining() {
			http.Error(w, "draining: no new calls are taken", http.StatusServiceUnavailable)
			return
		}
		w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", c.metrics())
	if c.Claims != nil {
		mux.Handle("GET /claims/{ref}", c.redeem())
	}
	for _, d := range c.Dialects {
		if r, ok := d.(dialect.Restful); ok {
			r.Routes(mux, c.Exchange)
		}
	}
	admin := http.NewServeMux()
	c.admin(admin)
	mux.Handle("/api/", c.authorise(admin))
	return c.guard(mux)
}

// maxBody bounds what any request may send us.
const maxBody = 1 << 20

// guard bounds each request's body and keeps one request's fault from touching another.
func (c *Config) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			switch v := recover(); v {
			case nil:
			case http.ErrAbortHandler:
				panic(v)
			default:
				c.Logger.Error("request handler failed", "method", r.Method, "path", r.URL.Path, "fault", v, "stack", string(debug.Stack()))
				http.Error(w, "internal error", http.StatusInternalServerError)
			}
		}()
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

// authorise lets in who has an admin key (HTTP Basic: key id and secret), and this machine where that is trusted.
func (c *Config) authorise(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c.TrustLoopback && fromLoopback(r) || c.hasAdminKey(r) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="switchhook", charset="UTF-8"`)
		http.Error(w, "an admin key is needed: send its id and secret by HTTP Basic (--key and --secret of the commands)", http.StatusUnauthorized)
	})
}

func (c *Config) hasAdminKey(r *http.Request) bool {
	id, secret, ok := r.BasicAuth()
	if !ok {
		return false
	}
	k, found := c.Directory().Key(directory.KeyAdmin, id)
	return equalSecret(secret, k.Secret) && found && k.Secret != ""
}

// fromLoopback tells whether a request comes from this machine and was meant for it: a page in a browser that was led
// here by a foreign name (DNS rebinding) has another Host.
func fromLoopback(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() || r.Header.Get("Origin") != "" {
		return false
	}
	return loopbackHost(r.Host)
}

// admin mounts our own API.
func (c *Config) admin(mux *http.ServeMux) {
	cfg := huma.DefaultConfig("Switchhook", c.Version)
	cfg.OpenAPIPath, cfg.DocsPath, cfg.SchemasPath = "/api/openapi", "", "/api/schemas"
	cfg.Components.Schemas = huma.NewMapRegistry("#/components/schemas/", schemaName)
	api := humago.New(mux, cfg)
	c.calls(api)
	c.live(api)
	c.studio(api)
	c.legs(api)
	c.things(api)
	c.registrations(api)
	c.bans(api)
	c.keys(api)
}

// schemaName names a type in the description of our API: as it is called, and with its package first where that is header, whose
// words others use for things of their own.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Name() != "" && t.PkgPath() == reflect.TypeFor[header.Policy]().PkgPath() {
		return "Header" + name
	}
	return name
}
