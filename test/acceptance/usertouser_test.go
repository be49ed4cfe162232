package acceptance_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// uuiSamples are the User-to-User values that real systems sent.
func uuiSamples(t *testing.T) []sample {
	t.Helper()
	var out []sample
	for _, s := range samples(t, "../../header/testdata/samples-uui.tsv") {
		if s.name == "User-to-User" {
			out = append(out, s)
		}
	}
	return out
}

// byNumber gives what was received with a row X-Sample, by its value and the first word or two.
func byNumber(t *testing.T, messages []string) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, m := range messages {
		kind, _, _ := strings.Cut(m, " ")
		if kind == "SIP/2.0" {
			kind = m[8:11]
		}
		if n := rowOf(m, "X-Sample"); n != "" {
			out[n+" "+kind] = m
		}
	}
	return out
}

// C64: what the callee says in 180, 200 and BYE comes to the caller in the same messages, to the byte.
func TestC64FromCallee(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	all := uuiSamples(t)
	echo := []string{"User-to-User:[$uui]", "X-Sample:[$sample]"}
	remember := strings.Replace(onInvite(), "</action>", `<ereg regexp=".*" search_in="hdr" header="User-to-User:" check_it="true" assign_to="uui"/>
<ereg regexp=".*" search_in="hdr" header="X-Sample:" check_it="true" assign_to="sample"/>
</action>`, 1)
	to := startSIPp(t, scenario(remember, onAnswer("180 Ringing", echo...), onAnswer("200 OK", echo...), take("ACK"), wait(20),
		onRequest("BYE", 1, echo...), take("200")), "", st.calleePort, "-m", strconv.Itoa(len(all)))
	var callers []*sipp
	for i, s := range all {
		callers = append(callers, st.call(t, scenario(invite("User-to-User: "+s.value, fmt.Sprintf("X-Sample: %d", i)),
			may("100"), take("180"), answered(), ack(), take("BYE"), onLast("200 OK"))))
	}
	for _, c := range callers {
		c.wait(t)
	}
	to.wait(t)
	var sent []string
	for _, m := range to.trace(t) {
		if m.sent {
			sent = append(sent, m.text)
		}
	}
	said := byNumber(t, sent)
	for i, c := range callers {
		heard := byNumber(t, c.received(t))
		for _, kind := range []string{"180", "200", "BYE"} {
			key := fmt.Sprintf("%d %s", i, kind)
			if got := rows(said[key], "User-to-User"); len(got) != 1 || got[0] != all[i].value {
				t.Fatalf("the callee itself said %q in %s, want %q", got, kind, all[i].value)
			}
			if got := rows(heard[key], "User-to-User"); len(got) != 1 || got[0] != all[i].value {
				t.Errorf("%s: the caller received\n%q, want\n%q", kind, got, all[i].value)
			}
		}
	}
}

// C64: what the caller says in INVITE and BYE comes to the callee in the same messages, to the byte.
func TestC64FromCaller(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	all := uuiSamples(t)
	to := startSIPp(t, callee(), "", st.calleePort, "-m", strconv.Itoa(len(all)))
	var callers []*sipp
	for i, s := range all {
		context := []string{"User-to-User: " + s.value, fmt.Sprintf("X-Sample: %d", i)}
		callers = append(callers, st.call(t, scenario(invite(context...), progress(), answered(), ack(), wait(50), bye(2, context...), take("200"))))
	}
	for _, c := range callers {
		c.wait(t)
	}
	to.wait(t)
	heard := byNumber(t, to.received(t))
	for i, s := range all {
		for _, kind := range []string{"INVITE", "BYE"} {
			if got := rows(heard[fmt.Sprintf("%d %s", i, kind)], "User-to-User"); len(got) != 1 || got[0] != s.value {
				t.Errorf("%s: the callee received\n%q, want\n%q", kind, got, s.value)
			}
		}
	}
}

// C64: what a callee says as it refuses goes to the caller when the function hangs up; and the answer to BYE has no other
// side to go to, so that it only shows in the ledger.
func TestC64Refusal(t *testing.T) {
	t.Parallel()
	st := newStory(t)
	from, _ := st.run(t, refused(480, "User-to-User: 00aa;encoding=hex"), scenario(onInvite(), onAnswer("486 Busy Here", "User-to-User: 00c0ffee;encoding=hex"), take("ACK")))
	if got := row(t, first(t, from.received(t), "SIP/2.0 480"), "User-to-User"); got != "00c0ffee;encoding=hex" {
		t.Errorf("the caller received %q", got)
	}
	answerToBye := newStory(t)
	answerToBye.run(t, caller("User-to-User: 00aa;encoding=hex"), scenario(onInvite(), onAnswer("200 OK"), take("ACK"), take("BYE"), onLast("200 OK", "User-to-User: 00bb;encoding=hex")))
	found := false
	for _, e := range answerToBye.s.call(t, answerToBye.s.calls(t, 1)[0].ID).Ledger {
		found = found || e.Value == "00bb;encoding=hex" && e.Message == "200 BYE"
	}
	if !found {
		t.Error("the ledger does not tell of User-to-User in the answer to BYE")
	}
}
