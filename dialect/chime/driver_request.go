package chime

import (
	"encoding/json"
	"errors"

	"github.com/switchhook/switchhook/call"
)

// liveRequest is what the API asks of a call that stands: one of its members.
type liveRequest struct {
	// App is the application that must have begun the call, or drive it now; empty: any.
	App string `json:",omitempty"`
	// Account must be the call's.
	Account string
	// Update is UpdateSipMediaApplicationCall's Arguments.
	Update json.RawMessage `json:",omitempty"`
	// Meeting is the place in a meeting, by its CallId, that something became of: see lobby.look.
	Meeting string `json:",omitempty"`
}

// maxPending bounds what the function of one call is still to be told because of requests.
const maxPending = 1000

var (
	errNotOurs = errors.New("the call is not of this application")
	errPending = errors.New("too many updates of this call wait for its function")
)

// requested takes what the API asks. The answer says that it will be done; what comes of it shows in events.
func (d *driver) requested(r call.Request) {
	var req liveRequest
	err := json.Unmarshal(r.Body, &req)
	if err == nil {
		err = d.request(req)
	}
	r.Reply(nil, err)
}

func (d *driver) request(req liveRequest) error {
	switch {
	case req.Account != d.account, req.App != "" && req.App != d.app.id && (len(d.failed) == 0 || req.App != d.failed[0]), d.closing != nil, d.gone():
		return errNotOurs
	case req.Update != nil:
		return d.update(req.Update)
	case req.Meeting != "":
		d.heedMeeting(req.Meeting)
	}
	return nil
}

// update tells the function what UpdateSipMediaApplicationCall was given.
func (d *driver) update(arguments json.RawMessage) error {
	if len(d.notices) >= maxPending {
		return errPending
	}
	d.push(&notice{event: updateRequested, leg: d.aboutCall(), arguments: arguments})
	return nil
}

// aboutCall gives the leg that an event is about which concerns the whole call: LEG-A while it is there.
func (d *driver) aboutCall() *leg {
	if d.a.live() || d.b == nil {
		return d.a
	}
	return d.b
}
