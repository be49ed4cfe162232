package header_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/header"
)

// readRows reads rows as any peer would: lines end with CRLF, a line that begins with a blank goes on from the one
// before, the name ends at the first colon. It shares nothing with the package.
func readRows(t *rapid.T, wire string) header.List {
	if wire == "" {
		return nil
	}
	if !strings.HasSuffix(wire, "\r\n") {
		t.Fatalf("does not end with CRLF: %q", wire)
	}
	var out header.List
	for _, line := range strings.Split(strings.TrimSuffix(wire, "\r\n"), "\r\n") {
		if line == "" || strings.ContainsAny(line, "\r\n\x00") || line[0] == ' ' || line[0] == '\t' {
			t.Fatalf("line %q", line)
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			t.Fatalf("no colon in %q", line)
		}
		out = append(out, header.Field{Name: name, Value: strings.Trim(value, " \t")})
	}
	return out
}

// Generators: names and values that do harm where they can.
var (
	hostilePieces = []string{"\r\n", "\n", "\r", "\x00", "\t", " ", ":", ",", ";", "=", "<", ">", `"`, `\`, "?", "&", "%0d%0a", "%00", "@",
		"\u2028", "\u212a", "\xff", "é", "a", "B", "7", "sip:a@b", "Via: x", "User-to-User", "00;encoding=hex", "X-", "\x7f", "[", "]"}
	knownNames = []string{"User-to-User", "user-to-user", "Diversion", "History-Info", "Reason", "P-Asserted-Identity", "Privacy", "X-Id", "x",
		"Via", "v", "Call-ID", "Authorization", "Replaces", "X-AMZN-A", "X-MS-B", "X-MS-Custom-C", "X-Switchhook-D", "Remote-Party-ID",
		"P-Charging-Vector", "Call-Info", "X-Old-Id", "s", "User-Agent", "Warning"}
	knownValues = []string{"00;encoding=hex", "00, 01;purpose=foo", "<sip:a@b>;reason=user-busy;privacy=full", "<sip:a@b;cause=302?Privacy=history>;index=1",
		`"A" <sip:a@b>, tel:+1;x=y`, "id;history", "none", "SIP;cause=200", ""}
)

func hostile() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(rapid.SampledFrom(hostilePieces), 0, 8).Draw(t, "pieces"), "")
	})
}

func field() *rapid.Generator[header.Field] {
	return rapid.Custom(func(t *rapid.T) header.Field {
		return header.Field{
			Name:  rapid.OneOf(rapid.SampledFrom(knownNames), hostile()).Draw(t, "name"),
			Value: rapid.OneOf(rapid.SampledFrom(knownValues), hostile()).Draw(t, "value"),
		}
	})
}

func policy() *rapid.Generator[header.Policy] {
	return rapid.Custom(func(t *rapid.T) header.Policy {
		p := header.Policy{
			Direction: rapid.SampledFrom([]header.Direction{header.In, header.Out}).Draw(t, "direction"),
			Trusted:   rapid.Bool().Draw(t, "trusted"),
			UUI:       rapid.SampledFrom([]header.UUIGate{"", header.UUIStrict, header.UUIDeny}).Draw(t, "uui"),
			Diversion: rapid.SampledFrom([]header.DiversionForm{"", header.FormDiversion, header.FormHistory, header.FormBoth, header.FormNone}).Draw(t, "form"),
			Limits:    header.Limits{Rows: rapid.IntRange(0, 12).Draw(t, "rows")},
			Rules:     []header.Rule{rule("X-Old-*", header.Rename, "X-New-*")},
		}
		if p.Trusted {
			p.Rules = append(p.Rules, rule("Diversion", header.RewriteHost, "new.example:5070"))
		}
		p.Rules = append(p.Rules, rule("*", header.Keep, ""))
		return p
	})
}

func TestWhatIsEmittedReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := header.List(rapid.SliceOfN(field(), 0, 20).Draw(t, "in"))
		c, err := policy().Draw(t, "policy").Compile()
		if err != nil {
			t.Fatal(err)
		}
		before := in.Clone()
		kinds := []header.Kind{header.Invite, header.ReInvite, header.Redirect, header.Success, header.Bye, header.Info}
		m := header.Message{Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), Target: "sip:t@u", AskedUUI: rapid.Bool().Draw(t, "asked")}
		out, changes, err := c.Apply(m, in)
		if err != nil {
			t.Fatal(err)
		}
		if !cmp.Equal(before, in) {
			t.Fatal("the list given was changed")
		}
		wire, err := out.AppendWire(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(lines(out), lines(readRows(t, string(wire)))); diff != "" {
			t.Fatal(diff)
		}
		accountFor(t, in, out, changes)
	})
}

// accountFor checks that the changes tell the whole story: each row that went in is told of once, or is one
// that each leg makes anew; what came out is what they say.
func accountFor(t *rapid.T, in, out header.List, changes []header.Change) {
	var went, came []string
	for _, c := range changes {
		if c.Reason == "" {
			t.Fatalf("no reason: %+v", c)
		}
		switch c.Action {
		case header.Kept, header.Added:
			came = append(came, c.Name+": "+c.Value)
		case header.Renamed, header.Rewritten:
			came = append(came, c.NewName+": "+c.NewValue)
		}
		if c.Action != header.Added {
			went = append(went, c.Name)
		}
	}
	for _, f := range in {
		switch f.Name {
		case "Via", "v", "Call-ID", "x":
			continue
		}
		if len(went) == 0 || went[0] != f.Name {
			t.Fatalf("%q is not told of, or not in order: %q", f.Name, went)
		}
		went = went[1:]
	}
	if len(went) > 0 {
		t.Fatalf("told of what never was: %q", went)
	}
	count := map[string]int{}
	for _, line := range came {
		count[line]++
	}
	for _, line := range lines(out) {
		if count[line]--; count[line] < 0 {
			t.Fatalf("%q came out and is not told of", line)
		}
	}
	if len(came) != len(out) {
		t.Fatalf("%d rows are told to come out, %d do", len(came), len(out))
	}
}

func TestWhatCheckPassesReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := field().Draw(t, "row")
		if header.Check(f.Name, f.Value) != nil {
			return
		}
		l := header.List{f, {Name: "X-After", Value: "1"}}
		wire, err := l.AppendWire(nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(l, readRows(t, string(wire))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func params() *rapid.Generator[header.Params] {
	return rapid.Custom(func(t *rapid.T) header.Params {
		var ps header.Params
		for range rapid.IntRange(0, 3).Draw(t, "count") {
			name := rapid.OneOf(rapid.SampledFrom([]string{"reason", "counter", "privacy", "x"}), hostile()).Draw(t, "name")
			value := rapid.OneOf(rapid.SampledFrom([]string{"", "1", "off", `"a;b"`, "[::1]"}), hostile(), rapid.Map(hostile(), header.Quote)).Draw(t, "value")
			ps = append(ps, header.Param{Name: name, Value: value})
		}
		return ps
	})
}

func TestNameAddrReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := header.NameAddr{
			Display: rapid.OneOf(rapid.SampledFrom([]string{"", "Bob"}), hostile()).Draw(t, "display"),
			URI:     rapid.OneOf(rapid.SampledFrom([]string{"sip:a@b;x=y?X=1", "tel:+1"}), hostile()).Draw(t, "uri"),
			Params:  params().Draw(t, "params"),
		}
		if a.Check() != nil {
			return
		}
		got, err := header.ParseNameAddrs(a.String() + "," + a.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]header.NameAddr{a, a}, got, ignoreRaw); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestUserToUserReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := header.UserToUser{Valid: true, Data: hostile().Draw(t, "data"), Params: params().Draw(t, "params")}
		if u.Check() != nil {
			return
		}
		got := header.ParseUserToUser(u.String() + " , " + u.String())
		if diff := cmp.Diff([]header.UserToUser{u, u}, got, ignoreRaw); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestEmbeddedReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var in header.List
		for _, f := range rapid.SliceOfN(field(), 0, 5).Draw(t, "rows") {
			if header.Check(f.Name, f.Value) == nil && !header.SameName(f.Name, "body") {
				in = append(in, f)
			}
		}
		text, err := header.Embed(in)
		if err != nil {
			t.Fatal(err)
		}
		a, err := header.ParseNameAddr("<sip:a@b?" + text + ">")
		if err != nil {
			t.Fatal(err)
		}
		u, err := header.ParseURI(a.URI)
		if err != nil {
			t.Fatal(err)
		}
		out, err := u.Embedded()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(in, out, ignoreRaw); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestURIReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := header.URI{
			Scheme: rapid.SampledFrom([]string{"sip", "SIPS", "tel", "x"}).Draw(t, "scheme"), Host: "h", Params: params().Draw(t, "params"),
			User: hostile().Draw(t, "user"), Password: hostile().Draw(t, "password"), Headers: hostile().Draw(t, "headers"),
			Port: rapid.IntRange(-1, 65536).Draw(t, "port"),
		}
		if u.IsTel() {
			u.Host, u.Port, u.Password = "", 0, ""
		}
		if u.Check() != nil {
			return
		}
		got, err := header.ParseURI(u.String())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(u, got, ignoreRaw); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDiversionsSurviveHistory(t *testing.T) {
	reasons := []string{header.DivertedUnconditional, header.DivertedUserBusy, header.DivertedNoAnswer, header.DivertedDeflection,
		header.DivertedUnavailable, header.DivertedUnknown}
	rapid.Check(t, func(t *rapid.T) {
		var ds []header.Diversion
		for i := range rapid.IntRange(0, 16).Draw(t, "count") {
			d := header.NewDiversion("sip:u"+string(rune('a'+i))+"@h", rapid.SampledFrom(reasons).Draw(t, "reason"))
			d.Params = append(d.Params, header.Param{Name: "privacy", Value: rapid.SampledFrom([]string{"off", "full"}).Draw(t, "privacy")})
			ds = append(ds, d)
		}
		hs := header.HistoryFromDiversions(ds, "sip:target@h", nil)
		if len(ds) > 0 && len(hs) != len(ds)+1 {
			t.Fatalf("%d entries for %d diversions", len(hs), len(ds))
		}
		got, all := header.DiversionsFromHistory(hs)
		if diff := cmp.Diff(ds, got, ignoreRaw); diff != "" || all != (len(ds) > 0) {
			t.Fatal(all, diff)
		}
	})
}
