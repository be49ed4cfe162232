package acceptance_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// scenarioFolder has what every client must be able to do: files of steps, one file for each group of operations. A file stands
// alone: it makes what it needs.
const scenarioFolder = "testdata/clients"

// scenarioFile is one of them.
type scenarioFile struct {
	About  string
	Server string // of the configuration file, where it needs a server of its own
	Steps  []scenarioStep
}

// scenarioStep is one operation and what must come of it. In all strings "{name}" stands for what an earlier step kept by that name.
type scenarioStep struct {
	Do    string   // the operation
	Input object   // its members
	Each  []object // run it once for each of these, its members in the place of those of Input
	Not   []string // clients that can't ask this: their model is older, or they refuse by themselves
	Newer []string // members that the legacy client's model does not have: neither given nor wanted there

	Status int               // of success, as the vendor's model has it
	Want   object            // what the output has, among other things; "*" is anything but nothing
	None   []string          // members that the output does not have
	Keep   map[string]string // what later steps need: a name for it, and where it is in the output: "SipRule.SipRuleId"
	Pages  *scenarioPages    // all pages of a list

	Error string // the exception
	Code  string // the code in its body, where it is not the exception's own
	Says  string // words of its message
}

// scenarioPages is what the pages of a list must have.
type scenarioPages struct {
	Of   string   // the output's member that is the list
	By   string   // the member of the list's things that names them; "" for a list of strings
	Size int      // of a page
	Has  []string // each of these once
}

// errorStatus is the HTTP status of each exception, in the vendor's model.
var errorStatus = map[string]int{
	"BadRequestException": 400, "ResourceLimitExceededException": 400, "UnauthorizedClientException": 401, "ForbiddenException": 403,
	"AccessDeniedException": 403, "NotFoundException": 404, "ConflictException": 409, "ThrottledClientException": 429,
	"LimitExceededException": 400, "TooManyTagsException": 400, "ResourceNotFoundException": 404, "UnprocessableEntityException": 422,
}

func readScenarios(t *testing.T, folder string) map[string]scenarioFile {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	all := map[string]scenarioFile{}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(text))
		dec.DisallowUnknownFields()
		var f scenarioFile
		if err := dec.Decode(&f); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all[strings.TrimSuffix(filepath.Base(name), ".json")] = f
	}
	return all
}

// usualQuotas bound what the account of the scenarios may have, so that one of them can ask for more.
const usualQuotas = "chime: {quotas: {applications: 3, rules: 3, connectors: 2, connectorGroups: 2, phoneNumbers: 5}, limits: {activeCalls: 1}}\n"

// ringing is a far end that rings until it is cancelled. It gives its address.
func ringing(t *testing.T) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 65536)
		invites := map[string]string{} // by Call-ID
		for {
			n, from, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			say := func(req, status string) { conn.WriteTo([]byte(crlf(reply(req, status, "rings", ""))), from) }
			msg := string(buf[:n])
			switch kind, _, _ := strings.Cut(msg, " "); kind {
			case "INVITE":
				invites[rowOf(msg, "Call-ID")] = msg
				say(msg, "180 Ringing")
			case "CANCEL":
				say(msg, "200 OK")
				say(invites[rowOf(msg, "Call-ID")], "487 Request Terminated")
			}
		}
	}()
	return conn.LocalAddr().String()
}

// scenarioServer is for the scenarios: a number, numbers in stock, a function, and a far end that rings.
func scenarioServer(t *testing.T, more string) *server {
	t.Helper()
	f := startFunction(t, func(event) string { return actions() })
	stock := []string{`"+18885550150"`, `"+442079460150"`}
	for i := range 30 {
		stock = append(stock, fmt.Sprintf(`"+120655502%02d"`, i))
	}
	yaml := fmt.Sprintf(`account: "111122223333"
keys: [{kind: aws, id: dev, secret: dev-secret}]
numbers: ["+12065550100"]
stock: [%s]
functions: [{name: f0, url: %q}]
`, strings.Join(stock, ", "), f.URL)
	return start(t, yaml+more, "--pstn", "sip:"+ringing(t))
}

// Every client of customers, unmodified, runs every operation: creates, reads, lists by pages, changes, deletes, and raises what
// the server refuses as the exception that the vendor documents.
func TestClients(t *testing.T) {
	t.Parallel()
	for name, open := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := readScenarios(t, scenarioFolder) // its own: steps are cut to what a client knows
			ready := map[string]client{}
			for _, file := range slices.Sorted(maps.Keys(files)) {
				f := files[file]
				yaml := cmp.Or(f.Server, usualQuotas)
				if ready[yaml] == nil {
					ready[yaml] = open(t, scenarioServer(t, yaml))
				}
				t.Run(file, func(t *testing.T) { f.run(t, name, ready[yaml]) })
			}
		})
	}
}

func (f scenarioFile) run(t *testing.T, name string, c client) {
	held := holder{}
	for i, step := range f.Steps {
		if slices.Contains(step.Not, name) {
			continue
		}
		each := step.Each
		if each == nil {
			each = []object{{}}
		}
		for _, members := range each {
			input := object{}
			maps.Copy(input, step.Input)
			maps.Copy(input, members)
			input, _ = held.fill(input).(object)
			if name == legacy {
				cutOut(input, step.Newer)
				cutOut(step.Want, step.Newer)
			}
			if err := step.once(t, held, c, input); err != nil {
				given, _ := json.Marshal(input)
				t.Errorf("step %d: %s %s: %v", i+1, step.Do, given, err)
				if step.Keep != nil {
					t.FailNow() // what follows needs it
				}
			}
		}
	}
}

// once runs the step with one input.
func (s scenarioStep) once(t *testing.T, held holder, c client, input object) error {
	t.Helper()
	if s.Pages != nil {
		input["MaxResults"] = s.Pages.Size
	}
	got := c.ask(t, asked{s.Do, input, s.Pages != nil})
	if s.Error != "" {
		return s.failure(held, got)
	}
	if got.Error != "" {
		return fmt.Errorf("%s: %s", got.Error, got.Message)
	}
	if s.Status == 0 {
		return fmt.Errorf("the scenario does not say with which status it succeeds")
	}
	if got.Status != 0 && (got.Status != s.Status || got.Request == "") {
		return fmt.Errorf("status %d, request %q", got.Status, got.Request)
	}
	if s.Pages != nil {
		return s.Pages.check(held, got.Output)
	}
	if err := matches(held.fill(s.Want), got.Output, "the output"); err != nil {
		return err
	}
	for _, path := range s.None {
		if v, err := at(got.Output, path); err == nil && v != nil {
			return fmt.Errorf("%s is there: %v", path, v)
		}
	}
	for name, path := range s.Keep {
		v, err := at(got.Output, path)
		if err != nil {
			return err
		}
		if v == nil {
			return fmt.Errorf("the output has no %s", path)
		}
		held[name] = fmt.Sprint(v)
	}
	return nil
}

// cutOut takes members out of a JSON value, wherever they are.
func cutOut(v any, members []string) {
	switch v := v.(type) {
	case object:
		for _, m := range members {
			delete(v, m)
		}
		for _, in := range v {
			cutOut(in, members)
		}
	case []any:
		for _, in := range v {
			cutOut(in, members)
		}
	}
}

// failure checks an exception: its type, its status, its words.
func (s scenarioStep) failure(held holder, got clientAnswer) error {
	says, _ := held.fill(s.Says).(string)
	code := s.Code
	if code == "" {
		code = strings.TrimSuffix(strings.TrimSuffix(s.Error, "Exception"), "Client")
	}
	switch {
	case got.Error == "":
		return fmt.Errorf("it went well, and should fail with %s", s.Error)
	case got.Error != s.Error || !got.Typed:
		return fmt.Errorf("it failed with %s (typed: %v): %s; want %s", got.Error, got.Typed, got.Message, s.Error)
	case got.Status != 0 && (got.Status != errorStatus[s.Error] || got.Request == ""):
		return fmt.Errorf("status %d, request %q", got.Status, got.Request)
	case got.Code != "" && got.Code != code:
		return fmt.Errorf("its Code is %s, want %s", got.Code, code)
	case !strings.Contains(got.Message, says) || got.Message == "":
		return fmt.Errorf("its message is %q, want words %q", got.Message, says)
	}
	return nil
}

// check tells whether pages have what they must. A client that puts all pages together shows them as one.
func (p *scenarioPages) check(held holder, output object) error {
	pages, _ := output["Pages"].([]any)
	joined, _ := output["Joined"].(bool)
	var all []string
	for i, page := range pages {
		list, err := at(page, p.Of)
		if err != nil {
			return err
		}
		things, _ := list.([]any)
		if !joined && (len(things) > p.Size || len(things) < p.Size && i < len(pages)-1) {
			return fmt.Errorf("page %d of %d has %d, want %d", i+1, len(pages), len(things), p.Size)
		}
		for _, thing := range things {
			if p.By != "" {
				if thing, err = at(thing, p.By); err != nil {
					return err
				}
			}
			all = append(all, fmt.Sprint(thing))
		}
	}
	if !joined && len(pages) < 2 {
		return fmt.Errorf("there is one page alone: make more, or ask for fewer on a page")
	}
	for i, id := range all {
		if slices.Contains(all[:i], id) {
			return fmt.Errorf("%s is on two pages", id)
		}
	}
	for _, want := range p.Has {
		if want, _ := held.fill(want).(string); !slices.Contains(all, want) {
			return fmt.Errorf("%s is not among %q", want, all)
		}
	}
	return nil
}

// matches tells whether a value is as wanted: an object has at least the wanted members, a list has exactly the wanted things.
func matches(want, got any, where string) error {
	switch want := want.(type) {
	case object:
		in, ok := got.(object)
		if !ok && len(want) > 0 {
			return fmt.Errorf("%s is %v", where, got)
		}
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if err := matches(want[name], in[name], where+"."+name); err != nil {
				return err
			}
		}
		return nil
	case []any:
		list, _ := got.([]any)
		if len(list) != len(want) {
			return fmt.Errorf("%s is %v, want %v", where, got, want)
		}
		for i := range want {
			if err := matches(want[i], list[i], fmt.Sprintf("%s.%d", where, i)); err != nil {
				return err
			}
		}
		return nil
	case string:
		if want == "*" && got != nil && got != "" {
			return nil
		}
	}
	if !reflect.DeepEqual(want, got) {
		return fmt.Errorf("%s is %v, want %v", where, got, want)
	}
	return nil
}
