package acceptance_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// forgetful is a proxy before a server that loses the first answer to each CreateSipMediaApplicationCall: the server has done what was
// asked, and the client sees its connection break.
type forgetful struct {
	mu    sync.Mutex
	asked []string // the ids of these requests
}

func (p *forgetful) before(t *testing.T, s *server) string {
	t.Helper()
	front := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: s.HTTP})
			r.Out.Host = r.In.Host // it is signed
		},
		ModifyResponse: func(r *http.Response) error {
			if !strings.HasSuffix(r.Request.URL.Path, "/calls") {
				return nil
			}
			p.mu.Lock()
			defer p.mu.Unlock()
			p.asked = append(p.asked, r.Request.Header.Get("Amz-Sdk-Invocation-Id"))
			if len(p.asked) == 1 {
				panic(http.ErrAbortHandler)
			}
			return nil
		},
	})
	t.Cleanup(front.Close)
	return strings.TrimPrefix(front.URL, "http://")
}

// A client that lost the answer to CreateSipMediaApplicationCall asks again by itself. The call is placed once, and the client learns
// of that one. (The legacy client does not say that it asks again.)
func TestLostAnswerPlacesOneCall(t *testing.T) {
	t.Parallel()
	for name, open := range clients {
		if name == legacy {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFunction(t, live)
			s := start(t, fmt.Sprintf("functions: [{name: f0, url: %q}]\n", f.URL), "--dev", "--pstn", "sip:"+ringing(t))
			var proxy forgetful
			c := open(t, &server{HTTP: proxy.before(t, s), attempts: 3})
			app, err := at(c.ask(t, asked{Operation: "CreateSipMediaApplication", Input: object{"AwsRegion": "us-east-1", "Name": "n", "Endpoints": []object{{"LambdaArn": "f0"}}}}).Output, "SipMediaApplication.SipMediaApplicationId")
			if err != nil {
				t.Fatal(err)
			}
			place := func() (id any) {
				t.Helper()
				got := c.ask(t, asked{Operation: "CreateSipMediaApplicationCall", Input: object{"FromPhoneNumber": "+12065550100", "ToPhoneNumber": "+14155550199", "SipMediaApplicationId": app}})
				if id, err = at(got.Output, "SipMediaApplicationCall.TransactionId"); err != nil || got.Error != "" {
					t.Fatalf("%+v", got)
				}
				return id
			}
			first, second := place(), place()
			eventually(t, "both calls", func() bool { return len(f.seen("RINGING")) == 2 })
			told := f.seen("NEW_OUTBOUND_CALL")
			if len(told) != 2 || told[0].CallDetails.TransactionId != first || told[1].CallDetails.TransactionId != second {
				t.Errorf("the client was told of %v and %v, the function of %d: %s", first, second, len(told), told[0].raw)
			}
			proxy.mu.Lock()
			defer proxy.mu.Unlock()
			if ids := proxy.asked; len(ids) != 3 || ids[0] == "" || ids[0] != ids[1] || ids[1] == ids[2] {
				t.Errorf("the client asked as %q", ids)
			}
		})
	}
}
