package acceptance_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/test/need"
)

// handlerAt declares a handler's file as a function.
func handlerAt(t *testing.T, file, handler string, more ...string) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(append([]string{fmt.Sprintf("handler: %s, dir: %q, concurrency: 2", handler, dir)}, more...), ", ")
}

// The example function, as a Node, a Python and a Go program, bridges a real call; what it prints stands in the call's log.
func TestExampleFunctions(t *testing.T) {
	t.Parallel()
	need.Tool(t, "node", "Node.js 20 or later")
	need.Tool(t, "python3", "Python 3.10 or later")
	examples := filepath.Join("..", "..", "examples", "chime-bridge")
	bin := filepath.Join(t.TempDir(), "bridge")
	if out, err := exec.Command("go", "build", "-o", bin, "../../examples/chime-bridge/go").CombinedOutput(); err != nil {
		t.Fatalf("build the Go example: %v\n%s", err, out)
	}
	for name, declared := range map[string]string{
		"node":   handlerAt(t, filepath.Join(examples, "index.mjs"), "index.handler"),
		"python": handlerAt(t, filepath.Join(examples, "app.py"), "app.handler"),
		"go":     fmt.Sprintf("command: [%q]", bin),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := story{calleePort: freePort(t)}
			st.s = start(t, config{peers: []string{peerAt(st.calleePort)}, functions: []string{declared + ", env: {BRIDGE_TO: \"+14155550123\"}"}}.yaml(), "--trace")
			_, to := st.run(t, caller("user-to-user: 00c0ffee;encoding=hex", "X-Account-Id: 4711", "X-Other: not passed on"), callee())
			inv := first(t, to.received(t), "INVITE")
			if !strings.HasPrefix(inv, "INVITE sip:+14155550123@") {
				t.Errorf("the function's own setting did not count:\n%s", inv)
			}
			for name, want := range map[string]string{"User-to-User": "00c0ffee;encoding=hex", "X-Account-Id": "4711", "X-Handled-By": "chime-bridge", "X-Other": ""} {
				if got := row(t, inv, name); got != want {
					t.Errorf("the callee saw %s %q, want %q", name, got, want)
				}
			}
			lines := logged(st.s.call(t, st.s.calls(t, 1)[0].ID), call.LogFunction)
			if !strings.Contains(lines, "NEW_INBOUND_CALL") || !strings.Contains(lines, "HANGUP") {
				t.Errorf("the function's lines in the call's log:\n%s", lines)
			}
		})
	}
}

// A function as AWS's consoles and templates write it for Python answers a call when its file is named, without a word about the
// handler's name.
func TestLambdaHandlerOfAFile(t *testing.T) {
	t.Parallel()
	need.Tool(t, "python3", "Python 3.10 or later")
	file := filepath.Join(t.TempDir(), "app.py")
	const text = `
def lambda_handler(event, context):
    if event['InvocationEventType'] != 'NEW_INBOUND_CALL':
        return {'SchemaVersion': '1.0', 'Actions': []}
    return {'SchemaVersion': '1.0', 'Actions': [{'Type': 'Hangup', 'Parameters': {'SipResponseCode': '486'}}]}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	yaml, _, _ := strings.Cut(configFor(freePort(t), "http://unused.invalid/"), "functions:\n")
	s := start(t, yaml, "--function", "f0="+file)
	startSIPp(t, refused(486), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
}

// logged gives the lines of one kind in a call's log.
func logged(f call.Finished, kind call.LogKind) string {
	var b strings.Builder
	for _, l := range f.Log {
		if l.Kind == kind {
			b.WriteString(l.Text + "\n")
		}
	}
	return b.String()
}

// wild is a function that does what the header X-Do says.
const wild = `
const hangup = (code) => ({ SchemaVersion: '1.0', Actions: [{ Type: 'Hangup', Parameters: { SipResponseCode: code } }] });
const bridge = (headers) => ({ SchemaVersion: '1.0', Actions: [{ Type: 'CallAndBridge', Parameters: { CallerIdNumber: '+12065550142',
  Endpoints: [{ BridgeEndpointType: 'PSTN', Uri: '+14155550199' }], SipHeaders: headers } }] });
export const handler = async (event) => {
  const leg = event.CallDetails.Participants[0];
  const wanted = leg.SipHeaders?.['X-Do'] ?? '';
  if (event.InvocationEventType === 'INVALID_LAMBDA_RESPONSE') {
    console.log('told ' + event.ErrorType);
    return wanted === 'garbage-twice' ? 'again' : hangup('486');
  }
  if (event.InvocationEventType === 'ACTION_FAILED') {
    console.log('failed ' + event.ActionData.ErrorType + ': ' + event.ActionData.ErrorMessage);
    return hangup('480');
  }
  if (event.InvocationEventType !== 'NEW_INBOUND_CALL' && !wanted.startsWith('later-')) return hangup('480');
  const now = event.InvocationEventType !== 'NEW_INBOUND_CALL';
  if (wanted.startsWith('later-') && !now) {
    return { SchemaVersion: '1.0', Actions: [{ Type: 'Pause', Parameters: { DurationInMilliseconds: '100' } }] };
  }
  switch (wanted.replace('later-', '')) {
    case 'exit': process.exit(3);
    case 'throw': throw new TypeError('no such account');
    case 'hang': await new Promise((done) => setTimeout(done, 60000));
    case 'spin': for (;;);
    case 'null': return null;
    case 'garbage': case 'garbage-twice': return 'not what was agreed';
    case 'no-version': return { Actions: [] };
    case 'unknown-action': return { SchemaVersion: '1.0', Actions: [{ Type: 'Teleport', Parameters: {} }] };
    case 'huge': return { SchemaVersion: '1.0', Actions: [], TransactionAttributes: { a: 'x'.repeat(7 << 20) } };
    case 'many': return { SchemaVersion: '1.0', Actions: Array(5000).fill({ Type: 'Pause', Parameters: { DurationInMilliseconds: '1' } }) };
    case 'late': await new Promise((done) => setTimeout(done, 3500)); return hangup('486');
    case 'large': return { SchemaVersion: '1.0', Actions: [], TransactionAttributes: { a: 'x'.repeat(300 << 10) } };
    case 'eleven': return { SchemaVersion: '1.0', Actions: Array(11).fill({ Type: 'Pause', Parameters: { DurationInMilliseconds: '100' } }) };
    case 'amzn': return bridge({ 'X-AMZN': 'String' });
    case 'long-header': return bridge({ 'X-Note': 'é'.repeat(2049) });
    case 'deep': return JSON.parse('['.repeat(5000) + ']'.repeat(5000));
    case 'crlf': return bridge({ 'X-Note': 'a\r\nP-Asserted-Identity: <sip:+1@x>' });
  }
  return hangup('486');
};
`

// A function that breaks every rule ends its call in a documented way and soon; the next call finds a function that works.
func TestWildFunction(t *testing.T) {
	t.Parallel()
	need.Tool(t, "node", "Node.js 20 or later")
	file := filepath.Join(t.TempDir(), "index.mjs")
	if err := os.WriteFile(file, []byte(wild), 0o600); err != nil {
		t.Fatal(err)
	}
	for does, want := range map[string]struct {
		status int    // with which the caller is refused; 0: it was answered, and is hung up
		told   string // what the function says it was told
	}{
		"exit": {480, ""}, "throw": {480, ""}, "hang": {480, ""}, "spin": {480, ""}, "huge": {480, ""},
		"null": {486, "told EmptyResponse"}, "garbage": {486, "told InvalidActionsList"}, "garbage-twice": {480, "told InvalidActionsList"},
		"no-version": {486, "told InvalidSchemaVersion"}, "unknown-action": {486, "told UnsupportedAction"}, "many": {486, "told "}, "deep": {480, ""},
		"crlf": {480, "failed InvalidActionParameter: Invalid SIP header(s) provided: X-Note"},
		"late": {480, ""}, "large": {486, "told InvalidActionsList"}, "eleven": {486, "told TooManyActions"},
		"amzn":        {480, "failed InvalidActionParameter: Invalid SIP header(s) provided: X-AMZN"},
		"long-header": {480, "failed InvalidActionParameter: Invalid SIP header(s) provided: X-Note"},
		"later-late":  {0, ""}, "later-large": {0, "told InvalidActionsList"}, "later-eleven": {0, "told TooManyActions"}, "later-null": {0, "told EmptyResponse"},
		"later-amzn":        {0, "failed InvalidActionParameter: Invalid SIP header(s) provided: X-AMZN"},
		"later-long-header": {0, "failed InvalidActionParameter: Invalid SIP header(s) provided: X-Note"},
		"later-exit":        {0, ""}, "later-throw": {0, ""}, "later-hang": {0, ""}, "later-garbage": {0, "told InvalidActionsList"},
	} {
		t.Run(does, func(t *testing.T) {
			t.Parallel()
			st := story{calleePort: freePort(t)}
			far := newWire(t, fmt.Sprintf("127.0.0.1:%d", st.calleePort))
			st.s = start(t, config{peers: []string{peerAt(st.calleePort)}, functions: []string{handlerAt(t, file, "index.handler", "timeout: 3s")}}.yaml(), "--trace")
			began := time.Now()
			if want.status == 0 {
				st.call(t, scenario(invite("X-Do: "+does), progress(), answered(), ack(), take("BYE"), onLast("200 OK"))).wait(t)
			} else {
				st.call(t, refused(want.status, "X-Do: "+does)).wait(t)
			}
			if d := time.Since(began); d > 15*time.Second {
				t.Errorf("the caller waited for %v", d)
			}
			st.s.idle(t)
			record := st.s.call(t, st.s.calls(t, 1)[0].ID)
			if lines := logged(record, call.LogFunction); !strings.Contains(lines, want.told) || want.told == "" && strings.Contains(lines, "told") {
				t.Errorf("the function printed %q, want %q", lines, want.told)
			}
			if want.told == "" && record.Record.Cause.Label != call.LabelAppFailed {
				t.Errorf("the record says %s", record.Record.Cause)
			}
			far.quiet(10 * time.Millisecond) // none of them may call anyone
			st.call(t, refused(486, "X-Do: well")).wait(t)
		})
	}
}

// lambdaAPI is a local server that speaks AWS Lambda's Invoke API.
type lambdaAPI struct {
	*httptest.Server
	mu     sync.Mutex
	asked  []string // the functions' names
	bad    []string // what a request lacked
	answer func(n int, ev string) (status int, headers map[string]string, body string)
}

func newLambdaAPI(t *testing.T, answer func(n int, ev string) (int, map[string]string, string)) *lambdaAPI {
	t.Helper()
	l := &lambdaAPI{answer: answer}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		l.mu.Lock()
		defer l.mu.Unlock()
		path, err := url.PathUnescape(r.URL.EscapedPath())
		name, ok := strings.CutPrefix(strings.TrimSuffix(path, "/invocations"), "/2015-03-31/functions/")
		if err != nil || !ok || r.Method != http.MethodPost {
			l.bad = append(l.bad, r.Method+" "+r.URL.Path)
		}
		if a := r.Header.Get("Authorization"); !strings.HasPrefix(a, "AWS4-HMAC-SHA256 Credential=AKIALOCAL/") || !strings.Contains(a, "/eu-west-1/lambda/aws4_request") {
			l.bad = append(l.bad, "Authorization: "+a)
		}
		l.asked = append(l.asked, name)
		status, headers, text := l.answer(len(l.asked), string(body))
		for k, v := range headers {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		io.WriteString(w, text)
	}))
	t.Cleanup(l.Close)
	return l
}

// A function that is declared nowhere is asked of AWS Lambda: signed, by its ARN, in its region, at the endpoint that AWS's own
// setting names. What that service refuses once is tried again; what it refuses for good refuses the call.
func TestLambdaService(t *testing.T) {
	t.Parallel()
	const arn = "arn:aws:lambda:eu-west-1:111122223333:function:ivr:live"
	ok := func(ev string) (int, map[string]string, string) {
		if strings.Contains(ev, `"InvocationEventType":"NEW_INBOUND_CALL"`) {
			return 200, nil, actions("Hangup", object{"SipResponseCode": "486"})
		}
		return 200, nil, actions()
	}
	for _, tt := range []struct {
		name   string
		status int // of the caller's refusal
		answer func(n int, ev string) (int, map[string]string, string)
		asked  int // before HANGUP; 0: does not count
	}{
		{"answers", 486, func(_ int, ev string) (int, map[string]string, string) { return ok(ev) }, 1},
		{"throttled once", 486, func(n int, ev string) (int, map[string]string, string) {
			if n == 1 {
				return 429, map[string]string{"X-Amzn-ErrorType": "TooManyRequestsException"}, `{"message":"Rate Exceeded."}`
			}
			return ok(ev)
		}, 2},
		{"function error", 480, func(int, string) (int, map[string]string, string) {
			return 200, map[string]string{"X-Amz-Function-Error": "Unhandled"}, `{"errorType":"TypeError","errorMessage":"no such account"}`
		}, 1},
		{"denied", 480, func(int, string) (int, map[string]string, string) {
			return 403, map[string]string{"X-Amzn-ErrorType": "AccessDeniedException"}, `{"Message":"not authorized"}`
		}, 0},
		{"no such function", 480, func(int, string) (int, map[string]string, string) {
			return 404, map[string]string{"X-Amzn-ErrorType": "ResourceNotFoundException"}, `{"Message":"Function not found"}`
		}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			l := newLambdaAPI(t, tt.answer)
			yaml := strings.Replace(configFor(freePort(t), "http://unused.invalid/"), "arn:aws:lambda:us-east-1:111122223333:function:f0", arn, 1)
			s := startIn(t, t.TempDir(), []string{"AWS_ENDPOINT_URL_LAMBDA=" + l.URL, "AWS_ACCESS_KEY_ID=AKIALOCAL", "AWS_SECRET_ACCESS_KEY=secret",
				"AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent"}, yaml)
			startSIPp(t, refused(tt.status), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
			s.idle(t)
			l.mu.Lock()
			defer l.mu.Unlock()
			if len(l.bad) > 0 || len(l.asked) == 0 || l.asked[0] != arn {
				t.Errorf("asked %q; wrong: %q", l.asked, l.bad)
			}
			if tt.asked > 0 && len(l.asked) < tt.asked {
				t.Errorf("asked %d times, want %d", len(l.asked), tt.asked)
			}
		})
	}
}
