//go:build !unix

package sqlite

import "os"

// lockFile opens the lock's file; without flock, keeping a second process away is the operator's part.
func lockFile(path string) (*os.File, error) { return os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o640) }
