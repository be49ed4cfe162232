package main

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/dialect/chime"
)

// The section "chime" that docs/operating.md shows is read whole.
func TestDocumentedChimeIsRead(t *testing.T) {
	text, err := os.ReadFile("../../docs/operating.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(text), "```yaml\nchime:")
	section, _, closed := strings.Cut(section, "```")
	if !ok || !closed {
		t.Fatal("there is no such section")
	}
	c, err := readConfig(write(t, "chime:"+section))
	if err != nil {
		t.Fatal(err)
	}
	l := c.Chime.limits(0)
	if l.Invoke != 20*time.Second || l.Actions != 10 || l.CallsPerSecond != 5 || l.ActiveCalls != 100 || c.Chime.Quotas.CreateCalls != 1 ||
		c.Chime.Logs != "/var/log/switchhook" || c.Chime.Events.Headers["X-Api-Key"] != "change-me" || !c.Chime.Failover || chime.CallerID(c.Chime.CallerID) != chime.CallerOwned {
		t.Errorf("read as %+v", c.Chime)
	}
}

// docs/chime.md names each key of limits and quotas, and no other.
func TestChimeLimitsAreToldToCustomers(t *testing.T) {
	page, err := os.ReadFile("../../docs/chime.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, key := range regexp.MustCompile("`((?:limits|quotas)\\.[a-zA-Z]+)`").FindAllStringSubmatch(string(page), -1) {
		told[key[1]] = true
	}
	want := map[string]bool{}
	for section, of := range map[string]reflect.Type{"limits": reflect.TypeFor[chimeLimits](), "quotas": reflect.TypeFor[chimeQuotas]()} {
		for i := range of.NumField() {
			want[section+"."+of.Field(i).Tag.Get("json")] = true
		}
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Error(diff)
	}
}

func TestMistakesInChimeNameTheLine(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":      {"chime:\n  limit: {}\n", ":2:3:"},
		"below nothing":    {"chime: {limits: {actions: -1}}\n", ":1:27: chime.limits.actions: -1 is not between 0 and"},
		"too short":        {"chime: {limits: {invoke: 1ms}}\n", ":1:26: chime.limits.invoke: 1ms is not between 100ms and"},
		"too long":         {"chime: {limits: {ring: 9999h}}\n", ":1:24: chime.limits.ring: 9999h0m0s is not between"},
		"fraction":         {"chime: {quotas: {bots: 0.5}}\n", ":1:24: a whole number must stand here"},
		"beside no bots":   {"chime: {quotas: {bots: -1, meetings: -5}}\n", ":1:38: chime.quotas.meetings: -5 is not between 0 and"},
		"negative rate":    {"chime: {quotas: {createCalls: -0.5}}\n", ":1:31: chime.quotas.createCalls: -0.5"},
		"caller's policy":  {"chime: {callerId: mine}\n", ":1:19: chime.callerId: \"mine\" is neither any nor owned"},
		"no URL":           {"chime: {events: {url: here}}\n", ":1:17: chime.events: url is not like"},
		"a file's URL":     {"chime: {events: {url: \"file:///tmp/x\"}}\n", "chime.events: url is not like"},
		"no name":          {"chime: {events: {url: \"http://h\", headers: {\"a b\": c}}}\n", "chime.events: \"a b\" is no header's name"},
		"two rows":         {"chime: {events: {url: \"http://h\", headers: {\"a\": \"b\\r\\nc: d\"}}}\n", "header A has a control character"},
		"failover is text": {"chime: {failover: sometimes}\n", ":1:19:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(write(t, c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}
