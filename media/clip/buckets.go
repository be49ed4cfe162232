package clip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
)

const (
	maxObject = 1 << 30  // bytes of a file that is played: more than an hour of anything; larger ones are refused
	maxShelf  = 2 << 20  // bytes of a file that is decoded whole and kept
	shelfSize = 64 << 20 // bytes of samples that are kept: 70 minutes
	patience  = 10 * time.Second
)

// Buckets are the places named in the configuration where audio is stored. It implements [media.Opener]. Its methods may
// be called from any goroutine.
type Buckets struct {
	stores   map[string]store
	shelf    *Shelf
	filters  *filters
	patience time.Duration // how long a store may give no byte
}

var _ media.WideOpener = (*Buckets)(nil)

// store is one bucket. Errors wrap [media.ErrNotFound], [media.ErrAccess] or the context's.
type store interface {
	stat(ctx context.Context, key string) (info, error)
	open(ctx context.Context, key string, at int64) (io.ReadCloser, error) // from that byte on
	put(ctx context.Context, key string, r io.Reader, about About) error
	reach(ctx context.Context) error
	close() error
}

// info is what is known of an object without reading it.
type info struct {
	size    int64
	version string // differs when the content does
}

// OpenBuckets declares buckets by name. The URLs are those of folders (file:///var/prompts, file://./prompts, or a path),
// of Amazon S3 and what speaks like it (s3://bucket, with the parameters region, endpoint, use_path_style … and the
// settings that all AWS programs read), and of memory (mem://). No bucket is touched before it is used; an error names the
// bucket whose URL can't be understood.
func OpenBuckets(urls map[string]string) (*Buckets, error) {
	f := &filters{}
	b := &Buckets{stores: make(map[string]store), shelf: newShelf(shelfSize, f), filters: f, patience: patience}
	for _, name := range slices.Sorted(maps.Keys(urls)) {
		s, err := newStore(urls[name])
		if err != nil {
			return nil, errors.Join(fmt.Errorf("bucket %s: %w", name, err), b.Close())
		}
		b.stores[name] = s
	}
	return b, nil
}

func newStore(text string) (store, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("not a URL: %w", err)
	}
	switch u.Scheme {
	case "", "file":
		return newFolder(u)
	case "s3", "mem":
		return &objects{url: u}, nil
	}
	return nil, fmt.Errorf("%q: want a folder, file://, s3:// or mem://", u.Scheme)
}

// Open opens a stored WAV or MP3 file, told by its content, as a source of sound. It returns when the first of it is
// there. Errors wrap those of package media: ErrNoBucket, ErrNotFound, ErrAccess (also when the store did not answer
// within ten seconds, and for a key that leads out of its bucket), ErrFormat, ErrTooLarge (over 1 GB).
func (b *Buckets) Open(ctx context.Context, bucket, key string) (media.Stream, error) {
	return b.play(ctx, bucket, key, false)
}

// OpenWide implements [media.WideOpener].
func (b *Buckets) OpenWide(ctx context.Context, bucket, key string) (media.Stream, error) {
	return b.play(ctx, bucket, key, true)
}

func (b *Buckets) play(ctx context.Context, bucket, key string, wide bool) (media.Stream, error) {
	s, err := b.find(bucket, key)
	if err != nil {
		return nil, err
	}
	known, err := b.stat(ctx, s, key)
	if err != nil {
		return nil, err
	}
	if known.size > maxObject {
		return nil, fmt.Errorf("%w: %d bytes, %d at most", media.ErrTooLarge, known.size, int64(maxObject))
	}
	open := func(ctx context.Context) (io.ReadCloser, error) { return b.read(ctx, s, key, known) }
	if known.size <= maxShelf {
		return b.shelf.play(ctx, bucket+"\x00"+key+"\x00"+known.version, wide, open)
	}
	return run(ctx, b.filters, wide, open)
}

// OpenFile opens a WAV or MP3 file of this machine, by its path, as a source of sound: a [media.WideSource] where it has more
// than 8 kHz. Errors as of [Buckets.Open]. ctx is for the opening alone.
func OpenFile(ctx context.Context, path string) (media.Stream, error) {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // who names a file may follow its links
	}
	dir, name := filepath.Split(path)
	b := &Buckets{patience: patience, filters: &filters{}}
	d := &folder{path: filepath.Clean(dir)}
	known, err := b.stat(ctx, d, name)
	if err != nil {
		return nil, err
	}
	return run(ctx, b.filters, true, func(ctx context.Context) (io.ReadCloser, error) { return b.read(ctx, d, name, known) })
}

// Put stores what r gives, whole or not at all, in place of what is there. Errors as of [Buckets.Open].
func (b *Buckets) Put(ctx context.Context, bucket, key string, r io.Reader) error {
	return b.PutAbout(ctx, bucket, key, r, About{})
}

// About is what is kept with an object beside its content.
type About struct {
	Type string // its MIME type; empty: what its first bytes look like
	// Meta is what its writer has to say of it: user-defined metadata in S3, where names are of a-z, 0-9 and "-". A folder keeps
	// them as extended attributes of the file, "user." before each name, if its file system has such.
	Meta map[string]string
}

// PutAbout stores as [Buckets.Put] does, with more about the object.
func (b *Buckets) PutAbout(ctx context.Context, bucket, key string, r io.Reader, about About) error {
	s, err := b.find(bucket, key)
	if err != nil {
		return err
	}
	return s.put(ctx, key, r, about)
}

// Reach tells whether a bucket is there to be written to, as far as that is known without writing: an object store that does
// not let us look may still take what it is given. Errors wrap media.ErrNoBucket or media.ErrAccess, also where it did not
// answer within ten seconds.
func (b *Buckets) Reach(ctx context.Context, bucket string) error {
	s := b.stores[bucket]
	if s == nil {
		return fmt.Errorf("bucket %q: %w", bucket, media.ErrNoBucket)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, b.patience, errStalled)
	defer cancel()
	if err := hurried(ctx, s.reach(ctx)); err != nil {
		return fmt.Errorf("bucket %q: %w", bucket, err)
	}
	return nil
}

// Close ends all filling of the shelf and closes the buckets. Streams are closed by who opened them.
func (b *Buckets) Close() error {
	errs := []error{b.shelf.Close()}
	for _, s := range b.stores {
		errs = append(errs, s.close())
	}
	return errors.Join(errs...)
}

// find gives the bucket of that name. Keys are relative paths, whatever the bucket: none leads out of it.
func (b *Buckets) find(bucket, key string) (store, error) {
	s := b.stores[bucket]
	if s == nil {
		return nil, fmt.Errorf("bucket %q: %w", bucket, media.ErrNoBucket)
	}
	if !fs.ValidPath(key) || key == "." || strings.ContainsRune(key, 0) {
		return nil, fmt.Errorf("%w: %q is not a path within a bucket", media.ErrAccess, key)
	}
	return s, nil
}

func (b *Buckets) stat(ctx context.Context, s store, key string) (info, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, b.patience, errStalled)
	defer cancel()
	known, err := s.stat(ctx, key)
	return known, hurried(ctx, err)
}

// errStalled is why we stop to wait for a store.
var errStalled = fmt.Errorf("%w: its store does not answer", media.ErrAccess)

// hurried tells why a context is over, if that is what made an error.
func hurried(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// object is a stored file that is read: no byte for too long, fewer bytes than there should be, or too many, are errors. A
// store that breaks off in the midst, as some do when a prompt of an hour is read as slowly as it is played, is asked for the
// rest.
type object struct {
	io.ReadCloser
	rest     func(at int64) (io.ReadCloser, error)
	resumed  int
	ctx      context.Context
	cancel   context.CancelCauseFunc
	patience time.Duration
	timer    *time.Timer
	want     int64 // bytes that should come
	got      int64
}

// maxResumed is how often a file is asked for again.
const maxResumed = 60

func (b *Buckets) read(ctx context.Context, s store, key string, known info) (io.ReadCloser, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	o := &object{ctx: ctx, cancel: cancel, patience: b.patience, want: known.size}
	o.rest = func(at int64) (io.ReadCloser, error) {
		if now, err := s.stat(ctx, key); err != nil || now != known {
			return nil, errors.Join(media.ErrAccess, err) // it is another file now
		}
		return s.open(ctx, key, at)
	}
	o.timer = time.AfterFunc(b.patience, func() { cancel(errStalled) })
	var err error
	if o.ReadCloser, err = s.open(ctx, key, 0); err != nil {
		err = hurried(ctx, err)
		o.timer.Stop()
		cancel(nil)
		return nil, err
	}
	return o, nil
}

func (o *object) Read(p []byte) (int, error) {
	o.timer.Reset(o.patience)
	n, err := o.ReadCloser.Read(p)
	o.timer.Stop()
	o.got += int64(n)
	switch {
	case o.got > maxObject:
		return n, fmt.Errorf("%w: over %d bytes", media.ErrTooLarge, int64(maxObject))
	case err == nil:
		return n, nil
	case o.ctx.Err() != nil:
		return n, context.Cause(o.ctx)
	case (!errors.Is(err, io.EOF) || o.got < o.want) && o.resume():
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, fmt.Errorf("%w: %v", media.ErrAccess, err) //nolint:errorlint // an unexpected end must not pass for the file's
	case o.got < o.want:
		return n, fmt.Errorf("%w: ends after %d of %d bytes", media.ErrAccess, o.got, o.want)
	}
	return n, io.EOF
}

// resume asks for the rest of the file; false when there is none to be had.
func (o *object) resume() bool {
	if o.got == 0 || o.resumed == maxResumed {
		return false
	}
	o.resumed++
	o.timer.Reset(o.patience)
	defer o.timer.Stop()
	r, err := o.rest(o.got)
	if err != nil {
		return false
	}
	_ = o.ReadCloser.Close()
	o.ReadCloser = r
	return true
}

func (o *object) Close() error {
	o.timer.Stop()
	err := o.ReadCloser.Close()
	o.cancel(nil)
	return err
}
