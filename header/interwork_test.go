package header_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

func parseDiversions(t *testing.T, value string) []header.Diversion {
	t.Helper()
	if value == "" {
		return nil
	}
	ds, err := header.ParseDiversions(value)
	if err != nil {
		t.Fatal(err)
	}
	return ds
}

func parseHistory(t *testing.T, value string) []header.HistoryInfo {
	t.Helper()
	if value == "" {
		return nil
	}
	hs, err := header.ParseHistoryInfo(value)
	if err != nil {
		t.Fatal(err)
	}
	return hs
}

func joinDiversions(ds []header.Diversion) string {
	var out []string
	for _, d := range ds {
		out = append(out, d.String())
	}
	return strings.Join(out, ",")
}

func joinHistory(hs []header.HistoryInfo) string {
	var out []string
	for _, h := range hs {
		out = append(out, h.String())
	}
	return strings.Join(out, ",")
}

func TestHistoryFromDiversions(t *testing.T) {
	// RFC 7544 section 7.1, as the table has it.
	var standard struct{ in, want string }
	for _, row := range samples(t, "samples-diversion.tsv") {
		if want, ok := strings.CutPrefix(row["expected"], "-> "); ok {
			standard.in, standard.want = row["value"], want
		}
	}
	tests := []struct{ name, in, target, had, want string }{
		{"RFC 7544 section 7.1", standard.in, "sip:last_diverting_target", "", standard.want},
		{"none", "", "sip:c@d", "", ""},
		{"no privacy told", "<sip:a@x>;reason=away", "sip:c@d", "",
			"<sip:a@x>;index=1,<sip:c@d;cause=404>;index=1.1;mp=1"},
		{"display name and telephone number", `"A. B" <tel:+1555>;reason=deflection,<tel:+1666>;reason=unavailable`, "tel:+1777", "",
			`<tel:+1666>;index=1,"A. B" <sip:+1555@unknown.invalid;user=phone;cause=503>;index=1.1;mp=1,` +
				`<sip:+1777@unknown.invalid;user=phone;cause=480>;index=1.1.1;mp=1.1`},
		{"counter gives placeholders", "<sip:b@x>;reason=user-busy;counter=3,<sip:a@x>;reason=no-answer", "sip:c@d", "",
			"<sip:a@x>;index=1,<sip:unknown@unknown.invalid;cause=404>;index=1.1;mp=1," +
				"<sip:unknown@unknown.invalid;cause=404>;index=1.1.1;mp=1.1," +
				"<sip:b@x;cause=408>;index=1.1.1.1;mp=1.1.1,<sip:c@d;cause=486>;index=1.1.1.1.1;mp=1.1.1.1"},
		{"history there, nothing missing", "<sip:a@x>;reason=user-busy", "sip:c@d",
			"<sip:a@x>;index=1,<sip:b@x;cause=486>;index=1.1;mp=1", ""},
		{"history there, diverter is its last", "<sip:b@x>;reason=user-busy", "sip:c@d", "<sip:a@x>;index=1,<sip:b@x>;index=1.1;rc=1",
			"<sip:c@d;cause=486>;index=1.1.1;mp=1.1"},
		{"history there, gap", "<sip:b@x>;reason=user-busy", "sip:c@d", "<sip:a@x>;index=1",
			"<sip:b@x>;index=1.0.1,<sip:c@d;cause=486>;index=1.0.1.1;mp=1.0.1"},
		{"address not to be read", "<urn:a:b>;reason=user-busy,<sip:\\u95>", "sip:c@d", "",
			"<sip:unknown@unknown.invalid>;index=1,<urn:a:b>;index=1.1;mp=1,<sip:c@d;cause=486>;index=1.1.1;mp=1.1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := header.HistoryFromDiversions(parseDiversions(t, tt.in), tt.target, parseHistory(t, tt.had))
			if diff := cmp.Diff(strings.Split(tt.want, ","), strings.Split(joinHistory(got), ",")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDiversionsFromHistory(t *testing.T) {
	tests := []struct {
		name, in, want string
		all            bool
	}{
		{"nothing", "", "", false},
		{"no diversion", "<sip:a@x>;index=1", "", false},
		{"reason plays no part", "<sip:a@x?Reason=SIP%3Bcause%3D486>;index=1,<sip:b@x>;index=1.1;rc=1", "", false},
		{"the entry before", "<sip:a@x>;index=1,<sip:b@x;cause=487>;index=1.1", "<sip:a@x>;reason=deflection;counter=1;privacy=off", true},
		{"unknown cause", "<sip:a@x>;index=1,<sip:b@x;cause=200>;index=1.1", "", false},
		{
			"RFC 7544 section 7.3",
			sampleHistory(t, "proxyP1"),
			"<sip:userD>;reason=unknown;counter=1;privacy=off,<sip:userC>;reason=no-answer;counter=1;privacy=full," +
				"<sip:userB>;reason=unconditional;counter=1;privacy=off",
			false,
		},
		{
			"RFC 7544 section 7.2", sampleHistory(t, "diverting_user1_address"),
			"<sip:diverting_user2_address>;reason=user-busy;counter=1;privacy=off," +
				"<sip:diverting_user1_address>;reason=unconditional;counter=1;privacy=full",
			true,
		},
		{"diverted before the first entry", sampleHistory(t, "4144910002"),
			"<sip:unknown@unknown.invalid>;reason=user-busy;counter=1;privacy=off", true},
		{"garbage", sampleHistory(t, `\u95`), "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ds, all := header.DiversionsFromHistory(parseHistory(t, tt.in))
			if got := joinDiversions(ds); got != tt.want || all != tt.all {
				t.Errorf("%s (all %v)\nwant %s (all %v)", got, all, tt.want, tt.all)
			}
		})
	}
}

func sampleHistory(t *testing.T, mark string) string {
	t.Helper()
	for _, row := range samples(t, "samples-history-info.tsv") {
		if strings.Contains(row["value"], mark) {
			return row["value"]
		}
	}
	t.Fatalf("no sample with %s", mark)
	return ""
}

func TestAddDiversion(t *testing.T) {
	in := rows("X-A: 1", "Diversion: <sip:a@x>;reason=no-answer", "X-B: 2", "Diversion: <sip:first@x>;counter=2")
	out, err := header.AddDiversion(in, header.NewDiversion("sip:+1@h", header.DivertedUserBusy))
	want := rows("X-A: 1", "Diversion: <sip:+1@h>;reason=user-busy;counter=1", "Diversion: <sip:a@x>;reason=no-answer",
		"X-B: 2", "Diversion: <sip:first@x>;counter=2")
	if diff := cmp.Diff(want, out); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	if len(in) != 4 {
		t.Error("the list given was changed")
	}
	refused := []header.List{
		rows("Diversion: <sip:a@x>;counter=5"),
		rows("Diversion: <sip:a@x>;limit=1"),
		rows("Diversion: <sip:a@x>,<sip:b@x>,<sip:c@x>", "Diversion: <sip:d@x>;counter=2"),
	}
	for _, l := range refused {
		if _, err := header.AddDiversion(l, header.NewDiversion("sip:a@b", "away")); err == nil {
			t.Errorf("%v: one more is let in", l)
		}
	}
	for _, d := range []header.Diversion{
		header.NewDiversion("sip:a@b>\r\nX: <sip:c@d", "away"),
		header.NewDiversion("", "away"),
		{NameAddr: header.NameAddr{URI: "sip:a@b", Display: "a\r\nb"}},
		{NameAddr: header.NameAddr{URI: "sip:a@b", Params: header.Params{{Name: "reason", Value: "away, <sip:x@y>"}}}},
	} {
		if _, err := header.AddDiversion(nil, d); err == nil {
			t.Errorf("%q is let in", d.String())
		}
	}
	out, err = header.AddDiversion(nil, header.NewDiversion("sip:a@b", `odd "reason"`))
	if err != nil || out[0].Value != `<sip:a@b>;reason="odd \"reason\"";counter=1` {
		t.Errorf("%v %v", out, err)
	}
}

func TestIndex(t *testing.T) {
	for _, tt := range []struct{ in, child, gap, next header.Index }{
		{"1", "1.1", "1.0.1", "2"},
		{"1.1.2", "1.1.2.1", "1.1.2.0.1", "1.1.3"},
		{"1.99999999999999999999", "1.99999999999999999999.1", "1.99999999999999999999.0.1", "1.99999999999999999999"},
	} {
		if tt.in.Child() != tt.child || tt.in.Gap() != tt.gap || tt.in.Next() != tt.next {
			t.Errorf("%s: %s %s %s", tt.in, tt.in.Child(), tt.in.Gap(), tt.in.Next())
		}
	}
}
