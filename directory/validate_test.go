package directory_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

const account = "111122223333"

func trunk(f func(*directory.Trunk)) directory.Trunk {
	t := directory.Trunk{ID: "t1", Account: account, Host: "t1.example.com", Peers: []directory.Peer{{Host: "192.0.2.1"}}}
	f(&t)
	return t
}

func rule(f func(*directory.Rule)) directory.Rule {
	r := directory.Rule{ID: "r1", Account: account, Kind: directory.ByNumber, Value: "+12065550100", Targets: []directory.Target{{App: "a1", Priority: 1}}}
	f(&r)
	return r
}

func app(f func(*directory.App)) directory.App {
	a := directory.App{ID: "a1", Account: account, Dialect: "chime", Settings: json.RawMessage(`{}`)}
	f(&a)
	return a
}

func endpoint(f func(*directory.Endpoint)) directory.Endpoint {
	e := directory.Endpoint{User: "alice", Account: account, Password: "secret"}
	f(&e)
	return e
}

func TestValidate(t *testing.T) {
	for _, c := range []struct {
		name  string
		value interface{ Validate() error }
		field string // that is refused; empty: fit to be kept
	}{
		{"account", directory.Account{ID: account, Name: "Ünï"}, ""},
		{"account with a trunk's limit", directory.Account{ID: account, Limits: directory.Limits{Placed: 1}}, "limits.placed"},
		{"account of eleven digits", directory.Account{ID: account[1:]}, "id"},
		{"account with a letter", directory.Account{ID: account[1:] + "x"}, "id"},
		{"account with a line break in its name", directory.Account{ID: account, Name: "a\nb"}, "name"},
		{"account with a long name", directory.Account{ID: account, Name: strings.Repeat("é", 257)}, "name"},
		{"key", directory.Key{ID: "dev", Secret: "dev-secret", Account: account, Kind: "aws"}, ""},
		{"key without a secret", directory.Key{ID: "dev", Account: account, Kind: "aws"}, "secret"},
		{"key without a kind", directory.Key{ID: "dev", Secret: "s", Account: account}, "kind"},
		{"key with a slash", directory.Key{ID: "d/v", Secret: "s", Account: account, Kind: "aws"}, "id"},
		{"app", app(func(*directory.App) {}), ""},
		{"app without an id", app(func(a *directory.App) { a.ID = "" }), "id"},
		{"app with a broken setting", app(func(a *directory.App) { a.Settings = json.RawMessage(`{`) }), "settings"},
		{"app with settings of a megabyte", app(func(a *directory.App) { a.Settings = json.RawMessage(`"` + strings.Repeat("a", 1<<20) + `"`) }), "settings"},
		{"app without a dialect", app(func(a *directory.App) { a.Dialect = "" }), "dialect"},
		{"number", directory.Number{E164: "+12065550100", Account: account, Trunk: "t1"}, ""},
		{"number in stock", directory.Number{E164: "+12065550100"}, ""},
		{"number of two digits", directory.Number{E164: "+12"}, ""},
		{"number without plus", directory.Number{E164: "12065550100"}, "e164"},
		{"number with a zero in front", directory.Number{E164: "+02065550100"}, "e164"},
		{"number of sixteen digits", directory.Number{E164: "+1234567890123456"}, "e164"},
		{"number with Arabic digits", directory.Number{E164: "+1٢٣"}, "e164"},
		{"number of a strange account", directory.Number{E164: "+12065550100", Account: "me"}, "account"},
		{"trunk", trunk(func(*directory.Trunk) {}), ""},
		{"trunk without host and peers", trunk(func(t *directory.Trunk) { t.Host, t.Peers = "", nil }), ""},
		{"trunk with an upper-case host", trunk(func(t *directory.Trunk) { t.Host = "T1.example.com" }), "host"},
		{"trunk with a port in its host", trunk(func(t *directory.Trunk) { t.Host = "t1.example.com:5060" }), "host"},
		{"trunk with an IPv6 host", trunk(func(t *directory.Trunk) { t.Host = "2001:db8::1" }), ""},
		{"trunk with brackets", trunk(func(t *directory.Trunk) { t.Host = "[2001:db8::1]" }), "host"},
		{"trunk with a zone", trunk(func(t *directory.Trunk) { t.Host = "fe80::1%eth0" }), "host"},
		{"trunk with half an address", trunk(func(t *directory.Trunk) { t.Host = "192.0.2" }), "host"},
		{"trunk with callers", trunk(func(t *directory.Trunk) {
			t.Callers = []directory.Caller{{User: "pbx", Password: "1234"}, {User: "pbx 2", Password: "é"}}
		}), ""},
		{"caller twice", trunk(func(t *directory.Trunk) {
			t.Callers = []directory.Caller{{User: "pbx", Password: "1"}, {User: "pbx", Password: "2"}}
		}), "callers[1].user"},
		{"caller with a colon", trunk(func(t *directory.Trunk) { t.Callers = []directory.Caller{{User: "a:b", Password: "1"}} }), "callers[0].user"},
		{"caller with a quotation mark", trunk(func(t *directory.Trunk) { t.Callers = []directory.Caller{{User: `a"b`, Password: "1"}} }), "callers[0].user"},
		{"caller who is not ASCII", trunk(func(t *directory.Trunk) { t.Callers = []directory.Caller{{User: "é", Password: "1"}} }), "callers[0].user"},
		{"caller without a password", trunk(func(t *directory.Trunk) { t.Callers = []directory.Caller{{User: "pbx"}} }), "callers[0].password"},
		{"trunk whose peers dial others", trunk(func(t *directory.Trunk) {
			t.Transit = directory.Transit{Prefixes: []string{"+", "!+1900"}, Caller: "+12065550100"}
		}), ""},
		{"transit without plus", trunk(func(t *directory.Trunk) { t.Transit.Prefixes = []string{"1"} }), "transit.prefixes"},
		{"transit as nobody", trunk(func(t *directory.Trunk) { t.Transit.Caller = "anna" }), "transit.caller"},
		{"257 callers", trunk(func(t *directory.Trunk) { t.Callers = make([]directory.Caller, 257) }), "callers"},
		{"peer without a host", trunk(func(t *directory.Trunk) { t.Peers[0].Host = "" }), "peers[0].host"},
		{"peer with a header in its host", trunk(func(t *directory.Trunk) { t.Peers[0].Host = "a\r\nX: 1" }), "peers[0].host"},
		{"peer with a port too high", trunk(func(t *directory.Trunk) { t.Peers[0].Port = 65536 }), "peers[0].port"},
		{"peer by carrier pigeon", trunk(func(t *directory.Trunk) { t.Peers[0].Transport = "pigeon" }), "peers[0].transport"},
		{"peer below all", trunk(func(t *directory.Trunk) { t.Peers[0].Priority = -1 }), "peers[0].priority"},
		{"peer without weight", trunk(func(t *directory.Trunk) { t.Peers[0].Weight = -1 }), "peers[0].weight"},
		{"peer of all weight", trunk(func(t *directory.Trunk) { t.Peers[0].Weight = 1 << 62 }), "peers[0].weight"},
		{"peer of last resort", trunk(func(t *directory.Trunk) { t.Peers[0].Priority = 65536 }), "peers[0].priority"},
		{"trunk with many peers", trunk(func(t *directory.Trunk) { t.Peers = make([]directory.Peer, 65) }), "peers"},
		{"trunk that allows a network", trunk(func(t *directory.Trunk) { t.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} }), ""},
		{"trunk that allows an address in a network", trunk(func(t *directory.Trunk) { t.Allow = []netip.Prefix{netip.MustParsePrefix("10.0.0.1/8")} }), "allow[0]"},
		{"trunk that allows nothing that is", trunk(func(t *directory.Trunk) { t.Allow = []netip.Prefix{{}} }), "allow[0]"},
		{"trunk with a hasty keep-alive", trunk(func(t *directory.Trunk) { t.Keepalive = time.Millisecond }), "keepalive"},
		{"trunk with policies", trunk(func(t *directory.Trunk) { t.In = header.Trusted(); t.Out = header.Untrusted("X-*") }), ""},
		{"trunk with its policies crossed", trunk(func(t *directory.Trunk) { t.In.Direction = header.Out }), "in.direction"},
		{"trunk with a policy that is none", trunk(func(t *directory.Trunk) { t.Out.Rules = []header.Rule{{Match: "X-*", Do: "eat"}} }), "out"},
		{"rule", rule(func(*directory.Rule) {}), ""},
		{"rule by host", rule(func(r *directory.Rule) { r.Kind, r.Value = directory.ByHost, "x.example.com" }), ""},
		{"rule by moon", rule(func(r *directory.Rule) { r.Kind = "moon" }), "kind"},
		{"rule by number of a host", rule(func(r *directory.Rule) { r.Value = "x.example.com" }), "value"},
		{"rule by host of no host", rule(func(r *directory.Rule) { r.Kind, r.Value = directory.ByHost, "-x.example.com" }), "value"},
		{"rule without targets", rule(func(r *directory.Rule) { r.Targets = nil }), ""},
		{"rule named by its trigger", rule(func(r *directory.Rule) { r.ID = "number:+12065550100" }), ""},
		{"rule with many targets", rule(func(r *directory.Rule) { r.Targets = make([]directory.Target, 65) }), "targets"},
		{"rule with a target twice", rule(func(r *directory.Rule) { r.Targets = append(r.Targets, r.Targets[0]) }), "targets[1].app"},
		{"rule with a nameless target", rule(func(r *directory.Rule) { r.Targets[0].App = "" }), "targets[0].app"},
		{"rule with a target below all", rule(func(r *directory.Rule) { r.Targets[0].Priority = -1 }), "targets[0].priority"},
		{"endpoint", endpoint(func(*directory.Endpoint) {}), ""},
		{"endpoint without a user", endpoint(func(e *directory.Endpoint) { e.User = "" }), "user"},
		{"endpoint with an address", endpoint(func(e *directory.Endpoint) { e.User = "alice@example.com" }), "user"},
		{"endpoint without a password", endpoint(func(e *directory.Endpoint) { e.Password = "" }), "password"},
		{"endpoint with a line in its password", endpoint(func(e *directory.Endpoint) { e.Password = "a\r\nb" }), "password"},
		{"endpoint with contacts below all", endpoint(func(e *directory.Endpoint) { e.Contacts = -1 }), "contacts"},
		{"endpoint of no account", endpoint(func(e *directory.Endpoint) { e.Account = "" }), "account"},
		{"endpoint with an option that is none", endpoint(func(e *directory.Endpoint) { e.Options.Audio.Codecs = []string{"MP3"} }), "options.audio.codecs"},
		{"login", trunk(func(t *directory.Trunk) { t.Login = directory.Login{User: "u", Password: "p", Register: true} }), ""},
		{"login without a user", trunk(func(t *directory.Trunk) { t.Login = directory.Login{Password: "p"} }), "login.user"},
		{"login without a password", trunk(func(t *directory.Trunk) { t.Login = directory.Login{User: "u"} }), "login.password"},
		{"login for a moment", trunk(func(t *directory.Trunk) { t.Login = directory.Login{User: "u", Password: "p", Expires: time.Second} }), "login.expires"},
		{"login at nobody", trunk(func(t *directory.Trunk) {
			t.Peers, t.Login = nil, directory.Login{User: "u", Password: "p", Register: true}
		}), "login.register"},
		{"document", directory.Document{ID: "arn:aws:x/1", Account: account, Body: json.RawMessage(`[]`)}, ""},
		{"document without a body", directory.Document{ID: "x", Account: account}, "body"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := c.value.Validate()
			if c.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var invalid *directory.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != c.field {
				t.Fatalf("error is %v, want an InvalidError of %s", err, c.field)
			}
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("error is not one line: %q", err.Error())
			}
		})
	}
}

func TestErrorOfAKeyKeepsItsSecret(t *testing.T) {
	err := directory.Key{ID: "dev", Secret: strings.Repeat("hunter2", 100), Account: account, Kind: "aws"}.Validate()
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error is %v", err)
	}
}
