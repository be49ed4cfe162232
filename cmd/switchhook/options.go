package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/profile"
)

// options notes what of a trunk's or endpoint's options can't be told without what the program knows: profiles, and what
// stands in files.
func (m *mistakes) options(path, whose string, o directory.Options) {
	note := func(at string, err error) {
		if err != nil {
			m.note(path+at, fmt.Errorf("%s: %w", whose, err))
		}
	}
	if _, ok := profile.Find(o.Profile); o.Profile != "" && !ok {
		var names []string
		for _, p := range profile.All() {
			names = append(names, p.Name)
		}
		note(".profile", fmt.Errorf("there is no profile %q; there is %s", o.Profile, strings.Join(names, ", ")))
	}
	note(".tls", sip.CheckTLS(o.TLS))
	_, _, err := sip.ReadKeys(o.Signing)
	note(".signing", err)
}

// noteAccount notes what is wrong with the account that owns what is declared: its number, or its limits.
func (m *mistakes) noteAccount(a directory.Account) {
	path, err := "$.account", a.Validate()
	var invalid *directory.InvalidError
	if errors.As(err, &invalid) && strings.HasPrefix(invalid.Field, "limits") {
		path = "$"
	}
	m.note(path, err)
}
