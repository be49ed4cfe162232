package acceptance_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// declared gives the tests of the project: "sip TestC12Tags"; those of this folder also without it.
func declared(t *testing.T) map[string]bool {
	t.Helper()
	root := filepath.Join("..", "..")
	function := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	out := map[string]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == ".cache" || d.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		folder, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range function.FindAllStringSubmatch(string(text), -1) {
			out[filepath.ToSlash(folder)+" "+m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Each point of the two lists stands there once, and each test that a line names exists where the line says.
func TestListsNameTests(t *testing.T) {
	t.Parallel()
	tests := declared(t)
	for file, list := range map[string]struct {
		letter string
		points int
	}{"conformance.md": {"C", 70}, "security.md": {"S", 47}} {
		text, err := os.ReadFile(filepath.Join("..", "..", "docs", file))
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]int{}
		point, name := regexp.MustCompile(list.letter+`(\d\d)`), regexp.MustCompile("(?:([a-z/]+) )?`((?:Test|Fuzz)\\w+)`")
		for line := range strings.Lines(string(text)) {
			cells := strings.Split(line, "|")
			if len(cells) > 2 {
				for _, m := range point.FindAllStringSubmatch(cells[1], -1) {
					seen[m[1]]++
				}
			}
			for _, clause := range strings.Split(line, ";") { // a folder holds for the rest of its clause
				folder := "test/acceptance"
				for _, m := range name.FindAllStringSubmatch(clause, -1) {
					if strings.Contains(m[1], "/") || tests[m[1]+" "+m[2]] {
						folder = m[1]
					}
					if !tests[folder+" "+m[2]] {
						t.Errorf("docs/%s names %s in %s, which does not exist: %s", file, m[2], folder, strings.TrimSpace(line))
					}
				}
			}
		}
		for n := 1; n <= list.points; n++ {
			if got := seen[fmt.Sprintf("%02d", n)]; got != 1 {
				t.Errorf("docs/%s has %s%02d %d times", file, list.letter, n, got)
			}
		}
		if len(seen) != list.points {
			t.Errorf("docs/%s has %s points, want %d", file, strconv.Itoa(len(seen)), list.points)
		}
	}
}
