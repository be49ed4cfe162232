package header_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

func rule(match string, do header.Verb, to string) header.Rule {
	return header.Rule{Match: match, Do: do, To: to}
}

func with(p header.Policy, change func(*header.Policy)) header.Policy {
	change(&p)
	return p
}

func outward(p header.Policy) header.Policy { p.Direction = header.Out; return p }

// policyTest is one application: what goes in, what comes out, and what is told.
type policyTest struct {
	name    string
	policy  header.Policy
	message header.Message
	in      []string
	out     []string
	told    []string
}

func run(t *testing.T, tests []policyTest) {
	t.Helper()
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.message.Kind == header.OtherRequest {
				tt.message.Kind = header.Invite
			}
			in := rows(tt.in...)
			out, changes := apply(t, tt.policy, tt.message, in)
			if diff := cmp.Diff(tt.out, lines(out)); diff != "" {
				t.Errorf("rows: %s", diff)
			}
			if diff := cmp.Diff(tt.told, told(changes)); diff != "" {
				t.Errorf("changes: %s", diff)
			}
			if diff := cmp.Diff(rows(tt.in...), in); diff != "" {
				t.Errorf("the list given was changed: %s", diff)
			}
		})
	}
}

func TestPolicyRules(t *testing.T) {
	ordered := header.Policy{Trusted: true, Rules: []header.Rule{
		rule("X-Secret", header.Drop, ""), rule("X-Old-*", header.Rename, "X-New-*"), rule("X-A", header.Rename, "X-B"),
		rule("X-*", header.Keep, ""), rule("s", header.Keep, ""),
		rule("Diversion", header.RewriteHost, "sip.telnyx.com"), rule("P-Asserted-Identity", header.RewriteHost, "[2001:db8::1]:5070"),
	}}
	run(t, []policyTest{
		{
			name: "default deny", in: []string{"X-A: 1", "Call-Info: <http://x>", "Via: SIP/2.0/UDP h"},
			told: []string{"dropped X-A unknown", "dropped Call-Info unknown"},
		},
		{
			name: "plumbing alone makes no noise", policy: header.Trusted(),
			in: []string{"Via: a", "v: b", "From: c", "t: d", "i: e", "CSeq: 1 INVITE", "m: <sip:a@b>", "l: 0", "x: 90", "Max-Forwards: 70"},
		},
		{
			name: "what a peer says of itself is told of and goes no further", policy: header.Policy{Trusted: true, Rules: []header.Rule{rule("*", header.Keep, "")}},
			in: []string{"Via: a", "User-Agent: SBC 7.1", "server: b", "Date: c", "Timestamp: 1", "Warning: 399 h \"d\"", "Retry-After: 5", "Error-Info: <sip:e@f>",
				"Expires: 60", "Min-Expires: 9", "Accept-Language: da", "Content-Language: fi", "u: presence", "Feature-Caps: *", "j: *", "d: no-fork"},
			told: []string{"dropped User-Agent never-crosses", "dropped server never-crosses", "dropped Date never-crosses", "dropped Timestamp never-crosses",
				"dropped Warning never-crosses", "dropped Retry-After never-crosses", "dropped Error-Info never-crosses", "dropped Expires never-crosses",
				"dropped Min-Expires never-crosses", "dropped Accept-Language never-crosses", "dropped Content-Language never-crosses", "dropped u never-crosses",
				"dropped Feature-Caps never-crosses", "dropped j never-crosses", "dropped d never-crosses"},
		},
		{
			name: "first rule that matches", policy: ordered,
			in:   []string{"x-secret: 1", "X-Old-Id: 2", "x-a: 3", "X-Other: 4", "s: five", "S-Other: 6", "Subject: seven", "X-A: 8"},
			out:  []string{"X-New-Id: 2", "X-B: 3", "X-Other: 4", "s: five", "Subject: seven", "X-B: 8"},
			told: []string{"dropped x-secret rule", "renamed X-Old-Id rule → X-New-Id", "renamed x-a rule → X-B", "kept X-Other rule", "kept s rule", "dropped S-Other unknown", "kept Subject rule", "renamed X-A rule → X-B"},
		},
		{
			name: "host rewritten, all else as it was", policy: ordered,
			in: []string{
				`Diversion: "A, B" <sip:+1;x=y@a.b:5060;user=phone?X=1> ;reason=user-busy,Bob<tel:+2>, sip:c@d;reason="x,y"`,
				"P-Asserted-Identity: <sips:a:b@h>", "Diversion: <tel:+3>", "Diversion: <sip:broken",
			},
			out: []string{
				`Diversion: "A, B" <sip:+1;x=y@sip.telnyx.com;user=phone?X=1> ;reason=user-busy,Bob<tel:+2>, sip:c@sip.telnyx.com;reason="x,y"`,
				"P-Asserted-Identity: <sips:a:b@[2001:db8::1]:5070>", "Diversion: <tel:+3>",
			},
			told: []string{"rewritten Diversion rule", "rewritten P-Asserted-Identity rule", "kept Diversion rule", "dropped Diversion malformed"},
		},
		{
			name: "what never crosses", policy: header.Policy{Trusted: true, Rules: []header.Rule{rule("*", header.Keep, "")}},
			in: []string{"Authorization: Digest response=secret", "P-Preferred-Identity: <sip:a@b>", "Replaces: x;to-tag=1",
				"X-Switchhook-Leg: 1", "X-AMZN-Id: 2", "x-ms-tenant: 3", "X-MS-Custom-Id: 4", "Odd: 5"},
			out: []string{"X-MS-Custom-Id: 4", "Odd: 5"},
			told: []string{"dropped Authorization never-crosses", "dropped P-Preferred-Identity never-crosses", "dropped Replaces names-a-dialog",
				"dropped X-Switchhook-Leg reserved-name", "dropped X-AMZN-Id reserved-name", "dropped x-ms-tenant reserved-name", "kept X-MS-Custom-Id rule", "kept Odd rule"},
		},
		{
			name:   "a rule that names a platform's headers lets them through",
			policy: header.Policy{Rules: []header.Rule{rule("X-Amzn-*", header.Keep, "")}},
			in:     []string{"X-AMZN-Id: 2", "X-Ms-A: 3"},
			out:    []string{"X-AMZN-Id: 2"},
			told:   []string{"kept X-AMZN-Id rule", "dropped X-Ms-A reserved-name"},
		},
		{
			name: "a wide rename can't make plumbing", policy: header.Policy{Rules: []header.Rule{rule("X-*", header.Rename, "C*")}},
			in:   []string{"X-ontact: <sip:evil@h>", "X-olour: red"},
			out:  []string{"Colour: red"},
			told: []string{"dropped X-ontact reserved-name", "renamed X-olour rule → Colour"},
		},
		{
			name: "smuggled names and values", policy: header.Trusted(),
			in:   []string{"X-A : 1", "X-B\t: 2", "X-C\x00: 3", "X-\u212A: 4", "X-D: a\rb", "X-E: a\nVia: b", "X-F: a\x00", ": 5", "X-G: a\tb", "X-H: \xff"},
			out:  []string{"X-G: a\tb", "X-H: \xff"},
			told: []string{"dropped X-A  malformed", "dropped X-B\t malformed", "dropped X-C\x00 malformed", "dropped X-\u212A malformed", "dropped X-D malformed", "dropped X-E malformed", "dropped X-F malformed", "dropped  malformed", "kept X-G rule", "kept X-H rule"},
		},
		{
			name: "compact name under a prefix rule", policy: header.Policy{Rules: []header.Rule{rule("Sub*", header.Rename, "X-Sub*")}},
			in:   []string{"s: 1"},
			out:  []string{"X-Subject: 1"},
			told: []string{"renamed s rule → X-Subject"},
		},
		{
			name: "empty value", policy: header.Trusted(), in: []string{"X-A: "}, out: []string{"X-A: "}, told: []string{"kept X-A rule"},
		},
	})
}

func TestPolicyTrust(t *testing.T) {
	context := []string{"User-to-User: 00;encoding=hex", "X-Id: 1", "Diversion: <sip:a@b>", "History-Info: <sip:a@b>;index=1", "Reason: SIP",
		"P-Asserted-Identity: <sip:a@b>", "Remote-Party-ID: <sip:a@b>", "P-Charging-Vector: x", "Privacy: id"}
	run(t, []policyTest{
		{
			name: "trusted", policy: header.Trusted(), in: context,
			out: append(append([]string{}, context[:7]...), context[8]),
			told: []string{"kept User-to-User rule", "kept X-Id rule", "kept Diversion rule", "kept History-Info rule", "kept Reason rule",
				"kept P-Asserted-Identity rule", "kept Remote-Party-ID rule", "dropped P-Charging-Vector unknown", "kept Privacy rule"},
		},
		{
			name: "untrusted", policy: header.Untrusted("X-Id"), in: context,
			out: []string{"X-Id: 1", "Reason: SIP", "Privacy: id"},
			told: []string{"dropped User-to-User unknown", "kept X-Id rule", "dropped Diversion untrusted", "dropped History-Info untrusted", "kept Reason rule",
				"dropped P-Asserted-Identity untrusted", "dropped Remote-Party-ID untrusted", "dropped P-Charging-Vector untrusted", "kept Privacy rule"},
		},
		{
			name: "the widest rule does not make a peer trusted", policy: header.Untrusted("*"), in: context,
			out: []string{context[0], context[1], context[4], context[8]},
			told: []string{"kept User-to-User rule", "kept X-Id rule", "dropped Diversion untrusted", "dropped History-Info untrusted", "kept Reason rule",
				"dropped P-Asserted-Identity untrusted", "dropped Remote-Party-ID untrusted", "dropped P-Charging-Vector untrusted", "kept Privacy rule"},
		},
	})
}

func TestPolicyPrivacy(t *testing.T) {
	out := outward(header.Untrusted("P-Asserted-Identity", "Diversion", "History-Info"))
	history := "History-Info: <sip:a@b?Privacy=history>;index=1,<sip:c@d;cause=302>;index=1.1;mp=1"
	run(t, []policyTest{
		{
			name: "id", policy: out, in: []string{"Privacy: id", "P-Asserted-Identity: <sip:a@b>"}, out: []string{"Privacy: id"},
			told: []string{"kept Privacy rule", "dropped P-Asserted-Identity privacy"},
		},
		{
			name: "none keeps what no rule names", policy: outward(header.Untrusted()), in: []string{"P-Asserted-Identity: <sip:a@b>", "Privacy: none"},
			out:  []string{"P-Asserted-Identity: <sip:a@b>", "Privacy: none"},
			told: []string{"kept P-Asserted-Identity privacy", "kept Privacy rule"},
		},
		{
			name: "critical, and what is asked can be had", policy: out, in: []string{"Privacy: id;critical", "P-Asserted-Identity: <sip:a@b>"},
			out: []string{"Privacy: id;critical"}, told: []string{"kept Privacy rule", "dropped P-Asserted-Identity privacy"},
		},
		{
			name: "inside the trust domain nothing is hidden", policy: outward(header.Trusted()), in: []string{"Privacy: id", "P-Asserted-Identity: <sip:a@b>", history},
			out:  []string{"Privacy: id", "P-Asserted-Identity: <sip:a@b>", history},
			told: []string{"kept Privacy rule", "kept P-Asserted-Identity rule", "kept History-Info rule"},
		},
		{
			name: "one entry", policy: out, in: []string{history},
			out:  []string{"History-Info: <sip:anonymous@anonymous.invalid>;index=1, <sip:c@d;cause=302>;index=1.1;mp=1"},
			told: []string{"rewritten History-Info privacy"},
		},
		{
			name: "all entries", policy: out, in: []string{"Privacy: history;id", history},
			out: []string{"Privacy: id", "History-Info: <sip:anonymous@anonymous.invalid>;index=1, " +
				"<sip:anonymous@anonymous.invalid;cause=302>;index=1.1;mp=1"},
			told: []string{"rewritten Privacy privacy", "rewritten History-Info privacy"},
		},
		{
			name: "history honoured and gone", policy: out, in: []string{"Privacy: history"}, told: []string{"dropped Privacy privacy"},
		},
		{
			name: "diverting party", policy: out,
			in:   []string{`Diversion: "Boss" <sip:a@b>;reason=away;privacy="full", <sip:c@d>;privacy=off`, "Diversion: <sip:bad;privacy=full"},
			out:  []string{"Diversion: <sip:anonymous@anonymous.invalid>;reason=away, <sip:c@d>;privacy=off"},
			told: []string{"rewritten Diversion privacy", "dropped Diversion privacy"},
		},
	})
}

func TestPolicyUUI(t *testing.T) {
	strict := with(header.Trusted(), func(p *header.Policy) { p.UUI = header.UUIStrict })
	deny := with(header.Trusted(), func(p *header.Policy) { p.UUI = header.UUIDeny })
	one, foo := "User-to-User: 00;encoding=hex", "User-to-User: 56;purpose=foo"
	msg := func(k header.Kind, asked bool) header.Message { return header.Message{Kind: k, AskedUUI: asked} }
	kept, message := []string{"kept User-to-User rule"}, []string{"dropped User-to-User uui-message"}
	notAsked := []string{"dropped User-to-User uui-not-asked"}
	var tests []policyTest
	add := func(name string, p header.Policy, m header.Message, in, out, told []string) {
		tests = append(tests, policyTest{name, p, m, in, out, told})
	}
	for _, k := range []header.Kind{header.Invite, header.ReInvite, header.Update, header.Info, header.Refer, header.Failure} {
		add("transparent "+k.String(), header.Trusted(), msg(k, false), []string{one}, []string{one}, kept)
		add("deny "+k.String(), deny, msg(k, true), []string{one}, nil, []string{"dropped User-to-User uui-denied"})
	}
	for _, k := range []header.Kind{header.Ack, header.Cancel, header.Refer, header.Update, header.Prack, header.Info, header.Failure, header.OtherResponse} {
		add("strict "+k.String(), strict, msg(k, true), []string{foo}, nil, message)
	}
	for _, k := range []header.Kind{header.Provisional, header.Success, header.Redirect, header.Bye, header.ByeResponse} {
		add("strict asked "+k.String(), strict, msg(k, true), []string{one}, []string{one}, kept)
		add("strict not asked "+k.String(), strict, msg(k, false), []string{one}, nil, notAsked)
		add("strict other package "+k.String(), strict, msg(k, false), []string{foo}, []string{foo}, kept)
	}
	add("strict INVITE", strict, msg(header.Invite, false), []string{one}, []string{one}, kept)
	add("strict re-INVITE", strict, msg(header.ReInvite, true), []string{one}, nil, message)
	add("duplicates", strict, msg(header.Invite, false), []string{one, "X-A: 1", foo + ", 00;purpose=isdn-interwork, 77;purpose=bar", "user-to-user: not to be read"},
		[]string{"X-A: 1", foo + ", 77;purpose=bar"},
		[]string{"dropped User-to-User uui-duplicate", "kept X-A rule", "rewritten User-to-User uui-duplicate", "dropped user-to-user uui-duplicate"})
	add("two", strict, msg(header.Invite, false), []string{one, one}, nil, []string{"dropped User-to-User uui-duplicate", "dropped User-to-User uui-duplicate"})
	renaming := header.Policy{UUI: header.UUIDeny, Rules: []header.Rule{rule("X-UUI", header.Rename, "User-to-User")}}
	add("renamed into it", renaming, msg(header.Invite, false), []string{"X-UUI: 00"}, nil, []string{"dropped X-UUI uui-denied"})
	run(t, tests)
}

func TestPolicyDiversionForm(t *testing.T) {
	form := func(f header.DiversionForm) header.Policy {
		return with(header.Trusted(), func(p *header.Policy) { p.Diversion = f })
	}
	invite := header.Message{Kind: header.Invite, Target: "sip:c@d"}
	diversion, history := "Diversion: <sip:a@x>;reason=user-busy", "History-Info: <sip:a@x>;index=1,<sip:b@x;cause=486>;index=1.1;mp=1"
	asDiversion := "Diversion: <sip:a@x>;reason=user-busy;counter=1;privacy=off"
	first, last := "History-Info: <sip:a@x>;index=1", "History-Info: <sip:c@d;cause=486>;index=1.1;mp=1"
	run(t, []policyTest{
		{"none", form(header.FormNone), invite, []string{diversion, "X-A: 1", history}, []string{"X-A: 1"},
			[]string{"dropped Diversion diversion-form", "kept X-A rule", "dropped History-Info diversion-form"}},
		{"history from diversion", form(header.FormHistory), invite, []string{diversion, "X-A: 1"}, []string{"X-A: 1", first, last},
			[]string{"dropped Diversion mapped", "kept X-A rule", "added History-Info mapped", "added History-Info mapped"}},
		{"history there already", form(header.FormHistory), invite, []string{history}, []string{history}, []string{"kept History-Info rule"}},
		{"history, no target", form(header.FormHistory), header.Message{Kind: header.Invite}, []string{diversion}, []string{diversion},
			[]string{"kept Diversion mapping-no-target"}},
		{"history, unreadable diversion", form(header.FormHistory), invite, []string{diversion, "Diversion: <sip:bad"},
			[]string{"Diversion: <sip:bad", first, last},
			[]string{"dropped Diversion mapped", "kept Diversion rule", "added History-Info mapped", "added History-Info mapped"}},
		{"diversion from history", form(header.FormDiversion), invite, []string{history}, []string{asDiversion},
			[]string{"dropped History-Info mapped", "added Diversion mapped"}},
		{"history that holds more stays", form(header.FormDiversion), invite, []string{history + ",<sip:e@f>;index=1.2;rc=1.1"},
			[]string{history + ",<sip:e@f>;index=1.2;rc=1.1", asDiversion}, []string{"kept History-Info rule", "added Diversion mapped"}},
		{"both", form(header.FormBoth), invite, []string{diversion}, []string{diversion, first, last},
			[]string{"kept Diversion rule", "added History-Info mapped", "added History-Info mapped"}},
		{"both, order kept", form(header.FormBoth), invite,
			[]string{"X-A: 1", "Diversion: <sip:b@x>;reason=no-answer",
				"History-Info: <sip:a@x>;index=1,<sip:b@x;cause=302>;index=1.1;mp=1,<sip:e@x;cause=408>;index=1.1.1;mp=1.1,<sip:f@x;cause=486>;index=1.1.1.1;mp=1.1.1"},
			[]string{"X-A: 1", "Diversion: <sip:e@x>;reason=user-busy;counter=1;privacy=off", "Diversion: <sip:b@x>;reason=no-answer",
				"History-Info: <sip:a@x>;index=1,<sip:b@x;cause=302>;index=1.1;mp=1,<sip:e@x;cause=408>;index=1.1.1;mp=1.1,<sip:f@x;cause=486>;index=1.1.1.1;mp=1.1.1",
				"Diversion: <sip:a@x>;reason=unconditional;counter=1;privacy=off"},
			[]string{"kept X-A rule", "kept Diversion rule", "kept History-Info rule", "added Diversion mapped", "added Diversion mapped"}},
		{"answers pass", form(header.FormDiversion), header.Message{Kind: header.Provisional}, []string{history}, []string{history}, []string{"kept History-Info rule"}},
	})
}

func TestPolicyLimits(t *testing.T) {
	p := with(header.Trusted(), func(p *header.Policy) { p.Limits = header.Limits{RowBytes: 10, Rows: 3, TotalBytes: 40} })
	run(t, []policyTest{{
		name: "each limit", policy: p,
		in:  []string{"X-A: 12345", "X-A: 123456", "X-B: 12345", "X-C: 12345", "X-D: 1", "Via: long enough to break every limit there is"},
		out: []string{"X-A: 12345", "X-B: 12345", "X-C: 12345"},
		told: []string{"kept X-A rule", "dropped X-A too-long", "kept X-B rule", "kept X-C rule",
			"dropped X-D too-many"},
	}, {
		name: "all rows together", policy: with(p, func(p *header.Policy) { p.Limits.TotalBytes = 20 }),
		in:   []string{"X-A: 12345", "X-B: 12345", "X-C: 1"},
		out:  []string{"X-A: 12345", "X-C: 1"},
		told: []string{"kept X-A rule", "dropped X-B too-long", "kept X-C rule"},
	}})
	p.Oversize = header.OversizeRefuse
	c, err := p.Compile()
	if err != nil {
		t.Fatal(err)
	}
	out, changes, err := c.Apply(header.Message{Kind: header.Invite}, rows("X-A: 12345", "X-B: 1234567", "X-C: 123456789"))
	var refused *header.RefusedError // which names the first of several
	if !errors.As(err, &refused) || refused.Name != "X-B" || refused.Reason != header.BecauseTooLong || out != nil || len(changes) != 3 {
		t.Errorf("%v %v %v", out, changes, err)
	}
	if want := "row of 12 bytes, limit 10"; refused.Detail != want || changes[1].Detail != want {
		t.Errorf("the limit broken: %q, %+v, want %q", refused.Detail, changes[1], want)
	}
	for _, c := range changes {
		if c.Action != header.Dropped || c.Reason != header.BecauseTooLong || c.Detail == "" {
			t.Errorf("of a message that is refused: %+v", c)
		}
	}
	c, err = header.Trusted().Compile()
	if err != nil {
		t.Fatal(err)
	}
	l := c.Policy().Limits
	if l.RowBytes != 8192 || l.Rows != 256 || l.TotalBytes != 32768 {
		t.Errorf("defaults: %+v", l)
	}
}

func TestCompileRefuses(t *testing.T) {
	r := func(rules ...header.Rule) header.Policy { return header.Policy{Trusted: true, Rules: rules} }
	keep := header.Keep
	tests := []struct {
		policy header.Policy
		word   string // of the error
	}{
		{header.Policy{Direction: "up"}, "direction"},
		{header.Policy{UUI: "maybe"}, "uui"},
		{header.Policy{Diversion: "x"}, "diversion"},
		{header.Policy{Oversize: "x"}, "oversize"},
		{header.Policy{Limits: header.Limits{Rows: -1}}, "limit"},
		{r(rule("", keep, "")), "no header name"},
		{r(rule("X A", keep, "")), "no header name"},
		{r(rule("X-*-A", "shred", "")), "do"},
		{r(rule("X-A", keep, "X-B")), "to is for"},
		{r(rule("Via", keep, "")), "makes this header"},
		{r(rule("P-Early-Media", keep, "")), "makes this header"},
		{r(rule("v", header.Rename, "X-Via")), "makes this header"},
		{r(rule("Authorization", keep, "")), "never crosses"},
		{r(rule("User-Agent", keep, "")), "never crosses"},
		{r(rule("X-A", header.Rename, "Server")), "may give"},
		{r(rule("Replaces", keep, "")), "never crosses"},
		{r(rule("P-Preferred-Identity", keep, "")), "never crosses"},
		{r(rule("X-Switchhook-Leg", keep, "")), "never cross"},
		{r(rule("X-Switchhook-*", header.Rename, "X-*")), "never cross"},
		{header.Policy{Rules: []header.Rule{rule("Diversion", keep, "")}}, "set trusted"},
		{header.Policy{Rules: []header.Rule{rule("P-*", keep, "")}}, "set trusted"},
		{outward(header.Policy{Rules: []header.Rule{rule("P-Charging-Vector", keep, "")}}), "set trusted"},
		{header.Policy{Rules: []header.Rule{rule("X-PAI", header.Rename, "P-Asserted-Identity")}}, "may give"},
		{r(rule("X-A", header.Rename, "Via")), "may give"},
		{r(rule("X-A", header.Rename, "f")), "may give"},
		{r(rule("X-A", header.Rename, "X-Switchhook-A")), "may give"},
		{r(rule("X-A", header.Rename, "X B")), "no header name"},
		{r(rule("X-A", header.Rename, "")), "no header name"},
		{r(rule("X-*", header.Rename, "Y-A")), "both end"},
		{r(rule("X-A", header.Rename, "Y-*")), "both end"},
		{r(rule("X-A", header.RewriteHost, "h")), "no address"},
		{r(rule("*", header.RewriteHost, "h")), "no address"},
		{r(rule("Diversion", header.RewriteHost, "")), "no host"},
		{r(rule("Diversion", header.RewriteHost, "a@h")), "no host"},
		{r(rule("Diversion", header.RewriteHost, "h>;x=y")), "no host"},
		{r(rule("X-A", keep, ""), rule("x-a", header.Drop, "")), "never reached"},
		{r(rule("X-*", keep, ""), rule("X-A", header.Drop, "")), "never reached"},
		{r(rule("X-*", keep, ""), rule("X-A*", header.Drop, "")), "never reached"},
		{r(make([]header.Rule, 1001)...), "1001 rules"},
	}
	for _, tt := range tests {
		if _, err := tt.policy.Compile(); err == nil || !strings.Contains(err.Error(), tt.word) {
			t.Errorf("%+v: %v, want %q", tt.policy.Rules[:min(2, len(tt.policy.Rules))], err, tt.word)
		}
	}
}

func TestPolicyAsJSON(t *testing.T) {
	p := header.Policy{Name: "carrier", Direction: header.Out, UUI: header.UUIStrict, Diversion: header.FormDiversion,
		Rules: []header.Rule{rule("Diversion", header.RewriteHost, "sip.telnyx.com")}, Limits: header.Limits{Rows: 9}}
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back header.Policy
	if err := json.Unmarshal(text, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Errorf("%s: %s", text, diff)
	}
	if text, _ := json.Marshal(header.Policy{}); string(text) != "{}" {
		t.Errorf("the zero value is written %s", text)
	}
}

func TestOfLeg(t *testing.T) {
	for name, want := range map[string]bool{
		"Via": true, "v": true, "CONTACT": true, "content-length": true, "User-Agent": false, "Date": false, "X-Id": false, "Diversion": false,
		"Authorization": false, "": false,
	} {
		if header.OfLeg(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
		_, changes := apply(t, header.Trusted(), header.Message{Kind: header.Invite}, rows(name+": 1"))
		if (len(changes) == 0) != want { // what it says of the ledger
			t.Errorf("%q: %+v", name, changes)
		}
	}
}

func TestCredentialsAreNotShown(t *testing.T) {
	_, changes := apply(t, header.Trusted(), header.Message{Kind: header.Invite}, rows("Proxy-Authorization: Digest response=\"secret\""))
	if len(changes) != 1 || changes[0].Value != "" {
		t.Errorf("%+v", changes)
	}
}
