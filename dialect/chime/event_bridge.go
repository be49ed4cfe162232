package chime

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Event is what an event of EventBridge tells (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
type Event struct {
	DetailType string // "Chime Meeting State Change" …
	Account    string // whose it is; empty: Config.Account
	Region     string // empty: Config.Region
	Resources  []string
	Detail     any // as encoding/json writes it
}

// envelope is an event as it is put on a bus, key by key in the vendor's order.
type envelope struct {
	Version    string   `json:"version"`
	ID         string   `json:"id"`
	DetailType string   `json:"detail-type"`
	Source     string   `json:"source"`
	Account    string   `json:"account"`
	Time       string   `json:"time"`
	Region     string   `json:"region"`
	Resources  []string `json:"resources"`
	Detail     any      `json:"detail"`
}

// Envelope gives the event as JSON, with its ID. The error is the detail's.
func (e Event) Envelope(at time.Time) (id string, body []byte, err error) {
	id = uuid.NewString()
	if e.Resources == nil {
		e.Resources = []string{}
	}
	body, err = json.Marshal(envelope{
		Version: "0", ID: id, DetailType: e.DetailType, Source: "aws.chime", Account: e.Account,
		Time: at.UTC().Format(time.RFC3339), Region: e.Region, Resources: e.Resources, Detail: e.Detail,
	})
	return id, body, err
}

// tellEvent tells those who listen to events what happened.
func (d *Dialect) tellEvent(e Event) {
	if d.cfg.Event == nil {
		return
	}
	if e.Account == "" {
		e.Account = d.cfg.Account
	}
	if e.Region == "" {
		e.Region = d.cfg.Region
	}
	d.cfg.Event(e)
}
