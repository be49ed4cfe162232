package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/header"
)

// why says of a header that the ledger does not have either that each leg makes its own, or that it never came.
func TestWhyWithoutEntry(t *testing.T) {
	id := uuid.NewString()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(call.Finished{Ledger: []call.Entry{{Message: "INVITE", Change: header.Change{
			Action: header.Dropped, Field: header.Field{Name: "User-Agent", Value: "SBC"}, Reason: header.BecauseNeverCrosses}}}})
	}))
	defer s.Close()
	for name, want := range map[string]string{
		"Via": "each leg makes its own", "m": "each leg makes its own", "User-Agent": "never-crosses", "X-Id": "never reached this server",
	} {
		var out bytes.Buffer
		c := whyCommand{server: server{API: s.URL}, Call: id, Header: name}
		if err := c.Run(t.Context(), console{out: &out}); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%s: %v, %q, want %q", name, err, &out, want)
		}
	}
}

// explain says of every header given what becomes of it.
func TestExplainTellsOfEveryHeader(t *testing.T) {
	c := explainCommand{To: "+12065550111", From: "+12065550142", Header: []string{"Via: x", "User-Agent: app", "X-Id: 7"}}
	var out bytes.Buffer
	if err := c.Run(t.Context(), console{out: &out}, nil); err != nil {
		t.Fatal(err)
	}
	told, _, _ := strings.Cut(out.String(), "\nTo ")
	for _, want := range []string{"Via is not sent: each leg makes its own", "User-Agent: app", "never-crosses", "X-Id: 7"} {
		if !strings.Contains(told, want) {
			t.Errorf("no %q in\n%s", want, told)
		}
	}
	out.Reset()
	c.JSON = true
	var got struct{ MadeByLeg []string }
	if err := c.Run(t.Context(), console{out: &out}, nil); err != nil || json.Unmarshal(out.Bytes(), &got) != nil || strings.Join(got.MadeByLeg, " ") != "Via" {
		t.Errorf("%v: %s", err, &out)
	}
}

// calls CALL tells of each leg how it ended, and of the call what its log keeps.
func TestOneCall(t *testing.T) {
	id := call.ID(uuid.NewString())
	f := call.Finished{
		Record: call.Record{ID: id, From: "+12065550142", To: "+12065550100", Trunk: "pbx", Legs: []call.LegRecord{
			{ID: "a", Direction: call.In, Trunk: "pbx", SIPCallID: "c1@pbx", Media: call.MediaStats{Codec: "PCMU", PacketsIn: 50, MOS: 4.36, Secure: true}},
			{ID: "b", Direction: call.Out, Trunk: "carrier", Cause: call.Cause{SIP: 503, By: call.ByPlatform, Label: call.LabelUnreachable, Text: "certificate has expired"}},
		}},
		Log: []call.Log{{Leg: "b", Kind: call.LogNote, Text: "REFER is refused: \x1b[2J"}},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(f) }))
	defer s.Close()
	var out bytes.Buffer
	if err := (callsCommand{server: server{API: s.URL}, Call: string(id)}).Run(t.Context(), console{out: &out}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"PCMU SRTP", "50/0", "4.4", "c1@pbx", "certificate has expired", `B  REFER is refused: \x1b[2J`} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
}

// What the API says of a request that can't be so is told with the part that is wrong.
func TestProblems(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write([]byte(`{"detail":"validation failed","errors":[{"message":"expected string to be RFC 4122 uuid","location":"path.id","value":"foo"}]}`))
	}))
	defer s.Close()
	err := (hangupCommand{server: server{API: s.URL}, Call: "foo"}).Run(t.Context(), console{})
	if err == nil || err.Error() != `id "foo": expected string to be RFC 4122 uuid` {
		t.Errorf("told: %v", err)
	}
}
