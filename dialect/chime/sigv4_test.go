package chime_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"pgregory.net/rapid"
)

func (a *api) request(method, path, body string) *http.Request {
	a.t.Helper()
	r, err := http.NewRequestWithContext(a.t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	return r
}

// send sends a request as it is and gives the answer.
func (a *api) send(r *http.Request) (*http.Response, []byte) {
	a.t.Helper()
	transport := &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: time.Minute} // else a body is sent after no time at all
	res, err := transport.RoundTrip(r)
	if err != nil {
		a.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return res, body
}

type fataler interface{ Fatal(...any) }

// sign signs as the vendor's SDK does.
func sign(t fataler, r *http.Request, body []byte, key, secret string, at time.Time) {
	signFor(t, r, body, key, secret, "chime", at)
}

func signFor(t fataler, r *http.Request, body []byte, key, secret, service string, at time.Time) {
	sum := sha256.Sum256(body)
	err := v4.NewSigner().SignHTTP(r.Context(), aws.Credentials{AccessKeyID: key, SecretAccessKey: secret}, r, hex.EncodeToString(sum[:]), service, "eu-west-1", at)
	if err != nil {
		t.Fatal(err)
	}
}

func TestSignatureRefusals(t *testing.T) {
	a := newAPI(t)
	now := time.Now()
	a.now = func() time.Time { return now }
	auth := func(r *http.Request, old, new string) {
		v := r.Header.Get("Authorization")
		if !strings.Contains(v, old) {
			t.Fatalf("%q is not in %q", old, v)
		}
		r.Header.Set("Authorization", strings.Replace(v, old, new, 1))
	}
	const name = `{"Name":"n"}`
	for _, c := range []struct {
		what   string
		before func(*http.Request) // what is signed
		key    string
		secret string
		at     time.Duration
		after  func(*http.Request) // what is sent
		status int
		kind   string
		says   string
	}{
		{what: "good", status: 404, kind: "NotFoundException"}, // the signature is: there is no such rule
		{what: "wrong secret", secret: "dev-secre7", status: 403, kind: "InvalidSignatureException", says: "does not match"},
		{what: "empty secret", secret: "-", status: 403, kind: "InvalidSignatureException", says: "does not match"},
		{what: "unknown key", key: "nobody", status: 403, kind: "UnrecognizedClientException", says: "no such access key"},
		{what: "key of another vendor", key: "MADEV", secret: "dev-token", status: 403, kind: "UnrecognizedClientException"},
		{what: "another account's secret", secret: "other/secret+1", status: 403, kind: "InvalidSignatureException"},
		{what: "no signature", after: func(r *http.Request) { r.Header.Del("Authorization") }, status: 403, kind: "MissingAuthenticationTokenException"},
		{what: "basic authentication", after: func(r *http.Request) { r.SetBasicAuth("dev", "dev-secret") }, status: 400, kind: "IncompleteSignatureException"},
		{what: "signed 16 minutes ago", at: -16 * time.Minute, status: 403, kind: "InvalidSignatureException", says: "expired"},
		{what: "signed in 16 minutes", at: 16 * time.Minute, status: 403, kind: "InvalidSignatureException", says: "not yet current"},
		{what: "signed 14 minutes ago", at: -14 * time.Minute, status: 404, kind: "NotFoundException"},
		{what: "a later time put in", at: -16 * time.Minute, after: func(r *http.Request) { r.Header.Set("X-Amz-Date", now.UTC().Format("20060102T150405Z")) }, status: 403, kind: "InvalidSignatureException"},
		{what: "no time", after: func(r *http.Request) { r.Header.Del("X-Amz-Date") }, status: 400, kind: "IncompleteSignatureException", says: "neither X-Amz-Date nor Date"},
		{what: "a time that is none", after: func(r *http.Request) { r.Header.Set("X-Amz-Date", "yesterday") }, status: 400, kind: "IncompleteSignatureException"},
		{what: "another body", after: func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(`{"Name":"m"}`)) }, status: 403, kind: "InvalidSignatureException"},
		{what: "another path", after: func(r *http.Request) { r.URL.Path = "/sip-rules/other" }, status: 403, kind: "InvalidSignatureException"},
		{what: "another method", after: func(r *http.Request) { r.Method = "DELETE" }, status: 403, kind: "InvalidSignatureException"},
		{what: "another query", after: func(r *http.Request) { r.URL.RawQuery = "a=b" }, status: 403, kind: "InvalidSignatureException"},
		{what: "another host", after: func(r *http.Request) { r.Host = "example.com" }, status: 403, kind: "InvalidSignatureException"},
		{what: "a signed header changed", before: func(r *http.Request) { r.Header.Set("X-Amz-Target", "a") }, after: func(r *http.Request) { r.Header.Set("X-Amz-Target", "b") }, status: 403, kind: "InvalidSignatureException"},
		{what: "an unsigned header of the vendor's", after: func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "a") }, status: 403, kind: "InvalidSignatureException", says: "x-amz-security-token"},
		{what: "an unsigned header of others", after: func(r *http.Request) { r.Header.Set("X-Other", "a") }, status: 404, kind: "NotFoundException"},
		{what: "the hash of another body", before: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", strings.Repeat("0", 64)) }, status: 403, kind: "InvalidSignatureException", says: "hash of the body"},
		{what: "the body not signed", before: func(r *http.Request) { r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, status: 403, kind: "InvalidSignatureException", says: "hash of the body"},
		{what: "host not signed", after: func(r *http.Request) { auth(r, "host;", "") }, status: 403, kind: "InvalidSignatureException", says: "Host"},
		{what: "signed headers not sorted", after: func(r *http.Request) { auth(r, "host;x-amz-date", "x-amz-date;host") }, status: 403, kind: "InvalidSignatureException", says: "sorted"},
		{what: "a signed header twice", after: func(r *http.Request) { auth(r, "host;", "host;host;") }, status: 403, kind: "InvalidSignatureException", says: "once"},
		{what: "signed headers in upper case", after: func(r *http.Request) { auth(r, "host;", "Host;host;") }, status: 403, kind: "InvalidSignatureException", says: "lower case"},
		{what: "a signed header without a name", after: func(r *http.Request) { auth(r, "host;", "host;;") }, status: 403, kind: "InvalidSignatureException", says: "sorted"},
		{what: "another date in the scope", after: func(r *http.Request) { auth(r, now.UTC().Format("/20060102/"), "/20200101/") }, status: 403, kind: "InvalidSignatureException", says: "Credential scope"},
		{what: "another region in the scope", after: func(r *http.Request) { auth(r, "/eu-west-1/", "/us-east-1/") }, status: 403, kind: "InvalidSignatureException"},
		{what: "another service in the scope", after: func(r *http.Request) { auth(r, "/chime/", "/s3/") }, status: 403, kind: "InvalidSignatureException", says: `"chime"`},
		{what: "half a scope", after: func(r *http.Request) { auth(r, "/chime/aws4_request", "") }, status: 400, kind: "IncompleteSignatureException"},
		{what: "no Signature", after: func(r *http.Request) { auth(r, "Signature=", "Sig=") }, status: 400, kind: "IncompleteSignatureException"},
		{what: "a short Signature", after: func(r *http.Request) {
			r.Header.Set("Authorization", strings.TrimRight(r.Header.Get("Authorization"), "0123456789abcdef")+"00")
		}, status: 400, kind: "IncompleteSignatureException"},
		{what: "presigned", after: func(r *http.Request) {
			r.Header.Del("Authorization")
			r.URL.RawQuery = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=00"
		}, status: 403, kind: "ForbiddenException", says: "Authorization header"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := a.request("PUT", "/sip-rules/none", name)
			if c.before != nil {
				c.before(r)
			}
			key, secret := "dev", "dev-secret"
			if c.key != "" {
				key = c.key
			}
			if c.secret != "" {
				secret = strings.TrimPrefix(c.secret, "-")
			}
			sign(t, r, []byte(name), key, secret, now.Add(c.at))
			if c.after != nil {
				c.after(r)
			}
			res, body := a.send(r)
			var e struct{ Code, Message string }
			if err := json.Unmarshal(body, &e); err != nil || res.StatusCode != c.status || res.Header.Get("X-Amzn-ErrorType") != c.kind || !strings.Contains(e.Message, c.says) || e.Code == "" {
				t.Errorf("%d %s %s\nwant %d %s saying %q", res.StatusCode, res.Header.Get("X-Amzn-ErrorType"), body, c.status, c.kind, c.says)
			}
		})
	}
}

// S29: whatever a request says before its signature is judged, it costs no more than a small multiple of its own size.
func TestSignatureCostsNoMemory(t *testing.T) {
	a := newAPI(t)
	const size = 60_000
	distinct := make([]string, size/6)
	for i := range distinct {
		distinct[i] = fmt.Sprintf("x%05d", i)
	}
	signed := func(list string) func(*http.Request) {
		return func(r *http.Request) {
			v := r.Header.Get("Authorization")
			r.Header.Set("Authorization", strings.Replace(v, "host;x-amz-date", list, 1))
		}
	}
	for _, c := range []struct {
		what   string
		after  func(*http.Request)
		status int
	}{
		{"one header signed often", func(r *http.Request) {
			r.Header.Set("A", strings.Repeat("b", size/2))
			signed(strings.Repeat("a;", size/4) + "host;x-amz-date")(r)
		}, http.StatusForbidden},
		{"names without end", signed("host;x-amz-date" + strings.Repeat(";", size)), http.StatusForbidden},
		{"many names", signed("host;x-amz-date;" + strings.Join(distinct, ";")), http.StatusForbidden},
		{"many lists", signed("host" + strings.Repeat(",SignedHeaders=host", size/20) + ";x-amz-date"), http.StatusNotFound},
		{"blanks", func(r *http.Request) {
			r.Header.Set("A", strings.Repeat("b ", size/2)+"b")
			signed("a;host;x-amz-date")(r)
		}, http.StatusForbidden},
		{"many parameters", func(r *http.Request) { r.URL.RawQuery = strings.Repeat("a&", size/2) }, http.StatusBadRequest},
		{"a long parameter", func(r *http.Request) { r.URL.RawQuery = "a=" + strings.Repeat("!", size) }, http.StatusForbidden},
	} {
		r := a.request("GET", "/sip-rules/none", "")
		sign(t, r, nil, "dev", "dev-secret", a.now())
		c.after(r)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		res, body := a.send(r)
		runtime.ReadMemStats(&after)
		if res.StatusCode != c.status {
			t.Errorf("%s: %d %s, want %d", c.what, res.StatusCode, body, c.status)
		}
		if cost := after.TotalAlloc - before.TotalAlloc; cost > 64*size {
			t.Errorf("%s: %d bytes were allocated for a request of %d", c.what, cost, size)
		}
	}
}

// The body is bounded, and a client without a key can't make the server read it.
func TestLargeBodies(t *testing.T) {
	a := newAPI(t)
	large := bytes.Repeat([]byte("a"), 1<<20)
	for key, status := range map[string]int{"dev": http.StatusRequestEntityTooLarge, "nobody": http.StatusForbidden} {
		r := a.request("POST", "/sip-rules", string(large))
		r.Header.Set("Expect", "100-continue") // the answer comes before the body, which may then not be sent at all
		sign(t, r, large, key, "dev-secret", time.Now())
		if res, body := a.send(r); res.StatusCode != status {
			t.Errorf("%s: %d %s, want %d", key, res.StatusCode, body, status)
		}
	}
}

// Whatever a client signs, in whatever way the vendor's signer writes it, is recognised.
func TestSignaturesOfTheSDKAreRecognised(t *testing.T) {
	a := newAPI(t)
	rapid.Check(t, func(rt *rapid.T) {
		path := "/sip-rules/x"
		for _, c := range []byte(rapid.StringN(0, 20, 40).Draw(rt, "id")) {
			path += "%" + strings.ToUpper(hex.EncodeToString([]byte{c}))
		}
		query := rapid.MapOfN(rapid.String(), rapid.SliceOfN(rapid.String(), 0, 3), 0, 4).Draw(rt, "query")
		body := rapid.SliceOf(rapid.Byte()).Draw(rt, "body")
		r := a.request("GET", path, string(body))
		q := r.URL.Query()
		for name, values := range query {
			if name != "X-Amz-Signature" {
				q[name] = values
			}
		}
		r.URL.RawQuery = q.Encode()
		for i, v := range rapid.SliceOfN(rapid.StringMatching(`[!-~]([ -~]{0,20}[!-~])?`), 0, 3).Draw(rt, "headers") {
			r.Header.Add([]string{"X-A", "X-Amz-B", "X-A"}[i], v)
		}
		sign(rt, r, body, "dev", "dev-secret", time.Now())
		if res, answer := a.send(r); res.StatusCode != http.StatusNotFound {
			rt.Errorf("%s %s: %d %s", r.Method, r.URL, res.StatusCode, answer)
		}
	})
}

// What a service of another name signs is not good here, nor is a key of one account for another's things.
func TestAccountsAreApart(t *testing.T) {
	a := newAPI(t)
	foreign := a.client("AKIDOTHER", "other/secret+1")
	app, vc := a.application("mine"), a.connector("mine")
	_, err := foreign.GetSipMediaApplication(t.Context(), &voice.GetSipMediaApplicationInput{SipMediaApplicationId: app.SipMediaApplicationId})
	fails[notFound](t, err, *app.SipMediaApplicationId)
	_, err = foreign.DeleteSipMediaApplication(t.Context(), &voice.DeleteSipMediaApplicationInput{SipMediaApplicationId: app.SipMediaApplicationId})
	fails[notFound](t, err)
	_, err = foreign.GetVoiceConnector(t.Context(), &voice.GetVoiceConnectorInput{VoiceConnectorId: vc.VoiceConnectorId})
	fails[notFound](t, err)
	_, err = foreign.GetPhoneNumber(t.Context(), &voice.GetPhoneNumberInput{PhoneNumberId: aws.String("+12065550100")})
	fails[notFound](t, err)
	_, err = foreign.ListTagsForResource(t.Context(), &voice.ListTagsForResourceInput{ResourceARN: app.SipMediaApplicationArn})
	fails[notFound](t, err)
	if list := good[*voice.ListSipMediaApplicationsOutput](t)(foreign.ListSipMediaApplications(t.Context(), &voice.ListSipMediaApplicationsInput{})); len(list.SipMediaApplications) != 0 {
		t.Errorf("another account sees %d applications", len(list.SipMediaApplications))
	}
}
