package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"github.com/switchhook/switchhook/invoke"
	"github.com/switchhook/switchhook/sip/digest"
)

// What a configuration file may be. A file for 10,000 numbers and as many rules has 1 MB.
const (
	maxFile  = 1 << 20 // bytes
	maxDepth = 100     // things within things, and values that stand to the right of another
)

// readFile reads a file that may be one of configuration: one of text, and not endless.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path) // opening a pipe would wait for who writes into it
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file: a configuration is one", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read configuration: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s has more than %d bytes: a configuration has fewer", path, maxFile)
	}
	return data, nil
}

// bound refuses, before anything is made of it, a text that costs more to read than its length, and one that is not read whole:
// what is nested without end, anchors, aliases and tags, a second document.
func bound(path string, data []byte) error {
	var columns []int           // of what stands open, from the left
	brackets, directive := 0, 0 // directive: the line of one, as %YAML 1.2
	begun, ended := false, false
	for _, t := range lexer.Tokenize(string(data)) {
		at := func(why string) error {
			return fmt.Errorf("%s:%d:%d: %s", path, t.Position.Line, t.Position.Column, why)
		}
		if t.Type == token.DirectiveType {
			directive = t.Position.Line
		}
		if t.Type == token.CommentType || t.Position.Line == directive {
			continue
		}
		switch t.Type {
		case token.DocumentEndType:
			ended = begun
			continue
		case token.DocumentHeaderType:
			if begun {
				return at("a second document begins here: a configuration is one")
			}
			begun = true
			continue
		case token.AnchorType, token.AliasType, token.TagType:
			return at("anchors (&), aliases (*) and tags (!) are not read: write the value out, and put text that begins so in quotes")
		case token.SequenceStartType, token.MappingStartType:
			brackets++
		case token.SequenceEndType, token.MappingEndType:
			brackets = max(brackets-1, 0) // one that closes nothing is the reader's to refuse
		}
		if ended {
			return at("the configuration ended above")
		}
		begun = true
		if brackets == 0 {
			for len(columns) > 0 && columns[len(columns)-1] >= t.Position.Column {
				columns = columns[:len(columns)-1]
			}
			columns = append(columns, t.Position.Column)
		}
		if len(columns)+brackets > maxDepth {
			return at(fmt.Sprintf("nested more than %d deep", maxDepth))
		}
	}
	return nil
}

// shortest is the least time that a function may be given: a process or a network has answered nothing before.
const shortest = 100 * time.Millisecond

// engines are what speech.engine may name.
func engines() []string { return []string{"auto", "espeak-ng", "flite", "piper", "polly", "none"} }

// sound tells what is wrong with the sections of the file that are not the directory's, with its place.
func (c config) sound() error {
	m := mistakes{text: c.text}
	for i, f := range c.Functions {
		at := fmt.Sprintf("$.functions[%d]", i)
		m.note(at, f.validate())
		m.once(at+".name", "function", f.Name)
	}
	_, err := c.listen()
	if err == nil { // else it would be told twice: media listens where SIP does
		_, err = c.media()
	}
	if err != nil {
		m.errs = append(m.errs, err)
	}
	c.strangers(&m)
	c.proofs(&m)
	c.Chime.sound(&m)
	if c.HTTP.Listen != "" {
		m.note("$.http.listen", listenable(c.HTTP.Listen))
	}
	if name := cmp.Or(c.Speech.Engine, "auto"); !slices.Contains(engines(), name) {
		m.note("$.speech.engine", fmt.Errorf("speech engine %q: want %s", name, strings.Join(engines(), ", ")))
	}
	if c.Records.Keep < 0 {
		m.note("$.records.keep", fmt.Errorf("records.keep: %s is below 0", c.Records.Keep))
	}
	return errors.Join(m.errs...)
}

// proofs tells what is wrong with how endpoints log in.
func (c config) proofs(m *mistakes) {
	for i, name := range c.SIP.Digest {
		if _, ok := digest.FindAlgorithm(name); !ok || name == "" {
			m.note(fmt.Sprintf("$.sip.digest[%d]", i), fmt.Errorf("sip.digest: %q is none of SHA-256, SHA-512-256, MD5", name))
		}
	}
	if strings.ContainsFunc(c.SIP.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		m.note("$.sip.realm", fmt.Errorf("sip.realm: %q: printable ASCII without quotes is possible", c.SIP.Realm))
	}
}

// hashes gives what endpoints may log in with, the preferred first; none for the default.
func (c sipConfig) hashes() (out []digest.Algorithm) {
	for _, name := range c.Digest {
		if a, ok := digest.FindAlgorithm(name); ok {
			out = append(out, a)
		}
	}
	return out
}

// declared gives a function in the terms of who calls it.
func (f functionConfig) declared() invoke.Declared {
	return invoke.Declared{Name: f.Name, URL: f.URL, Command: f.Command, Handler: f.Handler, Dir: f.Dir, Env: f.Env, Concurrency: f.Concurrency, Timeout: f.Timeout}
}

// validate tells what is wrong with a function.
func (f functionConfig) validate() error {
	if err := f.declared().Validate(); err != nil {
		return fmt.Errorf("function %q: %w", f.Name, err)
	}
	if f.Timeout != 0 && f.Timeout < shortest {
		return fmt.Errorf("function %q: its timeout of %s is below %s", f.Name, f.Timeout, shortest)
	}
	return nil
}

// missing tells of each bucket that is a folder and can't be used as one why that is.
func missing(buckets map[string]string) map[string]error {
	out := map[string]error{}
	for name, text := range buckets {
		u, err := url.Parse(text)
		if err != nil || u.Scheme != "" && u.Scheme != "file" {
			continue
		}
		info, err := os.Stat(u.Path)
		if err == nil && !info.IsDir() {
			err = fmt.Errorf("%s is a file", u.Path)
		}
		if err != nil {
			out[name] = err
		}
	}
	return out
}
