package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// function is a customer's Chime function over HTTP keep-alive: it bridges each call to one number with the headers that it
// came with, and hangs up what is left when a leg ends.
type function struct {
	server *http.Server
	addr   string
	calls  atomic.Int64
	asked  atomic.Pointer[func(string)]
}

// event is what the function reads of an event.
type event struct {
	InvocationEventType string
	CallDetails         struct {
		Participants []struct {
			ParticipantTag, Status, From string
			SipHeaders                   json.RawMessage
		}
	}
}

// startFunction listens on the address.
func startFunction(addr string) (*function, error) {
	f := &function{addr: addr}
	f.server = &http.Server{Handler: f}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	go f.server.Serve(l)
	return f, nil
}

// functionAlone serves the function until the program is ended.
func (b *bench) functionAlone() error {
	if _, err := startFunction(functionAddr); err != nil {
		return err
	}
	select {}
}

// ServeHTTP answers one event.
func (f *function) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.calls.Add(1)
	body, err := io.ReadAll(r.Body)
	var ev event
	if err != nil || json.Unmarshal(body, &ev) != nil || len(ev.CallDetails.Participants) == 0 {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch ev.InvocationEventType {
	case "NEW_INBOUND_CALL":
		p := ev.CallDetails.Participants[0]
		f.tell(p.SipHeaders)
		fmt.Fprintf(w, `{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallTimeoutSeconds":30,"CallerIdNumber":%q,"Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+12065559999"}],"SipHeaders":%s}}]}`, p.From, p.SipHeaders)
	case "HANGUP":
		for _, p := range ev.CallDetails.Participants {
			if p.Status == "Connected" {
				fmt.Fprintf(w, `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"0","ParticipantTag":%q}}]}`, p.ParticipantTag)
				return
			}
		}
		fallthrough
	default:
		io.WriteString(w, `{"SchemaVersion":"1.0","Actions":[]}`)
	}
}

// tell tells the capture which call the function was asked about.
func (f *function) tell(headers json.RawMessage) {
	tell := f.asked.Load()
	if tell == nil {
		return
	}
	var m map[string]string
	if json.Unmarshal(headers, &m) == nil {
		(*tell)(m["X-Call-Context"])
	}
}
