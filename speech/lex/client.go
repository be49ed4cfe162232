package lex

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/switchhook/switchhook/call"
)

// The service, as AWS's settings and signatures name it.
const (
	serviceID   = "Lex Runtime V2"
	signingName = "lex"
)

// Limits bounds a conversation in time. A zero field means the default.
type Limits struct {
	Begin   time.Duration // from the begin to the service's first answer: 10 s
	Silence time.Duration // without any event of the service, which sends heartbeats: 2 min
	Whole   time.Duration // of all of it: 2 h
	Goodbye time.Duration // from the end of the dialog to the begin of the bot's last words, if it has any: 2 s
	Leave   time.Duration // from our last event to the end of the stream: 1 s
}

func (l Limits) withDefaults() Limits {
	for _, v := range []struct {
		of *time.Duration
		to time.Duration
	}{{&l.Begin, 10 * time.Second}, {&l.Silence, 2 * time.Minute}, {&l.Whole, 2 * time.Hour}, {&l.Goodbye, 2 * time.Second}, {&l.Leave, time.Second}} {
		if *v.of <= 0 {
			*v.of = v.to
		}
	}
	return l
}

// Config says how bots are reached. All may be left out: the settings that all AWS programs read apply, of which
// AWS_ENDPOINT_URL_LEX_RUNTIME_V2 names a server that speaks Lex's runtime API.
type Config struct {
	Endpoint string // URL of such a server, before these settings; http:// is spoken as HTTP/2 without TLS
	Limits   Limits
	Logger   *slog.Logger // for our own faults; slog.Default when nil
}

// Client begins conversations. Safe for concurrent use.
type Client struct {
	http        *http.Client
	credentials aws.CredentialsProvider
	endpoint    string // empty: AWS's own, by region
	limits      Limits
	log         *slog.Logger
}

// New makes a client. It reads settings and calls nobody.
func New(ctx context.Context, c Config) (*Client, error) {
	cfg, err := config.LoadDefaultConfig(ctx, config.WithLogger(logging.Nop{})) // what went wrong is in the error
	if err != nil {
		return nil, fmt.Errorf("lex: read AWS settings: %w", err)
	}
	endpoint := c.Endpoint
	if endpoint == "" {
		if endpoint, err = configured(ctx, cfg); err != nil {
			return nil, fmt.Errorf("lex: read AWS settings: %w", err)
		}
	}
	if u, err := url.Parse(endpoint); endpoint != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		return nil, fmt.Errorf("lex: endpoint %q is no URL of http or https", endpoint)
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	return &Client{
		http:        &http.Client{Transport: transport(cfg), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		credentials: cfg.Credentials, endpoint: strings.TrimRight(endpoint, "/"), limits: c.Limits.withDefaults(), log: c.Logger,
	}, nil
}

// Close frees the connections. No conversation may go on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// configured gives the endpoint of AWS's settings, in the order of all SDKs; empty where none is set.
func configured(ctx context.Context, cfg aws.Config) (string, error) {
	if ignore, found, err := config.GetIgnoreConfiguredEndpoints(ctx, cfg.ConfigSources); err != nil || found && ignore {
		return "", err
	}
	for _, source := range cfg.ConfigSources {
		s, ok := source.(interface {
			GetServiceBaseEndpoint(ctx context.Context, sdkID string) (string, bool, error)
		})
		if !ok {
			continue
		}
		if endpoint, found, err := s.GetServiceBaseEndpoint(ctx, serviceID); err != nil || found {
			return endpoint, err
		}
	}
	return aws.ToString(cfg.BaseEndpoint), nil
}

// transport speaks HTTP/2 alone, without TLS too. The certificates that AWS's settings trust (AWS_CA_BUNDLE) are trusted.
func transport(cfg aws.Config) *http.Transport {
	t := &http.Transport{
		Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 90 * time.Second,
		Protocols: new(http.Protocols),
		// A service that is gone is noticed though it says nothing; what one stream may leave unread in memory is bounded.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second, MaxReceiveBufferPerStream: 256 << 10},
	}
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	if b, ok := cfg.HTTPClient.(*awshttp.BuildableClient); ok {
		if tls := b.GetTransport().TLSClientConfig; tls != nil {
			t.TLSClientConfig = tls.Clone()
		}
	}
	return t
}

var (
	aliasARN = regexp.MustCompile(`^arn:(aws[a-z-]{0,16}):lex:([a-z0-9-]{1,32}):[0-9]{12}:bot-alias/([0-9A-Za-z]{1,20})/([0-9A-Za-z]{1,20})$`)
	locale   = regexp.MustCompile(`^[A-Za-z0-9_]{2,12}$`)
	session  = regexp.MustCompile(`^[0-9a-zA-Z._:-]{2,100}$`)
)

// place is where a conversation is held.
type place struct{ url, region string }

// find reads where a bot is.
func (c *Client) find(cmd call.Converse) (place, error) {
	m := aliasARN.FindStringSubmatch(cmd.Bot)
	switch {
	case m == nil:
		return place{}, fmt.Errorf("%w: %.100q is not the ARN of a bot's alias", call.ErrInvalid, cmd.Bot)
	case !locale.MatchString(cmd.Language), !session.MatchString(cmd.Session):
		return place{}, fmt.Errorf("%w: locale %.100q, session %.100q", call.ErrInvalid, cmd.Language, cmd.Session)
	}
	at := c.endpoint
	if at == "" {
		at = "https://runtime-v2-lex." + m[2] + ".amazonaws.com"
		if m[1] == "aws-cn" {
			at += ".cn"
		}
	}
	return place{fmt.Sprintf("%s/bots/%s/botAliases/%s/botLocales/%s/sessions/%s/conversation", at, m[3], m[4], cmd.Language, cmd.Session), m[2]}, nil
}

// What ends a conversation that the bot has not ended.
var (
	errBegin   = errors.New("the bot's service did not answer in time")
	errSilence = errors.New("the bot's service is silent")
	errWhole   = errors.New("the conversation lasted too long")
	errPending = errors.New("the bot's service does not take what it is sent")
	errNoEnd   = errors.New("the bot's service ended the stream before the conversation was over")
)
