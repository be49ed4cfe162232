package acceptance_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
)

// sample is one value that a real system sent.
type sample struct{ name, value string }

// samples reads the rows of a table whose header a caller may send and a function may see.
func samples(t *testing.T, path string) []sample {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []sample
	for line := range strings.Lines(string(data)) {
		row := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if len(row) > 1 && (strings.HasPrefix(row[0], "X-") || row[0] == "User-to-User" || row[0] == "Diversion") {
			out = append(out, sample{row[0], strings.Split(row[1], `\r\n`)[0]})
		}
	}
	if len(out) < 10 {
		t.Fatalf("%s has only %d values: has its format changed?", path, len(out))
	}
	return out
}

// Every value of the real world comes to the function unchanged and, passed on, to the callee unchanged.
func TestContextArrivesUnchanged(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(calleePort, f.URL))
	all := append(samples(t, "../../header/testdata/samples-uui.tsv"), samples(t, "../../header/testdata/samples-diversion.tsv")...)
	all = append(all, sample{"X-Tabs", "a\tb\t\tc"}, sample{"X-Empty", ""})
	far := startSIPp(t, callee(), "", calleePort, "-m", strconv.Itoa(len(all)))
	callers := make([]*sipp, len(all))
	for i, want := range all {
		callers[i] = startSIPp(t, caller(want.name+": "+want.value, fmt.Sprintf("X-Sample: %d", i)), s.SIP, freePort(t), "-s", "+12065550100")
	}
	for _, c := range callers {
		c.wait(t)
	}
	far.wait(t)
	shown, sent := map[string]map[string]string{}, map[string]string{}
	for _, ev := range f.seen("NEW_INBOUND_CALL") {
		headers := ev.CallDetails.Participants[0].SipHeaders
		shown[headers["X-Sample"]] = headers
	}
	for _, m := range far.received(t) {
		if strings.HasPrefix(m, "INVITE") {
			sent[row(t, m, "X-Sample")] = m
		}
	}
	for i, want := range all {
		t.Run(want.name+" "+want.value[:min(len(want.value), 40)], func(t *testing.T) {
			n := strconv.Itoa(i)
			if got := shown[n][want.name]; got != want.value {
				t.Errorf("the function saw\n%q, want\n%q", got, want.value)
			}
			if diff := cmp.Diff([]string{want.value}, rows(sent[n], want.name)); diff != "" {
				t.Errorf("the callee saw (-want +got):\n%s", diff)
			}
		})
	}
}

// Two rows of Diversion come in order to the function, as one list in its map, and as that list to the callee.
func TestSeveralDiversionsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(calleePort, f.URL))
	far := startSIPp(t, callee(), "", calleePort)
	newer, older := "<tel:74951667226>;reason=unconditional;counter=1;privacy=off", "<tel:9670000002>;reason=unknown;counter=1;privacy=off"
	startSIPp(t, caller("Diversion: "+newer, "Diversion: "+older), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	far.wait(t)
	want := newer + ", " + older
	if got := f.seen("NEW_INBOUND_CALL")[0].CallDetails.Participants[0].SipHeaders["Diversion"]; got != want {
		t.Errorf("the function saw %q, want %q", got, want)
	}
	if got := strings.Join(rows(first(t, far.received(t), "INVITE"), "Diversion"), ", "); got != want {
		t.Errorf("the callee saw %q, want %q", got, want)
	}
}

// What does not get through is in the ledger with the reason.
func TestLedgerSaysWhy(t *testing.T) {
	t.Parallel()
	calleePort := freePort(t)
	f := startFunction(t, bridge("+14155550199"))
	s := start(t, configFor(calleePort, f.URL), "--dev")
	far := startSIPp(t, callee(), "", calleePort)
	startSIPp(t, caller("X-Account-Id: 4711", "X-AMZN-Trace: 1", "X-Switchhook-Trust: yes", "P-Weird: 1"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	far.wait(t)
	id := string(s.calls(t, 1)[0].ID)
	var one struct{ Ledger call.Ledger }
	s.get(t, "/api/calls/"+id+"/ledger", &one)
	what := map[string]string{}
	for _, e := range one.Ledger {
		if e.Message == "INVITE" && e.Direction == call.In {
			what[e.Name] = string(e.Action)
			if e.Reason == "" {
				t.Errorf("%s was %s without a reason", e.Name, e.Action)
			}
		}
	}
	want := map[string]string{"X-Account-Id": "kept", "X-AMZN-Trace": "dropped", "X-Switchhook-Trust": "dropped", "P-Weird": "dropped"}
	if diff := cmp.Diff(want, what); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
	var again struct{ Ledger call.Ledger }
	s.get(t, "/api/calls/"+id+"/ledger?header=x-amzn-trace", &again)
	if len(again.Ledger) != 1 || again.Ledger[0].Action != "dropped" {
		t.Errorf("one look-up of X-AMZN-Trace gives %+v", again.Ledger)
	}
}
