package acceptance_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// live answers so that a call that is answered stands until UpdateSipMediaApplicationCall asks for its end.
func live(ev event) string {
	if ev.InvocationEventType == "CALL_UPDATE_REQUESTED" && strings.Contains(string(ev.raw), `"do":"hang up"`) {
		return actions("Hangup", object{"SipResponseCode": "0", "ParticipantTag": "LEG-A"})
	}
	return actions()
}

// A call that each client places reaches a callee with all its headers; the client changes it while it stands, and learns when it
// does not any more.
func TestClientsCall(t *testing.T) {
	t.Parallel()
	for name, open := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			calleePort := freePort(t)
			f := startFunction(t, live)
			s := start(t, fmt.Sprintf("numbers: [\"+12065550100\"]\nfunctions: [{name: f0, url: %q}]\n", f.URL), "--dev", "--pstn", fmt.Sprintf("sip:127.0.0.1:%d", calleePort))
			c := open(t, s)
			good := func(operation string, input object) object {
				t.Helper()
				got := c.ask(t, asked{Operation: operation, Input: input})
				if got.Error != "" {
					t.Fatalf("%s: %s: %s", operation, got.Error, got.Message)
				}
				return got.Output
			}
			app, _ := at(good("CreateSipMediaApplication", object{"AwsRegion": "us-east-1", "Name": "caller", "Endpoints": []object{{"LambdaArn": "f0"}}}), "SipMediaApplication.SipMediaApplicationId")
			to := startSIPp(t, callee(), "", calleePort)
			headers := object{"X-Test-Value": "žluť, 100%", "User-to-User": "616d617a6f6e5f63;encoding=hex", "Diversion": "<sip:+11234567891@public.test.com>;reason=unconditional"}
			for len(headers) < 20 { // as many as the vendor lets be
				headers[fmt.Sprintf("X-Row-%d", len(headers))] = strings.Repeat("v", len(headers))
			}
			order := object{"FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+14155550199", "SipMediaApplicationId": app, "SipHeaders": headers}
			given := []string{`map[digit:3 note:žluť <&> "quoted"]`, "map[do:hang up]"}
			if name != legacy { // whose model has no arguments for a call
				order["ArgumentsMap"] = object{"account": "4711", "naïve": "<&>"}
				given = slices.Insert(given, 0, "map[account:4711 naïve:<&>]")
			}
			placed := good("CreateSipMediaApplicationCall", order)
			id, _ := at(placed, "SipMediaApplicationCall.TransactionId")
			eventually(t, "CALL_ANSWERED", func() bool { return len(f.seen("CALL_ANSWERED")) == 1 })
			update := func(arguments object) clientAnswer {
				return c.ask(t, asked{Operation: "UpdateSipMediaApplicationCall", Input: object{"SipMediaApplicationId": app, "TransactionId": id, "Arguments": arguments}})
			}
			for _, arguments := range []object{{"digit": "3", "note": "žluť <&> \"quoted\""}, {"do": "hang up"}} {
				got := update(arguments)
				if again, _ := at(got.Output, "SipMediaApplicationCall.TransactionId"); got.Error != "" || got.Status != 0 && got.Status != 202 || again != id {
					t.Errorf("update: %+v", got)
				}
			}
			to.wait(t)
			invite := first(t, to.received(t), "INVITE")
			for _, name := range slices.Sorted(maps.Keys(headers)) {
				if got := rows(invite, name); len(got) != 1 || got[0] != headers[name] {
					t.Errorf("the callee saw %s %q, want %q", name, got, headers[name])
				}
			}
			eventually(t, "HANGUP", func() bool { return len(f.seen("HANGUP")) == 1 })
			s.idle(t)
			if got := update(object{"k": "v"}); got.Error != "NotFoundException" || !got.Typed {
				t.Errorf("update of a call that is over: %+v", got)
			}
			toldOfCall(t, f, fmt.Sprint(id), fmt.Sprint(app), given)
		})
	}
}

// toldOfCall checks what the function of a client's call was told, from the first event to the last, and with which arguments.
func toldOfCall(t *testing.T, f *function, id, app string, want []string) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	var kinds, got []string
	for i, ev := range f.events {
		kinds = append(kinds, ev.InvocationEventType)
		if ev.CallDetails.TransactionId != id || ev.CallDetails.SipMediaApplicationId != app || ev.Sequence != i+1 {
			t.Errorf("event %d is of another call: %s", i+1, ev.raw)
		}
		var p struct{ Arguments object }
		if len(ev.ActionData.Parameters) > 0 {
			if err := json.Unmarshal(ev.ActionData.Parameters, &p); err != nil {
				t.Error(err)
			}
		}
		if p.Arguments != nil {
			got = append(got, fmt.Sprint(p.Arguments))
		}
	}
	if want := []string{"NEW_OUTBOUND_CALL", "RINGING", "CALL_ANSWERED", "CALL_UPDATE_REQUESTED", "CALL_UPDATE_REQUESTED", "HANGUP"}; !slices.Equal(kinds, want) {
		t.Errorf("the function was told %q, want %q", kinds, want)
	}
	if !slices.Equal(got, want) {
		t.Errorf("the function was given %q, want %q", got, want)
	}
}

// A hundred updates of one standing call within a second: the function is told each of them once, in the order in which they were
// asked for, though it takes its time with the first.
func TestUpdateStorm(t *testing.T) {
	t.Parallel()
	const storm = 100
	calleePort := freePort(t)
	stormed := make(chan struct{})
	f := startFunction(t, func(ev event) string {
		if strings.Contains(string(ev.raw), `"Arguments":{"n":"0"}`) {
			<-stormed // all the others wait behind it
		}
		return live(ev)
	})
	over := sync.OnceFunc(func() { close(stormed) })
	t.Cleanup(over) // the function's server waits for its answers as it ends
	s := start(t, fmt.Sprintf("numbers: [\"+12065550100\"]\nfunctions: [{name: f0, url: %q}]\n", f.URL), "--dev", "--pstn", fmt.Sprintf("sip:127.0.0.1:%d", calleePort))
	c := newGoClient(t, s)
	app, err := at(c.ask(t, asked{Operation: "CreateSipMediaApplication", Input: object{"AwsRegion": "us-east-1", "Name": "caller", "Endpoints": []object{{"LambdaArn": "f0"}}}}).Output, "SipMediaApplication.SipMediaApplicationId")
	if err != nil {
		t.Fatal(err)
	}
	to := startSIPp(t, callee(), "", calleePort)
	id, err := at(c.ask(t, asked{Operation: "CreateSipMediaApplicationCall", Input: object{"FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+14155550199", "SipMediaApplicationId": app}}).Output, "SipMediaApplicationCall.TransactionId")
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "CALL_ANSWERED", func() bool { return len(f.seen("CALL_ANSWERED")) == 1 })
	update := func(arguments object) {
		t.Helper()
		if got := c.ask(t, asked{Operation: "UpdateSipMediaApplicationCall", Input: object{"SipMediaApplicationId": app, "TransactionId": id, "Arguments": arguments}}); got.Error != "" || got.Status != 202 {
			t.Fatalf("update: %+v", got)
		}
	}
	began := time.Now()
	for i := range storm {
		update(object{"n": fmt.Sprint(i)})
	}
	t.Logf("%d updates in %v", storm, time.Since(began)) // they all wait behind the first, however fast this machine is
	over()
	update(object{"do": "hang up"})
	to.wait(t)
	s.idle(t)
	if n := len(f.seen("CALL_UPDATE_REQUESTED")); n != storm+1 {
		t.Fatalf("the function was told %d updates", n)
	}
	for i, ev := range f.seen("CALL_UPDATE_REQUESTED")[:storm] {
		if want := fmt.Sprintf(`"Arguments":{"n":"%d"}`, i); !strings.Contains(string(ev.raw), want) || ev.Sequence != i+4 {
			t.Fatalf("update %d, sequence %d: %s", i, ev.Sequence, ev.raw)
		}
	}
}
