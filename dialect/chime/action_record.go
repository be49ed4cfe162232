package chime

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/switchhook/switchhook/call"
)

// Messages about recordings, of the vendor's page on RecordAudio.
const (
	badDestination      = "The RecordingDestination parameter is invalid."
	badDuration         = "The DurationInSeconds parameter is invalid."
	badSilenceDuration  = "The SilenceDurationInSeconds parameter is invalid."
	badSilenceThreshold = "The SilenceThreshold parameter is invalid."
	badUpload           = "An error occurred while uploading the recording to the S3 bucket."
)

// Bounds of RecordAudio.
const (
	maxPrefix        = 979 // bytes
	maxSilence       = 1000
	defaultThreshold = 200
	maxDuration      = 18 * time.Hour // a WAV file's head can tell no longer one of two channels
)

// quietest is how far below full scale silence is at most: the lowest code of A-law is 72 dB below it.
const quietest = 70

// telephone is the rate of all of the vendor's recordings, in hertz.
const telephone = 8000

// recorded is what was recorded of a leg.
type recorded struct {
	audio int // how many RecordAudio there were
	call  *callRecording
}

// recording is a RecordAudio under way.
type recording struct {
	action      *action
	op          call.OpID
	bucket, key string
}

func startRecord(d *driver, a *action) (step, *fault) {
	cmd, prefix, f := readRecord(a.params)
	if f != nil {
		return nil, f
	}
	cmd.Leg, cmd.Key = a.leg.id, recordKey(prefix, a.leg.callID(), a.leg.recorded.audio)
	d.pickUp(a.leg, nil)
	t, err := d.do(cmd)
	if err != nil {
		return nil, unrecorded(err)
	}
	a.leg.recorded.audio++
	return &recording{a, t.Op, cmd.Bucket, cmd.Key}, nil
}

// recordKey gives the key of the n-th RecordAudio of a leg, from 0.
func recordKey(prefix, leg string, n int) string {
	key := fmt.Sprintf("%s-%d.wav", leg, n)
	if prefix == "" {
		return key
	}
	return prefix + "/" + key
}

// unrecorded says why a recording could not begin: a bucket that is not declared is one that nothing can be uploaded to.
func unrecorded(err error) *fault {
	f := refused(err)
	if errors.Is(err, call.ErrInvalid) {
		f = invalid(badUpload)
		f.detail = err.Error()
	}
	return f
}

func (s *recording) hear(d *driver, ev call.Event) outcome {
	switch ev := ev.(type) {
	case call.LegEnded:
		if ev.Leg == s.action.leg.id {
			d.watchers = append(d.watchers, (*lateRecording)(s))
			return outcome{over: true, lost: true}
		}
	case call.Done:
		if ev.Op == s.op {
			return s.outcome(ev)
		}
	}
	return outcome{}
}

// outcome says what became of the recording.
func (s *recording) outcome(done call.Done) outcome {
	switch {
	case errors.Is(done.Err, call.ErrLegEnded), errors.Is(done.Err, call.ErrOver):
		return outcome{over: true, lost: true}
	case done.Err != nil:
		f := invalid(badUpload)
		f.detail = done.Err.Error()
		return outcome{over: true, fault: f}
	case done.Result.Recording == nil:
		return outcome{over: true, fault: systemFault(errNothing)}
	}
	b := append([]byte(nil), `,"RecordingDestination":{"Type":"S3","BucketName":`...)
	b = appendString(b, s.bucket)
	b = append(b, `,"Key":`...)
	b = appendString(b, s.key)
	b = append(b, '}')
	if done.Result.Digit != 0 {
		b = append(b, `,"RecordingTerminatorUsed":`...)
		b = appendString(b, string(rune(done.Result.Digit)))
	}
	return outcome{over: true, result: result{behind: b}}
}

var errNothing = errors.New("it ended before there was any sound")

// stop ends it; what there is is kept.
func (s *recording) stop(d *driver) {
	_, _ = d.do(call.Stop{Op: s.op}) // when it is over already there is nothing to stop
}

// lateRecording is a RecordAudio whose leg is over: the function hears of the file where the call goes on without that leg.
type lateRecording recording

func (w *lateRecording) hear(d *driver, ev call.Event) bool {
	done, ok := ev.(call.Done)
	if !ok || done.Op != w.op {
		return false
	}
	switch o := (*recording)(w).outcome(done); {
	case o.lost:
	case o.fault != nil:
		d.explain(w.action, o.fault)
		d.push(&notice{event: failed, leg: w.action.leg, action: w.action, fault: o.fault})
	default:
		d.push(&notice{event: succeeded, leg: w.action.leg, action: w.action, result: o.result})
	}
	return true
}

// readRecord reads and checks the parameters of a RecordAudio; the prefix is that of the object's key.
func readRecord(params json.RawMessage) (cmd call.RecordAudio, prefix string, f *fault) {
	cmd = call.RecordAudio{Tracks: call.TracksFar, Rate: telephone, Longest: maxDuration}
	threshold := defaultThreshold
	var destination json.RawMessage
	for key, value := range members(params) {
		if key == "RecordingDestination" {
			destination = value
			continue
		}
		if isUnset(value) {
			continue
		}
		var n int
		var ok bool
		switch key {
		case "DurationInSeconds":
			if n, ok = whole(value); !ok || n < 1 {
				return cmd, "", invalid(badDuration)
			}
			cmd.Longest = min(time.Duration(min(n, int(maxDuration/time.Second)))*time.Second, maxDuration)
		case "SilenceDurationInSeconds":
			if n, ok = whole(value); !ok || n < 1 || n > maxSilence {
				return cmd, "", invalid(badSilenceDuration)
			}
			cmd.Silence = time.Duration(n) * time.Second
		case "SilenceThreshold":
			if threshold, ok = whole(value); !ok || threshold < 1 || threshold > maxSilence {
				return cmd, "", invalid(badSilenceThreshold)
			}
		case "RecordingTerminators":
			if cmd.Until, ok = digits(value); !ok {
				return cmd, "", invalid("RecordingTerminators parameter value is invalid.")
			}
		}
	}
	if cmd.Silence > 0 {
		cmd.Threshold = belowFullScale(threshold)
	}
	bucket, prefix, ok := readDestination(destination)
	if !ok {
		return cmd, "", invalid(badDestination)
	}
	cmd.Bucket = bucket
	return cmd, prefix, nil
}

// readDestination reads where a RecordAudio goes.
func readDestination(raw json.RawMessage) (bucket, prefix string, ok bool) {
	var kind string
	for key, value := range members(raw) {
		switch key {
		case "Type":
			kind, _ = text(value)
		case "BucketName":
			bucket, _ = text(value)
		case "Prefix":
			if isUnset(value) {
				continue
			}
			var s string
			if s, ok = text(value); ok {
				prefix, ok = safePrefix(s, maxPrefix)
			}
			if !ok {
				return "", "", false
			}
		}
	}
	return bucket, prefix, kind == "S3" && bucket != ""
}

// safePrefix gives a prefix of keys as it stands before a "/": its characters are those that the S3 user guide calls safe in
// object keys, and it leads nowhere but down.
func safePrefix(s string, most int) (string, bool) {
	if len(s) > most {
		return "", false
	}
	var parts []string
	for part := range strings.SplitSeq(s, "/") {
		if part == "." || part == ".." || strings.IndexFunc(part, unsafeInKey) >= 0 {
			return "", false
		}
		if part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "/"), true
}

func unsafeInKey(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9':
		return false
	}
	return !strings.ContainsRune("!-_.*'()", r)
}

// belowFullScale says what SilenceThreshold means on a line, in decibels below full scale. The vendor explains its numbers by
// how loud rooms are: 1 is 30 dB, a quiet room; 100 is 40 to 50, 200 is 60 and 1000 is 75, music. Here a room of 60 dB, its
// default, is 50 dB below full scale; between these numbers it grows with their logarithm. It is never less than what a line of
// G.711 sends in place of silence.
func belowFullScale(threshold int) float64 {
	steps := [...]struct{ number, below float64 }{{1, 80}, {100, 65}, {200, 50}, {1000, 35}}
	n := float64(threshold)
	for i := 1; i < len(steps); i++ {
		if a, b := steps[i-1], steps[i]; n <= b.number {
			return min(a.below+(b.below-a.below)*math.Log(n/a.number)/math.Log(b.number/a.number), quietest)
		}
	}
	return steps[len(steps)-1].below
}
