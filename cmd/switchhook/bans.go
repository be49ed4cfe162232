package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/guard"
)

// tlsConfig names the files of our certificate.
type tlsConfig struct {
	Cert string `json:"cert"` // the certificate and what leads from it to its authority (PEM)
	Key  string `json:"key"`  // its private key (PEM)
}

// guardConfig bounds what strangers may send: sources that no trunk knows. Zero values mean what package guard says.
type guardConfig struct {
	Rate   float64        `json:"rate"`   // messages a second from one of them; -1: no limit
	Burst  float64        `json:"burst"`  // as many at once
	Faults float64        `json:"faults"` // so many within the window and it is banned; -1: none is
	Window time.Duration  `json:"window"`
	Ban    time.Duration  `json:"ban"`   // how long
	Allow  []netip.Prefix `json:"allow"` // networks that this is not for
}

func (g guardConfig) guard() guard.Config {
	return guard.Config{Rate: g.Rate, Burst: g.Burst, Faults: g.Faults, Window: g.Window, Ban: g.Ban, Allow: g.Allow}
}

// dns gives the name servers to ask.
func (c config) dns() ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for i, text := range c.SIP.DNS {
		at, err := netip.ParseAddrPort(text)
		if a, bare := netip.ParseAddr(text); bare == nil {
			at, err = netip.AddrPortFrom(a, 53), nil
		}
		if err != nil || at.Port() == 0 {
			return nil, c.text.at(fmt.Sprintf("$.sip.dns[%d]", i), fmt.Errorf("sip.dns: %q is not like 192.0.2.53 or [2001:db8::53]:53", text))
		}
		out = append(out, at)
	}
	return out, nil
}

// strangers notes what is wrong with how the SIP edge proves itself, finds others and bears strangers.
func (c config) strangers(m *mistakes) {
	if _, err := c.dns(); err != nil {
		m.errs = append(m.errs, err)
	}
	if t := c.SIP.TLS; t.Cert != "" || t.Key != "" {
		if t.Cert == "" || t.Key == "" {
			m.note("$.sip.tls", errors.New("sip.tls: a certificate and its key go together: cert and key name their files"))
		} else if err := sip.CheckCertificate(t.Cert, t.Key); err != nil {
			m.note("$.sip.tls", fmt.Errorf("sip.tls: %w", err))
		}
	}
	g := c.SIP.Guard
	for name, v := range map[string]float64{"rate": g.Rate, "burst": g.Burst, "faults": g.Faults} {
		if v < 0 && (v != -1 || name == "burst") || v > 1e9 {
			m.note("$.sip.guard."+name, fmt.Errorf("sip.guard.%s: %v is not above 0, nor -1 for none", name, v))
		}
	}
	for name, d := range map[string]time.Duration{"window": g.Window, "ban": g.Ban} {
		if d < 0 || d > 0 && d < time.Second {
			m.note("$.sip.guard."+name, fmt.Errorf("sip.guard.%s: %s is not 1s or more", name, d))
		}
	}
}

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
	return api.StrangerCounts{Banned: st.Banned, Bans: st.Bans, Faults: st.Faults, Dropped: st.Dropped, Slowed: st.Slowed, Malformed: uint64(malformed)}
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
