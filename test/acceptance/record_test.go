package acceptance_test

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media/tone"
)

// wavTracks gives the channels of a WAV file of 16 bits.
func wavTracks(t *testing.T, file string) [][]int16 {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 44 || string(b[:4]) != "RIFF" || string(b[36:40]) != "data" {
		t.Fatalf("%s is no WAV: %d bytes", file, len(b))
	}
	n := int(binary.LittleEndian.Uint16(b[22:]))
	size := min(int(binary.LittleEndian.Uint32(b[40:])), len(b)-44)
	out := make([][]int16, n)
	for i := 0; i+1 < size; i += 2 {
		c := i / 2 % n
		out[c] = append(out[c], int16(binary.LittleEndian.Uint16(b[44+i:])))
	}
	return out
}

// record begins a recording of a call's first leg.
func record(t *testing.T, s *server, id call.ID, body object) string {
	t.Helper()
	var begun struct{ Recording int }
	s.ask(t, http.MethodPost, fmt.Sprintf("/api/calls/%s/recordings", id), body, &begun)
	return fmt.Sprintf("/api/calls/%s/recordings/%d", id, begun.Recording)
}

// Both voices of a call are in its recording: apart, each in its channel, or together.
func TestRecording(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	data := t.TempDir()
	s := startIn(t, data, nil, configFor(int(callee.Addr().Port()), f.URL))
	l := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 1000)
	hears(t, "the callee", &callee.ear, 440)
	ev := f.seen("NEW_INBOUND_CALL")[0].CallDetails
	id := call.ID(ev.TransactionId)
	began := time.Now()
	apart := record(t, s, id, object{"leg": ev.Participants[0].CallId, "tracks": "apart", "key": "apart.wav"})
	mixed := record(t, s, id, object{"leg": ev.Participants[0].CallId, "key": "mixed.wav"})
	operator := []string{"--api", "http://" + s.HTTP, "--key", "admin", "--secret", "admin-secret"}
	begun := run(t, nil, append([]string{"record", string(id), "--file", "cli/x.wav"}, operator...)...)
	var n int
	if _, err := fmt.Sscanf(begun.out, "recording %d goes to recordings/cli/x.wav", &n); err != nil || begun.code != 0 {
		t.Errorf("record: %+v: %v", begun, err)
	}
	<-time.After(2 * time.Second) // of sound
	if ended := run(t, nil, append([]string{"record", string(id), "--stop", fmt.Sprint(n)}, operator...)...); ended.code != 0 || !strings.Contains(ended.out, "seconds in recordings/cli/x.wav") {
		t.Errorf("record --stop: %+v", ended)
	}
	var got struct {
		Bucket, Key string
		Seconds     float64
		Bytes       int64
	}
	s.ask(t, http.MethodDelete, apart, nil, &got)
	if got.Bucket != "recordings" || got.Key != "apart.wav" || got.Seconds < 1.5 || got.Seconds > time.Since(began).Seconds() || got.Bytes < 40000 {
		t.Errorf("%+v after %v", got, time.Since(began))
	}
	l.Hangup(0, nil) // ends the other
	over(t, l)
	s.calls(t, 1)
	for name, want := range map[string][][2]bool{"apart.wav": {{true, false}, {false, true}}, "mixed.wav": {{true, true}}, "cli/x.wav": {{true, true}}} {
		tracks := wavTracks(t, filepath.Join(data, "recordings", name))
		if len(tracks) != len(want) {
			t.Fatalf("%s has %d channels", name, len(tracks))
		}
		for i, samples := range tracks {
			for k, hz := range []float64{440, 1000} {
				if loud := tone.Loudness(samples[4000:8000], hz); loud > -20 != want[i][k] {
					t.Errorf("%s, channel %d: %v Hz at %.1f dB", name, i, hz, loud)
				}
			}
		}
	}
	status, body := s.fetch(t, mixed)
	if status == http.StatusOK {
		t.Errorf("a recording of a call that is over: %s", body)
	}
	if left, err := os.ReadDir(filepath.Join(data, "spool")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What was recorded when the program is killed can be played, and the next start tells where it is.
func TestRecordingOutlivesTheProgram(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	data := t.TempDir()
	cfg := configFor(int(callee.Addr().Port()), f.URL)
	s := startIn(t, data, nil, cfg)
	caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 1000)
	ev := f.seen("NEW_INBOUND_CALL")[0].CallDetails
	record(t, s, call.ID(ev.TransactionId), object{"leg": ev.Participants[0].CallId, "key": "x.wav"})
	var file string
	eventually(t, "two seconds of sound on the disk", func() bool {
		found, err := filepath.Glob(filepath.Join(data, "spool", "*.wav"))
		if err != nil || len(found) != 1 {
			return false
		}
		file = found[0]
		st, err := os.Stat(file)
		return err == nil && st.Size() > 32000
	})
	if err := syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.exited
	samples := wavTracks(t, file)[0]
	for _, hz := range []float64{440, 1000} {
		if loud := tone.Loudness(samples[8000:12000], hz); loud < -20 {
			t.Errorf("%v Hz at %.1f dB", hz, loud)
		}
	}
	next := startIn(t, data, nil, cfg)
	eventually(t, "being told of the file", func() bool { return strings.Contains(next.logged(), filepath.Base(file)) })
}
