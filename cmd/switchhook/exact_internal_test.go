package main

import (
	"os"
	"strings"
	"testing"
)

// FuzzConfig reads what is no configuration: it is refused, or read, and never more than that.
func FuzzConfig(f *testing.F) {
	for _, text := range []string{
		"limits: {rate: 5.5, calls: 5.5}\n", "? calls\n: 010\n", "sip:\n  calls: |\n    5.5\n", "records: {keep: {a: [1h]}}\n", "records:\n  keep:\n",
		"trunks:\n- allow: !0 ", "sip: {calls: !!int \"5\", rate: !!}\n", "apps: [{settings: {a: [0100, .nan, ~, {b: 1e999}]}}]\n", "<<: {a: 1}\n", "trunks:\n- allow: [a, [b]]\n", "\x00: -\n",
		"numbers: [+1206, 0x1g, 1_0, True]\n", "---\n", "limits:\n  ? [rate]\n  : 1\n",
	} {
		f.Add(text)
	}
	file := f.TempDir() + "/switchhook.yaml"
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := readConfig(file)
		if err != nil {
			if !strings.Contains(err.Error(), "switchhook.yaml") {
				t.Errorf("%q: %v names no file", text, err)
			}
			return
		}
		_, _ = c.content() // what it says of it is told elsewhere
	})
}
