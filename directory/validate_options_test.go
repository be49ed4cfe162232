package directory_test

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Every option of a trunk that can be wrong is refused by its name.
func TestValidateOptions(t *testing.T) {
	full := directory.Options{
		Profile: "avaya-sm",
		Signalling: directory.Signalling{Reliable: "always", Timer: "never", Session: 90 * time.Second, Oversize: "tcp", Budget: 4000,
			Delayed: true, Update: "offered", Inside: "anyone"},
		Audio:    directory.Audio{Codecs: []string{"G722", "PCMA"}, Keys: "info", SRTP: "always", Ptime: 30},
		Transfer: directory.Transfer{Strategy: "both", Accept: "never", Context: "replace"},
		Signing:  directory.Signing{Key: "k.pem", KeyID: "k1", Verify: []string{"p.pem"}, Need: true},
		Claims:   directory.Claims{Over: 300, URL: "https://sbc.example/x", Keep: time.Minute},
		TLS:      directory.TLS{Roots: "r.pem", Cert: "c.pem", CertKey: "c.key", Names: []string{"sip.example"}},
		Login:    directory.Login{User: "u", Password: "p", Register: true, Expires: time.Hour},
		Limits:   directory.Limits{Rate: 0.5, Calls: 1, Unanswered: 1, Prefixes: []string{"+", "!+1900", "+18765550100"}},
	}
	if err := trunk(func(t *directory.Trunk) { t.Options = full }).Validate(); err != nil {
		t.Error(err)
	}
	for field, all := range map[string][]func(*directory.Options){
		"profile":             {func(o *directory.Options) { o.Profile = "Avaya SM" }},
		"signalling.reliable": {func(o *directory.Options) { o.Signalling.Reliable = "yes" }},
		"signalling.timer":    {func(o *directory.Options) { o.Signalling.Timer = "Always" }},
		"signalling.inside":   {func(o *directory.Options) { o.Signalling.Inside = "trunk" }},
		"signalling.update":   {func(o *directory.Options) { o.Signalling.Update = "no" }},
		"signalling.silence": {
			func(o *directory.Options) { o.Signalling.Silence = time.Millisecond },
		},
		"signalling.session": {
			func(o *directory.Options) { o.Signalling.Session = 89 * time.Second },
			func(o *directory.Options) { o.Signalling.Session = -time.Hour },
			func(o *directory.Options) { o.Signalling.Session = 25 * time.Hour },
		},
		"signalling.oversize": {func(o *directory.Options) { o.Signalling.Oversize = "sctp" }},
		"signalling.budget": {
			func(o *directory.Options) { o.Signalling.Budget = -1 },
			func(o *directory.Options) { o.Signalling.Budget = 65536 },
		},
		"audio.codecs": {
			func(o *directory.Options) { o.Audio.Codecs = []string{"opus"} },
			func(o *directory.Options) { o.Audio.Codecs = []string{"PCMU", "PCMU"} },
		},
		"audio.keys":        {func(o *directory.Options) { o.Audio.Keys = "tones" }},
		"audio.srtp":        {func(o *directory.Options) { o.Audio.SRTP = "dtls" }},
		"audio.ptime":       {func(o *directory.Options) { o.Audio.Ptime = 25 }},
		"transfer.strategy": {func(o *directory.Options) { o.Transfer.Strategy = "refer" }},
		"transfer.accept":   {func(o *directory.Options) { o.Transfer.Accept = "maybe" }},
		"transfer.context":  {func(o *directory.Options) { o.Transfer.Context = "all" }},
		"signing.keyId":     {func(o *directory.Options) { o.Signing.Key = "" }},
		"signing.key":       {func(o *directory.Options) { o.Signing.Key = "a\nb" }},
		"signing.verify": {
			func(o *directory.Options) { o.Signing.Verify = []string{""} },
			func(o *directory.Options) { o.Signing.Verify = strings.Split(strings.Repeat("x ", 17), " ") },
		},
		"signing.need": {func(o *directory.Options) { o.Signing.Verify = nil }},
		"claims.over": {
			func(o *directory.Options) { o.Claims.Over = -1 },
			func(o *directory.Options) { o.Claims.Over = 63 },
		},
		"claims.url": {
			func(o *directory.Options) { o.Claims.URL = "" },
			func(o *directory.Options) { o.Claims.URL = "sbc.example" },
			func(o *directory.Options) { o.Claims.URL = "ftp://sbc.example" },
			func(o *directory.Options) { o.Claims.URL = "https://user:pw@sbc.example" },
			func(o *directory.Options) { o.Claims.URL = "https://sbc.example/?a=b" },
		},
		"claims.keep": {
			func(o *directory.Options) { o.Claims.Keep = time.Millisecond },
			func(o *directory.Options) { o.Claims.Keep = 25 * time.Hour },
		},
		"tls.certKey":    {func(o *directory.Options) { o.TLS.CertKey = "" }},
		"tls.names":      {func(o *directory.Options) { o.TLS.Names = []string{"SIP.example"} }},
		"login.user":     {func(o *directory.Options) { o.Login.User = "" }},
		"login.password": {func(o *directory.Options) { o.Login.Password = "a\r\nb" }},
		"login.realm":    {func(o *directory.Options) { o.Login.Realm = "a\nb" }},
		"login.expires":  {func(o *directory.Options) { o.Login.Expires = time.Second }},
		"limits.rate": {
			func(o *directory.Options) { o.Limits.Rate = -1 },
			func(o *directory.Options) { o.Limits.Rate = math.NaN() },
			func(o *directory.Options) { o.Limits.Rate = math.Inf(1) },
		},
		"signalling.rows[0]": {
			func(o *directory.Options) { o.Signalling.Rows = header.List{{Name: "Via", Value: "x"}} },
			func(o *directory.Options) { o.Signalling.Rows = header.List{{Name: "X-A", Value: "1\r\nX-B: 2"}} },
			func(o *directory.Options) { o.Signalling.Rows = header.List{{Name: "X A", Value: "1"}} },
			func(o *directory.Options) { o.Signalling.Rows = header.List{{Name: "X-Switchhook-Y", Value: "1"}} },
		},
		"signalling.rows":   {func(o *directory.Options) { o.Signalling.Rows = make(header.List, 17) }},
		"limits.placed":     {func(o *directory.Options) { o.Limits.Placed = -1 }},
		"limits.calls":      {func(o *directory.Options) { o.Limits.Calls = -1 }},
		"limits.unanswered": {func(o *directory.Options) { o.Limits.Unanswered = -1 }},
		"limits.prefixes": {
			func(o *directory.Options) { o.Limits.Prefixes = []string{"1900"} },
			func(o *directory.Options) { o.Limits.Prefixes = []string{"+0"} },
			func(o *directory.Options) { o.Limits.Prefixes = []string{"!!+1"} },
			func(o *directory.Options) { o.Limits.Prefixes = []string{"+1x"} },
			func(o *directory.Options) { o.Limits.Prefixes = make([]string, 1001) },
		},
	} {
		for i, change := range all {
			bad := full
			change(&bad)
			err := trunk(func(t *directory.Trunk) { t.Options = bad }).Validate()
			var invalid *directory.InvalidError
			if !errors.As(err, &invalid) || invalid.Field != field {
				t.Errorf("%s, %d: %v", field, i, err)
				continue
			}
			if strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("%s: not one line: %q", field, err)
			}
		}
	}
	if err := (directory.Account{ID: account, Limits: directory.Limits{Calls: -1}}).Validate(); err == nil {
		t.Error("an account takes limits below 0")
	}
	anna := directory.Endpoint{User: "anna", Account: account, Password: "s3cret", Options: directory.Options{Audio: directory.Audio{Ptime: 25}}}
	var invalid *directory.InvalidError
	if err := anna.Validate(); !errors.As(err, &invalid) || invalid.Field != "options.audio.ptime" {
		t.Error(err)
	}
}
