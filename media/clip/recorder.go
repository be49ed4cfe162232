package clip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
)

// Recorder records sound: into files of a folder of this machine while it goes on, so that neither a slow bucket nor the
// end of this program loses it, and then into buckets. Safe for concurrent use.
type Recorder struct {
	buckets  *Buckets
	folder   string
	encoder  *encoder      // nil: none was found
	turns    chan struct{} // to encode
	patience time.Duration // how long a bucket may take nothing
}

// ErrNoEncoder says that there is no program on this machine that writes MP3.
var ErrNoEncoder = errors.New("MP3 can't be written: neither lame nor ffmpeg is on this machine")

// The formats of recordings.
const (
	WAV = "wav"
	MP3 = "mp3"
)

// storePatience is how long a bucket may take nothing of what it is given.
const storePatience = time.Minute

// NewRecorder makes a recorder whose files are in that folder, which is made where it is not there. It looks for an encoder
// of MP3.
func NewRecorder(b *Buckets, folder string) (*Recorder, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("folder of recordings: %w", err)
	}
	return &Recorder{
		buckets: b, folder: folder, encoder: findEncoder(exec.LookPath), turns: make(chan struct{}, 2), patience: storePatience,
	}, nil
}

// Left gives the files of recordings that did not reach their bucket, oldest first: those of buckets that failed, and those
// that went on when the program was killed.
func (r *Recorder) Left() []string {
	found, err := os.ReadDir(r.folder)
	if err != nil {
		return nil
	}
	var files []string
	for _, f := range found {
		if f.Type().IsRegular() && strings.HasSuffix(f.Name(), "."+WAV) { // beside them stands what others spool
			files = append(files, filepath.Join(r.folder, f.Name()))
		}
	}
	slices.SortFunc(files, func(a, b string) int { return modified(a).Compare(modified(b)) })
	return files
}

func modified(file string) time.Time {
	st, err := os.Stat(file)
	if err != nil {
		return time.Time{}
	}
	return st.ModTime()
}

// Wanted says what is to be recorded.
type Wanted struct {
	Name        string // of the file while it goes on: unique, letters, digits and dashes
	Channels    int    // 1 or 2
	Rate        int    // in hertz: 8,000, also when zero, or 16,000
	Format      string // [WAV] or [MP3]
	Bucket, Key string
	Longest     time.Duration // it ends after so much sound; 0 means 4 h
	Silence     time.Duration // it ends after so long a silence; 0 means never
	// Threshold is how many decibels below full scale sound is silence; 0 means 50.
	Threshold float64
	// Blank: a pause is as long in the file as it was, silent, with a tone where it begins and where it ends; else it is left out.
	Blank bool
	// Meta gives what is kept with the object beside its content, where the bucket keeps such, once its length is known; nil
	// for nothing. It is called from the goroutine of [Recorder.Store].
	Meta func(length time.Duration) map[string]string
}

// defaultLongest bounds a recording that nobody ends.
const defaultLongest = 4 * time.Hour

// Check tells at once what is wrong with what is wanted, as far as that can be known without asking the bucket. Errors are
// [ErrNoEncoder], or wrap media.ErrNoBucket, media.ErrAccess (a key that leads out of its bucket) or media.ErrFormat.
func (r *Recorder) Check(w Wanted) error {
	if w.Format != WAV && w.Format != MP3 {
		return fmt.Errorf("%w: recordings are %s or %s, not %q", media.ErrFormat, WAV, MP3, w.Format)
	}
	if w.Rate != 0 && w.Rate != codec.Rate && w.Rate != codec.WideRate {
		return fmt.Errorf("%w: recordings have %d or %d Hz, not %d", media.ErrFormat, codec.Rate, codec.WideRate, w.Rate)
	}
	if !(w.Threshold >= 0 && w.Threshold <= maxThreshold) {
		return fmt.Errorf("%w: silence is 0 to %d dB below full scale, not %v", media.ErrFormat, maxThreshold, w.Threshold)
	}
	if w.Format == MP3 && r.encoder == nil {
		return ErrNoEncoder
	}
	_, err := r.buckets.find(w.Bucket, w.Key)
	return err
}

// Reach tells whether a recording's bucket is there to be written to; see [Buckets.Reach].
func (r *Recorder) Reach(ctx context.Context, w Wanted) error { return r.buckets.Reach(ctx, w.Bucket) }

// Stored is what a recording left in its bucket.
type Stored struct {
	Length time.Duration // of the sound
	Bytes  int64         // of the file
}

// Store brings a recording that has ended into its bucket, as the format wanted, and waits for that. When that fails the
// error tells where on this machine the sound is.
func (r *Recorder) Store(ctx context.Context, rec *Recording) (Stored, error) {
	length, err := rec.wait()
	stored := Stored{Length: length}
	file := rec.file.Name()
	if err == nil && length > 0 {
		stored.Bytes, err = r.deliver(ctx, rec.wanted, file, length)
	}
	if err != nil && length > 0 {
		return stored, fmt.Errorf("%w; the recording is kept in %s", err, file)
	}
	return stored, errors.Join(err, os.Remove(file))
}

func (r *Recorder) deliver(ctx context.Context, w Wanted, file string, length time.Duration) (int64, error) {
	about := About{Type: "audio/wav"}
	if w.Meta != nil {
		about.Meta = w.Meta(length)
	}
	if w.Format == MP3 {
		about.Type = "audio/mpeg"
		out := strings.TrimSuffix(file, "."+WAV) + "." + MP3
		defer os.Remove(out) //nolint:errcheck // it may not have come to be
		if err := r.encode(ctx, w.Channels, file, out); err != nil {
			return 0, err
		}
		file = out
	}
	in, err := os.Open(file)
	if err != nil {
		return 0, fmt.Errorf("read the recording: %w", err)
	}
	defer in.Close()
	st, err := in.Stat()
	if err != nil {
		return 0, fmt.Errorf("read the recording: %w", err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(r.patience, func() { cancel(errStalled) })
	defer timer.Stop()
	err = r.buckets.PutAbout(ctx, w.Bucket, w.Key, progress{in, timer, r.patience}, about)
	if err = hurried(ctx, err); err != nil {
		return 0, fmt.Errorf("store %s/%s: %w", w.Bucket, w.Key, err)
	}
	return st.Size(), nil
}

// progress puts the end off with each read.
type progress struct {
	io.Reader
	timer    *time.Timer
	patience time.Duration
}

func (p progress) Read(b []byte) (int, error) {
	p.timer.Reset(p.patience)
	return p.Reader.Read(b)
}

// encode makes an MP3 of a WAV, when it is its turn.
func (r *Recorder) encode(ctx context.Context, channels int, from, to string) error {
	select {
	case r.turns <- struct{}{}:
		defer func() { <-r.turns }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return r.encoder.run(ctx, channels, from, to)
}

// encoder is a program that writes MP3. What it writes has 16 kHz: many players know no less.
type encoder struct {
	path  string
	args  []string // before the file that is read
	after []string // and after it
	apart []string // keep two channels apart: by default much of what they share is written once, and heard in both
}

func findEncoder(look func(string) (string, error)) *encoder {
	if path, err := look("lame"); err == nil {
		return &encoder{path: path, args: []string{"--quiet", "--resample", "16", "-V", "5"}, apart: []string{"-m", "s"}}
	}
	if path, err := look("ffmpeg"); err == nil {
		return &encoder{
			path: path, args: []string{"-nostdin", "-loglevel", "error", "-y", "-i"}, after: []string{"-ar", "16000", "-q:a", "5"},
			apart: []string{"-joint_stereo", "0"},
		}
	}
	return nil
}

// longestEncoding bounds what a recording of hours takes.
const longestEncoding = 10 * time.Minute

func (e *encoder) run(ctx context.Context, channels int, from, to string) error {
	ctx, cancel := context.WithTimeout(ctx, longestEncoding)
	defer cancel()
	args := append(slices.Clone(e.args), from)
	args = append(args, e.after...)
	if channels == 2 {
		args = append(args, e.apart...)
	}
	cmd := exec.CommandContext(ctx, e.path, append(args, to)...)
	cmd.WaitDelay = time.Second
	var said tail
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("encode MP3: %s: %w: %s", filepath.Base(e.path), err, said)
	}
	return nil
}

// tail keeps the last words of a program.
type tail []byte

func (t *tail) Write(p []byte) (int, error) {
	const most = 500
	*t = append(*t, p...)
	*t = (*t)[max(len(*t)-most, 0):]
	return len(p), nil
}
