package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// table writes the results as Markdown, one table for each thing measured, as docs/performance.md shows them.
func table(w io.Writer, results []result) {
	var order []string
	groups := map[string][]result{}
	for _, r := range results {
		if groups[r.What] == nil {
			order = append(order, r.What)
		}
		groups[r.What] = append(groups[r.What], r)
	}
	for _, what := range order {
		names := map[string]bool{}
		for _, r := range groups[what] {
			for n := range r.Value {
				names[n] = true
			}
		}
		columns := slices.Sorted(maps.Keys(names))
		fmt.Fprintf(w, "\n**%s**\n\n| system | %s |\n|%s\n", what, strings.Join(columns, " | "), strings.Repeat(" --- |", len(columns)+1))
		for _, r := range groups[what] {
			cells := []string{strings.TrimSpace(r.System + " " + r.Note)}
			for _, n := range columns {
				v, ok := r.Value[n]
				if !ok {
					cells = append(cells, "–")
					continue
				}
				cells = append(cells, strconv.FormatFloat(v, 'f', -1, 64))
			}
			fmt.Fprintf(w, "| %s |\n", strings.Join(cells, " | "))
		}
	}
}
