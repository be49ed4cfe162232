package acceptance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The scenarios of interop/sipp are named by the points of docs/conformance.md: cNN-what-uac.xml calls, cNN-what-uas.xml is called. Each
// pair is a test here; where one side is not there, caller.xml or callee.xml takes its place. The first comment of a file tells
// what it shows, and may set what it needs, one to a line:
//
//	caller: none, callee: none   that side is not played
//	caller: -t t1                more arguments of SIPp
//	trunk: keepalive: 1s         keys of the trunk, as YAML
//	more: sip: {rate: 1}         keys of the configuration, as YAML; may be repeated
//	Played by TestC07SilentPeer  by that test alone, which adds what SIPp can't do
const scenarios = "interop/sipp"

// point is one pair of scenarios.
type point struct {
	name     string
	uac, uas string            // their texts
	settings map[string]string // of both files
	playedBy string
}

var (
	ofPoint = regexp.MustCompile(`^(c\d\d)-[a-z0-9-]+-(uac|uas)\.xml$`)
	setting = regexp.MustCompile(`(?m)^\s+(caller|callee|trunk|more|function): (.*)$`)
	players = regexp.MustCompile(`Played by (Test\w+)`)
)

// readScenario gives a scenario's text.
func readScenario(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(scenarios, name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// points gives all pairs by name.
func points(t *testing.T) map[string]*point {
	t.Helper()
	files, err := os.ReadDir(scenarios)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]*point{}
	for _, f := range files {
		m := ofPoint.FindStringSubmatch(f.Name())
		if m == nil {
			continue
		}
		name := strings.TrimSuffix(f.Name(), "-"+m[2]+".xml")
		p := out[name]
		if p == nil {
			p = &point{name: name, settings: map[string]string{}}
			out[name] = p
		}
		text := readScenario(t, strings.TrimSuffix(f.Name(), ".xml"))
		if m[2] == "uac" {
			p.uac = text
		} else {
			p.uas = text
		}
		_, comment, _ := strings.Cut(text, "<!-- ")
		comment, _, _ = strings.Cut(comment, "-->")
		if !strings.HasPrefix(comment, strings.ToUpper(m[1])+":") {
			t.Errorf("%s does not begin with a comment that says what of %s it shows", f.Name(), strings.ToUpper(m[1]))
		}
		for _, s := range setting.FindAllStringSubmatch(comment, -1) {
			p.settings[s[1]] = strings.TrimLeft(p.settings[s[1]]+"\n"+strings.TrimSpace(s[2]), "\n")
		}
		if by := players.FindStringSubmatch(comment); by != nil {
			p.playedBy = by[1]
		}
	}
	return out
}

// TestPoints plays all pairs that no other test plays, each against a server of its own.
func TestPoints(t *testing.T) {
	t.Parallel()
	for name, p := range points(t) {
		if p.playedBy != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p.play(t)
		})
	}
}

// play plays both sides to their ends, and waits until the server is idle.
func (p *point) play(t *testing.T) (st story, from, to *sipp) {
	t.Helper()
	st = p.story(t)
	if p.settings["callee"] != "none" {
		text := p.uas
		if text == "" {
			text = readScenario(t, "callee")
		}
		to = startSIPp(t, text, "", st.calleePort, strings.Fields(p.settings["callee"])...)
	}
	if p.settings["caller"] != "none" {
		text := p.uac
		if text == "" {
			text = readScenario(t, "caller")
		}
		from = st.call(t, text, strings.Fields(p.settings["caller"])...)
		from.wait(t)
	}
	if to != nil {
		to.wait(t)
	}
	st.s.idle(t)
	return st, from, to
}

// story starts the server with what the scenarios need.
func (p *point) story(t *testing.T) story {
	t.Helper()
	answers := bridge("+14155550199")
	if p.settings["function"] == "patient" {
		answers = patient
	}
	st := story{calleePort: freePort(t), f: startFunction(t, answers)}
	c := config{peers: []string{peerAt(st.calleePort)}, trunk: p.settings["trunk"], functions: []string{st.f.URL}}
	if more := p.settings["more"]; more != "" {
		c.more = fmt.Sprintln(more)
	}
	st.s = start(t, c.yaml())
	return st
}

// Each pair stands in the line of its point in docs/conformance.md, and each that stands there is to be played.
func TestPointsAreListed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, tests := points(t), declared(t)
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| C") {
			continue
		}
		for _, m := range regexp.MustCompile("`(c\\d\\d)-[a-z0-9-]+`").FindAllStringSubmatch(line, -1) {
			name := strings.Trim(m[0], "`")
			switch p := all[name]; {
			case p == nil:
				t.Errorf("docs/conformance.md names %s, which is not there", name)
			case !strings.Contains(strings.Split(line, "|")[1], strings.ToUpper(m[1])):
				t.Errorf("%s stands in the line of another point", name)
			case p.playedBy != "" && !tests["test/acceptance "+p.playedBy]:
				t.Errorf("%s is said to be played by %s, which does not exist", name, p.playedBy)
			}
			delete(all, name)
		}
	}
	for name := range all {
		t.Errorf("docs/conformance.md does not name %s", name)
	}
}
