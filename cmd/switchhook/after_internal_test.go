package main

import (
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

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/media/clip"
)

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
	h.cfg.Chime.Logs = logs
	h.cfg.Chime.Events = chimeEvents{URL: target.URL, Headers: map[string]string{"x-api-key": "secret"}}
	if err := h.openAfter(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	var c chime.Config
	h.after.config(&c)
	for _, n := range []string{"one", "two", "three"} {
		c.Event(chime.Event{DetailType: "Chime Meeting State Change", Account: "111122223333", Region: "eu-west-1", Detail: map[string]string{"n": n}})
	}
	c.Event(chime.Event{DetailType: "no JSON", Detail: func() {}})
	c.Log("/aws/Group/id", time.Now(), []byte("{}"))
	c.Deliver("cdrs", "a/b.json", []byte("record"))
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
	if n := h.after.events.Counts(); n.Brought != 2 || n.Lost != 1 {
		t.Errorf("%+v", n)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "spool", "*")); len(left) > 0 {
		t.Errorf("left: %s", strings.Join(left, " "))
	}
}
