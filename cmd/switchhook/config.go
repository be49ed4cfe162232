package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"strings"
	"time"

	"github.com/goccy/go-yaml"

	"github.com/switchhook/switchhook/directory"
)

// config is what the configuration file may say. docs/operating.md shows those that most need. Unknown keys are refused.
type config struct {
	Account   string               `json:"account"` // twelve digits: who owns what is declared here
	Limits    directory.Limits     `json:"limits"`  // of that account, in all its calls
	Region    string               `json:"region"`  // the AWS region that vendors' APIs show
	Keys      []directory.Key      `json:"keys"`
	Numbers   []string             `json:"numbers"` // numbers that the account owns
	Stock     []string             `json:"stock"`   // numbers that customers may search and order through a vendor's API
	Trunks    []trunkConfig        `json:"trunks"`
	Apps      []appConfig          `json:"apps"`
	Rules     []ruleConfig         `json:"rules"`
	Endpoints []directory.Endpoint `json:"endpoints"` // telephones that register here
	Functions []functionConfig     `json:"functions"`
	Buckets   map[string]string    `json:"buckets"` // name → URL: file:///…, s3://…
	SIP       sipConfig            `json:"sip"`
	Media     mediaConfig          `json:"media"`
	HTTP      httpConfig           `json:"http"`
	Speech    speechConfig         `json:"speech"`
	Records   recordsConfig        `json:"records"`
	Chime     chimeConfig          `json:"chime"` // the Chime dialect

	dev  bool    // --dev: set by no file
	text *source // what was read; nil without a file
}

// trunkConfig is a trunk as an operator writes it.
type trunkConfig struct {
	directory.Trunk `json:",inline"`
	// Trusted chooses the ready-made policies for both directions; In and Out, when written, count instead.
	Trusted bool `json:"trusted"`
}

// appConfig is an application as an operator writes it.
type appConfig struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Dialect  string          `json:"dialect"`
	Settings json.RawMessage `json:"settings"`
}

// ruleConfig is a rule as an operator writes it: one trigger, applications in order.
type ruleConfig struct {
	ID       string   `json:"id"`
	Name     string   `json:"name"`
	Number   string   `json:"number"`
	Host     string   `json:"host"`
	Apps     []string `json:"apps"`
	Disabled bool     `json:"disabled"`
}

// functionConfig declares a function that runs here or behind a URL, instead of in AWS Lambda.
type functionConfig struct {
	Name        string            `json:"name"`        // the function name of an ARN, or the whole name
	URL         string            `json:"url"`         // Runtime Interface Emulator, or anything that takes the event by POST
	Command     []string          `json:"command"`     // a program that speaks the Lambda Runtime API
	Handler     string            `json:"handler"`     // a handler file: index.mjs, app.py; with .name for another function than handler
	Dir         string            `json:"dir"`         // where it runs
	Env         map[string]string `json:"env"`         // added to its environment
	Concurrency int               `json:"concurrency"` // processes at once
	Timeout     time.Duration     `json:"timeout"`     // default 20s
}

type sipConfig struct {
	Listen   []string    `json:"listen"`   // udp://0.0.0.0:5060, tcp://[::]:5060, tls://0.0.0.0:5061
	External string      `json:"external"` // address to write into messages when it differs from the one listened on
	Realm    string      `json:"realm"`    // that endpoints log in to; default "switchhook"
	Digest   []string    `json:"digest"`   // hashes offered to them, the preferred first; default SHA-256, MD5
	Trace    bool        `json:"trace"`    // keep each call's messages with its record
	TLS      tlsConfig   `json:"tls"`      // our certificate, for tls:// and for peers that ask for one
	DNS      []string    `json:"dns"`      // name servers to ask, as 192.0.2.53 or 192.0.2.53:53; default: the system's
	Guard    guardConfig `json:"guard"`    // what strangers may send
	Calls    int         `json:"calls"`    // standing calls at most; 0: 50,000
	Rate     int         `json:"rate"`     // new calls a second at most; 0: no limit
}

type mediaConfig struct {
	Listen   string `json:"listen"`   // address for RTP; default: that of SIP
	External string `json:"external"` // address to write into SDP when it differs
	Ports    string `json:"ports"`    // "10000-59999"
}

type httpConfig struct {
	Listen string `json:"listen"` // default 127.0.0.1:8080
}

type speechConfig struct {
	Engine string `json:"engine"` // auto, espeak-ng, flite, piper, polly, none
	Model  string `json:"model"`  // piper's voice file
}

type recordsConfig struct {
	Keep time.Duration `json:"keep"` // how long records stay; default 720h
}

// readConfig reads the file strictly. An error names the file, the line and what to do.
func readConfig(path string) (config, error) {
	var c config
	data, err := readFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return c, fmt.Errorf("there is no %s: give --config another file, or --dev to start without one", path)
	}
	if err == nil {
		err = bound(path, data)
	}
	if err != nil {
		return c, err
	}
	c.text = newSource(path, data)
	if err := c.text.exact(c); err != nil {
		return c, err
	}
	err = yaml.UnmarshalWithOptions(data, &c, yaml.Strict(),
		yaml.CustomUnmarshaler(func(m *json.RawMessage, b []byte) (err error) {
			*m, err = yaml.YAMLToJSON(b)
			return err
		}),
		yaml.CustomUnmarshaler(func(p *netip.Prefix, b []byte) (err error) {
			*p, err = parsePrefix(string(b))
			return err
		}),
		yaml.CustomUnmarshaler(func(d *time.Duration, b []byte) (err error) {
			*d, err = parseTime(string(b))
			return err
		}))
	if err != nil {
		return c, c.text.position(err)
	}
	return c, c.sound()
}

// parseTime takes "30s" and "1h30m".
func parseTime(s string) (time.Duration, error) {
	s = strings.Trim(strings.TrimSpace(s), `"'`)
	d, err := time.ParseDuration(s)
	if err != nil || d == 0 && strings.ContainsAny(s, "123456789") { // less than it can hold would be none
		return 0, fmt.Errorf("%q is not a time with its unit, such as 30s or 720h", s)
	}
	return d, nil
}

// parsePrefix takes "192.0.2.0/24" and a bare address.
func parsePrefix(s string) (netip.Prefix, error) {
	s = strings.Trim(strings.TrimSpace(s), `"'`)
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return p, fmt.Errorf("%q is neither an address nor a prefix such as 192.0.2.0/24", s)
	}
	return p, nil
}
