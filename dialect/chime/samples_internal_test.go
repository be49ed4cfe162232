package chime

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

// TestSamplesGoThrough: what real systems send comes to a function and, handed back by it, to the callee, byte for byte.
func TestSamplesGoThrough(t *testing.T) {
	lim := Limits{}.withDefaults()
	for _, file := range []string{"samples-uui.tsv", "samples-diversion.tsv"} {
		text, err := os.ReadFile("../../header/testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		seen := 0
		for line := range strings.Lines(string(text)) {
			columns := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
			if len(columns) < 2 || !isAllowed(columns[0]) {
				continue
			}
			seen++
			want := header.List{{Name: columns[0], Value: strings.Split(columns[1], `\r\n`)[0]}}
			_, object, changes := view(want)
			got, _, bad := readHeaders(object, &lim)
			if diff := cmp.Diff(want, got); diff != "" || len(bad) > 0 || changes[0].Action != header.Kept {
				t.Errorf("%s: %s is shown as %s, refused %v: -want +got:\n%s", file, columns[0], object, bad, diff)
			}
		}
		if seen < 10 {
			t.Errorf("%s has only %d values: has its format changed?", file, seen)
		}
	}
}
