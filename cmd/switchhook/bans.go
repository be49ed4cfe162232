package main

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/sip"
)

// strangers tells the API of those of a SIP edge.
type strangers struct{ s *sip.Server }

var _ api.Strangers = strangers{}

// Bans gives the sources that are banned.
func (s strangers) Bans() []api.Ban {
	var out []api.Ban
	for _, b := range s.s.Bans() {
		out = append(out, api.Ban{Source: b.Source.String(), Since: b.Since.UTC(), Until: b.Until.UTC(), Reason: b.Why, Drops: b.Drops})
	}
	return out
}

// Lift ends a ban.
func (s strangers) Lift(a netip.Addr) bool { return s.s.Lift(a) }

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
	Lift string `help:"End the ban of this address." placeholder:"ADDR"`
	JSON bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c bansCommand) Run(ctx context.Context, con console) error {
	if c.Lift != "" {
		if _, err := netip.ParseAddr(c.Lift); err != nil {
			return fmt.Errorf("--lift %q is not an IP address", c.Lift)
		}
		if err := c.ask(ctx, http.MethodDelete, "/api/bans/"+url.PathEscape(c.Lift), nil, nil); err != nil {
			return err
		}
		fmt.Fprintln(con.out, c.Lift, "is listened to again.")
		return nil
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
		fmt.Fprintln(con.out, "No source is banned.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "SOURCE\tSINCE\tUNTIL\tDROPPED\tREASON")
	for _, b := range list.Bans {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\n", quoteCtl(b.Source), b.Since.Local().Format(time.DateTime), b.Until.Local().Format(time.DateTime), b.Drops, quoteCtl(b.Reason))
	}
	return w.Flush()
}
