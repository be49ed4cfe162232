package header_test

import (
	"encoding/hex"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

// samples reads a table of golden vectors: its rows as maps by column.
func samples(t testing.TB, name string) []map[string]string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var out []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range strings.Split(line, "\t") {
			row[columns[i]] = cell
		}
		out = append(out, row)
	}
	return out
}

// message gives the rows that one sample stands for.
func message(sample map[string]string) header.List {
	var l header.List
	for _, value := range strings.Split(sample["value"], `\r\n`+sample["header"]+": ") {
		l = l.With(sample["header"], value)
	}
	return l
}

// pythonBytes gives the octets of a Python bytes literal, as the table writes them.
func pythonBytes(t *testing.T, s string) string {
	t.Helper()
	if s == "" {
		return ""
	}
	inner := s[2 : len(s)-1]
	inner = strings.ReplaceAll(inner, `"`, `\"`)
	out, err := strconv.Unquote(`"` + inner + `"`)
	if err != nil {
		t.Fatalf("%s: %v", s, err)
	}
	return out
}

// uuiWant is what the table's "expected" column says, for the values that are User-to-User.
type uuiWant struct {
	valid   bool
	pd      int // -1: none
	why     header.Undecoded
	purpose string
	params  int
}

func TestUserToUserSamples(t *testing.T) {
	isdn, malformed := header.PurposeISDN, header.UndecodedMalformed
	want := []uuiWant{
		{true, 0x61, "", isdn, 1},
		{true, -1, "", "foo", 3},
		{true, 0x34, "", isdn, 1},
		{true, 0, "", isdn, 1},
		{true, 0, "", isdn, 1},
		{true, 0, "", isdn, 1},
		{true, 0, "", isdn, 1},
		{true, 0, "", isdn, 1},
		{true, -1, header.UndecodedDigits, isdn, 0},
		{true, 4, "", isdn, 3},
		{true, 0, "", isdn, 3},
		{true, 0, "", isdn, 3},
		{false, -1, malformed, isdn, 0},
		{true, 8, "", isdn, 1},
		{true, 0x30, "", isdn, 3},
		{false, -1, malformed, isdn, 0},
		{false, -1, malformed, isdn, 0},
		{true, 0x32, "", isdn, 1},
		{true, -1, header.UndecodedOdd, isdn, 3},
		{true, 0, "", isdn, 1},
		{true, -1, header.UndecodedOdd, isdn, 1},
		{true, 0, "", isdn, 4},
		{true, 0x56, "", isdn, 3},
		{true, 0, "", isdn, 3},
	}
	rows := samples(t, "samples-uui.tsv")
	for i, w := range want {
		row := rows[i]
		t.Run(row["value"][:min(24, len(row["value"]))], func(t *testing.T) {
			if row["header"] != "User-to-User" {
				t.Fatalf("row %d is %s", i, row["header"])
			}
			values := header.FindUserToUser(message(row))
			if len(values) != 1 {
				t.Fatalf("%d values", len(values))
			}
			u := values[0]
			got := uuiWant{valid: u.Valid, pd: -1, purpose: u.Purpose(), params: len(u.Params)}
			if pd, inData, ok := u.PD(); ok {
				got.pd = int(pd)
				if _, has := u.Params.Get("pd"); has == inData {
					t.Errorf("discriminator in the data: %v, parameter: %v", inData, has)
				}
			}
			octets, err := u.Decode()
			errors.As(err, &got.why)
			if diff := cmp.Diff(w, got, cmp.AllowUnexported(uuiWant{})); diff != "" {
				t.Error(diff)
			}
			if want := pythonBytes(t, row["decoded_if_valid_hex"]); string(octets) != want {
				t.Errorf("octets %q, want %q", octets, want)
			}
			if u.Raw != row["value"] {
				t.Errorf("raw %q", u.Raw)
			}
			if s := u.String(); s != row["value"] {
				t.Errorf("written %q", s)
			}
		})
	}
}

func TestOtherCarriersOfUserToUser(t *testing.T) {
	rows := samples(t, "samples-uui.tsv")[24:]
	want := []struct{ header, embedded, octets string }{
		{"X-User-to-User", "", ""},
		{"X-Uui", "", ""},
		{"X-Uui", "", ""},
		{"Refer-To", "00FA1B2C;encoding=hex", "00FA1B2C"},
		{"Contact", "56a390f3d2b7310023a2;encoding=hex;purpose=foo;content=bar", "56A390F3D2B7310023A2"},
		{"History-Info", "342342ef34;encoding=hex", "342342EF34"},
	}
	if len(rows) != len(want) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, w := range want {
		if rows[i]["header"] != w.header {
			t.Fatalf("row %d is %s", i, rows[i]["header"])
		}
		if w.embedded == "" {
			if out, _ := apply(t, header.Trusted(), header.Message{Kind: header.Invite}, message(rows[i])); !cmp.Equal(out, message(rows[i])) {
				t.Errorf("%s does not pass unchanged: %v", rows[i]["value"], out)
			}
			continue
		}
		a, err := header.ParseNameAddr(rows[i]["value"])
		if err != nil {
			t.Fatal(err)
		}
		uri, err := header.ParseURI(a.URI)
		if err != nil {
			t.Fatal(err)
		}
		embedded, err := uri.Embedded()
		if err != nil {
			t.Fatal(err)
		}
		kept, _ := header.Honoured(embedded)
		value, _ := kept.Get("User-to-User")
		if value != w.embedded {
			t.Errorf("%s carries %q, want %q", w.header, value, w.embedded)
		}
		octets, err := header.ParseUserToUser(value)[0].Decode()
		if got := strings.ToUpper(hex.EncodeToString(octets)); err != nil || got != w.octets {
			t.Errorf("%s: %s, %v", w.header, got, err)
		}
	}
}

// diversionView is what an entry says.
type diversionView struct {
	Display, URI, Reason, Privacy, Screen string
	Counter                               int
}

func viewDiversion(d header.Diversion) diversionView {
	return diversionView{d.Display, d.URI, d.Reason(), d.Privacy(), d.Screen(), d.Counter()}
}

func TestDiversionSamples(t *testing.T) {
	want := [][]diversionView{
		{{"", "sip:+11234567891@public.test.com", "unconditional", "off", "", 1}},
		{{"", "sip:+15083728299@public-vip.us1.twilio.com", "unconditional", "off", "", 1}},
		{{"", "sip:+11234567890@twilio.com", "unconditional", "off", "", 1}},
		{{"", "sip:+12125551234@sip.telnyx.com", "unknown", "off", "", 1}},
		{{"", "sip:+123459876@10.106.97.137", "unconditional", "off", "yes", 1}},
		{{"", "tel:74951667226", "unconditional", "off", "", 1}, {"", "tel:9670000002", "unknown", "off", "", 1}},
		{
			{"84999999999", "sip:84999999999@10.23.0.5:5060", "unconditional", "off", "", 1},
			{"4999999999", "sip:4999999999@10.23.0.5:5060", "unknown", "off", "", 1},
		},
		{{"", "sip:+112055305520@192.168.16.114:5060", "unknown", "off", "no", 1}},
		{{"", "sip:YYXXXXXXXXX@voxbone.com", "user-busy", "off", "", 1}},
		{{"Carol", "sip:carol@atlanta.example.com", "no-answer", "off", "no", 1}},
		{{"", "sip:2000@192.168.254.254", "no-answer", "off", "no", 1}},
		{
			{"", "sip:diverting_user2_addr", "user-busy", "full", "", 1},
			{"", "sip:diverting_user1_addr", "unconditional", "off", "", 1},
		},
		{
			{"", "sip:diverting_user3_address", "unconditional", "off", "", 1},
			{"", "sip:diverting_user2_address", "user-busy", "full", "", 1},
			{"", "sip:diverting_user1_address", "no-answer", "off", "", 1},
		},
	}
	rows := samples(t, "samples-diversion.tsv")
	if len(rows) != len(want) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		l := message(row)
		ds, err := header.FindDiversions(l)
		if err != nil {
			t.Errorf("%s: %v", row["value"], err)
			continue
		}
		var got []diversionView
		var again header.List
		for _, d := range ds {
			got = append(got, viewDiversion(d))
			again = again.With("Diversion", d.String())
		}
		if diff := cmp.Diff(want[i], got); diff != "" {
			t.Errorf("%s: %s", row["value"], diff)
		}
		back, err := header.FindDiversions(again)
		if diff := cmp.Diff(ds, back, ignoreRaw); diff != "" || err != nil {
			t.Errorf("written and read again: %v %s", err, diff)
		}
		if out, _ := apply(t, header.Trusted(), header.Message{Kind: header.Invite}, l); !cmp.Equal(out, l) {
			t.Errorf("%s does not pass unchanged: %v", row["value"], out)
		}
	}
}

func TestHistoryInfoSamples(t *testing.T) {
	type entry struct {
		index, parent string
		cause         int
		embedded      string
	}
	want := [][]entry{
		{{"1", "", 0, ""}, {"1.1", "", 0, ""}},
		{{"1", "", 0, "Reason: SIP;cause=487;text=Timeout"}, {"1.1", "", 0, "Reason: SIP"}},
		{
			{"1", "", 0, ""}, {"1.1", "", 0, `Reason: SIP;cause=302;text="CDIV"`},
			{"1.2", "", 0, `Reason: SIP;cause=302;text="CDIV"`},
		},
		{{"1", "", 486, ""}},
		{{"", "", 0, "unreadable"}},
		{
			{"1.1", "", 0, "Reason: SIP;cause=302"}, {"1.2", "mp 1.1", 0, "Privacy: history Reason: SIP;cause=486"},
			{"1.3", "rc 1.2", 0, ""},
		},
		{{"1", "", 0, "Privacy: history"}, {"1.1", "mp 1", 302, "Privacy: none"}, {"1.1.1", "mp 1.1", 486, ""}},
		{
			{"1", "", 0, ""}, {"1.1", "rc 1", 0, ""}, {"1.1.1", "mp 1.1", 302, ""}, {"1.1.1.0.1", "", 0, "Privacy: history"},
			{"1.1.1.0.1.1", "mp 1.1.1.0.1", 408, "Privacy: none"}, {"1.1.1.0.1.1.1", "mp 1.1.1.0.1.1", 404, ""},
		},
	}
	rows := samples(t, "samples-history-info.tsv")
	if len(rows) != len(want) {
		t.Fatalf("%d rows", len(rows))
	}
	for i, row := range rows {
		hs, err := header.FindHistoryInfo(message(row))
		if err != nil {
			t.Errorf("%s: %v", row["value"], err)
			continue
		}
		var got []entry
		for _, h := range hs {
			e := entry{index: string(h.Index())}
			how, from := h.Parent()
			e.parent = strings.TrimSpace(how + " " + string(from))
			e.cause, _ = h.Cause()
			rows, err := h.Embedded()
			for _, f := range rows {
				e.embedded = strings.TrimSpace(e.embedded + " " + f.Name + ": " + f.Value)
			}
			if err != nil {
				e.embedded = "unreadable"
			}
			got = append(got, e)
		}
		if diff := cmp.Diff(want[i], got, cmp.AllowUnexported(entry{})); diff != "" {
			t.Errorf("%s: %s", row["value"], diff)
		}
		if out, _ := apply(t, header.Trusted(), header.Message{Kind: header.Invite}, message(row)); !cmp.Equal(out, message(row)) {
			t.Errorf("%s does not pass unchanged: %v", row["value"], out)
		}
	}
}
