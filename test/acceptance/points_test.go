package acceptance_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// The scenarios of interop/sipp are named by the points of docs/conformance.md: cNN-what-uac.xml calls, cNN-what-uas.xml is called, and
// so is cNN-what-uas2.xml where there are two to be called. Each pair or three is a test here; where one side is not there, caller.xml or
// callee.xml takes its place. The first comment of a file tells what it shows, and may set what all of them need, one to a line:
//
//	caller: none, callee: none   that side is not played, and no call may come there
//	caller: -t t1                more arguments of SIPp; -i ::1 has that side on IPv6, and the server on both
//	tls: pbx.example.com         both sides, which need -t t1, reach the server over TLS; the callee's certificate is for this name
//	trunk: keepalive: 1s         keys of the trunk, as YAML
//	peers: {host: a.example}     the trunk's peers, as YAML, in place of the callees by their priority
//	dns: a.example. 60 A 1.2.3.4 a record of the name server that the server asks; may be repeated
//	more: sip: {rate: 1}         keys of the configuration, as YAML; may be repeated
//	first: register              another scenario of the folder, played to its end before all others
//	function: patient            what the function does, of those below
//	Played by TestC07SilentPeer  by that test alone, which adds what SIPp can't do
//
// [server_port], [callee_port] and [callee2_port] stand in settings and messages for where each is reached.
const scenarios = "interop/sipp"

// point is the scenarios that are played together.
type point struct {
	name           string
	uac, uas, uas2 string            // their texts
	settings       map[string]string // of all files
	playedBy       string
}

var (
	ofPoint = regexp.MustCompile(`^(c\d\d)-[a-z0-9-]+-(uac|uas2?)\.xml$`)
	setting = regexp.MustCompile(`(?m)^\s+(first|caller|callee|tls|trunk|peers|dns|more|function): (.*)$`)
	players = regexp.MustCompile(`Played by (Test\w+)`)
)

// answersOf gives what a function does, by its word: without one it bridges.
func answersOf(t *testing.T, word string) func(event) string {
	t.Helper()
	switch word {
	case "":
		return bridge("+14155550199")
	case "patient":
		return patient
	case "loop": // to the number that was called
		return bridge("+12065550100")
	case "reserved": // sets a header that is not its to set
		return func(ev event) string {
			return strings.Replace(bridge("+14155550199")(ev), `"SipHeaders":null`, `"SipHeaders":{"X-AMZN":"String"}`, 1)
		}
	}
	t.Fatalf("no function is %q", word)
	return nil
}

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
		*map[string]*string{"uac": &p.uac, "uas": &p.uas, "uas2": &p.uas2}[m[2]] = text
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

// play plays all sides to their ends, and waits until the server is idle. It gives those of the caller and the first callee.
func (p *point) play(t *testing.T) (st story, from, to *sipp) {
	t.Helper()
	st, at := p.story(t)
	if first := p.settings["first"]; first != "" {
		startSIPp(t, at.words.Replace(readScenario(t, first)), at.server, freePort(t)).wait(t)
	}
	var called []*sipp
	uncalled := func() {}
	answer := func(text string, port int) {
		args := strings.Fields(at.words.Replace(p.settings["callee"]))
		called = append(called, startSIPp(t, at.words.Replace(text), "", port, args...))
	}
	if p.settings["callee"] != "none" {
		text := p.uas
		if text == "" {
			text = readScenario(t, "callee")
		}
		answer(text, st.calleePort)
		to = called[0]
	} else if p.playedBy == "" {
		uncalled = nobody(t, st.calleePort)
	}
	if p.uas2 != "" {
		answer(p.uas2, at.callee2Port)
	}
	if p.settings["caller"] != "none" {
		text := p.uac
		if text == "" {
			text = readScenario(t, "caller")
		}
		args := append([]string{"-s", "+12065550100"}, strings.Fields(at.words.Replace(p.settings["caller"]))...)
		from = startSIPp(t, at.words.Replace(text), at.server, freePort(t), args...)
		from.wait(t)
	}
	for _, c := range called {
		c.wait(t)
	}
	st.s.idle(t)
	uncalled()
	return st, from, to
}

// nobody takes the callee's port. What it gives fails the test if a call has come there.
func nobody(t *testing.T, port int) (check func()) {
	t.Helper()
	w := newWire(t, fmt.Sprintf("127.0.0.1:%d", port))
	l, err := net.Listen("tcp", w.at.String())
	if err != nil {
		t.Fatal(err)
	}
	streamed := make(chan string, 100)
	accept(t, l, func(c net.Conn) {
		buf := make([]byte, 65536)
		if n, err := c.Read(buf); err == nil {
			streamed <- string(buf[:n])
		}
	})
	return func() {
		t.Helper()
		for len(w.got) > 0 {
			streamed <- (<-w.got).text
		}
		for len(streamed) > 0 {
			if m := <-streamed; strings.HasPrefix(m, "INVITE") {
				t.Errorf("somebody was called who was not to be:\n%s", m)
			}
		}
	}
}

// places is where the sides of a point find each other.
type places struct {
	server      string // for the caller
	callee2Port int
	words       *strings.Replacer // of the ports' names by their numbers
}

// story starts the server with what the scenarios need.
func (p *point) story(t *testing.T) (story, places) {
	t.Helper()
	st := story{calleePort: freePort(t), f: startFunction(t, answersOf(t, p.settings["function"]))}
	port, reached := freePort(t), st.calleePort
	at := places{server: fmt.Sprintf("127.0.0.1:%d", port), callee2Port: freePort(t)}
	c := config{peers: []string{peerAt(st.calleePort)}, trunk: p.settings["trunk"], functions: []string{st.f.URL}}
	args := []string{"--sip", at.server}
	if name := p.settings["tls"]; name != "" {
		at.server, reached = overTLS(t, &c, name, st.calleePort)
	}
	at.words = strings.NewReplacer("[server_port]", strconv.Itoa(port), "[callee_port]", strconv.Itoa(reached), "[callee2_port]", strconv.Itoa(at.callee2Port))
	if p.uas2 != "" {
		c.peers = []string{peerAt(st.calleePort, "priority: 1"), peerAt(at.callee2Port, "priority: 2")}
	}
	onIPv6 := func(side string) bool { return strings.Contains(p.settings[side], "-i ::1") }
	if onIPv6("caller") || onIPv6("callee") {
		needIPv6(t)
		args = []string{"--sip", ""} // the file says where
		c.trunk, c.more = `allow: [127.0.0.1, "::1"]`, fmt.Sprintf("sip: {listen: [\"udp://127.0.0.1:%d\", \"udp://[::1]:%d\"]}\n", port, port)
	}
	if onIPv6("caller") {
		at.server = fmt.Sprintf("[::1]:%d", port)
	}
	if onIPv6("callee") {
		c.peers = []string{fmt.Sprintf("{host: \"::1\", port: %d}", st.calleePort)}
	}
	if peers := p.settings["peers"]; peers != "" {
		c.peers = []string{at.words.Replace(peers)}
	}
	if records := p.settings["dns"]; records != "" {
		c.more += fmt.Sprintf("sip: {dns: [%q]}\n", nameServer(t, strings.Split(at.words.Replace(records), "\n")...))
	}
	if more := p.settings["more"]; more != "" {
		c.more += fmt.Sprintln(at.words.Replace(more))
	}
	st.s = start(t, c.yaml(), args...)
	return st, at
}

// Each pair stands in the line of its point in docs/conformance.md, and each that stands there is to be played. A point has one at least,
// or a line that begins with "- CNN:" and says why it has none.
func TestPointsAreListed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "conformance.md"))
	if err != nil {
		t.Fatal(err)
	}
	all, tests, shown := points(t), declared(t), map[string]bool{}
	for _, p := range all {
		if p.uac == "" && p.uas == "" {
			t.Errorf("%s has nothing but a second callee", p.name)
		}
		shown[strings.ToUpper(p.name[:3])] = true
	}
	for n := 1; n <= 70; n++ {
		name := fmt.Sprintf("C%02d", n)
		if excused := regexp.MustCompile(`(?m)^- ` + name + `: \S.*$`).Match(text); shown[name] == excused {
			t.Errorf("%s: a scenario: %t, a reason why it has none: %t", name, shown[name], excused)
		}
	}
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
