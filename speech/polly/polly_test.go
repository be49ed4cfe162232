package polly_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/polly/types"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/speech"
	"github.com/switchhook/switchhook/speech/polly"
	"github.com/switchhook/switchhook/speech/speechtest"
	"github.com/switchhook/switchhook/test/quiet"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// service speaks Polly's API as far as SynthesizeSpeech: 60 ms of a tone for each character that is not markup.
type service struct {
	*httptest.Server
	mu    sync.Mutex
	asked []map[string]any
	fail  func(w http.ResponseWriter) bool
}

func newService(t *testing.T) *service {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s := &service{}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	return s
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	var in map[string]any
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil || r.Method != http.MethodPost || r.URL.Path != "/v1/speech" ||
		!strings.Contains(r.Header.Get("Authorization"), "/polly/aws4_request") {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, in)
	s.mu.Unlock()
	if s.fail != nil && s.fail(w) {
		return
	}
	voice, _ := in["VoiceId"].(string)
	known, ok := speech.FindVoice(voice)
	if language, set := in["LanguageCode"]; !ok || set && language != known.Language {
		refuse(w, http.StatusBadRequest, "ValidationException", "value not in enumeration")
		return
	}
	hz := 700.0
	if known.Female {
		hz = 1000
	}
	text, _ := in["Text"].(string)
	for in["TextType"] == "ssml" && strings.Contains(text, "<") {
		before, rest, _ := strings.Cut(text, "<")
		_, after, _ := strings.Cut(rest, ">")
		text = before + after
	}
	w.Header().Set("Content-Type", "audio/pcm")
	var b []byte
	for i := range 480 * len([]rune(text)) {
		b = binary.LittleEndian.AppendUint16(b, uint16(int16(5000*math.Sin(2*math.Pi*hz*float64(i)/8000))))
	}
	w.Write(b)
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Amzn-ErrorType", code)
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"message":%q}`, message)
}

func provider(t *testing.T, s *service) *polly.Provider {
	t.Helper()
	p, err := polly.New(t.Context(), polly.Config{Region: "eu-west-1", Endpoint: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPolly(t *testing.T) { speechtest.Run(t, provider(t, newService(t))) }

func TestWhatIsAsked(t *testing.T) {
	srv := newService(t)
	s := speech.New(provider(t, srv))
	defer s.Close()
	speechtest.Say(t, s, call.Say{Text: "hello"})
	speechtest.Say(t, s, call.Say{Text: "<speak>hello</speak>", SSML: true, Voice: "Hans", Language: "de-DE", Quality: "neural"})
	want := []map[string]any{
		{"OutputFormat": "pcm", "SampleRate": "8000", "Text": "hello", "TextType": "text", "VoiceId": "Joanna"},
		{"OutputFormat": "pcm", "SampleRate": "8000", "Text": "<speak>hello</speak>", "TextType": "ssml", "VoiceId": "Hans",
			"LanguageCode": "de-DE", "Engine": "neural"},
		{"OutputFormat": "pcm", "SampleRate": "16000", "Text": "hello", "TextType": "text", "VoiceId": "Joanna"},
	}
	stream, err := s.SayWide(t.Context(), call.Say{Text: "hello"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := stream.(media.WideSource); !ok {
		t.Error("16 kHz are not played so")
	}
	stream.Close()
	if diff := cmp.Diff(want, srv.asked); diff != "" {
		t.Error(diff)
	}
}

func TestRefusals(t *testing.T) {
	srv := newService(t)
	s := speech.New(provider(t, srv))
	defer s.Close()
	for code, want := range map[string]error{
		"InvalidSsmlException": call.ErrInvalid, "TextLengthExceededException": call.ErrInvalid, "ValidationException": call.ErrInvalid,
		"LanguageNotSupportedException": call.ErrInvalid, "EngineNotSupportedException": call.ErrInvalid,
		"AccessDeniedException": call.ErrDenied, "UnrecognizedClientException": call.ErrDenied, "ExpiredTokenException": call.ErrDenied,
		"ThrottlingException": call.ErrThrottled, "TooManyRequestsException": call.ErrThrottled,
		"ServiceFailureException": nil,
	} {
		srv.fail = func(w http.ResponseWriter) bool { refuse(w, http.StatusBadRequest, code, "no"); return true }
		_, err := s.Say(t.Context(), call.Say{Text: code})
		for _, e := range []error{call.ErrInvalid, call.ErrDenied, call.ErrThrottled} {
			if errors.Is(err, e) != errors.Is(want, e) {
				t.Errorf("%s: %v, want %v", code, err, want)
			}
		}
		if err == nil || !strings.Contains(err.Error(), "no") {
			t.Errorf("%s: %v does not tell Polly's message", code, err)
		}
	}
}

// What breaks off in the middle is an error, not a shorter text.
func TestBreaksOff(t *testing.T) {
	srv := newService(t)
	s := speech.New(provider(t, srv))
	defer s.Close()
	srv.fail = func(w http.ResponseWriter) bool {
		w.Header().Set("Content-Length", "100000")
		w.Write(make([]byte, 20000))
		return true
	}
	stream, err := s.Say(t.Context(), call.Say{Text: "hello"})
	for f := (media.Frame{}); err == nil; err = stream.Next(&f) {
	}
	if errors.Is(err, io.EOF) {
		t.Error("it seemed complete")
	}
	if stream != nil {
		stream.Close()
	}
}

func TestEndpointOfTheEnvironment(t *testing.T) {
	srv := newService(t)
	t.Setenv("AWS_ENDPOINT_URL_POLLY", srv.URL)
	t.Setenv("AWS_REGION", "us-west-2")
	p, err := polly.New(t.Context(), polly.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := speech.New(p)
	defer s.Close()
	speechtest.IsSpeech(t, speechtest.Say(t, s, call.Say{Text: "ten letter"}), 500*time.Millisecond, 700*time.Millisecond)
}

// Without settings: no region is told at the start, no credentials as not permitted.
func TestNoSettings(t *testing.T) {
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	if _, err := polly.New(t.Context(), polly.Config{}); err == nil || !strings.Contains(err.Error(), "AWS_REGION") {
		t.Errorf("without a region: %v", err)
	}
	p, err := polly.New(t.Context(), polly.Config{Region: "us-east-1", Endpoint: "http://127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Speak(context.Background(), call.Say{Text: "x"}); !errors.Is(err, call.ErrDenied) {
		t.Errorf("without credentials: %v", err)
	}
}

func TestNothingIsWrittenBesideTheLog(t *testing.T) {
	quiet.WithoutCredentials(t, func() {
		p, err := polly.New(t.Context(), polly.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Speak(t.Context(), call.Say{Text: "x"}); !errors.Is(err, call.ErrDenied) {
			t.Errorf("without credentials: %v", err)
		}
	})
}

func TestVoicesAreKnown(t *testing.T) {
	for _, v := range types.VoiceId("").Values() {
		if _, ok := speech.FindVoice(string(v)); !ok {
			t.Errorf("the client knows %s, we do not", v)
		}
	}
}
