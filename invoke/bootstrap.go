package invoke

import (
	"embed"
	"fmt"
	"os"
	"path/filepath"
)

//go:embed bootstrap
var bootstraps embed.FS

// writeBootstraps puts the programs that run handler files into a folder that only we can read.
func writeBootstraps() (string, error) {
	dir, err := os.MkdirTemp("", "switchhook-bootstrap-")
	if err != nil {
		return "", fmt.Errorf("make a folder for the bootstraps: %w", err)
	}
	for _, in := range interpreters() {
		text, err := bootstraps.ReadFile("bootstrap/" + in.bootstrap)
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, in.bootstrap), text, 0o600)
		}
		if err != nil {
			return "", fmt.Errorf("write %s: %w", in.bootstrap, err)
		}
	}
	return dir, nil
}

func removeBootstraps(dir string) error {
	if dir == "" {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return fmt.Errorf("remove the bootstraps: %w", err)
	}
	return nil
}
