package examples_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/test/need"
)

// TestBeside runs the tests that stand beside the examples in Node.js and Python, as their READMEs say.
func TestBeside(t *testing.T) {
	node := need.Tool(t, "node", "Node.js 20 or later")
	modules := need.File(t, filepath.Join("..", "test", "acceptance", "interop", "node", "node_modules"), "make test installs it")
	python := need.File(t, filepath.Join("..", ".cache", "venv", "bin", "python"), "make test installs it")
	examples, err := filepath.Glob("*/index.mjs")
	if err != nil || len(examples) < 5 {
		t.Fatalf("examples %q, %v", examples, err)
	}
	for _, index := range examples {
		t.Run(filepath.Dir(index), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir() // where it finds the SDK, and may write
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(index))); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(absolute(t, modules), filepath.Join(dir, "node_modules")); err != nil {
				t.Fatal(err)
			}
			for _, command := range [][]string{{node, "--test"}, {absolute(t, python), "-m", "unittest"}} {
				cmd := exec.Command(command[0], command[1:]...)
				cmd.Dir = dir
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%q: %v\n%s", command, err, out)
				}
			}
		})
	}
}

func absolute(t *testing.T, path string) string {
	t.Helper()
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}
