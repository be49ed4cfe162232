package header_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

// seed adds every golden vector and the hostile pieces.
func seed(f *testing.F) {
	for _, file := range []string{"samples-uui.tsv", "samples-diversion.tsv", "samples-history-info.tsv"} {
		for _, row := range samples(f, file) {
			f.Add(row["value"])
		}
	}
	for _, value := range append(knownValues, hostilePieces...) {
		f.Add(value)
	}
}

func FuzzNameAddrs(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, value string) {
		all, err := header.ParseNameAddrs(value)
		if err != nil {
			return
		}
		var raw []string
		for _, a := range all {
			raw = append(raw, a.Raw)
			if a.Check() != nil {
				continue
			}
			back, err := header.ParseNameAddr(a.String())
			if diff := cmp.Diff(a, back, ignoreRaw); diff != "" || err != nil {
				t.Fatalf("%q is written %q: %v %s", value, a.String(), err, diff)
			}
		}
		again, err := header.ParseNameAddrs(strings.Join(raw, ","))
		if diff := cmp.Diff(all, again); diff != "" || err != nil {
			t.Fatalf("%q: raw values read as others: %v %s", value, err, diff)
		}
	})
}

func FuzzURI(f *testing.F) {
	seed(f)
	for _, s := range []string{"sip:a:b@h:5060;x=y?X=1", "tel:+1;a=b", "sips:[::1]", "urn:x:y", "sip:h?A=%0d%0a&body=x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		u, err := header.ParseURI(text)
		if err != nil {
			return
		}
		back, err := header.ParseURI(u.String())
		if diff := cmp.Diff(u, back, ignoreRaw); diff != "" || err != nil {
			t.Fatalf("%q is written %q: %v %s", text, u.String(), err, diff)
		}
		rows, err := u.Embedded()
		if err != nil {
			return
		}
		for _, row := range rows {
			if header.CheckWire(row.Name, row.Value) != nil {
				t.Fatalf("%q carries %q: %q", text, row.Name, row.Value)
			}
		}
	})
}

func FuzzUserToUser(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, row string) {
		values := header.ParseUserToUser(row)
		if len(values) == 0 || !values[0].Valid && (len(values) > 1 || values[0].Raw != row) {
			t.Fatalf("%q: %+v", row, values)
		}
		for _, u := range values {
			octets, err := u.Decode()
			if err == nil && (!u.Valid || 2*len(octets) != len(u.Data)) {
				t.Fatalf("%q gives %x", row, octets)
			}
			u.PD()
			if !u.Valid || u.Check() != nil {
				continue
			}
			back := header.ParseUserToUser(u.String())
			if diff := cmp.Diff([]header.UserToUser{u}, back, ignoreRaw); diff != "" {
				t.Fatalf("%q is written %q: %s", row, u.String(), diff)
			}
		}
		for _, p := range header.UUIProfiles() {
			_, _, _ = p.Read(header.List{{Name: p.Header, Value: row}})
		}
	})
}

func FuzzDiversion(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, row string) {
		ds, err := header.ParseDiversions(row)
		if err != nil {
			return
		}
		for _, d := range ds {
			if d.Counter() < 1 || d.Counter() > 99 {
				t.Fatalf("%q counts %d", row, d.Counter())
			}
		}
		for _, h := range header.HistoryFromDiversions(ds, "sip:t@u", nil) {
			if _, err := header.ParseHistoryInfo(h.String()); err != nil {
				t.Fatalf("%q is mapped to %q: %v", row, h.String(), err)
			}
		}
	})
}

func FuzzHistoryInfo(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, row string) {
		hs, err := header.ParseHistoryInfo(row)
		if err != nil {
			return
		}
		ds, _ := header.DiversionsFromHistory(hs)
		for _, d := range ds {
			if _, err := header.ParseDiversions(d.String()); err != nil {
				t.Fatalf("%q is mapped to %q: %v", row, d.String(), err)
			}
		}
		header.HistoryFromDiversions([]header.Diversion{header.NewDiversion("sip:a@b", "away")}, "sip:t@u", hs)
	})
}

func FuzzReasons(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, row string) {
		rs, err := header.ParseReasons(row)
		if err != nil {
			return
		}
		for _, r := range rs {
			r.Cause()
			back, err := header.ParseReasons(r.String())
			if diff := cmp.Diff([]header.ReasonValue{r}, back, ignoreRaw); diff != "" || err != nil {
				t.Fatalf("%q is written %q: %v %s", row, r.String(), err, diff)
			}
		}
	})
}

func FuzzPrivacy(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, row string) {
		p, err := header.ParsePrivacy(row)
		if err != nil {
			return
		}
		back, err := header.ParsePrivacy(p.String())
		if diff := cmp.Diff(p, back); diff != "" || err != nil {
			t.Fatalf("%q is written %q: %v %s", row, p.String(), err, diff)
		}
	})
}

func FuzzApply(f *testing.F) {
	f.Add("X-Id", "7", uint8(0))
	f.Add("Diversion", "<sip:a@b>;privacy=full", uint8(3))
	f.Add("History-Info", "<sip:a@b?Privacy=history>;index=1", uint8(5))
	f.Add("User-to-User", "00, 01;purpose=foo", uint8(9))
	f.Add("X-A\r\nVia", "b\r\nc: d", uint8(1))
	var policies []*header.Compiled
	for i := range uint8(16) {
		p := header.Policy{Trusted: i&1 == 0, Rules: []header.Rule{rule("*", header.Keep, "")}}
		if i&2 != 0 {
			p.Direction = header.Out
		}
		if i&4 != 0 {
			p.Diversion = header.FormBoth
		}
		if i&8 != 0 {
			p.UUI = header.UUIStrict
		}
		c, err := p.Compile()
		if err != nil {
			f.Fatal(err)
		}
		policies = append(policies, c)
	}
	f.Fuzz(func(t *testing.T, name, value string, which uint8) {
		in := header.List{{Name: name, Value: value}, {Name: "Privacy", Value: "history"}, {Name: name, Value: "1"}}
		out, _, err := policies[which%16].Apply(header.Message{Kind: header.Invite, Target: "sip:t@u"}, in)
		if err != nil {
			t.Fatal(err)
		}
		wire, err := out.AppendWire(nil)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(wire), "\r\n") != len(out) || strings.ContainsAny(strings.ReplaceAll(string(wire), "\r\n", ""), "\r\n\x00") {
			t.Fatalf("%q", wire)
		}
	})
}
