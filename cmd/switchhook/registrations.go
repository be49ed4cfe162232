package main

import (
	"context"
	"fmt"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/registrar"
)

// registrations tells the API who is registered, here and there.
type registrations struct {
	phones *registrar.Registrar
	sip    *sip.Server
}

// Bindings implements [api.Registrations].
func (r registrations) Bindings(user string, f func(directory.Binding) bool) {
	if user == "" {
		r.phones.All(time.Now(), f)
		return
	}
	for _, b := range r.phones.Find(user, time.Now()) {
		if !f(b) {
			return
		}
	}
}

// Registered implements [api.Registrations].
func (r registrations) Registered() int { return r.phones.Len() }

// Enrolments implements [api.Registrations].
func (r registrations) Enrolments() []api.Enrolment {
	var out []api.Enrolment
	for _, e := range r.sip.Enrolments() {
		out = append(out, api.Enrolment(e))
	}
	return out
}

// registrationsCommand lists registrations.
type registrationsCommand struct {
	server
	User  string `help:"Only this endpoint."`
	Limit int    `help:"At most so many contacts." default:"1000"`
	JSON  bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c registrationsCommand) Run(ctx context.Context, con console) error {
	var list struct {
		Endpoints []directory.Binding `json:"endpoints"`
		Total     int                 `json:"total"`
		Trunks    []api.Enrolment     `json:"trunks"`
	}
	q := url.Values{"limit": {fmt.Sprint(c.Limit)}}
	if c.User != "" {
		q.Set("user", c.User)
	}
	if err := c.get(ctx, "/api/registrations", q, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list)
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "ENDPOINT\tCONTACT\tFROM\tEXPIRES IN\tDEVICE")
	for _, b := range list.Endpoints {
		fmt.Fprintf(w, "%s\t%s\t%s/%s\t%s\t%s\n", quoteCtl(b.User), quoteCtl(b.Contact), b.Source, b.Network, time.Until(b.Expires).Round(time.Second), quoteCtl(b.Agent))
	}
	if len(list.Trunks) > 0 {
		fmt.Fprintln(w, "\nTRUNK\tACCOUNT\tPEER\tSTATE\tSINCE")
	}
	for _, e := range list.Trunks {
		state := "registered until " + e.Until.Local().Format(time.DateTime)
		switch {
		case !e.Up && e.Why != "":
			state = "not registered: " + quoteCtl(e.Why)
		case !e.Up:
			state = "not registered"
		}
		since := "-"
		if !e.Since.IsZero() {
			since = e.Since.Local().Format(time.DateTime)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", quoteCtl(e.Trunk), quoteCtl(e.User), quoteCtl(e.Peer), state, since)
	}
	return w.Flush()
}
