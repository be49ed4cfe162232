package need

import (
	"os"
	"os/exec"
	"testing"
)

// Tool gives the path of a program, or skips the test with the reason; under CI=true it fails.
func Tool(t testing.TB, name, install string) string {
	t.Helper()
	p, err := exec.LookPath(name)
	if err != nil {
		Missing(t, name+" is not on the PATH: "+install)
	}
	return p
}

// File gives the path back if it exists, or skips as [Tool] does.
func File(t testing.TB, path, install string) string {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		Missing(t, path+" is not there: "+install)
	}
	return path
}

// Missing skips the test with a reason; under CI=true it fails.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s; under CI nothing may be skipped", why)
	}
	t.Skipf("SKIPPED LOUDLY: %s", why)
}
