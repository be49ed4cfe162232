package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// finished gives what the i-th call leaves: one call a second, between numbers of their own.
func finished(i int) call.Finished {
	start := time.Date(2026, 3, 1, 0, 0, 0, 5000, time.UTC).Add(time.Duration(i) * time.Second)
	id := fmt.Sprintf("%08d-0000-4000-8000-000000000000", i)
	from, to := fmt.Sprintf("+1206%07d", i), fmt.Sprintf("+1425%07d", i)
	cause := call.Cause{Q850: 16, By: call.ByPeer, Label: call.LabelNormal}
	if i%3 == 1 {
		cause = call.Cause{SIP: 486, By: call.ByPeer, Label: call.LabelBusy, Text: "Busy Here"}
	}
	in, out := call.LegID(id[:8]+"-in"), call.LegID(id[:8]+"-out")
	return call.Finished{
		Record: call.Record{
			ID: call.ID(id), Account: account, Trunk: "t1", App: "a1", From: from, To: to, Host: "t1.example.com",
			Start: start, Answered: start.Add(time.Second), End: start.Add(5 * time.Second), Cause: cause,
			Legs: []call.LegRecord{
				{ID: in, Direction: call.In, From: from, To: to, Trunk: "t1", SIPCallID: "in-" + id, Start: start, End: start.Add(5 * time.Second), Cause: cause,
					Media: call.MediaStats{Codec: "PCMU", PacketsIn: 250, PacketsOut: 249, Jitter: 3 * time.Millisecond, RemoteLoss: 0.25}},
				{ID: out, Direction: call.Out, From: from, To: fmt.Sprintf("+1509%07d", i), SIPCallID: "out-" + id, Start: start, End: start.Add(5 * time.Second), Cause: cause},
			},
		},
		Ledger: call.Ledger{
			entry(start, in, "INVITE", call.In, "User-to-User", fmt.Sprintf("%08x;encoding=hex", i)),
			entry(start, in, "INVITE", call.In, "Diversion", `"A <B> & C" <sip:+18005550100@example.com>;reason=unconditional`),
			entry(start, out, "INVITE", call.Out, "X-100%_sure!", "é \\ \""),
		},
		Log: []call.Log{
			{At: start, Leg: in, Kind: call.LogMessage, Direction: call.In, Text: "INVITE sip:" + to, Headers: header.List{{Name: "X-A", Value: "1"}, {Name: "X-A", Value: "2"}}},
			{At: start, Kind: call.LogEvent, Direction: call.Out, Text: "NEW_INBOUND_CALL", Body: `{"SchemaVersion":"1.0"}`},
		},
	}
}

func entry(at time.Time, leg call.LegID, message string, d call.Direction, name, value string) call.Entry {
	return call.Entry{
		At: at, Leg: leg, Message: message, Direction: d, Writer: call.WriterPeer,
		Change: header.Change{Action: header.Kept, Field: header.Field{Name: name, Value: value}, Reason: "trusted"},
	}
}

// keep keeps and waits until it can be read.
func keep(t *testing.T, s Store, all ...call.Finished) {
	t.Helper()
	for _, f := range all {
		s.Keep(f)
	}
	must(t, s.Flush(t.Context()))
}

func ids(t *testing.T, s Store, f call.Filter, p directory.Page) []call.ID {
	t.Helper()
	list, err := s.Records(context.Background(), f, p)
	must(t, err)
	var all []call.ID
	for i := range list {
		all = append(all, list[i].ID)
	}
	return all
}

func testRecord(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.Record(ctx, finished(1).Record.ID)
	is(t, "a record that is not there", err, directory.ErrNotFound)
	bare := call.Finished{Record: call.Record{ID: "bare", Start: day(0), End: day(0)}}
	keep(t, s, finished(1), bare)
	got, err := s.Record(ctx, finished(1).Record.ID)
	must(t, err)
	same(t, "record", got, finished(1))
	got, err = s.Record(ctx, "bare")
	must(t, err)
	same(t, "a record without ledger and log", got, bare)
	keep(t, s, finished(1)) // kept twice, there once
	list, err := s.Records(ctx, call.Filter{Account: account}, directory.Page{})
	must(t, err)
	same(t, "list", list, []call.Record{finished(1).Record})
}

func testFilters(t *testing.T, s Store) {
	const n = 12
	for i := range n {
		f := finished(i)
		if i == 5 {
			f.Record.Account = other
			f.Ledger = append(f.Ledger, entry(f.Record.Start, "", "BYE", call.In, "X-Only", "five"))
		}
		s.Keep(f)
	}
	must(t, s.Flush(t.Context()))
	second := func(i int) time.Time { return finished(i).Record.Start }
	for _, c := range []struct {
		name   string
		filter call.Filter
		want   []int // newest first
	}{
		{"account", call.Filter{Account: other}, []int{5}},
		{"caller", call.Filter{Number: "+12060000003"}, []int{3}},
		{"called", call.Filter{Number: "+14250000004"}, []int{4}},
		{"a leg's far end", call.Filter{Number: "+15090000004"}, []int{4}},
		{"part of a number", call.Filter{Number: "+1425000000"}, nil},
		{"label", call.Filter{Label: call.LabelBusy}, []int{10, 7, 4, 1}},
		{"since is within, until is not", call.Filter{Since: second(2), Until: second(4)}, []int{3, 2}},
		{"several", call.Filter{Label: call.LabelBusy, Since: second(2), Account: account, Number: "+12060000007"}, []int{7}},
		{"header", call.Filter{Header: "x-only"}, []int{5}},
		{"no header of this name", call.Filter{Header: "five"}, nil},
		{"header's name is no pattern", call.Filter{Header: "X-____"}, nil},
		{"text in a value", call.Filter{Text: "0000000a;ENCODING"}, []int{10}},
		{"text in a Call-ID", call.Filter{Text: "out-00000009-"}, []int{9}},
		{"text with what JSON escapes", call.Filter{Text: `é \ "`, Number: "+12060000001"}, []int{1}},
		{"text with what HTML escapes", call.Filter{Text: `<b> & c" <SIP:`, Number: "+12060000001"}, []int{1}},
		{"text is no pattern", call.Filter{Text: "out%9-"}, nil},
		{"text with what patterns escape", call.Filter{Text: "100%_sure!", Number: "+12060000002"}, []int{2}},
		{"text in the names of the JSON's members", call.Filter{Text: "direction"}, nil},
		{"text and another", call.Filter{Text: "encoding", Label: call.LabelBusy, Since: second(6)}, []int{10, 7}},
		{"all", call.Filter{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
	} {
		var want []call.ID
		for _, i := range c.want {
			want = append(want, finished(i).Record.ID)
		}
		same(t, c.name, ids(t, s, c.filter, directory.Page{}), want)
	}
}

func testRecordPages(t *testing.T, s Store) {
	const n = 130
	var want []call.ID
	for i := range n {
		f := finished(i)
		f.Record.Start = finished(i / 4).Record.Start // several begin at one time
		s.Keep(f)
		want = append([]call.ID{f.Record.ID}, want...)
	}
	must(t, s.Flush(t.Context()))
	if got := ids(t, s, call.Filter{}, directory.Page{}); len(got) != 100 {
		t.Errorf("a page without a limit has %d, want 100", len(got))
	}
	for _, filter := range []call.Filter{{}, {Account: account}, {Text: "Diversion"}} {
		for _, limit := range []int{1, 7, 130, 500} {
			var got []call.ID
			for page := ids(t, s, filter, directory.Page{Limit: limit}); len(page) > 0; {
				if len(page) > limit {
					t.Fatalf("a page of %d has %d", limit, len(page))
				}
				got = append(got, page...)
				page = ids(t, s, filter, directory.Page{Limit: limit, After: string(got[len(got)-1])})
			}
			same(t, fmt.Sprintf("%+v in pages of %d", filter, limit), got, want)
		}
	}
	if got := ids(t, s, call.Filter{}, directory.Page{After: "no such call"}); len(got) != 0 {
		t.Errorf("after a record that is not there: %v", got)
	}
}
