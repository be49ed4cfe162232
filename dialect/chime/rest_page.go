package chime

import (
	"context"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

// pageOf answers a list operation: the things of the account that pass want, from the query's next-token on, at most
// max-results of them. name is bound into the token, so that a token of one list is refused by another.
func pageOf[T any](r *request, name string, most int, table directory.Table[T], account string, id func(T) string, want func(T) bool) ([]T, string, error) {
	limit, err := maxResults(r, most)
	if err != nil {
		return nil, "", err
	}
	after, err := openToken(r, name)
	if err != nil {
		return nil, "", err
	}
	list := make([]T, 0, limit+1)
	err = each(r, table, account, after, id, func(v T) bool {
		if want == nil || want(v) {
			list = append(list, v)
		}
		return len(list) <= limit
	})
	if err != nil || len(list) <= limit {
		return list, "", err
	}
	list = list[:limit]
	return list, sealToken(name, id(list[limit-1])), nil
}

// each gives an account's things in order, beginning after an ID, until f says no.
func each[T any](ctx context.Context, table directory.Table[T], account, after string, id func(T) string, f func(T) bool) error {
	const chunk = 200
	for {
		list, err := table.List(ctx, account, directory.Page{After: after, Limit: chunk})
		if err != nil {
			return err
		}
		for _, v := range list {
			if !f(v) {
				return nil
			}
			after = id(v)
		}
		if len(list) < chunk {
			return nil
		}
	}
}

func maxResults(r *request, most int) (int, error) {
	v := r.query.Get("max-results")
	if v == "" {
		return min(most, 100), nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 || n > most {
		return 0, badRequest("MaxResults: %q is not a number from 1 to %d", v, most)
	}
	return n, nil
}

// sealToken gives an opaque token that goes on after an ID.
func sealToken(name, after string) string {
	return base64.RawURLEncoding.EncodeToString([]byte("1\x00" + name + "\x00" + after))
}

// openToken gives the ID that the query's token goes on after; "" without one.
func openToken(r *request, name string) (string, error) {
	token := r.query.Get("next-token")
	if token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(token)
	after, ok := strings.CutPrefix(string(raw), "1\x00"+name+"\x00")
	if err != nil || !ok || after == "" {
		return "", badRequest("NextToken: it was not given by this list; leave it out to begin anew")
	}
	return after, nil
}
