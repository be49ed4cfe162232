package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/store/sqlite"
)

// write puts a configuration into a file.
func write(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "switchhook.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// documented reads the first configuration that a document shows.
func documented(t *testing.T, path string) config {
	t.Helper()
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(doc), "```yaml\n")
	text, _, _ = strings.Cut(text, "```")
	c, err := readConfig(write(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// The file that docs/operating.md shows is read whole.
func TestDocumentedFileIsRead(t *testing.T) {
	c := documented(t, "../../docs/operating.md")
	if len(c.Trunks) != 2 || len(c.Trunks[0].Peers) != 2 || c.Trunks[0].Keepalive != 30*time.Second || len(c.Trunks[0].Allow) != 1 ||
		!c.Trunks[0].Trusted || len(c.Functions) != 3 || c.Functions[0].Timeout != 20*time.Second || c.Buckets["media"] == "" || c.Records.Keep != 720*time.Hour {
		t.Errorf("read as %+v", c)
	}
	if !strings.Contains(string(c.Apps[0].Settings), `"LambdaArn"`) {
		t.Errorf("settings: %s", c.Apps[0].Settings)
	}
	if _, err := c.content(); err != nil {
		t.Error(err)
	}
	if _, err := c.listen(); err != nil {
		t.Error(err)
	}
	if _, err := c.media(); err != nil {
		t.Error(err)
	}
}

// The trunk with policies that docs/context.md shows is read whole, and its policies compile.
func TestDocumentedPolicyIsRead(t *testing.T) {
	c := documented(t, "../../docs/context.md")
	d, err := c.content()
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Trunks[0].In.Rules) != 3 || len(d.Trunks[0].Out.Rules) != 3 {
		t.Errorf("policies: %+v", d.Trunks[0])
	}
	if _, err := d.Trunks[0].In.Compile(); err != nil {
		t.Error("in:", err)
	}
	if _, err := d.Trunks[0].Out.Compile(); err != nil {
		t.Error("out:", err)
	}
}

func TestMistakesNameTheLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":        {"account: \"111122223333\"\nnumbrs: []\n", ":2:1:"},
		"unknown key inside": {"trunks:\n  - id: a\n    peer: []\n", ":3:5:"},
		"wrong type":         {"sip:\n  calls: many\n", ":2:10: a whole number must stand here"},
		"no number":          {"sip:\n  guard: {faults: many}\n", ":2:19: a number must stand here"},
		"no list":            {"sip: {listen: 5060}\n", ":1:15: a list ([a, b], or lines that begin with a dash) must stand here"},
		"no keys":            {"sip: []\n", ": keys with values"},
		"large number":       {"sip:\n  calls: 99999999999999999999\n", ":2:10: the number is too large"},
		"time without unit":  {"records: {keep: 30}\n", `:1:17: "30" is not a time with its unit`},
		"not YAML":           {"trunks: [\n", "switchhook.yaml"},
		"fraction":           {"limits:\n  rate: 5.5\n  calls: 5.5\n", ":3:10: a whole number must stand here, without point, exponent or zeros before it: not 5.5"},
		"fraction in quotes": {"sip: {calls: \"5.5\"}\n", ":1:14: a whole number"},
		"fraction below":     {"trunks:\n  - {id: a, peers: [{host: 192.0.2.5, port: 5.5}]}\n", ":2:45: a whole number"},
		"fraction in block":  {"sip:\n  calls: |\n    5.5\n", ":3:8: a whole number"},
		"exponent":           {"sip: {calls: 1e3}\n", ":1:14: a whole number"},
		"wraps":              {"limits: {calls: 9223372036854775807.9}\n", ":1:17: a whole number"},
		"wraps below 0":      {"limits: {calls: -9.9e30}\n", ":1:17: a whole number"},
		"base 8":             {"trunks:\n  - id: a\n    claims: {over: 0100}\n", ":3:20: a whole number"},
		"base 8, rate":       {"limits: {rate: 010}\n", ":1:16: a number must stand here without zeros before it: not 010"},
		"no rate":            {"limits: {rate: .nan}\n", ":1:16: a number must stand here: not .nan"},
		"endless rate":       {"limits: {rate: .inf}\n", ":1:16: a number must stand here: not .inf"},
		"small rate":         {"limits: {rate: 1e-999}\n", ":1:16: the number is too small: 1e-999 would be read as 0"},
		"large rate":         {"limits: {rate: 1.0e999}\n", ":1:16: the number is too large"},
		"user is a number":   {"endpoints: [{user: 0100, password: x}]\n", ":1:20: text in quotes must stand here: 0100 is no text, and would be read as 64"},
		"secret is a number": {"keys:\n  - {kind: admin, id: x, secret: 1.50}\n", ":2:34: text in quotes must stand here"},
		"secret is a word":   {"keys:\n  - {kind: admin, id: x, secret: True}\n", ":2:34: text in quotes must stand here"},
		"unquoted number":    {"numbers: [+12065550100]\n", ":1:11: text in quotes must stand here"},
		"settings":           {"apps: [{id: x, settings: {Retries: [010]}}]\n", ":1:37: a number must stand here without zeros"},
		"which of two":       {"media: {ports: 20000-30000}\nrecords: {keep: 30}\n", ":2:17: \"30\" is not a time"},
		"time is a list":     {"records: {keep: [1h]}\n", ":1:17: \"[1h]\" is not a time"},
		"time of nothing":    {"records: {keep: 0.4ns}\n", ":1:17: \"0.4ns\" is not a time"},
		"bad prefix":         {"trunks:\n  - {id: a, allow: [10.0.0.0/99]}\n", ":2:21: \"10.0.0.0/99\""},

		"anchor":           {"numbers: &a [\"+12065550100\"]\n", ":1:10: anchors (&)"},
		"tag":              {"trunks:\n- allow: !list\n", ":2:10: anchors (&), aliases (*) and tags (!)"},
		"alias":            {"numbers: [*a]\n", ":1:11: anchors (&)"},
		"second document":  {"# one\n---\nregion: us-east-1\n---\nregion: eu-west-1\n", ":4:1: a second document"},
		"after the end":    {"region: us-east-1\n...\nregion: eu-west-1\n", ":3:1: the configuration ended above"},
		"deep in brackets": {"apps: [{id: x, settings: " + strings.Repeat("{a: ", 20000) + "1" + strings.Repeat("}", 20000) + "}]\n", ": nested more than 100 deep"},
		"deep in dashes":   {"numbers:\n" + strings.Repeat("- ", 20000) + "\n", ":2:201: nested more than 100 deep"},
		"deep after all":   {"]\n" + strings.Repeat("- ", 20000) + "\n", ":2:201: nested more than 100 deep"},
		"long":             {"region: us-east-1\n" + strings.Repeat("#\n", maxFile/2), " has more than 1048576 bytes"},

		"no such hash":    {"sip: {digest: [SHA-256, SHA-1]}\n", `:1:25: sip.digest: "SHA-1" is none of`},
		"realm in quotes": {"sip: {realm: 'a\"b'}\n", "sip.realm:"},

		"TLS without cert":   {"sip: {listen: [\"tls://0.0.0.0:5061\"]}\n", ":1:16: sip.listen: tls needs our certificate"},
		"cert without key":   {"sip: {tls: {cert: a.pem}}\n", "sip.tls: a certificate and its key go together"},
		"no such cert":       {"sip: {tls: {cert: none.pem, key: none.key}}\n", "sip.tls: certificate none.pem: open none.pem"},
		"name server":        {"sip: {dns: [192.0.2.53, dns.example.com]}\n", `:1:25: sip.dns: "dns.example.com" is not like 192.0.2.53`},
		"short ban":          {"sip: {guard: {ban: 1ms}}\n", "sip.guard.ban: 1ms is not 1s or more"},
		"rate below nothing": {"sip: {guard: {rate: -2}}\n", "sip.guard.rate: -2 is not above 0"},

		"no function":       {"functions: [~]\n", ":1:13: function \"\": a name"},
		"no time":           {"functions:\n  - {name: f, url: \"http://h\", timeout: 1ns}\n", ":2:5: function \"f\": its timeout of 1ns is below 100ms"},
		"two functions":     {"functions:\n  - {name: f, url: \"http://h\"}\n  - {name: f, url: \"http://h\"}\n", ":3:12: function \"f\" is declared twice"},
		"records below 0":   {"records: {keep: -5h}\n", ":1:17: records.keep: -5h0m0s is below 0"},
		"ports for one leg": {"media: {ports: 26000-26001}\n", ":1:16: media.ports: \"26000-26001\" is too few"},
		"four odd ports":    {"media: {ports: 26001-26004}\n", ":1:16: media.ports: \"26001-26004\" is too few"},
		"SIP elsewhere":     {"sip:\n  external: not an ip\n", ":2:13: sip.external: \"not an ip\""},
		"media elsewhere":   {"media:\n  external: not an ip\n", ":2:13: media.external: \"not an ip\""},
		"SIP listen":        {"sip:\n  listen:\n    - udp://127.0.0.1:5060\n    - udp://\n", ":4:7: sip.listen: \"udp://\""},
		"listed twice":      {"sip: {listen: [\"udp://127.0.0.1:5060\", \"tcp://127.0.0.1:5060\", \"udp://127.0.0.1:5060\"]}\n", ":1:64: sip.listen: \"udp://127.0.0.1:5060\" is listed twice"},
		"HTTP listen":       {"http: {listen: here}\n", ":1:16: \"here\" is not an address"},
		"engine":            {"speech: {engine: foo}\n", ":1:18: speech engine \"foo\": want auto, espeak-ng, flite, piper, polly, none"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(write(t, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "switchhook.yaml") {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

// What is well written and can't be so is told with its place, all of it at once.
func TestContradictionsNameTheLine(t *testing.T) {
	const app = "apps: [{id: a, dialect: chime, settings: {LambdaArn: \"arn:aws:lambda:us-east-1:111122223333:function:f\"}}]\n"
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"account":          {"account: \"12\"\n", []string{":1:10: account"}},
		"kind of key":      {"keys:\n  - {kind: root, id: x, secret: hidden}\n", []string{":2:12: key \"x\": kind \"root\""}},
		"numbers":          {"numbers: [\"12\",\n  \"+12065550100\"]\nstock: [\"+12065550100\"]\n", []string{":1:11: number \"12\"", ":3:9: number \"+12065550100\" is declared twice"}},
		"two endpoints":    {"endpoints:\n  - {user: a, password: b}\n  - {user: a, password: c}\n", []string{":3:5: endpoint \"a\" is declared twice"}},
		"no password":      {"endpoints:\n  - {user: a}\n", []string{":2:5: endpoint \"a\": password: must have"}},
		"half a login":     {"trunks:\n  - {id: a, login: {user: u}}\n", []string{":2:20: trunk \"a\": login.password: must have"}},
		"two trunks":       {"trunks:\n  - id: a\n  - id: a\n", []string{":3:5: trunk \"a\" is declared twice"}},
		"two for the rest": {"trunks:\n  - {id: a, pstn: true}\n  - {id: b,\n     pstn: true}\n", []string{":4:12: trunks \"a\" and \"b\""}},
		"peer":             {"trunks: [{id: a, peers: [{host: h, port: 99999}]}]\n", []string{":1:42: trunk \"a\": peers[0].port"}},
		"nothing wrong":    {app + "rules: [{number: \"+12065550100\", apps: [a]}]\n", nil},
		"two apps":         {"apps:\n  - {id: a, dialect: chime}\n  - {id: a, dialect: chime}\n", []string{":3:10: app \"a\" is declared twice"}},
		"settings":         {"apps:\n  - id: a\n    dialect: chime\n    settings: {Lambda: f}\n", []string{":4:15: app \"a\": ", "Lambda"}},
		"dialect":          {"apps:\n  - {id: a, dialect: klingon}\n", []string{":2:22: app \"a\": there is no dialect \"klingon\"; there is chime"}},
		"app of a rule":    {app + "rules:\n  - {number: \"+12065550100\", apps: [a, b]}\n", []string{":3:40: ", "there is no app \"b\""}},
		"no app":           {"rules:\n  - {number: \"+12065550100\"}\n", []string{":2:5: ", "names no apps"}},
		"two rules":        {app + "rules:\n  - {number: \"+12065550100\", apps: [a]}\n  - {id: x, number: \"+12065550100\", apps: [a]}\n", []string{":4:5: ", "is declared twice"}},
		"limits":           {"sip: {calls: -1}\n", []string{":1:14: "}},
		"counts run over":  {"sip: {calls: 5000000000000000000}\ntrunks: [{id: a, peers: [{host: h, weight: 5000000000000000000}]}]\n", []string{":1:14: 5000000000000000000 is not 0 to 1000000", ":2:44: trunk \"a\": peers[0].weight"}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := readConfig(write(t, c.text))
			if err != nil {
				t.Fatal(err)
			}
			d, err := f.content()
			if err == nil {
				err = f.suits(d, directory.NewSnapshot(directory.Content{}), nil, map[string]dialect.Dialect{"chime": chime.New(chime.Config{})})
			}
			if (err == nil) != (c.want == nil) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hidden") {
					t.Errorf("got %v, want an error with %q", err, want)
				}
			}
		})
	}
}

// What YAML allows is read: one document with its marks, what only looks like an anchor, as many entries as anyone needs.
func TestWhatIsReadAllTheSame(t *testing.T) {
	for name, text := range map[string]string{
		"numbers":  "account: 111122223333\nlimits: {rate: 0.5, calls: \"10\", unanswered: 0x10}\nsip: {calls: +50_000, rate: 0}\ntrunks: [{id: 7, peers: [{host: a, port: 0o12}]}]\n",
		"marks":    "%YAML 1.2\n---\nregion: us-east-1\n...\n# end\n",
		"in text":  "keys: [{kind: admin, id: ops, secret: \"&a*b\"}, {kind: aws, id: x, secret: a&b*c}]\n",
		"many":     "numbers:\n" + strings.Repeat("  - \"+12065550100\"   # one\n", 20000),
		"in time":  "functions: [{name: f, url: \"http://h\", timeout: 100ms}]\nrecords: {keep: 0s}\n",
		"one call": "media: {ports: 26000-26003}\n",
		"any port": "sip: {listen: [\"udp://127.0.0.1:0\", \"udp://127.0.0.1:0\"]}\n",
		"nothing":  "",
	} {
		if _, err := readConfig(write(t, text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A pipe is refused, and not waited for.
func TestConfigurationIsAFile(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{pipe, t.TempDir()} {
		if _, err := readConfig(path); err == nil || !strings.Contains(err.Error(), path+" is no regular file") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// A bucket in a folder that is not there, or in what is no folder, is told.
func TestMissingBuckets(t *testing.T) {
	file := write(t, "")
	got := missing(map[string]string{"there": "file://" + filepath.Dir(file), "file": "file://" + file, "gone": "file://" + file + ".d", "else": "s3://bucket"})
	if len(got) != 2 || got["file"] == nil || got["gone"] == nil || !strings.Contains(got["file"].Error(), "is a file") {
		t.Errorf("%v", got)
	}
}

func TestRuleHasOneTrigger(t *testing.T) {
	for _, r := range []ruleConfig{{Name: "none"}, {Number: "+1", Host: "h"}} {
		if _, err := r.rule("111122223333"); err == nil {
			t.Errorf("%+v was taken", r)
		}
	}
}

func TestPeerOfURI(t *testing.T) {
	for in, want := range map[string]directory.Peer{
		"sip:192.0.2.1":                        {Host: "192.0.2.1", Transport: "udp"},
		"sip:carrier.example:5080":             {Host: "carrier.example", Port: 5080, Transport: "udp"},
		"sip:[2001:db8::1]:5080;transport=tcp": {Host: "2001:db8::1", Port: 5080, Transport: "tcp"},
		"sip:[2001:db8::1]":                    {Host: "2001:db8::1", Transport: "udp"},
		"sip:carrier.example;transport=UDP":    {Host: "carrier.example", Transport: "udp"},
	} {
		got, err := parsePeer(in)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", in, got, err, want)
		}
	}
	for _, bad := range []string{"192.0.2.1", "sip:", "sip:h:0", "sip:h:99999", "sip:h:x", "sip:h;transport=ws", "sip:h;lr"} {
		if p, err := parsePeer(bad); err == nil {
			t.Errorf("%s was taken as %+v", bad, p)
		}
	}
}

func TestFunctionAt(t *testing.T) {
	dir := t.TempDir()
	for f, text := range map[string]string{
		"index.mjs": "", "app.py": "", "bootstrap": "",
		"aws.py":   "import json\n\ndef lambda_handler(event, context):\n    def handler(x):\n        return x\n",
		"both.py":  "def lambda_handler(event, context): ...\ndef handler(event, context): ...\n",
		"value.py": "def lambda_handler(event, context): ...\nhandler = logged(lambda_handler)\n",
		"inner.py": "class App:\n    def lambda_handler(self): ...\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, f), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for where, want := range map[string]functionConfig{
		"http://127.0.0.1:9000/x":       {Name: "f", URL: "http://127.0.0.1:9000/x"},
		filepath.Join(dir, "index.mjs"): {Name: "f", Dir: dir, Handler: "index.handler"},
		filepath.Join(dir, "app.py"):    {Name: "f", Dir: dir, Handler: "app.handler"},
		filepath.Join(dir, "aws.py"):    {Name: "f", Dir: dir, Handler: "aws.lambda_handler"},
		filepath.Join(dir, "both.py"):   {Name: "f", Dir: dir, Handler: "both.handler"},
		filepath.Join(dir, "value.py"):  {Name: "f", Dir: dir, Handler: "value.handler"},
		filepath.Join(dir, "inner.py"):  {Name: "f", Dir: dir, Handler: "inner.handler"},
		filepath.Join(dir, "bootstrap"): {Name: "f", Dir: dir, Command: []string{filepath.Join(dir, "bootstrap")}},
	} {
		got, err := functionAt("f", where)
		if err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
	}
	for _, bad := range []string{dir, filepath.Join(dir, "none.mjs")} {
		if _, err := functionAt("f", bad); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
	file := write(t, "functions:\n  - {name: f, url: \"http://127.0.0.1:9000\"}\n")
	_, err := serveCommand{Config: file, Function: map[string]string{"f": filepath.Join(dir, "app.py")}}.config()
	if err == nil || !strings.Contains(err.Error(), file+":2:12: ") || !strings.Contains(err.Error(), "--function") {
		t.Errorf("a function that the file and a flag declare: %v", err)
	}
}

// What a file declared and the next one does not is gone; what an API made stays; what stays keeps its age.
func TestDeclarationsComeAndGo(t *testing.T) {
	ctx := t.Context()
	s, err := sqlite.Open(filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	dialects := map[string]dialect.Dialect{"chime": chime.New(chime.Config{Directory: s.Snapshot, Store: s})}
	load := func(text string) error {
		t.Helper()
		c, err := readConfig(write(t, text))
		if err != nil {
			t.Fatal(err)
		}
		d, err := c.content()
		if err != nil {
			t.Fatal(err)
		}
		return c.declare(context.WithoutCancel(ctx), s, d, dialects)
	}
	const one = `
numbers: ["+12065550100", "+12065550101"]
stock: ["+12065550177"]
trunks: [{id: a, trusted: true, peers: [{host: 192.0.2.1}]}, {id: b}]
apps: [{id: x, dialect: chime, settings: {LambdaArn: "arn:aws:lambda:us-east-1:111122223333:function:f"}}]
endpoints: [{user: ann, password: secret}]
rules: [{number: "+12065550100", apps: [x]}]
`
	if err := load(one); err != nil {
		t.Fatal(err)
	}
	first, _ := s.Snapshot().Trunk("a")
	if _, ok := s.Snapshot().Rule(directory.ByNumber, "+12065550100"); !ok {
		t.Fatal("the rule is not there")
	}
	if e, ok := s.Snapshot().Endpoint("ann"); !ok || e.Account != "111122223333" || e.Created.IsZero() {
		t.Errorf("endpoint %+v, %t", e, ok)
	}
	old := s.Snapshot()
	if err := load(strings.Replace(one, ":f\"", ":g\"", 1)); err != nil { // another function, and all else as before
		t.Fatal(err)
	}
	for what, updated := range map[string]func(s *directory.Snapshot) time.Time{
		"number": func(s *directory.Snapshot) time.Time { n, _ := s.Number("+12065550100"); return n.Updated },
		"stock":  func(s *directory.Snapshot) time.Time { n, _ := s.Number("+12065550177"); return n.Updated },
		"rule": func(s *directory.Snapshot) time.Time {
			r, _ := s.Rule(directory.ByNumber, "+12065550100")
			return r.Updated
		},
	} {
		if !updated(s.Snapshot()).Equal(updated(old)) {
			t.Errorf("%s: a start changed it", what)
		}
	}
	was, _ := old.App("x")
	if is, _ := s.Snapshot().App("x"); !is.Updated.After(was.Updated) || !is.Created.Equal(was.Created) {
		t.Errorf("application x is now %+v", is)
	}
	ordered := directory.Number{E164: "+12065550177", Account: "111122223333"}
	if err := s.Numbers().Update(ctx, ordered); err != nil {
		t.Fatal(err)
	}
	made := directory.Trunk{ID: "by-api", Account: "111122223333", Name: "made by an API"}
	if err := s.Trunks().Create(ctx, made); err != nil {
		t.Fatal(err)
	}
	if err := load(`
numbers: ["+12065550100"]
stock: ["+12065550177"]
trunks: [{id: a, trusted: true, peers: [{host: 192.0.2.2}]}]
`); err != nil {
		t.Fatal(err)
	}
	now := s.Snapshot()
	if _, ok := now.Rule(directory.ByNumber, "+12065550100"); ok {
		t.Error("a rule that is declared no more is still there")
	}
	if _, ok := now.Endpoint("ann"); ok {
		t.Error("an endpoint that is declared no more is still there")
	}
	if _, ok := now.Trunk("b"); ok {
		t.Error("a trunk that is declared no more is still there")
	}
	if _, ok := now.Number("+12065550101"); ok {
		t.Error("a number that is declared no more is still there")
	}
	if _, ok := now.Trunk("by-api"); !ok {
		t.Error("a trunk that an API made is gone")
	}
	if n, _ := now.Number("+12065550177"); n.Account != "111122223333" {
		t.Error("a number that was ordered from stock was taken back")
	}
	second, _ := now.Trunk("a")
	if second.Peers[0].Host != "192.0.2.2" || !second.Created.Equal(first.Created) {
		t.Errorf("trunk a is now %+v", second)
	}
	if err := load(`apps: [{id: x, dialect: chime, settings: {}}]`); err == nil || !strings.Contains(err.Error(), "LambdaArn") {
		t.Errorf("an application without its function: %v", err)
	}
	if err := load(`apps: [{id: x, dialect: klingon}]`); err == nil || !strings.Contains(err.Error(), "klingon") {
		t.Errorf("a dialect that is not there: %v", err)
	}
}

func TestShortenAndQuote(t *testing.T) {
	if got := shorten(strings.Repeat("a", 100)+"tail-of-value", 30); len([]rune(got)) != 30 || !strings.HasSuffix(got, "il-of-value") {
		t.Errorf("%q", got)
	}
	if got := quoteCtl("a\x1b[31mb\u009b"); strings.ContainsAny(got, "\x1b\u009b") {
		t.Errorf("an escape sequence reaches the terminal: %q", got)
	}
	if got := quoteCtl("größe \"q\""); got != "größe \"q\"" {
		t.Errorf("%q", got)
	}
}

// --number gives a function an application and a rule; what it can't do is told.
func TestNumberFlag(t *testing.T) {
	t.Chdir(t.TempDir())
	function := map[string]string{"ivr": "http://127.0.0.1:1/"}
	cfg, err := serveCommand{Dev: true, Function: function, Number: map[string]string{"+12065550100": "ivr", "+14255550100": "ivr"}}.config()
	if err != nil {
		t.Fatal(err)
	}
	d, err := cfg.content()
	if err != nil || len(d.Apps) != 1 || len(d.Rules) != 2 || string(d.Apps[0].Settings) != `{"LambdaArn":"arn:aws:lambda:us-east-1:111122223333:function:ivr"}` {
		t.Errorf("declared: %+v, %+v, %v", d.Apps, d.Rules, err)
	}
	for number, want := range map[string]string{"+12065550100": "--function other=FILE", "100": "no E.164 number"} {
		name := "ivr"
		if number != "100" {
			name = "other"
		}
		if _, err := (serveCommand{Dev: true, Function: function, Number: map[string]string{number: name}}).config(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("--number %s=%s: %v", number, name, err)
		}
	}
}
