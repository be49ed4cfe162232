package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"

	"github.com/switchhook/switchhook/api"
	"github.com/switchhook/switchhook/directory"
)

// accessKeys keeps the API's access keys in the store.
type accessKeys struct {
	store   keeper
	account string // the server's own
}

var _ api.Keys = accessKeys{}

// Account gives the server's own account.
func (k accessKeys) Account() string { return k.account }

// Declared gives the keys that the file declares.
func (k accessKeys) Declared(ctx context.Context) ([]string, error) {
	declared, err := declaredBefore(ctx, k.store)
	return declared[directory.KindKey], err
}

// Create keeps a key.
func (k accessKeys) Create(ctx context.Context, key directory.Key) error {
	return k.store.Keys().Create(ctx, key)
}

// Delete removes a key.
func (k accessKeys) Delete(ctx context.Context, ref string) error {
	return k.store.Keys().Delete(ctx, ref)
}

// keysCommand is about the keys of clients; with a call, about those of a telephone.
type keysCommand struct {
	List   listKeysCommand  `cmd:"" help:"List the access keys of a running server, without their secrets."`
	Create createKeyCommand `cmd:"" help:"Make an access key, and print its secret this once."`
	Delete deleteKeyCommand `cmd:"" help:"Delete an access key: what it signs is refused at once."`
	Press  pressCommand     `cmd:"" default:"withargs" help:"Press keys at a party of a call."`
}

type listKeysCommand struct {
	server
	Account string `help:"Only this account's." placeholder:"ID"`
	JSON    bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c listKeysCommand) Run(ctx context.Context, con console) error {
	var list struct {
		Keys []api.AccessKey `json:"keys"`
	}
	q := url.Values{}
	if c.Account != "" {
		q.Set("account", c.Account)
	}
	if err := c.get(ctx, "/api/keys", q, &list); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, list.Keys)
	}
	if len(list.Keys) == 0 {
		fmt.Fprintln(con.out, "There are no keys.")
		return nil
	}
	w := tabwriter.NewWriter(con.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "KIND\tID\tACCOUNT\tFROM")
	for _, k := range list.Keys {
		from := "the API"
		if k.Declared {
			from = "the file"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", quoteCtl(k.Kind), quoteCtl(k.ID), quoteCtl(k.Account), from)
	}
	return w.Flush()
}

type createKeyCommand struct {
	server
	Kind    string `help:"aws, plivo, or admin for our own API." enum:"aws,plivo,admin" default:"aws"`
	ID      string `help:"Its public half; without, one is made up." placeholder:"ID"`
	Account string `help:"Whose it is; without, the server's own account." placeholder:"ID"`
	JSON    bool   `help:"Print JSON."`
}

// Run asks and prints.
func (c createKeyCommand) Run(ctx context.Context, con console) error {
	body := map[string]string{"kind": c.Kind}
	if c.ID != "" {
		body["id"] = c.ID
	}
	if c.Account != "" {
		body["account"] = c.Account
	}
	var k api.NewKey
	if err := c.post(ctx, "/api/keys", body, &k); err != nil {
		return err
	}
	if c.JSON {
		return printJSON(con.out, k)
	}
	fmt.Fprintf(con.out, "id      %s\nsecret  %s\n\nThe secret is not shown again.\n", quoteCtl(k.ID), quoteCtl(k.Secret))
	return nil
}

type deleteKeyCommand struct {
	server
	ID   string `arg:"" help:"Its public half."`
	Kind string `help:"aws, plivo or admin." enum:"aws,plivo,admin" default:"aws"`
}

// Run asks.
func (c deleteKeyCommand) Run(ctx context.Context, con console) error {
	path := "/api/keys/" + url.PathEscape(c.Kind) + "/" + url.PathEscape(c.ID)
	if err := c.ask(ctx, http.MethodDelete, path, nil, nil); err != nil {
		return err
	}
	fmt.Fprintln(con.out, c.ID, "opens nothing any more.")
	return nil
}
