package clip

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/switchhook/switchhook/media"
)

// folder is a bucket whose objects are the files below a folder. All access goes by way of [os.Root], so that neither a
// key nor a symbolic link leads out of it; gocloud's own bucket for files follows such links.
type folder struct{ path string }

func newFolder(u *url.URL) (*folder, error) {
	p := u.Path
	switch {
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil || u.Opaque != "":
		return nil, errors.New("a folder's URL has a path and nothing else")
	case u.Host == ".":
		p = "." + p
	case u.Host != "" && u.Host != "localhost":
		return nil, fmt.Errorf("file://%s: folders of other machines can't be read; three slashes begin a path from the root", u.Host)
	}
	if p == "" {
		return nil, errors.New("a folder's URL without a path")
	}
	return &folder{path: filepath.FromSlash(p)}, nil
}

// root opens the folder anew for each use: it may come later, or be exchanged while we run.
func (d *folder) root() (*os.Root, error) {
	r, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", media.ErrAccess, err)
	}
	return r, nil
}

// file opens a regular file. Opening a pipe or a device must not wait for its other side.
func (d *folder) file(key string) (*os.File, fs.FileInfo, error) {
	r, err := d.root()
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	f, err := r.OpenFile(filepath.FromSlash(key), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, fileFault(err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("not a file")
	}
	if err != nil {
		f.Close()
		return nil, nil, fileFault(err)
	}
	return f, st, nil
}

// fileFault classifies an error of the file system.
func fileFault(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", media.ErrNotFound, err)
	}
	return fmt.Errorf("%w: %w", media.ErrAccess, err)
}

func (d *folder) stat(_ context.Context, key string) (info, error) {
	f, st, err := d.file(key)
	if err != nil {
		return info{}, err
	}
	defer f.Close()
	return info{size: st.Size(), version: strconv.FormatInt(st.ModTime().UnixNano(), 36) + "/" + strconv.FormatInt(st.Size(), 36)}, nil
}

func (d *folder) open(_ context.Context, key string, at int64) (io.ReadCloser, error) {
	f, _, err := d.file(key)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		f.Close()
		return nil, fileFault(err)
	}
	return f, nil
}

// Others on this machine have no business with what was said: the user and the group who run the program may read it.
const (
	filePerm   = 0o640
	folderPerm = 0o750
)

func (d *folder) put(ctx context.Context, key string, r io.Reader, about About) error {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer root.Close()
	name := filepath.FromSlash(key)
	part := filepath.FromSlash(path.Join(path.Dir(key), ".part-"+rand.Text()))
	if err := root.MkdirAll(filepath.Dir(name), folderPerm); err != nil {
		return fileFault(err)
	}
	f, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, filePerm)
	if err != nil {
		return fileFault(err)
	}
	_, err = io.Copy(f, r)
	if err == nil {
		err = ctx.Err()
	}
	mark(f, about.Meta)
	err = errors.Join(err, f.Close())
	if err == nil {
		err = root.Rename(part, name)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("store %s: %w", key, err), root.Remove(part))
	}
	return nil
}

func (d *folder) reach(context.Context) error {
	if err := unix.Access(d.path, unix.W_OK|unix.X_OK); err != nil {
		return fmt.Errorf("%w: %s: %w", media.ErrAccess, d.path, err)
	}
	return nil
}

func (d *folder) close() error { return nil }

// mark keeps with a file what is said of it, as far as its file system can.
func mark(f *os.File, meta map[string]string) {
	for name, value := range meta {
		_ = unix.Fsetxattr(int(f.Fd()), "user."+name, []byte(value), 0) // many file systems have no such attributes, and the file is what counts
	}
}
