package lex

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/switchhook/switchhook/call"
)

// payloadHash stands for the payload in the signature of the request: each event is signed by itself.
const payloadHash = "STREAMING-AWS4-HMAC-SHA256-EVENTS"

// request makes the signed request of a stream, and what signs its events, in order.
func (c *Client) request(ctx context.Context, at place, body io.Reader) (*http.Request, *v4.StreamSigner, error) {
	creds, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", call.ErrDenied, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at.url, body)
	if err != nil {
		return nil, nil, fmt.Errorf("%w: %w", call.ErrInvalid, err)
	}
	r.Header.Set("Content-Type", "application/vnd.amazon.eventstream")
	r.Header.Set("Accept", "application/vnd.amazon.eventstream")
	r.Header.Set("X-Amz-Content-Sha256", payloadHash)
	r.Header.Set("X-Amz-Lex-Conversation-Mode", "AUDIO")
	if err := v4.NewSigner().SignHTTP(ctx, creds, r, payloadHash, signingName, at.region, time.Now()); err != nil {
		return nil, nil, fmt.Errorf("sign the request: %w", err)
	}
	seed, err := v4.GetSignedRequestSignature(r)
	if err != nil {
		return nil, nil, fmt.Errorf("sign the request: %w", err)
	}
	return r, v4.NewStreamSigner(creds, signingName, at.region, seed), nil
}

// pen writes events, each signed and wrapped in a message of its own.
// See "Event stream encoding" of the guide of Amazon Lex V2, and "Signature calculation" there.
type pen struct {
	to     io.Writer
	signer *v4.StreamSigner
	inner  bytes.Buffer
	head   bytes.Buffer
}

// write writes an event; that without a kind is the last.
func (p *pen) write(ctx context.Context, kind string, body []byte) error {
	enc := eventstream.NewEncoder()
	p.inner.Reset()
	if kind != "" {
		m := eventstream.Message{Payload: body}
		m.Headers.Set(eventstreamapi.MessageTypeHeader, eventstream.StringValue(eventstreamapi.EventMessageType))
		m.Headers.Set(eventstreamapi.EventTypeHeader, eventstream.StringValue(kind))
		m.Headers.Set(eventstreamapi.ContentTypeHeader, eventstream.StringValue("application/json"))
		if err := enc.Encode(&p.inner, m); err != nil {
			return fmt.Errorf("encode %s: %w", kind, err)
		}
	}
	now := time.Now()
	signed := eventstream.Message{Payload: p.inner.Bytes()}
	signed.Headers.Set(eventstreamapi.DateHeader, eventstream.TimestampValue(now))
	p.head.Reset()
	if err := eventstream.EncodeHeaders(&p.head, signed.Headers); err != nil {
		return fmt.Errorf("encode %s: %w", kind, err)
	}
	signature, err := p.signer.GetSignature(ctx, p.head.Bytes(), signed.Payload, now)
	if err != nil {
		return fmt.Errorf("sign %s: %w", kind, err)
	}
	signed.Headers.Set(eventstreamapi.ChunkSignatureHeader, eventstream.BytesValue(signature))
	if err := enc.Encode(p.to, signed); err != nil {
		return fmt.Errorf("send %s: %w", kind, err)
	}
	return nil
}

// maxMessage bounds one message of the service, in bytes.
const maxMessage = 1 << 20

// ear reads messages.
type ear struct {
	from io.Reader
	buf  []byte
	dec  *eventstream.Decoder
}

// next reads an event: its type and its JSON, which is valid until the next. What the service says is an exception is an error; so
// is the end, io.EOF where it comes between two messages.
func (e *ear) next() (kind string, body []byte, err error) {
	e.buf = slices.Grow(e.buf[:0], 4)[:4]
	if _, err := io.ReadFull(e.from, e.buf); err != nil {
		return "", nil, err //nolint:wrapcheck // io.EOF as it is
	}
	n := binary.BigEndian.Uint32(e.buf)
	if n < 16 || n > maxMessage {
		return "", nil, fmt.Errorf("a message of %d bytes", n)
	}
	e.buf = slices.Grow(e.buf, int(n)-4)[:n]
	if _, err := io.ReadFull(e.from, e.buf[4:]); err != nil {
		return "", nil, fmt.Errorf("a message breaks off: %w", noEOF(err))
	}
	m, err := e.dec.Decode(bytes.NewReader(e.buf), nil)
	if err != nil {
		return "", nil, fmt.Errorf("a message that can't be read: %w", noEOF(err))
	}
	header := func(name string) string {
		if v := m.Headers.Get(name); v != nil {
			return v.String()
		}
		return ""
	}
	switch t := header(eventstreamapi.MessageTypeHeader); t {
	case eventstreamapi.EventMessageType:
		return header(eventstreamapi.EventTypeHeader), m.Payload, nil
	case eventstreamapi.ExceptionMessageType:
		return "", nil, failure(header(eventstreamapi.ExceptionTypeHeader), message(m.Payload))
	case eventstreamapi.ErrorMessageType:
		return "", nil, failure(header(eventstreamapi.ErrorCodeHeader), header(eventstreamapi.ErrorMessageHeader))
	default:
		return "", nil, fmt.Errorf("a message of type %.40q", t)
	}
}

// noEOF takes the end in the middle of a message for what it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// refusal says why a stream was refused: the response is none of success.
func refusal(r *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 64<<10)) // what there is of it says more than why there is no more
	code, _, _ := strings.Cut(r.Header.Get("X-Amzn-Errortype"), ":")
	if code == "" {
		var e struct {
			Type string `json:"__type"`
			Code string `json:"code"`
		}
		_ = json.Unmarshal(body, &e) // an error without a code is one by its status
		code = cmp.Or(e.Type[strings.LastIndexByte(e.Type, '#')+1:], e.Code)
	}
	if code == "" {
		code = map[int]string{http.StatusForbidden: "AccessDeniedException", http.StatusTooManyRequests: "ThrottlingException"}[r.StatusCode]
	}
	return fmt.Errorf("status %d: %w", r.StatusCode, failure(code, message(body)))
}

// message gives the text of an exception.
func message(body []byte) string {
	var m struct{ Message string }
	_ = json.Unmarshal(body, &m) // where there is none, the exception's name says it all
	return m.Message
}

// What the service's error codes mean to a customer.
var (
	denied = []string{
		"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId", "ExpiredTokenException",
		"ExpiredToken", "InvalidSignatureException", "SignatureDoesNotMatch", "MissingAuthenticationTokenException",
		"MissingAuthenticationToken", "IncompleteSignature", "OptInRequired",
	}
	throttled = []string{"ThrottlingException", "Throttling", "TooManyRequestsException", "RequestLimitExceeded", "ServiceQuotaExceededException"}
)

// failure says of an exception what it is to a customer.
func failure(code, text string) error {
	err := fmt.Errorf("%.100s: %.1000s", code, text)
	switch {
	case code == "ResourceNotFoundException":
		return fmt.Errorf("%w: %w", call.ErrNotFound, err)
	case code == "ValidationException":
		return fmt.Errorf("%w: %w", call.ErrInvalid, err)
	case slices.Contains(denied, code):
		return fmt.Errorf("%w: %w", call.ErrDenied, err)
	case slices.Contains(throttled, code):
		return fmt.Errorf("%w: %w", call.ErrThrottled, err)
	}
	return err
}
