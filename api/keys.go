package api

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/switchhook/switchhook/directory"
)

// Keys keeps the access keys of accounts.
type Keys interface {
	// Account gives whose a key is that is made for no account by name.
	Account() string
	// Declared gives the Refs of the keys that the configuration file declares; they are changed there alone.
	Declared(ctx context.Context) ([]string, error)
	// Create keeps a new key; directory.ErrConflict, *directory.InvalidError.
	Create(ctx context.Context, k directory.Key) error
	// Delete removes a key by its Ref; directory.ErrNotFound.
	Delete(ctx context.Context, ref string) error
}

// AccessKey is a key as it is listed: without its secret, which is shown once.
type AccessKey struct {
	Kind     string `json:"kind" doc:"aws: signs the requests of AWS clients; plivo: an auth id and token; admin: opens this API"`
	ID       string `json:"id"`
	Account  string `json:"account"`
	Declared bool   `json:"declared" doc:"it stands in the configuration file, and is changed there alone"`
}

// NewKey is a key as it was made.
type NewKey struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Account string `json:"account"`
	Secret  string `json:"secret" doc:"shown this once"`
}

type accessKeysInput struct {
	Account string `query:"account" doc:"only this account's" maxLength:"12"`
}

type accessKeysOutput struct {
	Body struct {
		Keys []AccessKey `json:"keys" nullable:"false"`
	}
}

type newKeyInput struct {
	Body struct {
		Kind    string `json:"kind,omitempty" enum:"aws,plivo,admin" default:"aws"`
		ID      string `json:"id,omitempty" maxLength:"128" doc:"its public half; absent: one is made up"`
		Account string `json:"account,omitempty" maxLength:"12" doc:"twelve digits; absent: the server's own account"`
	}
}

type newKeyOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         NewKey
}

type keyInput struct {
	Kind string `path:"kind" enum:"aws,plivo,admin"`
	ID   string `path:"id" maxLength:"128"`
}

// maxKeys bounds the keys of one account.
const maxKeys = 1000

// keys mounts what concerns access keys.
func (c *Config) keys(api huma.API) {
	if c.Keys == nil {
		return
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-keys", Method: http.MethodGet, Path: "/api/keys", Summary: "Access keys, without their secrets",
	}, c.listKeys)
	huma.Register(api, huma.Operation{
		OperationID: "create-key", Method: http.MethodPost, Path: "/api/keys", Summary: "Make an access key; its secret is shown this once",
	}, c.createKey)
	huma.Register(api, huma.Operation{
		OperationID: "delete-key", Method: http.MethodDelete, Path: "/api/keys/{kind}/{id}", Summary: "Delete an access key: what it signs is refused at once",
		DefaultStatus: http.StatusNoContent,
	}, c.deleteKey)
}

func (c *Config) listKeys(ctx context.Context, in *accessKeysInput) (*accessKeysOutput, error) {
	declared, err := c.Keys.Declared(ctx)
	if err != nil {
		return nil, c.keyFailure("list keys", err)
	}
	out := new(accessKeysOutput)
	out.Body.Keys = []AccessKey{}
	for _, k := range c.Directory().Keys() {
		if in.Account == "" || in.Account == k.Account {
			out.Body.Keys = append(out.Body.Keys, AccessKey{k.Kind, k.ID, k.Account, slices.Contains(declared, k.Ref())})
		}
	}
	return out, nil
}

func (c *Config) createKey(ctx context.Context, in *newKeyInput) (*newKeyOutput, error) {
	k := directory.Key{Kind: in.Body.Kind, ID: in.Body.ID, Account: cmp.Or(in.Body.Account, c.Keys.Account()), Secret: newSecret()}
	if k.ID == "" {
		k.ID = newKeyID(k.Kind)
	}
	have := 0
	for _, other := range c.Directory().Keys() {
		if other.Account == k.Account {
			have++
		}
	}
	if have >= maxKeys {
		return nil, huma.Error409Conflict("the account has as many keys as there can be: delete one that is no longer needed")
	}
	var invalid *directory.InvalidError
	switch err := c.Keys.Create(ctx, k); {
	case errors.Is(err, directory.ErrConflict):
		return nil, huma.Error409Conflict("there is a key of this kind and id already")
	case errors.As(err, &invalid):
		return nil, huma.Error422UnprocessableEntity(invalid.Field + ": " + invalid.Reason)
	case err != nil:
		return nil, c.keyFailure("create key", err)
	}
	c.Logger.Info("access key made", "kind", k.Kind, "key", k.ID, "account", k.Account)
	return &newKeyOutput{"no-store", NewKey{k.Kind, k.ID, k.Account, k.Secret}}, nil
}

func (c *Config) deleteKey(ctx context.Context, in *keyInput) (*struct{}, error) {
	ref := directory.Key{Kind: in.Kind, ID: in.ID}.Ref()
	declared, err := c.Keys.Declared(ctx)
	if err != nil {
		return nil, c.keyFailure("delete key", err)
	}
	if slices.Contains(declared, ref) {
		return nil, huma.Error409Conflict("the key stands in the configuration file: take it out there")
	}
	switch err := c.Keys.Delete(ctx, ref); {
	case errors.Is(err, directory.ErrNotFound):
		return nil, huma.Error404NotFound("no such key")
	case err != nil:
		return nil, c.keyFailure("delete key", err)
	}
	c.Logger.Info("access key deleted", "kind", in.Kind, "key", in.ID)
	return nil, nil
}

// keyFailure says that something of ours failed, and tells the log what.
func (c *Config) keyFailure(what string, err error) error {
	c.Logger.Error(what+" failed", "error", err)
	return huma.Error500InternalServerError("the server failed; its log tells why")
}

// newKeyID makes up a key's public half in the form that its clients know: 20 characters, of AWS's beginning with AK, of Plivo's
// with MA.
func newKeyID(kind string) string {
	prefix := map[string]string{directory.KeyAWS: "AK", directory.KeyPlivo: "MA", directory.KeyAdmin: "AD"}[kind]
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" // 32 of them: each as likely as any other
	random := make([]byte, 18)
	rand.Read(random) // never fails: crypto/rand ends the program rather than give weak bytes
	var b strings.Builder
	b.WriteString(prefix)
	for _, r := range random {
		b.WriteByte(letters[r%32])
	}
	return b.String()
}

// newSecret makes up a secret of 160 random bits: 40 characters, which stand anywhere as they are.
func newSecret() string {
	random := make([]byte, 20)
	rand.Read(random)
	return hex.EncodeToString(random)
}
