package invoke_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
)

// bare is the plainest client there is.
type bare struct {
	url    string
	client *http.Client
}

func (p bare) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	resp, err := p.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
