package lextest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The credentials that bots accept; tests set them in the environment.
const (
	AccessKey = "AKIDEXAMPLE"
	SecretKey = "secret-of-the-example"
)

// Server has bots at URL, over HTTP/2.
type Server struct {
	*httptest.Server
	t   testing.TB
	bot func(*Conversation)

	mu   sync.Mutex
	held []string
}

// New starts a server; bot holds each conversation, and what is wrong with a conversation's form fails the test.
func New(t testing.TB, bot func(*Conversation)) *Server {
	t.Helper()
	s := newServer(t, bot)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	return s
}

// NewTLS starts one over TLS, whose certificate is trusted by who trusts that of the server.
func NewTLS(t testing.TB, bot func(*Conversation)) *Server {
	t.Helper()
	s := newServer(t, bot)
	s.EnableHTTP2 = true
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // of those who don't trust it
	s.StartTLS()
	return s
}

func newServer(t testing.TB, bot func(*Conversation)) *Server {
	s := &Server{t: t, bot: bot}
	s.Server = httptest.NewUnstartedServer(s)
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

// Env gives the environment by which programs find the server and its credentials: "NAME=value".
func (s *Server) Env() []string {
	return []string{
		"AWS_ENDPOINT_URL_LEX_RUNTIME_V2=" + s.URL, "AWS_ACCESS_KEY_ID=" + AccessKey, "AWS_SECRET_ACCESS_KEY=" + SecretKey, "AWS_SESSION_TOKEN=",
	}
}

// Held gives the paths of the conversations that were begun.
func (s *Server) Held() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.held...)
}

// ServeHTTP holds one conversation.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.held = append(s.held, r.URL.Path)
	s.mu.Unlock()
	c := &Conversation{w: w, r: r, Path: r.URL.Path, enc: eventstream.NewEncoder(), dec: eventstream.NewDecoder()}
	if err := c.check(); err != nil {
		s.t.Errorf("StartConversation: %v", err)
		c.Refuse(http.StatusForbidden, "InvalidSignatureException", err.Error())
		return
	}
	s.bot(c)
	if c.Err != nil {
		s.t.Errorf("StartConversation: %v", c.Err)
	}
}

// Conversation is one with a far end.
type Conversation struct {
	Path string
	Err  error // what was wrong with the far end's form

	w      http.ResponseWriter
	r      *http.Request
	begun  bool
	signer *v4.StreamSigner
	enc    *eventstream.Encoder
	dec    *eventstream.Decoder
	number int
}

// Event is one that came.
type Event struct {
	Type            string
	AudioChunk      []byte
	ContentType     string
	InputCharacter  string
	EventId         string
	SessionState    json.RawMessage
	WelcomeMessages json.RawMessage

	ResponseContentType   string
	DisablePlayback       *bool
	ClientTimestampMillis int64
}

// check checks the request and its signature, as the service does.
func (c *Conversation) check() error {
	r := c.r
	for name, want := range map[string]string{
		"Content-Type": "application/vnd.amazon.eventstream", "X-Amz-Content-Sha256": "STREAMING-AWS4-HMAC-SHA256-EVENTS", "X-Amz-Lex-Conversation-Mode": "AUDIO",
	} {
		if got := r.Header.Get(name); got != want {
			return fmt.Errorf("%s is %q", name, got)
		}
	}
	parts := strings.Split(r.URL.Path, "/")
	if r.Method != http.MethodPost || r.ProtoMajor != 2 || len(parts) != 10 || parts[1] != "bots" || parts[3] != "botAliases" ||
		parts[5] != "botLocales" || parts[7] != "sessions" || parts[9] != "conversation" {
		return fmt.Errorf("%s %s %s", r.Method, r.URL.Path, r.Proto)
	}
	_, scope, _ := strings.Cut(r.Header.Get("Authorization"), "Credential="+AccessKey+"/")
	fields := strings.Split(scope, "/")
	if len(fields) < 3 || fields[2] != "lex" {
		return fmt.Errorf("the row Authorization is %q", r.Header.Get("Authorization"))
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil || time.Since(at).Abs() > 5*time.Minute {
		return fmt.Errorf("X-Amz-Date is %q", r.Header.Get("X-Amz-Date"))
	}
	again, err := http.NewRequestWithContext(r.Context(), r.Method, "http://"+r.Host+r.URL.Path, nil)
	if err != nil {
		return fmt.Errorf("sign again: %w", err)
	}
	_, signed, _ := strings.Cut(r.Header.Get("Authorization"), "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	for name := range strings.SplitSeq(signed, ";") {
		if v := r.Header.Get(name); v != "" {
			again.Header.Set(name, v)
		}
	}
	creds := aws.Credentials{AccessKeyID: AccessKey, SecretAccessKey: SecretKey}
	if err := v4.NewSigner().SignHTTP(r.Context(), creds, again, "STREAMING-AWS4-HMAC-SHA256-EVENTS", "lex", fields[1], at); err != nil {
		return fmt.Errorf("sign again: %w", err)
	}
	// The SDK for JavaScript signs ":authority" in the place of "host"; of what it sends, the events' signatures are checked.
	if got, want := r.Header.Get("Authorization"), again.Header.Get("Authorization"); got != want && !strings.HasPrefix(signed, ":authority;") {
		return fmt.Errorf("the signature is %q, want %q", got, want)
	}
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	seed, err := hex.DecodeString(signature)
	if err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	c.signer = v4.NewStreamSigner(creds, "lex", fields[1], seed)
	return nil
}

// Gone is closed when the far end has given up.
func (c *Conversation) Gone() <-chan struct{} { return c.r.Context().Done() }

// Refuse answers the request with an error. Nothing else can be said then.
func (c *Conversation) Refuse(status int, code, message string) {
	c.begun = true
	c.w.Header().Set("X-Amzn-ErrorType", code+":http://internal.amazon.com/coral/")
	c.w.Header().Set("Content-Type", "application/json")
	c.w.WriteHeader(status)
	fmt.Fprintf(c.w, `{"message":%q}`, message)
}

// Next gives the far end's next event; false after the last, or where its form is wrong (Err).
func (c *Conversation) Next() (Event, bool) {
	c.flush()
	outer, err := c.dec.Decode(c.r.Body, nil)
	if err != nil {
		if !errors.Is(err, io.EOF) && c.r.Context().Err() == nil {
			c.fail(fmt.Errorf("the stream breaks off: %w", err))
		}
		return Event{}, false
	}
	e, err := c.open(outer)
	if err != nil {
		c.fail(err)
		return Event{}, false
	}
	return e, e.Type != ""
}

func (c *Conversation) fail(err error) {
	if c.Err == nil {
		c.Err = err
	}
}

// open checks the signature of a message and reads the event in it; that without one is the last.
func (c *Conversation) open(outer eventstream.Message) (Event, error) {
	date, _ := outer.Headers.Get(eventstreamapi.DateHeader).(eventstream.TimestampValue)
	signature, _ := outer.Headers.Get(eventstreamapi.ChunkSignatureHeader).(eventstream.BytesValue)
	var head eventstream.Headers
	head.Set(eventstreamapi.DateHeader, date)
	var b bytes.Buffer
	if err := eventstream.EncodeHeaders(&b, head); err != nil {
		return Event{}, fmt.Errorf("encode headers: %w", err)
	}
	want, err := c.signer.GetSignature(context.Background(), b.Bytes(), outer.Payload, time.Time(date))
	if err != nil || !bytes.Equal(want, signature) {
		return Event{}, fmt.Errorf("an event's signature is %x, want %x: %w", []byte(signature), want, err)
	}
	if len(outer.Payload) == 0 {
		return Event{}, nil
	}
	m, err := c.dec.Decode(bytes.NewReader(outer.Payload), nil)
	if err != nil {
		return Event{}, fmt.Errorf("read an event: %w", err)
	}
	text := func(name string) string {
		v, _ := m.Headers.Get(name).(eventstream.StringValue)
		return string(v)
	}
	e := Event{Type: text(eventstreamapi.EventTypeHeader)}
	if text(eventstreamapi.MessageTypeHeader) != "event" || text(eventstreamapi.ContentTypeHeader) != "application/json" || e.Type == "" {
		return e, fmt.Errorf("an event with the headers %v", m.Headers)
	}
	dec := json.NewDecoder(bytes.NewReader(m.Payload))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&e); err != nil {
		return e, fmt.Errorf("%s %s: %w", e.Type, m.Payload, err)
	}
	if e.EventId == "" || e.ClientTimestampMillis == 0 || len(e.AudioChunk) > 320 {
		return e, fmt.Errorf("%s %s", e.Type, m.Payload)
	}
	return e, nil
}

// Send sends an event with its JSON.
func (c *Conversation) Send(kind, body string) {
	c.message("event", eventstreamapi.EventTypeHeader, kind, body)
}

// Throw sends an exception, which ends the conversation.
func (c *Conversation) Throw(kind, message string) {
	c.message("exception", eventstreamapi.ExceptionTypeHeader, kind, fmt.Sprintf(`{"message":%q}`, message))
}

// Raw sends bytes as they are.
func (c *Conversation) Raw(b []byte) {
	c.flush()
	_, _ = c.w.Write(b) // a far end that is gone shows in Next
	c.flush()
}

func (c *Conversation) message(of, header, kind, body string) {
	c.flush()
	m := eventstream.Message{Payload: []byte(body)}
	m.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(of))
	m.Headers.Set(header, eventstream.StringValue(kind))
	m.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue("application/json"))
	_ = c.enc.Encode(c.w, m) // as in Raw
	c.flush()
}

// flush brings what is written on its way, the response's head first.
func (c *Conversation) flush() {
	if !c.begun {
		c.begun = true
		c.w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		c.w.WriteHeader(http.StatusOK)
	}
	_ = http.NewResponseController(c.w).Flush() // as in Raw
}

// Say says sound in 16 kHz, as Lex does: in chunks of 100 bytes, then an empty one.
func (c *Conversation) Say(samples []int16) {
	var b []byte
	for _, s := range samples {
		b = binary.LittleEndian.AppendUint16(b, uint16(s))
	}
	for len(b) > 0 {
		n := min(100, len(b))
		c.number++
		c.Send("AudioResponseEvent", fmt.Sprintf(`{"audioChunk":%q,"contentType":"audio/pcm","eventId":"RESPONSE-%d"}`, base64.StdEncoding.EncodeToString(b[:n]), c.number))
		b = b[n:]
	}
	c.EndSaying()
}

// EndSaying says that a response is complete.
func (c *Conversation) EndSaying() {
	c.number++
	c.Send("AudioResponseEvent", fmt.Sprintf(`{"contentType":"audio/pcm","eventId":"RESPONSE-%d"}`, c.number))
}

// Close closes the dialog with an intent that has one slot.
func (c *Conversation) Close(intent, slot, value string) {
	parts := strings.Split(c.Path, "/")
	c.Send("IntentResultEvent", fmt.Sprintf(`{"inputMode":"DTMF","interpretations":[{"nluConfidence":{"score":1.0},"intent":{"name":%[1]q,"slots":{},"state":"Fulfilled","confirmationState":"None"}},`+
		`{"intent":{"name":"FallbackIntent","slots":{}}}],"sessionState":{"dialogAction":{"type":"Close"},"sessionAttributes":{},"originatingRequestId":"9ae8","intent":{"name":%[1]q,`+
		`"slots":{%[2]q:{"shape":"Scalar","value":{"originalValue":%[3]q,"interpretedValue":%[3]q,"resolvedValues":[%[3]q]}}},"state":"Fulfilled","confirmationState":"None"}},`+
		`"requestAttributes":{},"sessionId":%[4]q,"eventId":"RESPONSE-0"}`, intent, slot, value, parts[8]))
}

// Tone gives so much of a tone in 16 kHz.
func Tone(hz float64, d time.Duration) []int16 {
	out := make([]int16, int(d.Seconds()*16000))
	for i := range out {
		out[i] = int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/16000))
	}
	return out
}

// Samples gives the sound of an event.
func (e Event) Samples() []int16 {
	out := make([]int16, len(e.AudioChunk)/2)
	for i := range out {
		out[i] = int16(binary.LittleEndian.Uint16(e.AudioChunk[2*i:]))
	}
	return out
}

var _ http.Handler = (*Server)(nil)
