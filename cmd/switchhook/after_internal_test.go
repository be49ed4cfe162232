package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/media/clip"
)

// fakeAccounts is a dialect whose accounts have buckets.
type fakeAccounts struct {
	buckets map[string]string
	none    chan string
}

func (fakeAccounts) Name() string                                     { return "chime" }
func (fakeAccounts) App(string, json.RawMessage) (dialect.App, error) { return nil, nil }
func (f fakeAccounts) NoCdrs(account string)                          { f.none <- account }
func (f fakeAccounts) CdrBucket(_ context.Context, account string) (string, error) {
	return f.buckets[account], nil
}

// Events are posted in order, again where the target is not there, and not where it refuses one; objects reach their bucket.
func TestAfter(t *testing.T) {
	type posted struct {
		key, body string
		at        time.Time
	}
	got := make(chan posted, 10)
	answers := []int{503, 200, 400, 204}
	target := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- posted{r.Header.Get("X-Api-Key"), string(body), time.Now()}
		w.WriteHeader(answers[0])
		answers = answers[1:]
	}))
	defer target.Close()
	dir := t.TempDir()
	logs, bucket := filepath.Join(dir, "logs"), filepath.Join(dir, "cdrs")
	if err := os.Mkdir(bucket, 0o750); err != nil {
		t.Fatal(err)
	}
	buckets, err := clip.OpenBuckets(map[string]string{"cdrs": "file://" + bucket})
	if err != nil {
		t.Fatal(err)
	}
	defer buckets.Close()
	h := &house{log: slog.New(slog.DiscardHandler), buckets: buckets}
	h.dialects = map[string]dialect.Dialect{"chime": fakeAccounts{map[string]string{"111122223333": "cdrs"}, make(chan string, 9)}}
	h.cfg.Chime.Logs = logs
	h.cfg.Chime.Events = chimeEvents{URL: target.URL, Headers: map[string]string{"x-api-key": "secret"}}
	if err := h.openAfter(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	var c chime.Config
	h.leaves(&c)
	for _, n := range []string{"one", "two", "three"} {
		c.Event(chime.Event{DetailType: "Chime Meeting State Change", Account: "111122223333", Region: "eu-west-1", Detail: map[string]string{"n": n}})
	}
	c.Event(chime.Event{DetailType: "no JSON", Detail: func() {}})
	c.Log("/aws/Group/id", time.Now(), []byte("{}"))
	c.Deliver("111122223333", "a/b.json", []byte("record"))
	c.Deliver("444455556666", "a/c.json", []byte("record"))
	var ids []string
	for _, want := range []string{"one", "one", "two", "three"} { // the first is told again
		p := <-got
		var e struct {
			Version, ID, Source, Account, Region, Time string
			DetailType                                 string `json:"detail-type"`
			Resources                                  []string
			Detail                                     map[string]string
		}
		if err := json.Unmarshal([]byte(p.body), &e); err != nil {
			t.Fatal(err)
		}
		if e.Version != "0" || e.DetailType != "Chime Meeting State Change" || e.Source != "aws.chime" || e.Account != "111122223333" || e.Region != "eu-west-1" ||
			e.Resources == nil || e.Detail["n"] != want || p.key != "secret" {
			t.Errorf("posted %s with key %q, want %s", p.body, p.key, want)
		}
		if _, err := time.Parse(time.RFC3339, e.Time); err != nil {
			t.Error(err)
		}
		ids = append(ids, e.ID)
	}
	if ids[0] != ids[1] || ids[1] == ids[2] {
		t.Errorf("the events' IDs are %v", ids)
	}
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(filepath.Join(bucket, "a", "b.json")); err != nil || string(text) != "record" {
		t.Errorf("the bucket has %q, %v", text, err)
	}
	if text, err := os.ReadFile(filepath.Join(logs, "aws", "Group", "id", time.Now().UTC().Format(time.DateOnly)+".log")); err != nil || string(text) != "{}\n" {
		t.Errorf("the log has %q, %v", text, err)
	}
	if got := <-h.dialects["chime"].(fakeAccounts).none; got != "444455556666" {
		t.Errorf("account %s has no bucket", got)
	}
	if n := h.after.events.Counts(); n.Brought != 2 || n.Lost != 1 {
		t.Errorf("%+v", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "spool", "*")); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, " "))
	}
}
