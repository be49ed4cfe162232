package clip

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/aws"
	"gocloud.dev/blob"
	"gocloud.dev/blob/memblob"
	"gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"

	"github.com/switchhook/switchhook/media"
)

// objects is a bucket of an object store, opened when it is first used; when that fails, the next use tries again.
type objects struct {
	url *url.URL

	mu     sync.Mutex
	opened *blob.Bucket
	closed bool
}

func (o *objects) bucket(ctx context.Context) (*blob.Bucket, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return nil, ErrClosed
	}
	if o.opened != nil {
		return o.opened, nil
	}
	var b *blob.Bucket
	var err error
	if o.url.Scheme == "mem" {
		b = memblob.OpenBucket(nil)
	} else {
		b, err = openS3(ctx, o.url)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: open %s: %w", media.ErrAccess, o.url.Redacted(), err)
	}
	o.opened = b
	return b, nil
}

// openS3 makes a client with the settings that all AWS programs read, and those of the URL.
func openS3(ctx context.Context, u *url.URL) (*blob.Bucket, error) {
	q := u.Query()
	pathStyle := false
	if v := q.Get(pathStyleParam); v != "" {
		var err error
		if pathStyle, err = strconv.ParseBool(v); err != nil {
			return nil, fmt.Errorf("%s: %w", pathStyleParam, err)
		}
		q.Del(pathStyleParam)
	}
	cfg, err := aws.V2ConfigFromURLParams(ctx, q)
	if err != nil {
		return nil, err
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = pathStyle
		o.DisableLogOutputChecksumValidationSkipped = true // else a line on the terminal for each prompt fetched
	})
	return s3blob.OpenBucket(ctx, client, u.Host, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
}

// pathStyleParam asks for https://host/bucket/key, which many servers that speak S3 want.
const pathStyleParam = "use_path_style"

// objectFault classifies an error of an object store.
func objectFault(err error) error {
	if gcerrors.Code(err) == gcerrors.NotFound {
		return fmt.Errorf("%w: %w", media.ErrNotFound, err)
	}
	return fmt.Errorf("%w: %w", media.ErrAccess, err)
}

func (o *objects) stat(ctx context.Context, key string) (info, error) {
	b, err := o.bucket(ctx)
	if err != nil {
		return info{}, err
	}
	a, err := b.Attributes(ctx, key)
	if err != nil {
		return info{}, objectFault(err)
	}
	version := strconv.FormatInt(a.ModTime.UnixNano(), 36) + "/" + strconv.FormatInt(a.Size, 36) + "/" + a.ETag
	return info{size: a.Size, version: version}, nil
}

func (o *objects) open(ctx context.Context, key string, at int64) (io.ReadCloser, error) {
	b, err := o.bucket(ctx)
	if err != nil {
		return nil, err
	}
	r, err := b.NewRangeReader(ctx, key, at, -1, nil)
	if err != nil {
		return nil, objectFault(err)
	}
	return r, nil
}

func (o *objects) put(ctx context.Context, key string, r io.Reader, about About) error {
	b, err := o.bucket(ctx)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w, err := b.NewWriter(ctx, key, &blob.WriterOptions{
		MaxConcurrency: 1, // a slow line carries one part in the time that five would take
		ContentType:    about.Type, Metadata: about.Meta,
	})
	if err != nil {
		return objectFault(err)
	}
	if _, err := io.Copy(w, r); err != nil {
		cancel() // what is there stays
		return errors.Join(fmt.Errorf("store %s: %w", key, err), w.Close())
	}
	if err := w.Close(); err != nil {
		return objectFault(err)
	}
	return nil
}

// answered is what an error offers beside that came as an HTTP response.
type answered interface{ HTTPStatusCode() int }

func (o *objects) reach(ctx context.Context) error {
	b, err := o.bucket(ctx)
	if err != nil {
		return err
	}
	there, err := b.IsAccessible(ctx)
	if there {
		return nil
	}
	if err == nil {
		return fmt.Errorf("%w: %s is not there", media.ErrAccess, o.url.Redacted())
	}
	var answer answered
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case http.StatusForbidden, http.StatusMethodNotAllowed, http.StatusNotImplemented: // who may write may not be let list
			return nil
		}
	}
	return objectFault(err)
}

func (o *objects) close() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.closed = true
	if o.opened == nil {
		return nil
	}
	return o.opened.Close()
}
