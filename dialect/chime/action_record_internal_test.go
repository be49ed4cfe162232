package chime

import (
	"encoding/json"
	"io/fs"
	"strings"
	"testing"
	"time"
)

// Whatever a function asks for, a recording is bounded, and its key is one of its bucket that S3 can hold.
func FuzzRecordings(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"Track":"BOTH","Destination":{"Type":"S3","Location":"b/p"}}`, `{"Track":"INCOMING","Destination":{"Type":"S3","Location":"b//../p/"}}`,
		`{"DurationInSeconds":"20","SilenceDurationInSeconds":3,"SilenceThreshold":1,"RecordingTerminators":["#"],"RecordingDestination":{"Type":"S3","BucketName":"b","Prefix":"/a//b/"}}`,
		`{"DurationInSeconds":1e9,"RecordingTerminators":"1#","RecordingDestination":{"Type":"S3","BucketName":"b","Prefix":"./.."}}`,
		`{"RecordingDestination":{"Type":"S3","BucketName":"b","Prefix":null,"Prefix":"\u0000"},"RecordingDestination":[]}`,
	} {
		f.Add([]byte(seed))
	}
	const leg = "00000001-0000-4000-8000-000000000000"
	check := func(t *testing.T, bucket, key string) {
		if bucket == "" || !fs.ValidPath(key) || len(key) > 1024 || strings.IndexFunc(strings.ReplaceAll(key, "/", ""), unsafeInKey) >= 0 {
			t.Errorf("the key is %q in %q", key, bucket)
		}
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = []byte(strings.TrimSpace(string(raw)))
		if !json.Valid(raw) {
			return
		}
		if cmd, prefix, fault := readRecord(raw); fault == nil {
			check(t, cmd.Bucket, recordKey(prefix, leg, 99))
			switch {
			case cmd.Longest < time.Second || cmd.Longest > maxDuration, cmd.Silence < 0 || cmd.Silence > 1000*time.Second,
				(cmd.Silence > 0) != (cmd.Threshold >= 35 && cmd.Threshold <= quietest), strings.Trim(cmd.Until, "0123456789*#") != "":
				t.Errorf("%+v", cmd)
			}
		}
		if cmd, prefix, fault := readCallRecording(raw); fault == nil {
			check(t, cmd.Bucket, callRecordingKey(prefix, time.Time{}, leg, leg))
		}
	})
}

// A silence is as deep as the vendor's table of rooms says, and louder the higher the number.
func TestSilenceThreshold(t *testing.T) {
	last := 100.0
	for n := 1; n <= maxSilence; n++ {
		got := belowFullScale(n)
		if got > last {
			t.Fatalf("%d is %v dB below full scale, %d is %v", n, got, n-1, last)
		}
		last = got
	}
	for n, want := range map[int]float64{1: 70, 100: 65, 200: 50, 1000: 35} {
		if got := belowFullScale(n); got < want-0.01 || got > want+0.01 {
			t.Errorf("%d is %v dB below full scale, want %v", n, got, want)
		}
	}
}
