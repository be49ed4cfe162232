package invoke

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// newTransport makes the connections of all remotes: enough idle ones for every invocation in flight.
func newTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    1024,
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
}

// remote is a function behind a URL that takes events as the Runtime Interface Emulator does: POST, event in, answer out.
// It is for https and for what is behind a proxy; see [wire] for the rest.
type remote struct {
	transport http.RoundTripper
	request   *http.Request // what all requests share; never sent itself
	limit     int64         // of the answer
}

func newRemote(u *url.URL, transport http.RoundTripper, limit int64) *remote {
	h := http.Header{"Content-Type": {"application/json"}, "User-Agent": {"switchhook"}, "X-Amz-Invocation-Type": {"RequestResponse"}}
	if u.User != nil {
		password, _ := u.User.Password()
		r := http.Request{Header: h}
		r.SetBasicAuth(u.User.Username(), password)
	}
	return &remote{transport: transport, limit: limit, request: &http.Request{
		Method: http.MethodPost, URL: u, Host: u.Host, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
	}}
}

func (r *remote) try(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	req := r.request.WithContext(ctx)
	// The transport may read the payload after the answer is there.
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(bytes.Clone(payload))), int64(len(payload))
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := readAnswer(resp.Body, resp.ContentLength, r.limit)
	if errors.Is(err, errTooLarge) {
		return nil, &Error{Kind: TooLarge, Message: err.Error(), Err: err}
	}
	if err != nil {
		return nil, err
	}
	return judge(resp, answer)
}

// judge tells an answer from an error.
func judge(resp *http.Response, answer []byte) ([]byte, error) {
	ok := resp.StatusCode/100 == 2
	if resp.Header.Get("X-Amz-Function-Error") != "" && (ok || resp.StatusCode == http.StatusBadGateway) {
		return nil, crash(answer)
	}
	if ok {
		if fault := emulated(answer); fault != nil {
			return nil, fault
		}
		return answer, nil
	}
	if resp.StatusCode == http.StatusBadGateway {
		if t, _ := reported(answer); t != "" { // the emulator's word for a function whose process died
			return nil, crash(answer)
		}
	}
	fault := &Error{Kind: kindOf(resp.StatusCode), Type: cut(resp.Header.Get("X-Amzn-Errortype"))}
	if _, fault.Message = reported(answer); fault.Message == "" {
		fault.Message = cut(resp.Status)
	}
	return nil, fault
}
