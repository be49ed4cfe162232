package acceptance_test

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media/tone"
)

// s3Bucket is a bucket that speaks S3 and keeps what it is given in files.
type s3Bucket struct {
	url, dir string
	mu       sync.Mutex
	heads    map[string]http.Header // of each object, as it was put
}

func newS3Bucket(t *testing.T) *s3Bucket {
	t.Helper()
	b := &s3Bucket{dir: t.TempDir(), heads: map[string]http.Header{}}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet { // is it there?
			io.WriteString(w, "<ListBucketResult/>")
			return
		}
		key, ok := strings.CutPrefix(r.URL.Path, "/calls/")
		if !ok || r.Method != http.MethodPut {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(b.file(key)), 0o750)
		}
		if err == nil {
			err = os.WriteFile(b.file(key), body, 0o600)
		}
		if err != nil {
			t.Errorf("the bucket: %v", err)
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		b.mu.Lock()
		b.heads[key] = r.Header
		b.mu.Unlock()
	}))
	t.Cleanup(srv.Close)
	b.url = "s3://calls?region=us-east-1&use_path_style=true&endpoint=" + srv.URL
	return b
}

func (b *s3Bucket) file(key string) string { return filepath.Join(b.dir, filepath.FromSlash(key)) }

// head waits for an object and gives the head it was put with.
func (b *s3Bucket) head(t *testing.T, key string) (h http.Header) {
	t.Helper()
	eventually(t, "the recording "+key, func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		h = b.heads[key]
		return h != nil
	})
	return h
}

var s3Login = []string{"AWS_ACCESS_KEY_ID=x", "AWS_SECRET_ACCESS_KEY=y"}

// destinations gives where the events of a type say that recordings went: the key, or bucket and key.
func destinations(events []event) (keys []string, terminators []string) {
	for _, ev := range events {
		var e struct {
			ActionData struct {
				RecordingDestination     struct{ Key string }
				CallRecordingDestination struct{ Location string }
				RecordingTerminatorUsed  string
			}
		}
		if json.Unmarshal(ev.raw, &e) != nil {
			continue
		}
		if key := e.ActionData.RecordingDestination.Key + e.ActionData.CallRecordingDestination.Location; key != "" {
			keys, terminators = append(keys, key), append(terminators, e.ActionData.RecordingTerminatorUsed)
		}
	}
	return keys, terminators
}

// loudest gives how loud a tone is in the tenth of a second of a track in which it is loudest.
func loudest(track []int16, hz float64) float64 {
	most := math.Inf(-1)
	for at := 0; at+800 <= len(track); at += 200 {
		most = max(most, tone.Loudness(track[at:at+800], hz))
	}
	return most
}

// lasting gives how loud a tone is in the half second of a track in which it is loudest. Its window fades in and out, so that neither the
// edge of another tone nor a packet that came late counts as this one.
func lasting(track []int16, hz float64) float64 {
	most, size := math.Inf(-1), min(4000, len(track))
	faded := make([]int16, size)
	for at := 0; at+size <= len(track); at += 1000 {
		for i, v := range track[at : at+size] {
			faded[i] = int16(float64(v) * (1 - math.Cos(2*math.Pi*float64(i)/float64(size))) / 2)
		}
		most = max(most, tone.Loudness(faded, hz)+6) // half of a tone is left of it
	}
	return most
}

// silence gives the longest stretch of a track in which nothing is to be heard, by its first sample and the one after.
func silence(track []int16) (from, to int) {
	for at := 0; at < len(track); {
		end := at
		for end < len(track) && track[end] > -300 && track[end] < 300 {
			end++
		}
		if end-at > to-from {
			from, to = at, end
		}
		at = end + 1
	}
	return from, to
}

// A call is recorded across its actions and its bridge: what comes in left, what goes out right, keys as tones, pauses silent
// between two tones, and stored with what the vendor says of it.
func TestChimeCallRecording(t *testing.T) {
	t.Parallel()
	bucket := newS3Bucket(t)
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	next := make(chan string, 10)  // what the function was told of
	pressed := make(chan struct{}) // closed when both have pressed their keys
	marks := make(chan time.Time, 2)
	f := startFunction(t, func(ev event) string {
		id := object{"CallId": ev.CallDetails.Participants[0].CallId}
		switch ev.InvocationEventType + " " + ev.ActionData.Type {
		case "NEW_INBOUND_CALL ":
			return actions("StartCallRecording", object{"CallId": id["CallId"], "Track": "BOTH", "Destination": object{"Type": "S3", "Location": "calls/sales"}},
				"CallAndBridge", object{"CallerIdNumber": "+12065550142", "Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+14155550199"}}})
		case "ACTION_SUCCESSFUL CallAndBridge":
			select {
			case <-pressed:
			case <-t.Context().Done():
			}
			return actions("Pause", object{"DurationInMilliseconds": 500}, "PauseCallRecording", id)
		case "ACTION_SUCCESSFUL PauseCallRecording":
			marks <- time.Now()
			return actions("Pause", object{"DurationInMilliseconds": 2000}, "ResumeCallRecording", id)
		case "ACTION_SUCCESSFUL ResumeCallRecording":
			marks <- time.Now()
			return actions("Pause", object{"DurationInMilliseconds": 1500}, "StopCallRecording", id)
		case "ACTION_SUCCESSFUL StopCallRecording":
			next <- ev.ActionData.Type
		}
		return actions()
	})
	c := config{peers: []string{peerAt(int(callee.Addr().Port()))}, functions: []string{f.URL}, more: fmt.Sprintf("buckets: {calls: %q}\n", bucket.url)}
	s := startIn(t, t.TempDir(), s3Login, c.yaml())
	l := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 1000)
	if err := far.Press(t.Context(), l.Media(), "5"); err != nil {
		t.Fatal(err)
	}
	if err := far.Press(t.Context(), (<-callee.answers).Media(), "3"); err != nil {
		t.Fatal(err)
	}
	for _, heard := range []chan byte{callee.digits, caller.digits} {
		select {
		case <-heard:
		case <-time.After(5 * time.Second):
			t.Fatal("a key was not heard within 5 s")
		}
	}
	close(pressed)
	<-next
	begun := f.seen("NEW_INBOUND_CALL")[0].CallDetails
	locations, _ := destinations(f.seen("ACTION_SUCCESSFUL"))
	if len(locations) != 1 {
		t.Fatalf("recordings in events: %v", locations)
	}
	key, _ := strings.CutPrefix(locations[0], "calls/")
	want := `^sales/(\d{4})/(\d\d)/(\d\d)/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-\d{3}_` + begun.TransactionId + "_" + begun.Participants[0].CallId + `\.wav$`
	if !regexp.MustCompile(want).MatchString(key) {
		t.Errorf("the key is %q", key)
	}
	head := bucket.head(t, key)
	for name, want := range map[string]string{
		"Content-Type": "audio/wav", "X-Amz-Meta-Transaction-Id": begun.TransactionId, "X-Amz-Meta-Call-Id": begun.Participants[0].CallId,
		"X-Amz-Meta-Recording-Audio-File-Format": "wav",
	} {
		if got := head.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	tracks := wavTracks(t, bucket.file(key))
	if len(tracks) != 2 {
		t.Fatalf("%d channels", len(tracks))
	}
	seconds := float64(len(tracks[0])) / 8000
	if got := head.Get("X-Amz-Meta-Recording-Duration"); seconds < 4.2 || seconds > 9 || got != fmt.Sprint(int(math.Round(seconds))) {
		t.Errorf("%.2f s of sound; recording-duration is %q", seconds, got)
	}
	began := <-marks
	pause := (<-marks).Sub(began).Seconds()
	for i, want := range []struct{ voice, other, low, high float64 }{{440, 1000, 770, 1336}, {1000, 440, 697, 1477}} {
		from, to := silence(tracks[i])
		if length := float64(to-from) / 8000; length < pause-0.5 || length > pause+0.1 {
			t.Errorf("channel %d is silent for %.2f s, the pause was %.2f s long", i, length, pause)
		}
		for part, sound := range map[string][]int16{"before": tracks[i][:max(from-1600, 0)], "after": tracks[i][min(to+1600, len(tracks[i])):]} {
			if own, other := loudest(sound, want.voice), lasting(sound, want.other); own < -20 || other > -35 {
				t.Errorf("channel %d, %s the pause: its voice at %.1f dB, the other's at %.1f dB", i, part, own, other)
			}
		}
		for part, sound := range map[string][]int16{"begin": tracks[i][max(from-1700, 0):from], "end": tracks[i][to:min(to+1700, len(tracks[i]))]} {
			if got := loudest(sound, 1400); got < -26 {
				t.Errorf("channel %d: the tone at the %s of the pause at %.1f dB", i, part, got)
			}
		}
		if low, high := loudest(tracks[i], want.low), loudest(tracks[i], want.high); low < -25 || high < -25 {
			t.Errorf("channel %d: the key's tones at %.1f and %.1f dB", i, low, high)
		}
	}
	l.Hangup(0, nil)
	over(t, l)
}

// A voicemail ends with a key, with silence, with its time, or with the caller; where it went is told, and why it did not.
func TestChimeRecordAudio(t *testing.T) {
	t.Parallel()
	caller := newPerson(t, 440)
	step := make(chan string, 1)
	record := func(more object) string {
		p := object{"DurationInSeconds": "30", "RecordingTerminators": []string{"#"}, "RecordingDestination": object{"Type": "S3", "BucketName": "recordings", "Prefix": "box/"}}
		for k, v := range more {
			p[k] = v
		}
		return actions("RecordAudio", p)
	}
	n := 0
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "HANGUP" {
			return actions()
		}
		n++
		step <- ev.ActionData.ErrorMessage
		switch n {
		case 1: // a key ends it
			return record(nil)
		case 2: // its time
			return record(object{"DurationInSeconds": 1})
		case 3: // silence, which a hum is where the threshold is high enough
			return record(object{"SilenceDurationInSeconds": 1, "SilenceThreshold": 1000})
		case 4: // nobody can write there
			return record(object{"DurationInSeconds": 1, "RecordingDestination": object{"Type": "S3", "BucketName": "gone"}})
		case 5:
			return record(object{"RecordingDestination": object{"Type": "S3", "BucketName": "nobody-declared-it"}})
		case 6:
			return actions("StartCallRecording", object{"CallId": ev.CallDetails.Participants[0].CallId, "Track": "BOTH", "Destination": object{"Type": "S3", "Location": "gone/x"}})
		case 7: // the caller hangs up
			return record(nil)
		}
		return actions()
	})
	data := t.TempDir()
	c := config{functions: []string{f.URL}, peers: []string{peerAt(freePort(t))}, more: "buckets: {gone: /nowhere/at/all}\n"}
	s := startIn(t, data, nil, c.yaml())
	l := caller.calls(t, s)
	next := func() string {
		t.Helper()
		select {
		case message := <-step:
			return message
		case <-time.After(15 * time.Second):
			t.Fatalf("the function was told %d events", n)
			return ""
		}
	}
	next()
	<-time.After(1500 * time.Millisecond) // of sound
	if err := far.Press(t.Context(), l.Media(), "1#"); err != nil {
		t.Fatal(err)
	}
	next()                    // recorded until the key; now for a second
	next()                    // and now until silence
	<-time.After(time.Second) // of sound
	stop := l.Media().Play(far.Hum(0), func(error) {})
	defer stop()
	next() // now into a bucket that is gone
	for range 2 {
		if got, want := next(), "An error occurred while uploading the recording to the S3 bucket."; got != want {
			t.Errorf("ACTION_FAILED says %q, want %q", got, want)
		}
	}
	next()
	if failed := f.seen("ACTION_FAILED"); !strings.Contains(string(failed[len(failed)-1].raw), `"Error":"NoAccessToDestination: Error while accessing destination"`) {
		t.Errorf("a call recording into a bucket that is gone: %s", failed[len(failed)-1].raw)
	}
	<-time.After(time.Second) // of sound
	l.Hangup(0, nil)
	over(t, l)
	id := f.seen("NEW_INBOUND_CALL")[0].CallDetails.Participants[0].CallId
	keys, used := destinations(f.seen("ACTION_SUCCESSFUL"))
	want := []string{"box/" + id + "-0.wav", "box/" + id + "-1.wav", "box/" + id + "-2.wav"}
	if fmt.Sprint(keys) != fmt.Sprint(want) || fmt.Sprint(used) != "[#  ]" {
		t.Fatalf("recordings %q, ended by %q", keys, used)
	}
	s.calls(t, 1)
	last := fmt.Sprintf("box/%s-4.wav", id) // after one that went nowhere
	for key, length := range map[string][2]float64{keys[0]: {1.2, 4}, keys[1]: {0.9, 1.1}, keys[2]: {1, 9}, last: {0.5, 4}} {
		file := filepath.Join(data, "recordings", filepath.FromSlash(key))
		tracks := wavTracks(t, file)
		if seconds := float64(len(tracks[0])) / 8000; len(tracks) != 1 || seconds < length[0] || seconds > length[1] {
			t.Errorf("%s has %d channels of %.2f s", key, len(tracks), seconds)
		}
		if hums := loudest(tracks[0], 440) > -20; hums != (key != last) {
			t.Errorf("%s: the caller's hum at %.1f dB", key, loudest(tracks[0], 440))
		}
	}
	if left, err := os.ReadDir(filepath.Join(data, "spool")); err != nil || len(left) != 1 {
		t.Errorf("in the spool: %v, %v; want what the bucket did not take", left, err)
	}
	if len(f.seen("HANGUP")) != 1 {
		t.Errorf("%d HANGUP", len(f.seen("HANGUP")))
	}
}

// Twenty calls are recorded at once, each for itself, and every caller hears his callee meanwhile.
func TestChimeTwentyCallRecordings(t *testing.T) {
	t.Parallel()
	const many = 20
	caller, callee := newPhone(t, nil), newPerson(t, 1000)
	f := startFunction(t, func(ev event) string {
		p := ev.CallDetails.Participants[0]
		switch ev.InvocationEventType {
		case "NEW_INBOUND_CALL":
			return actions("StartCallRecording", object{"CallId": p.CallId, "Track": "BOTH", "Destination": object{"Type": "S3", "Location": "recordings"}},
				"CallAndBridge", object{"CallerIdNumber": p.From, "Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+14155550199"}}})
		case "HANGUP":
			return actions("Hangup", object{})
		}
		return actions()
	})
	data := t.TempDir()
	s := startIn(t, data, nil, configFor(int(callee.Addr().Port()), f.URL))
	hz := func(i int) float64 { return 300 + 90*float64(i) } // far enough apart for a gap in one not to sound like another
	var lines sync.WaitGroup
	for i := range many {
		lines.Go(func() {
			l, err := caller.Call(far.Outgoing{Number: "+12065550100", Host: "127.0.0.1", Port: int(s.addr().Port()), From: fmt.Sprintf("+120655502%02d", i)})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := l.Wait(t.Context()); err != nil {
				t.Error(err)
				return
			}
			var ear far.Ear
			l.Media().Connect(&ear)
			stop := l.Media().Play(far.Hum(hz(i)), func(error) {})
			hears(t, fmt.Sprint("caller ", i), &ear, 1000)
			<-time.After(2 * time.Second) // of sound
			stop()
			l.Hangup(0, nil)
			over(t, l)
		})
	}
	lines.Wait()
	s.calls(t, many)
	locations, _ := destinations(f.seen("ACTION_SUCCESSFUL"))
	if len(locations) != many {
		t.Fatalf("%d recordings", len(locations))
	}
	from := map[string]int{} // by CallId
	for _, ev := range f.seen("NEW_INBOUND_CALL") {
		var i int
		fmt.Sscanf(ev.CallDetails.Participants[0].From, "+120655502%d", &i)
		from[ev.CallDetails.Participants[0].CallId] = i
	}
	for _, location := range locations {
		i := from[strings.TrimSuffix(location[strings.LastIndexByte(location, '_')+1:], ".wav")]
		tracks := wavTracks(t, filepath.Join(data, filepath.FromSlash(location)))
		if len(tracks) != 2 || len(tracks[0]) < 2*8000 {
			t.Fatalf("caller %d: %d channels of %d samples", i, len(tracks), len(tracks[0]))
		}
		for k := range many {
			if got := lasting(tracks[0], hz(k)); k == i && got < -20 || k != i && got > -30 {
				t.Errorf("caller %d: what caller %d hums at %.1f dB", i, k, got)
			}
		}
		if got := loudest(tracks[1], 1000); got < -20 {
			t.Errorf("caller %d: the callee at %.1f dB", i, got)
		}
	}
}

// A call recording goes on when the callee hangs up, in the prompt that follows, and with the next callee; OUTGOING is all that
// the caller hears of them, and nothing else. It is stored when the caller hangs up.
func TestChimeCallRecordingGoesOn(t *testing.T) {
	t.Parallel()
	answers := make(chan *far.Line, 2)
	var calls atomic.Int32
	callee := newPhone(t, func(l *far.Line) {
		l.Answer(nil)
		go func() {
			for e := range l.Events() {
				if _, ok := e.(call.Answered); ok {
					l.Media().Play(far.Hum(1000+500*float64(calls.Add(1)-1)), func(error) {})
					answers <- l
				}
			}
		}()
	})
	bridge := object{"CallerIdNumber": "+12065550142", "Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+14155550199"}}}
	f := startFunction(t, func(ev event) string {
		switch p := ev.CallDetails.Participants[0]; {
		case ev.InvocationEventType == "NEW_INBOUND_CALL":
			return actions("StartCallRecording", object{"CallId": p.CallId, "Track": "OUTGOING", "Destination": object{"Type": "S3", "Location": "recordings"}}, "CallAndBridge", bridge)
		case ev.InvocationEventType == "HANGUP" && p.Status == "Connected":
			return actions("PlayAudio", object{"CallId": p.CallId, "AudioSource": audio("welcome/tone.wav")}, "CallAndBridge", bridge)
		case ev.InvocationEventType == "HANGUP":
			return actions("Hangup", object{})
		}
		return actions()
	})
	data := prompts(t)
	s := startIn(t, data, nil, configFor(int(callee.Addr().Port()), f.URL))
	caller := newPerson(t, 440)
	l := caller.calls(t, s)
	first := <-answers
	hears(t, "the caller", &caller.ear, 1000)
	<-time.After(500 * time.Millisecond) // of sound
	first.Hangup(0, nil)
	hears(t, "the caller", &caller.ear, 620)
	<-answers
	hears(t, "the caller", &caller.ear, 1500)
	<-time.After(500 * time.Millisecond) // of sound
	l.Hangup(0, nil)
	over(t, l)
	s.calls(t, 1)
	locations, _ := destinations(f.seen("ACTION_SUCCESSFUL"))
	if len(locations) != 1 {
		t.Fatalf("recordings in events: %v", locations)
	}
	tracks := wavTracks(t, filepath.Join(data, filepath.FromSlash(locations[0])))
	if len(tracks) != 1 {
		t.Fatalf("%d channels", len(tracks))
	}
	at := 0
	for _, hz := range []float64{1000, 620, 1500} {
		from := at
		for at+800 <= len(tracks[0]) && tone.Loudness(tracks[0][at:at+800], hz) < -22 {
			at += 200
		}
		if at+800 > len(tracks[0]) {
			t.Errorf("%v Hz is not heard after %.1f s of %.1f", hz, float64(from)/8000, float64(len(tracks[0]))/8000)
			at = from
		}
	}
	if got := lasting(tracks[0], 440); got > -40 {
		t.Errorf("the caller's own voice at %.1f dB", got)
	}
}
