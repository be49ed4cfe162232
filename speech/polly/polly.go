package polly

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/polly"
	"github.com/aws/aws-sdk-go-v2/service/polly/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/speech"
)

// Provider speaks with Amazon Polly. It implements [speech.Provider].
type Provider struct {
	client      *polly.Client
	credentials aws.CredentialsProvider
}

var (
	_ speech.Provider     = (*Provider)(nil)
	_ speech.WideProvider = (*Provider)(nil)
)

// Config says where Polly is. Both may be empty: the settings that all AWS programs read apply.
type Config struct {
	Region   string // AWS region
	Endpoint string // URL of a server that speaks Polly's API
}

// New makes a provider. It reads settings and calls nobody.
func New(ctx context.Context, c Config) (*Provider, error) {
	options := []func(*config.LoadOptions) error{config.WithLogger(logging.Nop{})} // what went wrong is in the error
	if c.Region != "" {
		options = append(options, config.WithRegion(c.Region))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, fmt.Errorf("polly: read AWS settings: %w", err)
	}
	if cfg.Region == "" {
		return nil, errors.New("polly: no region: set region in the configuration, or AWS_REGION")
	}
	client := polly.NewFromConfig(cfg, func(o *polly.Options) {
		o.HTTPClient = unread{o.HTTPClient}
		if c.Endpoint != "" {
			o.BaseEndpoint = aws.String(c.Endpoint)
		}
	})
	return &Provider{client: client, credentials: cfg.Credentials}, nil
}

// unread hides the WriteTo method of request bodies. Once an answer begins, smithy-go (1.28.8) closes the body, whose WriteTo
// then returns io.EOF; net/http, which looks for surplus bytes after it has sent what it should, takes that for a failure
// and closes the connection under the answer.
type unread struct{ next polly.HTTPClient }

func (u unread) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	return u.next.Do(r)
}

// String gives the provider's name.
func (p *Provider) String() string { return "polly" }

// Speak implements [speech.Provider].
func (p *Provider) Speak(ctx context.Context, s call.Say) (io.ReadCloser, error) {
	return p.speak(ctx, s, codec.Rate)
}

// SpeakWide implements [speech.WideProvider].
func (p *Provider) SpeakWide(ctx context.Context, s call.Say) (io.ReadCloser, error) {
	return p.speak(ctx, s, codec.WideRate)
}

// speak asks for samples of a rate that Polly has, in hertz.
func (p *Provider) speak(ctx context.Context, s call.Say, rate int) (io.ReadCloser, error) {
	if _, err := p.credentials.Retrieve(ctx); err != nil {
		return nil, fmt.Errorf("polly: %w: %w", call.ErrDenied, err)
	}
	in := &polly.SynthesizeSpeechInput{
		Text: aws.String(s.Text), TextType: types.TextTypeText, VoiceId: types.VoiceId(s.Voice), Engine: types.Engine(s.Quality),
		LanguageCode: types.LanguageCode(s.Language), OutputFormat: types.OutputFormatPcm, SampleRate: aws.String(strconv.Itoa(rate)),
	}
	if s.SSML {
		in.TextType = types.TextTypeSsml
	}
	if s.Voice == "" {
		in.VoiceId = speech.DefaultVoice
	}
	out, err := p.client.SynthesizeSpeech(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("polly: %w", classify(err))
	}
	return &stream{body: out.AudioStream, head: clip.Head(rate, -1)}, nil
}

// What Polly's error codes mean to a customer.
var (
	invalid = []string{
		"ValidationException", "InvalidSsmlException", "TextLengthExceededException", "LanguageNotSupportedException",
		"EngineNotSupportedException", "LexiconNotFoundException", "SsmlMarksNotSupportedForTextTypeException",
		"InvalidParameterValue",
	}
	denied = []string{
		"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException",
		"ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationTokenException",
		"MissingAuthenticationToken", "IncompleteSignature", "OptInRequired", "SubscriptionRequiredException",
	}
	throttled = []string{
		"ThrottlingException", "Throttling", "ThrottledException", "TooManyRequestsException", "RequestLimitExceeded",
		"ServiceQuotaExceededException", "SlowDown",
	}
)

// classify says of an error what it is to a customer.
func classify(err error) error {
	var api smithy.APIError
	if !errors.As(err, &api) {
		return err
	}
	for _, c := range []struct {
		codes []string
		is    error
	}{{invalid, call.ErrInvalid}, {denied, call.ErrDenied}, {throttled, call.ErrThrottled}} {
		if slices.Contains(c.codes, api.ErrorCode()) {
			return fmt.Errorf("%w: %w", c.is, err)
		}
	}
	return err
}

// stream is samples as they come, with a WAV head before them.
type stream struct {
	head []byte
	body io.ReadCloser
}

func (s *stream) Read(p []byte) (int, error) {
	if len(s.head) > 0 {
		n := copy(p, s.head)
		s.head = s.head[n:]
		return n, nil
	}
	n, err := s.body.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = fmt.Errorf("polly: speech breaks off: %v", err) //nolint:errorlint // an unexpected end must not pass for the end
	}
	return n, err
}

func (s *stream) Close() error { return s.body.Close() }
