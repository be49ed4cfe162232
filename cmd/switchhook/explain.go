package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"text/tabwriter"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/route"
	"github.com/switchhook/switchhook/sip"
)

// explainCommand shows what a call would send, without dialling.
type explainCommand struct {
	To     string   `required:"" help:"The number to dial."`
	From   string   `help:"The caller's number." default:"+12065550142"`
	Trunk  string   `help:"The trunk to dial through; without it the one that takes foreign numbers." placeholder:"ID"`
	Header []string `help:"A header that the application would set: 'Name: value'. May be repeated." placeholder:"HEADER" sep:"none"`
	Config string   `help:"Configuration file that declares the trunks; without one, the policies of a trusted trunk to the carrier in a box." placeholder:"FILE"`
	JSON   bool     `name:"json" help:"Print JSON."`
}

// Run explains.
func (c explainCommand) Run(_ context.Context, con console, _ *slog.Logger) error {
	d := call.Dial{To: c.To, From: c.From, Trunk: c.Trunk}
	for _, h := range c.Header {
		name, value, ok := strings.Cut(h, ":")
		if !ok {
			return fmt.Errorf("--header %q is not like 'Name: value'", h)
		}
		d.Headers = append(d.Headers, header.Field{Name: strings.TrimSpace(name), Value: strings.TrimSpace(value)})
	}
	trunk, local, err := c.trunk(d)
	if err != nil {
		return err
	}
	e, err := sip.Explain(d, trunk, local)
	own := madeByLeg(d.Headers)
	if c.JSON {
		body := map[string]any{"peer": e.Peer, "network": e.Network, "invite": e.Text, "ledger": e.Changes, "parts": e.Parts, "size": e.Size}
		if e.Budget > 0 {
			body["budget"] = e.Budget
		}
		if len(own) > 0 {
			body["madeByLeg"] = own
		}
		if err != nil {
			body["refused"] = err.Error()
		}
		out, err := json.MarshalIndent(body, "", "  ")
		fmt.Fprintln(con.out, string(out))
		return err
	}
	if len(e.Changes) > 0 {
		fmt.Fprintf(con.out, "What becomes of each header on trunk %s:\n\n", trunk.ID)
		printLedger(con.out, call.Record{}, e.Changes)
		fmt.Fprintln(con.out)
	}
	for _, name := range own {
		fmt.Fprintf(con.out, "%s is not sent: %s\n\n", quoteCtl(name), ofLeg)
	}
	if err != nil {
		return err
	}
	printParts(con.out, e, trunk.ID)
	fmt.Fprintf(con.out, "To %s over %s:\n\n", peerName(e.Peer), strings.ToUpper(e.Network))
	for line := range strings.Lines(strings.ReplaceAll(e.Text, "\r\n", "\n")) {
		fmt.Fprint(con.out, "    ", quoteCtl(strings.TrimSuffix(line, "\n")), "\n")
	}
	return nil
}

// printParts says what each context header costs, and what to do where the next hop takes less.
func printParts(out io.Writer, e sip.Explanation, trunk string) {
	fmt.Fprint(out, "What it costs:\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, p := range e.Parts {
		fmt.Fprintf(w, "%d\t  %s\n", p.Bytes, cmp.Or(quoteCtl(p.Name), "what every INVITE has"))
	}
	fmt.Fprintf(w, "%d\t  bytes\n", e.Size)
	_ = w.Flush() // as what is printed beside it
	switch {
	case e.Budget == 0:
	case e.Size <= e.Budget:
		fmt.Fprintf(out, "\nThe next hop takes %d: %d are left.\n", e.Budget, e.Budget-e.Size)
	default:
		fmt.Fprintf(out, "\nThe next hop takes %d, which is %d fewer: shorten the longest, have trunk %s drop what the far end does not need, "+
			"let long values be claimed (claims.over), or raise signalling.budget if it takes more.\n", e.Budget, e.Size-e.Budget, trunk)
	}
	fmt.Fprintln(out)
}

// madeByLeg gives the names of the rows that no ledger tells of, as each leg makes its own.
func madeByLeg(rows header.List) []string {
	var out []string
	for _, f := range rows {
		if header.OfLeg(f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

func peerName(p directory.Peer) string {
	if p.Port == 0 {
		return p.Host
	}
	return fmt.Sprintf("%s:%d", p.Host, p.Port)
}

// trunk finds the trunk as a running server would, and our address on it.
func (c explainCommand) trunk(d call.Dial) (*directory.Trunk, netip.AddrPort, error) {
	local := netip.MustParseAddrPort("127.0.0.1:5060")
	var content directory.Content
	if c.Config == "" {
		content.Trunks = []directory.Trunk{boxTrunk(netip.MustParseAddrPort("127.0.0.1:5080"))}
	} else {
		cfg, err := readConfig(c.Config)
		if err != nil {
			return nil, local, err
		}
		if content, err = cfg.content(); err != nil {
			return nil, local, err
		}
		if listen, err := cfg.listen(); err == nil && len(listen) > 0 {
			local = listen[0].Addr
			if listen[0].Advertise.IsValid() {
				local = listen[0].Advertise
			}
		}
	}
	trunk, refuse := route.Out(directory.NewSnapshot(content), d)
	if refuse != nil {
		return nil, local, fmt.Errorf("the call would be refused: %s", refuse)
	}
	return trunk, local, nil
}
