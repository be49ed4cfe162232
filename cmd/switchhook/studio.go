package main

import (
	"context"
	"path/filepath"

	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/mix"
)

// studio is what mixes and records.
type studio struct {
	clock    *mix.Clock
	rooms    *mix.Rooms
	recorder *clip.Recorder
}

// openStudio opens it. What is recorded is in a folder of the data folder until it is in its bucket.
func (h *house) openStudio(_ context.Context, data string) error {
	dir, err := filepath.Abs(filepath.Join(data, "spool"))
	if err != nil {
		return err
	}
	if h.studio.recorder, err = clip.NewRecorder(h.buckets, dir); err != nil {
		return err
	}
	for _, file := range h.studio.recorder.Left() {
		h.log.Warn("a recording did not reach its bucket: move it where it belongs", "file", file)
	}
	h.studio.clock = mix.NewClock(0, h.log)
	h.studio.rooms = mix.NewRooms(h.studio.clock)
	h.later(func() error {
		h.studio.clock.Close()
		return nil
	})
	return nil
}
