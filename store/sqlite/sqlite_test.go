package sqlite_test

import (
	"path/filepath"
	"testing"

	"github.com/switchhook/switchhook/store/sqlite"
	"github.com/switchhook/switchhook/store/storetest"
)

func TestSuite(t *testing.T) {
	storetest.Run(t, func(place string, o storetest.Options) (storetest.Store, error) {
		return sqlite.Open(filepath.Join(place, "switchhook.db"), sqlite.Options{KeepAge: o.KeepAge, KeepRecords: o.KeepRecords})
	})
}
