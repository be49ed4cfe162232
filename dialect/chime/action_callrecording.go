package chime

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// callRecording is what a StartCallRecording began on a leg: there is one in the leg's life.
type callRecording struct {
	op      call.OpID
	cmd     call.RecordAudio // what began it
	parts   int              // files beside the first, of legs that took the place of the one before
	paused  bool
	stopped bool // by StopCallRecording
	over    bool // its file is in its bucket, or can't be brought there
}

// badCallID is what a function is told of a CallId that is none, by the actions about call recordings.
const badCallID = "CallId parameter for action is invalid"

// callRecordings is where recordings go whose Location has no prefix.
const callRecordings = "Amazon-Chime-SMA-Call-Recordings"

// maxLocation bounds the prefix in a Location: the rest of the key is 113 bytes, and a key has 1,024 at most.
const maxLocation = 900

func startCallRecording(d *driver, a *action) (step, *fault) {
	cmd, prefix, f := readCallRecording(a.params)
	if f != nil {
		return nil, f
	}
	l := a.leg
	if l.recorded.call != nil {
		return nil, badState()
	}
	cmd.Leg, cmd.Key = l.id, callRecordingKey(prefix, l.start, d.call.ID(), l.callID())
	cmd.Meta = map[string]string{
		"transaction-id": string(d.call.ID()), "call-id": l.callID(),
		"recording-duration": call.MetaSeconds, "recording-audio-file-format": "wav",
	}
	d.pickUp(l, nil)
	t, err := d.do(cmd)
	switch {
	case errors.Is(err, call.ErrInvalid):
		return nil, noDestination(err)
	case err != nil:
		return nil, refused(err)
	}
	return &callRecordingBegins{l, t.Op, cmd}, nil
}

// noDestination says why a recording could not begin.
func noDestination(err error) *fault {
	f := refused(err)
	if f != nil {
		f.more = []byte(`,"Error":"NoAccessToDestination: Error while accessing destination"`)
	}
	return f
}

// callRecordingBegins is a StartCallRecording whose bucket is asked for.
type callRecordingBegins struct {
	leg *leg
	op  call.OpID
	cmd call.RecordAudio
}

func (s *callRecordingBegins) hear(d *driver, ev call.Event) outcome {
	switch ev := ev.(type) {
	case call.LegEnded:
		if ev.Leg == s.leg.id {
			return outcome{over: true, lost: true}
		}
	case call.Done:
		if ev.Op != s.op {
			break
		}
		if ev.Err == nil { // it ended before it began
			return outcome{over: true, lost: true}
		}
		f := noDestination(ev.Err)
		return outcome{over: true, lost: f == nil, fault: f}
	case call.Began:
		if ev.Op != s.op {
			break
		}
		s.leg.recorded.call = &callRecording{op: s.op, cmd: s.cmd}
		d.watchers = append(d.watchers, s.leg.recorded.call)
		b := append([]byte(nil), `,"CallRecordingDestination":{"Type":"S3","Location":`...)
		b = appendString(b, s.cmd.Bucket+"/"+s.cmd.Key)
		return outcome{over: true, result: result{behind: append(b, '}')}}
	}
	return outcome{}
}

func (s *callRecordingBegins) stop(d *driver) {
	_, _ = d.do(call.Stop{Op: s.op}) // when it is over already there is nothing to stop
}

// hear implements watcher: it waits for the end.
func (w *callRecording) hear(_ *driver, ev call.Event) bool {
	done, ok := ev.(call.Done)
	w.over = w.over || ok && done.Op == w.op
	return w.over
}

func stopCallRecording(d *driver, a *action) (step, *fault) {
	w := a.leg.recorded.call
	if w == nil || w.stopped {
		return nil, badState()
	}
	w.stopped = true
	_, _ = d.do(call.Stop{Op: w.op}) // when it is over already there is nothing to stop
	return instant{}, nil
}

// holdCallRecording begins a PauseCallRecording or, with false, a ResumeCallRecording. Once more is no error.
func holdCallRecording(on bool) func(*driver, *action) (step, *fault) {
	return func(d *driver, a *action) (step, *fault) {
		w := a.leg.recorded.call
		if w == nil || w.stopped || w.over {
			return nil, badState()
		}
		if _, err := d.do(call.Pause{Op: w.op, On: on}); err != nil {
			return nil, refused(err)
		}
		w.paused = on
		return instant{}, nil
	}
}

// maxParts bounds the files of one call recording.
const maxParts = 100

// recordOn lets the recording of a leg go on, in a file of its own, when another leg of the call has taken its place.
func (d *driver) recordOn(l *leg) {
	w := l.recorded.call
	if w == nil || w.stopped || w.over || w.parts >= maxParts {
		return
	}
	w.parts++
	cmd := w.cmd
	cmd.Leg, cmd.Sure = l.id, false
	cmd.Key = fmt.Sprintf("%s-%d.wav", strings.TrimSuffix(cmd.Key, ".wav"), w.parts)
	t, err := d.do(cmd)
	if err != nil {
		d.warn("a transferred leg is not recorded any more", err)
		return // the file before it is still to come
	}
	w.op = t.Op
	if w.paused {
		_, _ = d.do(call.Pause{Op: w.op, On: true}) // it has just begun
	}
}

// readCallRecording reads and checks the parameters of a StartCallRecording; the prefix is that of the object's key.
func readCallRecording(params json.RawMessage) (cmd call.RecordAudio, prefix string, f *fault) {
	cmd = call.RecordAudio{Rate: telephone, Longest: maxDuration, Blank: true, Sure: true, Keys: true}
	track, found := "", false
	for key, value := range members(params) {
		switch key {
		case "Track":
			track, _ = text(value)
		case "Destination":
			if cmd.Bucket, prefix, found = readLocation(value); !found {
				return cmd, "", invalid("Destination parameter value is invalid.")
			}
		}
	}
	switch track {
	case "BOTH":
		cmd.Tracks = call.TracksApart
	case "INCOMING":
		cmd.Tracks = call.TracksFar
	case "OUTGOING":
		cmd.Tracks = call.TracksToward
	default:
		return cmd, "", invalid("Track parameter value is invalid.")
	}
	if !found {
		return cmd, "", invalid("Destination parameter value is invalid.")
	}
	return cmd, prefix, nil
}

// readLocation reads a Destination: a bucket, and what stands before the keys in it.
func readLocation(raw json.RawMessage) (bucket, prefix string, ok bool) {
	var kind, location string
	for key, value := range members(raw) {
		switch key {
		case "Type":
			kind, _ = text(value)
		case "Location":
			location, _ = text(value)
		}
	}
	bucket, prefix, _ = strings.Cut(location, "/")
	prefix, ok = safePrefix(prefix, maxLocation)
	if prefix == "" {
		prefix = callRecordings
	}
	return bucket, prefix, ok && kind == "S3" && bucket != ""
}

// callRecordingKey gives the key of the recording of a leg that began then.
func callRecordingKey(prefix string, began time.Time, id call.ID, leg string) string {
	at := began.UTC().Format("2006/01/02/2006-01-02-15-04-05.000")
	i := len(at) - len(".000")
	return prefix + "/" + at[:i] + "-" + at[i+1:] + "_" + string(id) + "_" + leg + ".wav"
}
