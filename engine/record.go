package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/tone"
)

// take is a recording of a RecordAudio. Its operation is over when the file is in its bucket, or can't be brought there:
// that may be after the end of the leg.
type take struct {
	cmd    call.RecordAudio
	rec    *clip.Recording // once it has begun
	ear    *mix.Ear        // of a leg
	deaf   func()          // of a room: hears no more
	began  time.Time
	paused bool
	ending bool        // no more is recorded
	result call.Result // what ended it
	err    error       //
	stored bool
}

// The tone that a far end hears before it is recorded.
const (
	beepHertz = 1400
	beepTime  = 200 * time.Millisecond
)

func (c *Call) doRecordAudio(cmd call.RecordAudio) (call.Ticket, error) {
	l, err := c.recordable(cmd)
	if err != nil {
		return call.Ticket{}, err
	}
	if cmd.Format == "" {
		cmd.Format = clip.WAV
	}
	w := clip.Wanted{
		Name: fmt.Sprintf("%s-%d", c.id, c.lastOp+1), Channels: 1, Format: cmd.Format,
		Rate: cmd.Rate, Bucket: cmd.Bucket, Key: cmd.Key, Longest: cmd.Longest, Silence: cmd.Silence,
		Threshold: cmd.Threshold, Blank: cmd.Blank, Meta: completed(cmd.Meta),
	}
	if cmd.Tracks == call.TracksApart {
		w.Channels = 2
	}
	if err := c.e.cfg.Recorder.Check(w); err != nil {
		return call.Ticket{}, fmt.Errorf("record: %w: %w", call.ErrInvalid, err)
	}
	op := c.begin(l)
	op.until, op.take = cmd.Until, &take{cmd: cmd}
	if cmd.Beep && l != nil {
		c.hush(l)
		l.media.Play(tone.Sine(beepHertz, beepTime), func(error) { c.inbox.put(func() { c.record(op, w) }) })
	} else {
		c.record(op, w)
	}
	return op.ticket(), nil
}

// recordable tells whether a recording can be, and of which leg; none for a room.
func (c *Call) recordable(cmd call.RecordAudio) (*leg, error) {
	rooms := c.e.cfg.Rooms
	switch cmd.Tracks {
	case call.TracksMixed, call.TracksApart, call.TracksFar, call.TracksToward:
	default:
		return nil, fmt.Errorf("record: %w: tracks %q", call.ErrInvalid, cmd.Tracks)
	}
	switch {
	case c.e.cfg.Recorder == nil || c.e.cfg.Clock == nil:
		return nil, errors.New("record: no recorder")
	case (cmd.Leg == "") == (cmd.Room == ""):
		return nil, fmt.Errorf("record: %w: a leg or a room", call.ErrInvalid)
	case cmd.Longest < 0 || cmd.Silence < 0:
		return nil, fmt.Errorf("record: %w: a time below zero", call.ErrInvalid)
	case !keepable(cmd.Meta):
		return nil, fmt.Errorf("record: %w: metadata %q", call.ErrInvalid, cmd.Meta)
	case len(c.ops) >= c.e.cfg.Limits.Operations:
		return nil, call.ErrLimit
	case cmd.Room == "":
		l, err := c.leg(cmd.Leg)
		if err == nil && l.media == nil {
			return nil, call.ErrState
		}
		return l, err
	case cmd.Tracks != call.TracksMixed:
		return nil, fmt.Errorf("record: %w: a room has no tracks but all of it", call.ErrInvalid)
	case rooms == nil || rooms.Present(c.roomKey(cmd.Room)) == 0:
		return nil, fmt.Errorf("record: %w: %w", call.ErrState, mix.ErrNoRoom)
	}
	return nil, nil
}

// record begins a recording in a goroutine of its own, which also brings it into its bucket.
func (c *Call) record(op *operation, w clip.Wanted) {
	if op.take.ending { // before it began
		c.recorded(op, clip.Stored{}, nil)
		return
	}
	wide := func() bool { return c.e.cfg.Rooms.Wide(c.roomKey(op.take.cmd.Room)) }
	if op.leg != nil {
		law := c.codecOf(op.leg)
		wide = func() bool { return law(context.Background()) == media.G722 }
	}
	c.working++
	go func() {
		stored, err := c.keep(op, w, wide)
		c.inbox.put(func() {
			c.recorded(op, stored, err)
			c.working--
		})
	}()
}

// keep is the goroutine of a recording; wide tells whether there are 16 kHz to be recorded. A fault of ours there ends the
// operation and touches no other.
func (c *Call) keep(op *operation, w clip.Wanted, wide func() bool) (stored clip.Stored, err error) {
	defer func() {
		if v := recover(); v != nil {
			c.e.cfg.Logger.Error("recording broke", "call", c.id, "fault", v, "stack", string(debug.Stack()))
			err = fmt.Errorf("the recording broke: %v", v)
		}
	}()
	c.e.tally.recording.Add(1)
	defer c.e.tally.recording.Add(-1)
	if w.Rate == 0 && wide() {
		w.Rate = codec.WideRate
	}
	recorder := c.e.cfg.Recorder
	if op.take.cmd.Sure {
		if err := recorder.Reach(context.Background(), w); err != nil {
			return stored, err
		}
	}
	rec, err := recorder.Begin(w)
	if err != nil {
		return stored, err
	}
	if !c.inbox.put(func() { c.listen(op, rec) }) {
		rec.Stop()
	}
	<-rec.Ended()
	return recorder.Store(context.Background(), rec) // a call's end is no reason to lose it; the recorder's patience is bounded
}

// listen lets a recording that has begun hear.
func (c *Call) listen(op *operation, rec *clip.Recording) {
	t := op.take
	t.rec, t.began = rec, c.now()
	rec.Pause(t.paused)
	if t.ending {
		rec.Stop()
		return
	}
	if t.cmd.Sure {
		c.emit(call.Began{Op: op.id, Leg: op.legID()})
	}
	s := &scribe{rec: rec, tracks: t.cmd.Tracks}
	if op.leg != nil {
		t.ear = c.e.cfg.Clock.Listen(s)
		says, hears := t.ear.Ports(t.cmd.Keys)
		op.leg.taps = append(op.leg.taps, tap{op, says, hears})
		op.leg.tap()
		return
	}
	deaf, err := c.e.cfg.Rooms.Listen(c.roomKey(t.cmd.Room), s)
	if err != nil { // it ended meanwhile
		rec.Stop()
		return
	}
	t.deaf = deaf
}

// quit lets a recording hear no more. Its operation is over once it is stored.
func (c *Call) quit(op *operation, r call.Result, err error) {
	t := op.take
	if t.ending {
		return
	}
	t.ending, t.result, t.err = true, r, err
	if t.deaf != nil {
		t.deaf()
	}
	if l := op.leg; t.ear != nil {
		t.ear.Close()
		l.taps = slices.DeleteFunc(l.taps, func(t tap) bool { return t.op == op })
		l.tap()
	}
	if t.rec != nil {
		t.rec.Stop()
	}
}

// recorded ends the operation of a recording.
func (c *Call) recorded(op *operation, stored clip.Stored, err error) {
	t := op.take
	c.quit(op, call.Result{}, nil) // where it ended by itself
	t.stored = true
	switch {
	case err != nil:
		err = fmt.Errorf("record: %w", err)
		c.e.tally.recordingsFailed.Add(1)
		c.notes.log(op.legID(), call.Log{Kind: call.LogNote, Text: "recording: " + err.Error()})
		c.e.cfg.Logger.Warn("a recording failed", "call", c.id, "error", err)
	case stored.Length > 0:
		c.e.tally.recorded.Add(1)
		c.e.cfg.Logger.Info("recorded", "call", c.id, "bucket", t.cmd.Bucket, "key", t.cmd.Key, "length", stored.Length.String())
		c.notes.log(op.legID(), call.Log{Kind: call.LogNote, Text: fmt.Sprintf("recorded %v to %s/%s", stored.Length, t.cmd.Bucket, t.cmd.Key)})
		t.result.Recording = &call.Recording{
			Bucket: t.cmd.Bucket, Key: t.cmd.Key, Length: stored.Length, Bytes: stored.Bytes, Began: t.began,
		}
	case !errors.Is(t.err, call.ErrStopped):
		err = t.err
	}
	c.finish(op, t.result, err)
}

func (c *Call) doPause(cmd call.Pause) (call.Ticket, error) {
	i := slices.IndexFunc(c.ops, func(op *operation) bool { return op.id == cmd.Op && op.take != nil })
	if i < 0 {
		return call.Ticket{}, call.ErrState
	}
	op := c.ops[i]
	op.take.paused = cmd.On
	if op.take.rec != nil {
		op.take.rec.Pause(cmd.On)
	}
	return op.ticket(), nil
}

// Bounds of what is kept with an object: those of S3 for what its writer says of it, and some less.
const (
	maxMeta      = 16
	maxMetaBytes = 2048
)

// keepable tells whether every bucket that keeps metadata can keep this.
func keepable(meta map[string]string) bool {
	size := 0
	for name, value := range meta {
		size += len(name) + len(value)
		odd := func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' }
		if name == "" || strings.IndexFunc(name, odd) >= 0 || strings.IndexFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
			return false
		}
	}
	return len(meta) <= maxMeta && size <= maxMetaBytes
}

// completed gives what is kept with a recording once its length is known; nil for nothing.
func completed(meta map[string]string) func(time.Duration) map[string]string {
	if len(meta) == 0 {
		return nil
	}
	return func(length time.Duration) map[string]string {
		all := maps.Clone(meta)
		for name, value := range all {
			if value == call.MetaSeconds {
				all[name] = strconv.Itoa(int(length.Round(time.Second) / time.Second))
			}
		}
		return all
	}
}

// scribe gives a recording the tracks it wants.
type scribe struct {
	rec    *clip.Recording
	tracks call.Tracks
	mixed  media.WideFrame // or half of it
}

// Rate implements [mix.Sink].
func (s *scribe) Rate() int { return s.rec.Rate() }

// Hear implements [mix.Sink].
func (s *scribe) Hear(says, hears []int16) {
	switch {
	case hears == nil || s.tracks == call.TracksFar:
		s.rec.Hear(says, nil)
	case s.tracks == call.TracksToward:
		s.rec.Hear(hears, nil)
	case s.tracks == call.TracksApart:
		s.rec.Hear(says, hears)
	default:
		mixed := s.mixed[:len(says)]
		mix.Add(mixed, says, hears)
		s.rec.Hear(mixed, nil)
	}
}

// Over implements [mix.Sink].
func (s *scribe) Over() { s.rec.Stop() }
