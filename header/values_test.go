package header_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

func TestParseNameAddr(t *testing.T) {
	tests := []struct {
		in   string
		want header.NameAddr // Raw left out
	}{
		{"<sip:a@b>", header.NameAddr{URI: "sip:a@b"}},
		{" \t<sip:a@b> ", header.NameAddr{URI: "sip:a@b"}},
		{"caller<sip:a@b>;tag=1", header.NameAddr{Display: "caller", URI: "sip:a@b", Params: header.Params{{Name: "tag", Value: "1"}}}},
		{`"a \"b\" \\c" <sip:a@b>`, header.NameAddr{Display: `a "b" \c`, URI: "sip:a@b"}},
		{"Two  Words <sip:a@b>", header.NameAddr{Display: "Two  Words", URI: "sip:a@b"}},
		{"sip:a@b;x=1 ; y", header.NameAddr{URI: "sip:a@b", Params: header.Params{{Name: "x", Value: "1"}, {Name: "y"}}}},
		{"sip:a@b?X=1", header.NameAddr{URI: "sip:a@b?X=1"}},
		{`<sip:a@b>;x="a,b;c>"`, header.NameAddr{URI: "sip:a@b", Params: header.Params{{Name: "x", Value: `"a,b;c>"`}}}},
		{"<sip:a@b>;+sip.instance=\"<urn:uuid:1>\";received=2001:db8::1",
			header.NameAddr{URI: "sip:a@b", Params: header.Params{{Name: "+sip.instance", Value: `"<urn:uuid:1>"`}, {Name: "received", Value: "2001:db8::1"}}}},
		{"<tel:+1>", header.NameAddr{URI: "tel:+1"}},
		{`"" <sip:a@b>`, header.NameAddr{URI: "sip:a@b"}},
	}
	for _, tt := range tests {
		a, err := header.ParseNameAddr(tt.in)
		if diff := cmp.Diff(tt.want, a, ignoreRaw); diff != "" || err != nil {
			t.Errorf("%s: %v %s", tt.in, err, diff)
		}
		if a.Raw != strings.Trim(tt.in, " \t") {
			t.Errorf("%s: raw %q", tt.in, a.Raw)
		}
		if err := a.Check(); err != nil {
			t.Errorf("%s: %v", tt.in, err)
		}
	}
	for _, in := range []string{
		"", "a", "<>", "<sip:a@b", `"a <sip:a@b>`, `"a" b <sip:a@b>`, "<sip:a@b> x", "<sip:a@b>;", "<sip:a@b>;;x", "<sip:a@b>;x=", "<sip:a@b>;x=1;X=2",
		"<sip:a@b>,<sip:c@d>", "<sip:a b@c>", "<sip:a\r\n@b>", "a,b <sip:a@b>", "<sip:a@b>;x=\"", "<sip:a<b>", ",", "sip:a b", `a"b <sip:a@b>`,
		"<sip:a@b>" + strings.Repeat(";a", 200),
	} {
		if a, err := header.ParseNameAddr(in); err == nil {
			t.Errorf("%q is taken: %+v", in, a)
		}
	}
}

func TestParseReasons(t *testing.T) {
	rs, err := header.ParseReasons(`SIP ;cause=200 ;text="Call completed elsewhere, \"yes\"" , Q.850;cause=16;location=LPN;text="Terminated"`)
	if err != nil || len(rs) != 2 {
		t.Fatal(rs, err)
	}
	cause, ok := rs[0].Cause()
	if !ok || cause != 200 || rs[0].Text() != `Call completed elsewhere, "yes"` || rs[0].Location() != "" {
		t.Errorf("%+v", rs[0])
	}
	if rs[1].Raw != `Q.850;cause=16;location=LPN;text="Terminated"` || rs[1].Location() != "LPN" {
		t.Errorf("%+v", rs[1])
	}
	l := rows("Reason: not (readable", `Reason: SIP;cause=200`, "Reason: q.850;cause=17")
	if r, ok := header.FindReason(l, "Q.850"); !ok || r.String() != "q.850;cause=17" {
		t.Errorf("%+v", r)
	}
	if _, ok := header.FindReason(l, "X"); ok {
		t.Error("found what is not there")
	}
	if s := header.NewReason("Q.850", 16, `say "bye"`).String(); s != `Q.850;cause=16;text="say \"bye\""` {
		t.Error(s)
	}
	if s := header.NewReason("SIP", 486, "").String(); s != "SIP;cause=486" {
		t.Error(s)
	}
	for _, in := range []string{"", ";cause=1", "SIP;cause=1;cause=2", "SIP x", "SIP,", `SIP;text="x`, "SIP;cause="} {
		if rs, err := header.ParseReasons(in); err == nil {
			t.Errorf("%q is taken: %+v", in, rs)
		}
	}
	for _, in := range []string{"SIP", "SIP;cause", "SIP;cause=x", "SIP;cause=9999", "SIP;cause=-1"} {
		rs, err := header.ParseReasons(in)
		if err != nil {
			t.Fatal(err)
		}
		if n, ok := rs[0].Cause(); ok {
			t.Errorf("%s has the cause %d", in, n)
		}
	}
}

func TestPrivacy(t *testing.T) {
	p, err := header.ParsePrivacy("ID; critical ,history")
	if err != nil || !p.Has("id") || !p.Has("CRITICAL") || p.Has("none") || p.String() != "ID;critical;history" {
		t.Errorf("%v %v", p, err)
	}
	if s := p.Without("History").String(); s != "ID;critical" {
		t.Error(s)
	}
	for _, in := range []string{"", ";", "a b", strings.Repeat("id;", 100)} {
		if p, err := header.ParsePrivacy(in); err == nil {
			t.Errorf("%q is taken: %v", in, p)
		}
	}
	if p := header.FindPrivacy(rows("Privacy: a b", "Privacy: id", "privacy: header")); p.String() != "id;header" {
		t.Error(p)
	}
}

func TestFindIdentities(t *testing.T) {
	const pai = "P-Asserted-Identity: "
	for _, tt := range []struct {
		in []string
		n  int
		ok bool
	}{
		{nil, 0, true},
		{[]string{pai + `"A" <sip:a@b>`}, 1, true},
		{[]string{pai + "tel:+1"}, 1, true},
		{[]string{pai + "<sip:a@b>, <tel:+1>"}, 2, true},
		{[]string{pai + "<tel:+1>", pai + "<sips:a@b>"}, 2, true},
		{[]string{pai + "<sip:a@b>, <sip:c@d>"}, 2, false},
		{[]string{pai + "<tel:+1>, <tel:+2>"}, 2, false},
		{[]string{pai + "<sip:a@b>, <tel:+1>, <sip:c@d>"}, 3, false},
		{[]string{pai + "<mailto:a@b>"}, 1, false},
		{[]string{pai + "<sip:a@b>", pai + "<sip:"}, 1, false},
	} {
		got, err := header.FindIdentities(rows(tt.in...))
		if len(got) != tt.n || (err == nil) != tt.ok {
			t.Errorf("%v: %v %v", tt.in, got, err)
		}
	}
}

func TestUserToUserRows(t *testing.T) {
	tests := []struct {
		in   []string
		want []string // raw, then the label or the octets, for each value
	}{
		{[]string{"56;purpose=foo;encoding=hex, 00 ; encoding = hex,\"a,b\";purpose=x"},
			[]string{"56;purpose=foo;encoding=hex", "56", "00 ; encoding = hex", "00", `"a,b";purpose=x`, "unknown-encoding"}},
		{[]string{`"00AB";encoding=hex`}, []string{`"00AB";encoding=hex`, "00AB"}},
		{[]string{"00", "01;purpose=isdn-uui"}, []string{"00", "ambiguous", "01;purpose=isdn-uui", "ambiguous"}},
		{[]string{"00", "01;purpose=foo;encoding=hex"}, []string{"00", "00", "01;purpose=foo;encoding=hex", "01"}},
		{[]string{"00", "no (token"}, []string{"00", "ambiguous", "no (token", "malformed"}},
		{[]string{"00;content=other"}, []string{"00;content=other", "unknown-content"}},
		{[]string{"00;encoding=base64"}, []string{"00;encoding=base64", "unknown-encoding"}},
		{[]string{"00;encoding=HEX;purpose=ISDN-UUI"}, []string{"00;encoding=HEX;purpose=ISDN-UUI", "00"}},
		{[]string{"00;a=1;A=2"}, []string{"00;a=1;A=2", "malformed"}},
		{[]string{""}, []string{"", "malformed"}},
		{[]string{"00,"}, []string{"00,", "malformed"}},
		{[]string{strings.Repeat("0", 260)}, []string{strings.Repeat("0", 260), "too-long"}},
		{[]string{strings.Repeat("0", 258)}, []string{strings.Repeat("0", 258), strings.Repeat("00", 129)}},
	}
	for _, tt := range tests {
		var l header.List
		for _, v := range tt.in {
			l = l.With("User-to-User", v)
		}
		var got []string
		for _, u := range header.FindUserToUser(l) {
			view := struct{ DataHex, Undecoded string }{}
			text, err := json.Marshal(u)
			if err == nil {
				err = json.Unmarshal(text, &view)
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, u.Raw, view.DataHex+view.Undecoded)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%v: %s", tt.in, diff)
		}
	}
	text, err := json.Marshal(header.ParseUserToUser("04616263;encoding=hex")[0])
	want := `{"raw":"04616263;encoding=hex","valid":true,"purpose":"isdn-uui","content":"isdn-uui","encoding":"hex","pd":4,"dataHex":"04616263"}`
	if err != nil || string(text) != want {
		t.Errorf("%s %v", text, err)
	}
}

func TestNewUserToUser(t *testing.T) {
	isdn := []header.Param{{Name: "purpose", Value: "isdn-uui"}, {Name: "content", Value: "isdn-uui"}}
	u, err := header.NewUserToUser([]byte{0, 0xab}, isdn...)
	if err != nil || u.String() != "00AB;encoding=hex;purpose=isdn-uui;content=isdn-uui" {
		t.Error(u, err)
	}
	if _, err := header.NewUserToUser(make([]byte, 129)); err != nil {
		t.Error(err)
	}
	if u, err := header.NewUserToUser(make([]byte, 130)); err == nil {
		t.Error(u)
	}
	if _, err := header.NewUserToUser(make([]byte, 130), header.Param{Name: "purpose", Value: "foo"}); err != nil {
		t.Error(err)
	}
	for _, p := range []header.Param{{Name: "encoding", Value: "hex"}, {Name: "x y"}, {Name: "a", Value: "b;c"}, {Name: "a", Value: "b, 00"}} {
		if u, err := header.NewUserToUser([]byte{0}, p); err == nil {
			t.Errorf("%+v gives %s", p, u)
		}
	}
	if u, err := header.NewUserToUser(nil); err == nil {
		t.Error(u)
	}
}

func TestAppendWire(t *testing.T) {
	wire, err := rows("X-A: 1", "x-b: ").AppendWire([]byte("INVITE\r\n"))
	if err != nil || string(wire) != "INVITE\r\nX-A: 1\r\nx-b: \r\n" {
		t.Errorf("%q %v", wire, err)
	}
	wire, err = rows("X-A: 1", "X-B: a\r\nVia: b").AppendWire([]byte("INVITE\r\n"))
	if err == nil || string(wire) != "INVITE\r\n" {
		t.Errorf("%q %v", wire, err)
	}
}

func TestList(t *testing.T) {
	l := rows("X-A: 1", "x-a: 2", "i: 3")
	if v, ok := l.Get("X-a"); v != "1" || !ok || l.Count("X-A") != 2 || !l.Has("Call-ID") || l.Has("X-B") {
		t.Errorf("%v", l)
	}
	a, b := l.With("X-B", "1"), l.With("X-B", "2")
	if a[3].Value != "1" || b[3].Value != "2" || len(l) != 3 {
		t.Errorf("With shares: %v %v", a, b)
	}
	if got := lines(l.Without("X-A")); !cmp.Equal(got, []string{"i: 3"}) {
		t.Error(got)
	}
	c := l.Clone()
	if !cmp.Equal(l, c) || unsafe.StringData(c[0].Name) == unsafe.StringData(l[0].Name) {
		t.Errorf("cloned: %v", c)
	}
	c[0].Value = "other"
	if l[0].Value != "1" || header.List(nil).Clone() != nil {
		t.Error("Clone shares")
	}
}
