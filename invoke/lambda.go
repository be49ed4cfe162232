package invoke

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
)

// cloud gives clients of AWS Lambda, one per region over one set of connections. All of AWS's standard settings hold
// (environment, shared files, AWS_ENDPOINT_URL_LAMBDA and the like), but for its retries: ours are in [guarded].
type cloud struct {
	region string // of functions asked for by name; "" for the settings' own
	limit  int64  // of an answer

	mu        sync.Mutex
	settings  *aws.Config // read when first needed: most who run functions of their own have none
	transport *http.Transport
	clients   map[string]*lambda.Client
}

// function is one function of AWS Lambda.
type function struct {
	client *lambda.Client
	name   string // ARN or name, qualifier included
}

// function finds the client for a function. No request is made.
func (c *cloud) function(name string, ref reference) (*function, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.settings == nil {
		if err := c.load(); err != nil {
			return nil, err
		}
	}
	region := ref.region
	if region == "" {
		region = c.region
	}
	if region == "" {
		region = c.settings.Region
	}
	if region == "" {
		return nil, fmt.Errorf("function %s: it is not declared here, and no AWS region is set to look for it", name)
	}
	client := c.clients[region]
	if client == nil {
		client = lambda.NewFromConfig(*c.settings, func(o *lambda.Options) {
			o.Region = region
			o.Retryer = aws.NopRetryer{}
			o.HTTPClient = limitedClient{c.transport, c.limit}
		})
		c.clients[region] = client
	}
	return &function{client: client, name: name}, nil
}

// load reads AWS's settings. Credentials are fetched later, when they are first used.
func (c *cloud) load() error {
	settings, err := config.LoadDefaultConfig(context.Background(), config.WithHTTPClient(awshttp.NewBuildableClient()),
		config.WithLogger(logging.Nop{})) // what went wrong is in the error
	if err != nil {
		return fmt.Errorf("read the AWS settings: %w", err)
	}
	client, ok := settings.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return errors.New("read the AWS settings: they gave an HTTP client that is not the one they were given")
	}
	c.transport = client.GetTransport() // with AWS_CA_BUNDLE and the like in it
	c.transport.MaxIdleConns, c.transport.MaxIdleConnsPerHost, c.transport.MaxConnsPerHost = 0, 1024, 0
	c.transport.IdleConnTimeout = 90 * time.Second
	c.settings, c.clients = &settings, map[string]*lambda.Client{}
	return nil
}

// close lets go of idle connections.
func (c *cloud) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.transport != nil {
		c.transport.CloseIdleConnections()
	}
}

func (f *function) try(ctx context.Context, _ string, payload []byte) ([]byte, error) {
	// The transport may read the payload after the answer is there.
	out, err := f.client.Invoke(ctx, &lambda.InvokeInput{FunctionName: &f.name, Payload: bytes.Clone(payload)})
	if err != nil {
		return nil, serviceFault(err)
	}
	if out.FunctionError != nil {
		return nil, crash(out.Payload)
	}
	return out.Payload, nil
}

// serviceFault classifies what the SDK returned; what is of the transport or of ctx stays as it is.
func serviceFault(err error) error {
	if errors.Is(err, errTooLarge) {
		return &Error{Kind: TooLarge, Message: errTooLarge.Error(), Err: err}
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() == 0 || response.HTTPStatusCode()/100 == 2 {
		return err
	}
	fault := &Error{Kind: kindOf(response.HTTPStatusCode()), Message: http.StatusText(response.HTTPStatusCode()), Err: err}
	var api smithy.APIError
	if errors.As(err, &api) {
		fault.Type = cut(api.ErrorCode())
		if m := api.ErrorMessage(); m != "" {
			fault.Message = cut(m)
		}
	}
	return fault
}

// limitedClient refuses answers over the limit: the SDK reads without one.
type limitedClient struct {
	transport *http.Transport
	limit     int64
}

// Do implements lambda.HTTPClient. It hides the WriteTo method of the request's body: smithy-go (1.28.8) closes the body once
// the answer begins, WriteTo then returns io.EOF, and net/http, which looks for surplus bytes after it has sent what it
// should, takes that for a failure and closes the connection under the answer.
func (l limitedClient) Do(r *http.Request) (*http.Response, error) {
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = struct{ io.ReadCloser }{r.Body}
	}
	resp, err := l.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = &limitedBody{resp.Body, l.limit}
	return resp, nil
}

type limitedBody struct {
	io.ReadCloser
	left int64
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}
