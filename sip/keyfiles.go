package sip

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip/transport"
)

// Times of reading files.
const (
	lookAgain = time.Second      // how often it is looked whether one has changed
	firstRead = time.Second      // how long a file is waited for that nobody needed before, once
	openRead  = 10 * time.Second // how long files are waited for at the start
)

// keychain keeps what TLS needs: certificates and authorities, read from files, and read again when these change; what
// does not read keeps its last good content. Files are read in goroutines of their own, one for each: who needs one gets
// what was read last, and waits for no disk. Safe for all goroutines.
type keychain struct {
	own     directory.TLS // our own certificate: Cert and CertKey
	changed func(path string, err error)
	now     func() time.Time
	done    chan struct{}  // closed at the end
	work    sync.WaitGroup // what runs until then, and files being read

	mu      sync.Mutex
	disk    disk                            // guarded by mu
	files   map[[2]string]*kept             // by their names: of a pair both, of authorities one; guarded by mu
	version int                             // of all files; guarded by mu
	secures map[secureKey]*transport.Secure // guarded by mu
	from    *directory.Snapshot             // whose files are known; guarded by mu
	closed  bool                            // guarded by mu
}

// kept is what was read of one or two files. Guarded by the keychain's mu.
type kept struct {
	paths   []string
	reading chan struct{} // closed when what is under way has ended; nil: nothing is
	state   string        // of the files when they were read; empty before the first time
	late    bool          // somebody has waited for the first time, in vain
	told    time.Time     // when it was last told that the certificate ends soon
	content
	err error // of the first reading
}

// content is what files have: a certificate with its key, or authorities.
type content struct {
	cert *tls.Certificate
	pool *x509.CertPool
}

// disk is where files are: what tells them apart from what they were, and what they have.
type disk struct {
	state func(paths []string) string
	read  func(path string) ([]byte, error)
}

var errUnread = errors.New("not read yet: its disk is slow")

func newKeychain(own directory.TLS, changed func(string, error)) *keychain {
	return &keychain{own: own, changed: changed, now: time.Now, done: make(chan struct{}), disk: disk{state, os.ReadFile},
		files: map[[2]string]*kept{}, secures: map[secureKey]*transport.Secure{}}
}

// state tells files apart from what they were.
func state(paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil {
			fmt.Fprint(&b, info.ModTime().UnixNano(), " ", info.Size(), ";")
		} else {
			fmt.Fprint(&b, err, ";")
		}
	}
	return b.String()
}

// readPair reads a certificate and its key.
func (d disk) readPair(cert, key string) (content, error) {
	fail := func(err error) (content, error) { return content{}, fmt.Errorf("certificate %s: %w", cert, err) }
	certText, err := d.read(cert)
	if err != nil {
		return fail(err)
	}
	keyText, err := d.read(key)
	if err != nil {
		return fail(err)
	}
	c, err := tls.X509KeyPair(certText, keyText)
	if err != nil {
		return fail(err)
	}
	return content{cert: &c}, nil
}

// readPool reads certificate authorities.
func (d disk) readPool(path string) (content, error) {
	text, err := d.read(path)
	if err != nil {
		return content{}, fmt.Errorf("certificate authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return content{}, fmt.Errorf("certificate authorities: %s has no certificate (PEM)", path)
	}
	return content{pool: pool}, nil
}

// readAll reads a pair, or authorities.
func (d disk) readAll(paths []string) (content, error) {
	if len(paths) == 2 {
		return d.readPair(paths[0], paths[1])
	}
	return d.readPool(paths[0])
}

// of gives what is known of files, which are begun to be read where nothing is. The caller holds mu.
func (c *keychain) of(name [2]string) *kept {
	k := c.files[name]
	if k == nil {
		k = &kept{paths: name[:]}
		if name[1] == "" {
			k.paths = name[:1]
		}
		c.files[name] = k
		c.look(k)
	}
	return k
}

// look begins to read what has changed, unless that is under way. The caller holds mu.
func (c *keychain) look(k *kept) {
	if k.reading != nil || c.closed {
		return
	}
	k.reading = make(chan struct{})
	before, d := k.state, c.disk
	c.work.Go(func() { c.reread(k, before, d) })
}

func (c *keychain) reread(k *kept, before string, d disk) {
	is := d.state(k.paths)
	var got content
	var err error
	if is != before {
		got, err = d.readAll(k.paths)
	}
	c.mu.Lock()
	if is != before {
		k.state = is
		switch {
		case err == nil:
			k.content, k.err, k.told = got, nil, time.Time{}
			c.version++
		case before == "":
			k.err = err
		}
	}
	close(k.reading)
	k.reading = nil
	c.mu.Unlock()
	if is != before && before != "" { // who needs it the first time is told
		c.changed(k.paths[0], err)
	}
}

// find gives what files had when they were last read. Only those that nobody needed before are waited for, a little, and once.
func (c *keychain) find(name [2]string) (content, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := c.of(name)
	if reading := k.reading; k.state == "" && !k.late && reading != nil {
		c.mu.Unlock()
		patience := time.NewTimer(firstRead)
		select {
		case <-reading:
		case <-patience.C:
		}
		patience.Stop()
		c.mu.Lock()
		k.late = k.state == ""
	}
	if k.state == "" {
		return content{}, fmt.Errorf("%s: %w", k.paths[0], errUnread)
	}
	return k.content, k.err
}

// learn begins to read the files that a directory names, and our own, before anybody needs them.
func (c *keychain) learn(s *directory.Snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.own.Cert != "" {
		c.of([2]string{c.own.Cert, c.own.CertKey})
	}
	if c.from == s {
		return
	}
	c.from = s
	for _, t := range s.Trunks() {
		if t.TLS.Roots != "" {
			c.of([2]string{t.TLS.Roots})
		}
		if t.TLS.Cert != "" {
			c.of([2]string{t.TLS.Cert, t.TLS.CertKey})
		}
	}
}

// open reads the files that are named so far, and waits for them.
func (c *keychain) open(s *directory.Snapshot) {
	c.learn(s)
	patience, cancel := context.WithTimeout(context.Background(), openRead)
	defer cancel()
	c.await(patience)
}

// start reads what changes from now on, and what is named.
func (c *keychain) start(current func() *directory.Snapshot) {
	c.work.Go(func() {
		tick := time.NewTicker(lookAgain)
		defer tick.Stop()
		for {
			select {
			case <-c.done:
				return
			case <-tick.C:
				c.learn(current())
				c.lookAll()
			}
		}
	})
}

// all gives what is known.
func (c *keychain) all() []*kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*kept, 0, len(c.files))
	for _, k := range c.files {
		out = append(out, k)
	}
	return out
}

// lookAll begins to read what has changed.
func (c *keychain) lookAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, k := range c.files {
		c.look(k)
	}
}

// await waits until nothing is being read, or patience has ended.
func (c *keychain) await(patience context.Context) {
	for _, k := range c.all() {
		c.mu.Lock()
		reading := k.reading
		c.mu.Unlock()
		if reading == nil {
			continue
		}
		select {
		case <-reading:
		case <-patience.Done():
			return
		}
	}
}

// reload reads what has changed, now, and waits for it a little.
func (c *keychain) reload() {
	patience, cancel := context.WithTimeout(context.Background(), firstRead)
	defer cancel()
	c.await(patience) // what began before may have missed it
	c.lookAll()
	c.await(patience)
}

// close ends what start began. A disk that does not answer is waited for until patience ends.
func (c *keychain) close(patience <-chan struct{}) {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	close(c.done)
	ended := make(chan struct{})
	go func() { defer close(ended); c.work.Wait() }()
	select {
	case <-ended:
	case <-patience:
	}
}

// How long before its end a certificate is told of, and how often.
const (
	endsSoon  = 14 * 24 * time.Hour
	tellAgain = 24 * time.Hour
)

// aging gives the certificates in use that end soon or have ended, and are to be told of.
func (c *keychain) aging() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out map[string]time.Time
	for _, k := range c.files {
		now := c.now()
		if k.cert == nil {
			continue
		}
		if end := k.cert.Leaf.NotAfter; end.Sub(now) < endsSoon && now.Sub(k.told) >= tellAgain {
			if out == nil {
				out = map[string]time.Time{}
			}
			out[k.paths[0]], k.told = end, now
		}
	}
	return out
}

// ends gives when the certificates in use end.
func (c *keychain) ends() map[string]time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := map[string]time.Time{}
	for _, k := range c.files {
		if k.cert != nil {
			out[k.paths[0]] = k.cert.Leaf.NotAfter
		}
	}
	return out
}
