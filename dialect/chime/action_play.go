package chime

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/switchhook/switchhook/call"
)

// Messages about audio files.
const (
	badSource    = "Audio Source parameter value is invalid."
	badRingback  = "Ringtone parameter value is invalid."
	unreadableAt = "Cannot access S3 bucket or audio file."
)

func audioFault(message string) *fault { return &fault{kind: "InvalidAudioSource", message: message} }

// operating is an action under way that is one operation of the call.
type operating struct {
	op     call.OpID
	failed func(error) *fault
}

func startPlay(d *driver, a *action) (step, *fault) {
	play := call.Play{Leg: a.leg.id, Times: 1}
	var source json.RawMessage
	for key, value := range members(a.params) {
		switch key {
		case "AudioSource":
			source = value
		case "Repeat":
			if isUnset(value) {
				continue
			}
			n, ok := whole(value)
			if !ok || n < 1 {
				return nil, invalid("Repeat parameter value is invalid.")
			}
			play.Times = n
		case "PlaybackTerminators":
			until, ok := digits(value)
			if !ok {
				return nil, invalid("PlaybackTerminators parameter value is invalid.")
			}
			play.Until = until
		}
	}
	clip, ok := audioSource(source)
	if !ok {
		return nil, audioFault(badSource)
	}
	play.Clips = []call.Clip{clip}
	return d.operate(a, play, playFault)
}

// playFault says why nothing was played.
func playFault(err error) *fault {
	f := audioFault(unreadableAt)
	if errors.Is(err, call.ErrInvalid) {
		f = audioFault(badSource)
	}
	f.detail = err.Error()
	return f
}

// operate answers the leg, if that is still to do, and begins an operation on it.
func (d *driver) operate(a *action, cmd call.Command, failed func(error) *fault) (step, *fault) {
	d.pickUp(a.leg, nil)
	t, err := d.do(cmd)
	if err != nil {
		return nil, refused(err)
	}
	return operating{t.Op, failed}, nil
}

func (s operating) hear(d *driver, ev call.Event) outcome {
	done, ok := ev.(call.Done)
	switch {
	case !ok || done.Op != s.op:
		return outcome{}
	case done.Err == nil:
		return outcome{over: true}
	case cutOff(done.Err):
		return d.lost(done)
	}
	return outcome{over: true, fault: s.failed(done.Err)}
}

// cutOff tells whether an operation ended because of what happened to its leg.
func cutOff(err error) bool {
	return errors.Is(err, call.ErrLegEnded) || errors.Is(err, call.ErrStopped) || errors.Is(err, call.ErrOver)
}

// lost is what became of an action whose operation was cut off: HANGUP tells it, unless another leg has taken the place of the
// one that ended, which to the function goes on.
func (d *driver) lost(done call.Done) outcome {
	if l := d.action.leg; l.live() && l.id != done.Leg {
		return outcome{over: true, fault: systemFault(errors.New("another far end has taken the place of the one it was for"))}
	}
	return outcome{over: true, lost: true}
}

func (s operating) stop(d *driver) {
	_, _ = d.do(call.Stop{Op: s.op}) // when it is over already there is nothing to stop
}

// audioSource reads an audio source: an object in a bucket.
func audioSource(raw json.RawMessage) (call.Clip, bool) {
	var kind string
	var clip call.Clip
	for key, value := range members(raw) {
		switch key {
		case "Type":
			kind, _ = text(value)
		case "BucketName":
			clip.Bucket, _ = text(value)
		case "Key":
			clip.Key, _ = text(value)
		}
	}
	return clip, kind == "S3" && clip.Bucket != "" && clip.Key != ""
}

// digits reads keys of a phone: a list of them, or one string.
func digits(raw json.RawMessage) (string, bool) {
	all := ""
	if isArray(raw) {
		for e := range elements(raw) {
			s, _ := scalar(e)
			if len(s) != 1 {
				return "", false
			}
			all += s
		}
	} else if !isUnset(raw) {
		all, _ = scalar(raw)
		if all == "" {
			return "", false
		}
	}
	return all, strings.Trim(all, "0123456789*#") == ""
}
