package chime

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
)

var callOperations = []operation{
	{"CreateSipMediaApplicationCall", "POST", "/sip-media-applications/{id}/calls", "", http.StatusCreated, with((*control).createCall)},
}

// maxPairs bounds SipHeaders and ArgumentsMap.
const maxPairs = 20

func (c *control) createCall(r *request, in callIn) (callOut, error) {
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
	request := CallRequest{SipHeaders: headers}
	if isObject(in.ArgumentsMap) {
		request.Arguments = in.ArgumentsMap
	}
	var asked bytes.Buffer
	enc := json.NewEncoder(&asked)
	enc.SetEscapeHTML(false) // arguments reach the function as they were given
	if err := enc.Encode(request); err != nil {
		return callOut{}, err
	}
	id, err := c.calls.Start(r, app.ID, call.Origin{
		Attempt: call.Attempt{Account: r.account, From: from, To: to, At: c.cfg.Clock()},
		Request: asked.Bytes(),
	})
	if errors.Is(err, dialect.ErrNoApp) { // deleted a moment ago
		err = badRequest("SipMediaApplicationId: %s", notFound("SipMediaApplication", app.ID).Message)
	}
	return callOut{sipMediaApplicationCall{string(id)}}, err
}
