package message_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/sip/message"
)

func file(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// files gives the base names of a testdata folder.
func files(t testing.TB, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(names) == 0 {
		t.Fatalf("no file fits %s: %v", pattern, err)
	}
	for i := range names {
		names[i] = filepath.ToSlash(strings.TrimPrefix(names[i], "testdata"+string(filepath.Separator)))
	}
	return names
}

// verdict of one datagram: 0 accepted, -1 dropped, else the status to answer with.
func verdict(t testing.TB, data []byte) (*message.Message, int) {
	t.Helper()
	m, err := message.Parse(data)
	if err == nil {
		return m, 0
	}
	var f *message.Fault
	if !errors.As(err, &f) {
		t.Fatalf("error is no Fault: %v", err)
	}
	if f.Status == 0 {
		return nil, -1
	}
	if f.Request == nil || f.Request.Via.Host == "" {
		t.Fatalf("%d can't be sent: no request, no Via", f.Status)
	}
	return f.Request, f.Status
}

const drop = -1

// torture is the verdict on every message of RFC 4475 that a parser can give; where the layer above has another one
// (416, 420, 415 …) the parser accepts.
var torture = map[string]int{
	"wsinv": 0, "intmeth": 0, "esc01": 0, "escnull": 0, "esc02": 0, "lwsdisp": 0, "longreq": 0, "dblreq": 0, "semiuri": 0,
	"transports": 0, "mpart01": 0, "unreason": 0, "noreason": 0, "badinv01": 400, "clerr": 400, "ncl": 400,
	"scalar02": 400, "scalarlg": drop, "quotbal": 400, "ltgtruri": 400, "lwsruri": 400, "lwsstart": 400, "trws": 400,
	"escruri": 400, "baddate": 0, "regbadct": 400, "badaspec": 400, "baddn": 400, "badvers": 505, "mismatch01": 400,
	"mismatch02": 400, "bigcode": drop, "badbranch": 400, "insuf": 400, "unkscm": 0, "novelsc": 0, "unksm2": 0,
	"bext01": 0, "invut": 0, "regaut01": 0, "multi01": 400, "mcl01": 400, "bcast": 0, "zeromf": 0, "cparam01": 0,
	"cparam02": 0, "regescrt": 0, "sdp01": 0, "inv2543": 0, "test": drop,
}

func TestTorture(t *testing.T) {
	seen := 0
	for _, name := range files(t, "rfc4475/*.dat") {
		base := strings.TrimSuffix(filepath.Base(name), ".dat")
		want, ok := torture[base]
		if !ok {
			t.Errorf("%s has no verdict", base)
		}
		seen++
		t.Run(base, func(t *testing.T) {
			m, got := verdict(t, file(t, name))
			if got != want {
				t.Fatalf("verdict %d, want %d", got, want)
			}
			if got == 0 {
				roundTrip(t, m)
			}
		})
	}
	if seen != len(torture) {
		t.Errorf("%d files, %d verdicts", seen, len(torture))
	}
}

// roundTrip writes a message and reads it back.
func roundTrip(t testing.TB, m *message.Message) {
	t.Helper()
	data, err := m.Append(nil)
	if err != nil {
		t.Fatalf("write: %v", err)
	}
	again, err := message.Parse(data)
	if err != nil {
		t.Fatalf("read back: %v\n%s", err, data)
	}
	a, b := rows(m), rows(again)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Fatalf("changed (-was +is):\n%s", diff)
	}
	if m.Method != again.Method || m.URI != again.URI || m.Status != again.Status || m.Reason != again.Reason {
		t.Fatalf("start line changed: %+v, %+v", m, again)
	}
	if string(m.Body) != string(again.Body) {
		t.Fatalf("body changed: %q, %q", m.Body, again.Body)
	}
}

// rows gives all rows but Content-Length, which the writer owns.
func rows(m *message.Message) [][2]string {
	var out [][2]string
	for _, f := range m.Headers {
		if !strings.EqualFold(f.Name, "Content-Length") && !strings.EqualFold(f.Name, "l") {
			out = append(out, [2]string{f.Name, f.Value})
		}
	}
	return out
}

func TestTortureDetails(t *testing.T) {
	read := func(name string) *message.Message {
		m, err := message.Parse(file(t, "rfc4475/"+name+".dat"))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return m
	}
	equal := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s is %q, want %q", what, got, want)
		}
	}
	m := read("wsinv")
	equal("branch", m.Via.Branch, "390skdjuw")
	equal("transport", m.Via.Transport, "UDP")
	equal("to tag", m.ToTag, "1918181833n")
	equal("from tag", m.FromTag, "98asjd8")
	equal("unfolded", m.Get("NewFangledHeader"), "newfangled value continued newfangled value")
	equal("opaque", m.Get("UnknownHeaderWithUnusualValue"), ";;,,;;,;")
	if m.CSeq.Number != 9 || m.MaxForwards() != 68 || m.ViaCount() != 3 || len(m.Body) != 150 {
		t.Errorf("cseq %d, max-forwards %d, vias %d, body %d", m.CSeq.Number, m.MaxForwards(), m.ViaCount(), len(m.Body))
	}
	m = read("intmeth")
	equal("method", m.Method, "!interesting-Method0123456789_*+`.%indeed'~")
	equal("tag", m.FromTag, "_token~1'+`*%!-.")
	if to := m.Get("To"); !strings.Contains(to, "NUL:\\\x00") {
		t.Errorf("quoted NUL lost in %q", to)
	}
	roundTrip(t, withoutBody(message.NewResponse(m, 501, "")))
	m = read("longreq")
	if m.ViaCount() != 34 {
		t.Errorf("%d Via values", m.ViaCount())
	}
	m = read("dblreq")
	equal("method", m.Method, "REGISTER")
	if len(m.Body) != 0 {
		t.Errorf("body %q", m.Body)
	}
	m = read("mpart01")
	if !strings.Contains(string(m.Body), "\x00") || m.ContentType() != "multipart/mixed" && m.ContentType() != "multipart/signed" {
		t.Errorf("%s of %d octets", m.ContentType(), len(m.Body))
	}
	m = read("inv2543")
	if m.Via.Cookie() || m.FromTag != "" || m.MaxForwards() != -1 || len(m.Body) == 0 {
		t.Errorf("2543: %+v, tag %q, mf %d, body %d", m.Via, m.FromTag, m.MaxForwards(), len(m.Body))
	}
	m = read("bext01")
	if diff := cmp.Diff([]string{"nothingSupportsThis", "nothingSupportsThisEither"}, m.Unsupported("100rel")); diff != "" {
		t.Error(diff)
	}
	equal("scheme", read("unkscm").Scheme(), "nobodyknowsthisscheme")
	if read("sdp01").Accepts("application/sdp") || !read("semiuri").Accepts("application/sdp") || !read("wsinv").Accepts("application/sdp") {
		t.Error("Accept misread")
	}
	equal("media type", read("invut").ContentType(), "application/unknownformat")
	equal("reason", read("noreason").Reason, "")
}

func withoutBody(m *message.Message) *message.Message {
	m.Body = nil
	return m
}

func TestIPv6Torture(t *testing.T) {
	for _, name := range files(t, "rfc5118-crlf/*.dat") {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want := 0
			if strings.HasSuffix(name, "/ipv6-bad.dat") {
				want = 400
			}
			m, got := verdict(t, file(t, name))
			if got != want {
				t.Fatalf("verdict %d, want %d", got, want)
			}
			if got == 0 {
				roundTrip(t, m)
			}
			if strings.Contains(name, "received-param") && m.Via.Received != "2001:db8::9:255" {
				t.Errorf("received %q", m.Via.Received)
			}
		})
	}
}

// TestBareLF reads RFC 5118's raw archive: refused by default, and taken with LenientLF, but for what is wrong in it.
func TestBareLF(t *testing.T) {
	taken := 0
	for _, name := range files(t, "rfc5118/*.dat") {
		data := file(t, name)
		if _, got := verdict(t, data); got != 400 {
			t.Errorf("%s: verdict %d, want 400", name, got)
		}
		m, err := (message.Parser{LenientLF: true}).Parse(data)
		if err != nil {
			continue
		}
		taken++
		out, err := m.Append(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		head, _, _ := strings.Cut(string(out), "\r\n\r\n")
		if strings.Contains(strings.ReplaceAll(head, "\r\n", ""), "\n") {
			t.Errorf("%s: bare LF written", name)
		}
	}
	if taken < 8 {
		t.Errorf("%d taken", taken)
	}
}

// typos are the messages of the flows that break the grammar by an error of their RFC: the verdict on each.
var typos = map[string]int{
	"rfc7131-054-REGISTER.sip": 400,  // Contact parameter with "<" outside quotes
	"rfc4916-006-UPDATE.sip":   400,  // the RFC's prose, indented, reads as a fold of Content-Length
	"rfc3666-032-ACK.sip":      drop, // To with a ">" too many
	"rfc3666-100-INVITE.sip":   400,  // from here on: Request-URI without a scheme
	"rfc3666-104-ACK.sip":      drop,
	"rfc3666-105-ACK.sip":      drop,
	"rfc3666-124-INVITE.sip":   400,
	"rfc3666-127-ACK.sip":      drop,
	"rfc3666-129-ACK.sip":      drop,
	"rfc3666-130-INVITE.sip":   400,
	"rfc3666-133-ACK.sip":      drop,
}

func TestFlows(t *testing.T) {
	exact := 0
	for i, line := range strings.Split(strings.TrimRight(string(file(t, "rfc-flows/index.tsv")), "\n"), "\n") {
		col := strings.Split(line, "\t")
		if i == 0 {
			continue
		}
		data := file(t, "rfc-flows/"+col[0])
		m, got := verdict(t, data)
		note, flags := col[3], strings.TrimSpace(col[4])
		switch {
		case strings.Contains(flags, "expect 400"):
			if got != 400 {
				t.Errorf("%s: verdict %d, want 400", col[0], got)
			}
		case flags == "" && note == "":
			exact++
			if want := typos[col[0]]; got != want {
				_, err := message.Parse(data)
				t.Errorf("%s: verdict %d: %v", col[0], got, err)
				continue
			}
			if got == 0 {
				roundTrip(t, m)
			}
		}
	}
	if exact != 573 {
		t.Errorf("%d exact files, want 573", exact)
	}
}
