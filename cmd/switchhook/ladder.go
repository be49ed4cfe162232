package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/switchhook/switchhook/call"
)

// The ladder's lifelines, left to right.
const (
	lineCaller = iota
	lineUs
	lineFunction
	lineCallee
	lines
)

// rung is the distance between two lifelines, in columns.
const rung = 31

// ladder draws a call's log: each message, event and answer an arrow between lifelines, with the headers it carried.
type ladder struct {
	out  io.Writer
	legs map[call.LegID]int // leg → its far end's lifeline
}

// drawLadder draws the log of a call whose first leg is the caller's and whose second is the callee's.
func drawLadder(out io.Writer, f call.Finished) {
	l := ladder{out: out, legs: map[call.LegID]int{}}
	for i, leg := range f.Record.Legs {
		l.legs[leg.ID] = lineCallee
		if i == 0 && leg.Direction == call.In {
			l.legs[leg.ID] = lineCaller
		}
	}
	l.heads("caller", "switchhook", "function", "callee")
	for _, e := range f.Log {
		l.entry(e)
	}
}

// heads writes the names over the lifelines.
func (l ladder) heads(names ...string) {
	row := blank()
	for i, n := range names {
		at := column(i) - utf8.RuneCountInString(n)/2
		copy(row[max(0, at):], []rune(n))
	}
	l.print(row)
	l.print(lifelines())
}

// entry draws one entry of the log.
func (l ladder) entry(e call.Log) {
	switch e.Kind {
	case call.LogMessage:
		far, ok := l.legs[e.Leg]
		if !ok {
			return
		}
		if e.Direction == call.In {
			l.arrow(far, lineUs, e.Text)
		} else {
			l.arrow(lineUs, far, e.Text)
		}
		for _, h := range e.Headers {
			l.beside(min(far, lineUs), max(far, lineUs), h.Name+": "+h.Value)
		}
	case call.LogEvent:
		l.arrow(lineUs, lineFunction, e.Text)
	case call.LogAction:
		l.arrow(lineFunction, lineUs, e.Text)
	case call.LogFunction:
		l.beside(lineFunction, lineCallee, "» "+e.Text)
	case call.LogNote:
		l.beside(lineUs, lineFunction, "· "+e.Text)
	}
}

// arrow draws from one lifeline to another with a label on it.
func (l ladder) arrow(from, to int, label string) {
	row := lifelines()
	left, right := column(min(from, to)), column(max(from, to))
	for x := left + 1; x < right; x++ {
		row[x] = '─'
	}
	if from < to {
		row[left], row[right-1], row[right] = '├', '▶', '│'
	} else {
		row[left], row[left+1], row[right] = '│', '◀', '┤'
	}
	text := []rune(" " + cut(quoteCtl(firstWords(label)), right-left-8) + " ")
	copy(row[left+3:right-2], text)
	l.print(row)
}

// beside writes text between two lifelines, in as many rows as it needs, four at most.
func (l ladder) beside(left, right int, text string) {
	width := column(right) - column(left) - 5
	all := []rune(quoteCtl(text))
	for i := 0; len(all) > 0 && i < 4; i++ {
		n := min(len(all), width)
		row := lifelines()
		for x := column(left) + 1; x < column(right); x++ {
			row[x] = ' '
		}
		indent := 3
		if i > 0 {
			indent = 4
			n = min(n, width-1)
		}
		copy(row[column(left)+indent:], all[:n])
		all = all[n:]
		l.print(row)
	}
}

// firstWords leaves the version out of a request line.
func firstWords(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(s, "SIP/2.0 "), " SIP/2.0")
}

// cut leaves a text's beginning.
func cut(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

func column(i int) int { return 4 + i*rung }

func blank() []rune {
	row := make([]rune, column(lines-1)+8)
	for i := range row {
		row[i] = ' '
	}
	return row
}

func lifelines() []rune {
	row := blank()
	for i := range lines {
		row[column(i)] = '│'
	}
	return row
}

func (l ladder) print(row []rune) { fmt.Fprintln(l.out, strings.TrimRight(string(row), " ")) }
