package main

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/profile"
)

// Every option of a trunk can be written in the file, and the account's limits.
func TestOptionsAreRead(t *testing.T) {
	c, err := readConfig(write(t, `limits: {rate: 0.5, calls: 10, unanswered: 5, prefixes: ["+1", "!+1900"]}
trunks:
  - id: t
    profile: avaya-sm
    signalling: {reliable: always, timer: never, session: 30m, oversize: udp, budget: 4000, delayed: true, update: never, inside: anyone}
    audio: {codecs: [G722, PCMA], keys: info, listen: true, srtp: never, ptime: 30, tones: true}
    transfer: {strategy: both, accept: always, context: none}
    claims: {over: 300, url: "https://sbc.example", keep: 1m}
    limits: {rate: 2, calls: 3, unanswered: 4, prefixes: ["+44"]}
    out: {discriminator: "add:04", rules: [{match: "X-*", do: keep}]}
`))
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.content()
	if err != nil {
		t.Fatal(err)
	}
	o := d.Trunks[0].Options
	if o.Profile != "avaya-sm" || o.Signalling.Session != 30*time.Minute || o.Signalling.Oversize != directory.OversizeUDP || !o.Signalling.Delayed || o.Signalling.Inside != directory.InsideAnyone ||
		o.Audio.Ptime != 30 || o.Transfer.Context != "none" || o.Claims.Keep != time.Minute || o.Limits.Prefixes[0] != "+44" || d.Trunks[0].Out.Discriminator != "add:04" {
		t.Errorf("read as %+v", o)
	}
	if l := d.Accounts[0].Limits; l.Rate != 0.5 || l.Calls != 10 || l.Unanswered != 5 || len(l.Prefixes) != 2 {
		t.Errorf("account: %+v", l)
	}
}

// What an option can't be is told with its own place.
func TestOptionsNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"profile: nobody":                                ":3:14: trunk \"t\": there is no profile \"nobody\"; there is cisco-cucm",
		"signalling: {session: 1s}":                      ":3:27: trunk \"t\": signalling.session: 1s",
		"signalling:\n      budget: -4":                  ":4:15: trunk \"t\": signalling.budget: -4",
		"audio: {ptime: 25}":                             ":3:20: trunk \"t\": audio.ptime",
		"audio: {codecs: [PCMU, opus]}":                  ":3:21: trunk \"t\": audio.codecs: \"opus\"",
		"transfer: {strategy: blind}":                    ":3:26: trunk \"t\": transfer.strategy: \"blind\" is none of header, refer-to, both, anchored",
		"claims: {over: 300}":                            ":3:13: trunk \"t\": claims.url: is needed",
		"claims: {over: 300, url: here}":                 ":3:30: trunk \"t\": claims.url: \"here\"",
		"signing: {key: /nowhere/k.pem}":                 ":3:14: trunk \"t\": signing key /nowhere/k.pem: ",
		"signing: {verify: [/nowhere/a.pem, /dev/null]}": ":3:14: trunk \"t\": key to verify with /nowhere/a.pem: ",
		"signing: {need: true}":                          ":3:21: trunk \"t\": signing.need",
		"limits: {prefixes: [\"1900\"]}":                 ":3:24: trunk \"t\": limits.prefixes: \"1900\" is no prefix",
		"limits: {rate: -1}":                             ":3:20: trunk \"t\": limits.rate",
		"out: {discriminator: \"add:0\"}":                ":3:10: trunk \"t\": out: policy \"\": discriminator \"add:0\"",
	} {
		t.Run(text, func(t *testing.T) {
			c, err := readConfig(write(t, "trunks:\n  - id: t\n    "+text+"\n"))
			if err == nil {
				_, err = c.content()
			}
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
	c, err := readConfig(write(t, "account: \"111122223333\"\nlimits: {rate: 1, calls: -1}\n"))
	if err == nil {
		_, err = c.content()
	}
	if err == nil || !strings.Contains(err.Error(), ":2:26: account \"111122223333\": limits.calls: -1 is below 0") {
		t.Errorf("%v", err)
	}
}

// The profiles that a trunk may name are listed, each with what it sets and why.
func TestProfilesAreListed(t *testing.T) {
	for _, args := range [][]string{{"profiles"}, {"profiles", "--json"}} {
		var out, errs strings.Builder
		if code := run(t.Context(), args, console{&out, &errs}); code != 0 {
			t.Fatalf("%d: %s", code, errs.String())
		}
		for _, p := range profile.All() {
			for _, part := range append(p.Sets(), p.Name, p.Source) {
				if !strings.Contains(out.String(), part) && len(args) == 1 {
					t.Errorf("%v: nothing of %s: %s", args, p.Name, part)
				}
			}
		}
	}
}

// Explain says what each header costs and what to do where it is too much.
func TestExplainTellsTheBudget(t *testing.T) {
	for budget, want := range map[string]string{"700": "The next hop takes 700, which is ", "9000": "The next hop takes 9000: "} {
		file := write(t, "trunks: [{id: t, pstn: true, trusted: true, peers: [{host: 192.0.2.1}], signalling: {budget: "+budget+"}}]\n")
		var out, errs strings.Builder
		if code := run(t.Context(), []string{"explain", "--config", file, "--to", "+12065550111", "--header", "X-Id: 4711"}, console{&out, &errs}); code != 0 {
			t.Fatalf("%d: %s", code, errs.String())
		}
		for _, want := range []string{want, "   12  X-Id", "what every INVITE has", "bytes"} {
			if !strings.Contains(out.String(), want) {
				t.Errorf("no %q in\n%s", want, out.String())
			}
		}
	}
}

// docs/operating.md tells of every option of a trunk.
func TestOptionsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	var look func(at string, of reflect.Type)
	look = func(at string, of reflect.Type) {
		for f := range of.Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if f.Type.Kind() == reflect.Struct {
				look(at+name+".", f.Type)
			} else if !strings.Contains(string(doc), "`"+at+name+"`") {
				t.Errorf("docs/operating.md says nothing of %s%s", at, name)
			}
		}
	}
	look("", reflect.TypeFor[directory.Options]())
}
