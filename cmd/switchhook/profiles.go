package main

import (
	"fmt"

	"github.com/switchhook/switchhook/sip/profile"
)

// profilesCommand lists the trunk profiles.
type profilesCommand struct {
	JSON bool `name:"json" help:"Print JSON."`
}

// Run prints them.
func (c profilesCommand) Run(con console) error {
	type line struct {
		Name   string   `json:"name"`
		Peer   string   `json:"peer"`
		Sets   []string `json:"sets"`
		Why    string   `json:"why"`
		Source string   `json:"source"`
	}
	var all []line
	for _, p := range profile.All() {
		all = append(all, line{p.Name, p.Peer, p.Sets(), p.Why, p.Source})
	}
	if c.JSON {
		return printJSON(con.out, all)
	}
	for _, p := range all {
		fmt.Fprintf(con.out, "%s: %s\n", p.Name, p.Peer)
		for _, s := range p.Sets {
			fmt.Fprintf(con.out, "    sets  %s\n", s)
		}
		fmt.Fprintf(con.out, "    why   %s\n    from  %s\n\n", p.Why, p.Source)
	}
	fmt.Fprintln(con.out, "A trunk names one as profile; what the trunk itself sets counts more.")
	return nil
}
