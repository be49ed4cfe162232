package chime

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

var callOperations = []operation{
	{"CreateSipMediaApplicationCall", "POST", "/sip-media-applications/{id}/calls", "", http.StatusCreated, with((*control).createCall)},
	{"UpdateSipMediaApplicationCall", "POST", "/sip-media-applications/{id}/calls/{transaction}", "", http.StatusAccepted, with((*control).updateCall)},
}

// maxPairs bounds SipHeaders and ArgumentsMap.
const maxPairs = 20

// createCall places a call, once for a request and all its repetitions.
func (c *control) createCall(r *request, in callIn) (callOut, error) {
	id := r.http.Header.Get("Amz-Sdk-Invocation-Id")
	what := append([]byte(r.path("id")+"\x00"), r.body...)
	return c.replays.once(r, r.account, id, what, c.now(), func() (callOut, error) {
		if err := keepPace(&c.creates, r, c.cfg.Quotas.CreateCalls, c.now()); err != nil {
			return callOut{}, err
		}
		return c.placeCall(r, in)
	})
}

func (c *control) placeCall(r *request, in callIn) (callOut, error) {
	var v checks
	from, to := v.number("FromPhoneNumber", in.FromPhoneNumber), v.number("ToPhoneNumber", in.ToPhoneNumber)
	v.stringMap("SipHeaders", in.SipHeaders, maxPairs)
	v.stringMap("ArgumentsMap", in.ArgumentsMap, maxPairs)
	headers, err := c.CheckSipHeaders(in.SipHeaders)
	if err != nil {
		v.fail("%v", err)
	}
	if err := v.result(); err != nil {
		return callOut{}, err
	}
	app, err := c.findApplication(r, r.path("id"))
	if err != nil {
		return callOut{}, undeclared("SipMediaApplicationId", err)
	}
	if n, ok := c.cfg.Store.Snapshot().Number(from); !ok || n.Account != r.account {
		return callOut{}, badRequest("FromPhoneNumber: %s is not in this account's inventory: order it with CreatePhoneNumberOrder first", from)
	}
	request := CallRequest{SipHeaders: headers, Counted: true}
	if isObject(in.ArgumentsMap) {
		request.Arguments = in.ArgumentsMap
	}
	asked, err := verbatim(request)
	if err != nil {
		return callOut{}, err
	}
	if err := c.loads.begin(app.ID, &c.cfg.Limits, c.cfg.Clock()); err != nil {
		return callOut{}, tooMany(err)
	}
	id, err := c.calls.Start(r, app.ID, call.Origin{
		Attempt: call.Attempt{Account: r.account, From: from, To: to, At: c.cfg.Clock()},
		Request: asked,
	})
	if err != nil {
		c.loads.end(app.ID, 1)
	}
	if errors.Is(err, dialect.ErrNoApp) { // deleted a moment ago
		err = badRequest("SipMediaApplicationId: %s", notFound("SipMediaApplication", app.ID).Message)
	}
	return callOut{sipMediaApplicationCall{string(id)}}, err
}

// tooMany tells a client which limit keeps a call of its application from beginning.
func tooMany(err error) error {
	var busy *busyError
	switch {
	case !errors.As(err, &busy):
		return err
	case busy.pace:
		return throttled("Service received too many requests: %v", busy)
	}
	return limitExceeded("%v", busy)
}

type updateIn struct {
	Arguments json.RawMessage // handed on byte for byte
}

// updateCall has the function of a live call told. It says that the call is there; the function is asked afterwards.
func (c *control) updateCall(r *request, in updateIn) (callOut, error) {
	if err := keepPace(&c.updates, r, c.cfg.Quotas.UpdateCalls, c.now()); err != nil {
		return callOut{}, err
	}
	var v checks
	if !isObject(in.Arguments) {
		v.fail("Arguments: it is required, an object of strings")
	}
	v.stringMap("Arguments", in.Arguments, maxPairs)
	if err := v.result(); err != nil {
		return callOut{}, err
	}
	app, err := c.findApplication(r, r.path("id"))
	if err != nil {
		return callOut{}, err
	}
	id := r.path("transaction")
	body, err := verbatim(liveRequest{App: app.ID, Account: r.account, Update: in.Arguments})
	if err != nil {
		return callOut{}, err
	}
	switch _, err = c.calls.Ask(r, call.ID(id), body); {
	case errors.Is(err, dialect.ErrNoCall), errors.Is(err, errNotOurs):
		err = noTransaction(id, app.ID)
	case errors.Is(err, errPending):
		err = limitExceeded("%d updates of transaction %s wait for its function already", maxPending, id)
	}
	return callOut{sipMediaApplicationCall{id}}, err
}

func noTransaction(id, app string) *apiError {
	e := notFound("", "")
	e.Message = fmt.Sprintf("Transaction %s doesn't exist for SipMediaApplication %s", quote(id), app)
	return e
}

// verbatim gives v as JSON in which what a client gave stands as it was given, "<" and the like among it.
func verbatim(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}
