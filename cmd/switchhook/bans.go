package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/sip"
)

// strangers tells the API of those of a SIP edge.
type strangers struct{ s *sip.Server }

var _ api.Strangers = strangers{}

// Bans gives the sources that are banned, and those that are shut out for a user.
func (s strangers) Bans() []api.Ban {
	var out []api.Ban
	for _, l := range s.s.Lockouts() {
		out = append(out, api.Ban{Source: l.Source.String(), User: l.User, Since: l.Since.UTC(), Until: l.Until.UTC(), Reason: "wrong passwords"})
	}
	for _, b := range s.s.Bans() {
		out = append(out, api.Ban{Source: b.Source.String(), Since: b.Since.UTC(), Until: b.Until.UTC(), Reason: b.Why, Drops: b.Drops})
	}
	slices.SortStableFunc(out, func(a, b api.Ban) int { return a.Since.Compare(b.Since) })
	return out
}

// Lift ends a ban, and what a source is shut out for.
func (s strangers) Lift(a netip.Addr, user string) bool { return s.s.Lift(a, user) }

// Counts gives totals.
func (s strangers) Counts() api.StrangerCounts {
	st, malformed := s.s.Strangers()
	return api.StrangerCounts{Banned: st.Banned, Bans: st.Bans, Faults: st.Faults, Dropped: st.Dropped, Slowed: st.Slowed, Malformed: uint64(malformed), Handshakes: s.s.Handshakes()}
}

// refused gives the calls that never were.
func (s strangers) refused() []api.RefusedCalls {
	var out []api.RefusedCalls
	for r, n := range s.s.Refused() {
		out = append(out, api.RefusedCalls{Direction: string(r.Direction), Status: r.Status, Calls: n})
	}
	return out
}

// bansCommand lists bans, and lifts them.
type bansCommand struct {
	server
	Lift string `help:"End the ban of this address, and what it is shut out for after wrong passwords." placeholder:"ADDR"`
	User string `help:"With --lift: only what it is shut out for at this user." placeholder:"NAME"`
	JSON bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c bansCommand) Run(ctx context.Context, con console) error {
	if c.Lift != "" {
		if _, err := netip.ParseAddr(c.Lift); err != nil {
			return fmt.Errorf("--lift %q is not an IP address", c.Lift)
		}
		path := "/api/bans/" + url.PathEscape(c.Lift)
		if c.User != "" {
			path += "?user=" + url.QueryEscape(c.User)
		}
		if err := c.ask(ctx, http.MethodDelete, path, nil, nil); err != nil {
			return err
		}
		fmt.Fprintln(con.out, c.Lift, "is listened to again.")
		return nil
	}
	if c.User != "" {
		return errors.New("--user goes with --lift")
	}
	var list struct {
		Bans []api.Ban `json:"bans"`
	}
	if err := c.get(ctx, "/api/bans", nil, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list.Bans)
	}
	if len(list.Bans) == 0 {
		fmt.Fprintln(con.out, "No source is banned or shut out.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tUSER\tSINCE\tUNTIL\tDROPPED\tREASON")
	for _, b := range list.Bans {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", quoteCtl(b.Source), cmp.Or(quoteCtl(b.User), "-"), b.Since.Local().Format(time.DateTime), b.Until.Local().Format(time.DateTime), b.Drops, quoteCtl(b.Reason))
	}
	return w.Flush()
}
