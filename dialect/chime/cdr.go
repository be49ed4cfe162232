package chime

import (
	"cmp"
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

var _ dialect.Historian = (*Dialect)(nil)

// Where call detail records are in their bucket. The vendor documents the second whole and of the first the folder alone.
const (
	applicationCDRs = "Amazon-Chime-SMADRs/json/"
	connectorCDRs   = "Amazon-Chime-Voice-Connector-CDRs/json/"
)

// applicationCDR is the call detail record of one leg of an application's call. All fields are there always, and are strings.
type applicationCDR struct {
	AwsAccountID              string `json:"AwsAccountId"`
	TransactionID             string `json:"TransactionId"`
	CallID                    string `json:"CallId"`
	VoiceConnectorID          string `json:"VoiceConnectorId"`
	Status                    string
	BillableDurationSeconds   string
	SchemaVersion             string
	SourcePhoneNumber         string
	DestinationPhoneNumber    string
	UsageType                 string
	ServiceCode               string
	Direction                 string
	TimeStampEpochSeconds     string
	Region                    string
	SipRuleID                 string `json:"SipRuleId"`
	SipApplicationID          string `json:"SipApplicationId"`
	CallLegTriggerType        string
	BillableVoiceFocusSeconds string
}

// connectorCDR is the call detail record of one leg by a Voice Connector.
type connectorCDR struct {
	AwsAccountID            string `json:"AwsAccountId"`
	TransactionID           string `json:"TransactionId"`
	CallID                  string `json:"CallId"` // SIP's
	VoiceConnectorID        string `json:"VoiceConnectorId"`
	Status                  string
	StatusMessage           string
	SipAuthUser             string
	BillableDurationSeconds int64
	BillableDurationMinutes float64
	SchemaVersion           string
	SourcePhoneNumber       string
	SourceCountry           string
	DestinationPhoneNumber  string
	DestinationCountry      string
	UsageType               string
	ServiceCode             string
	Direction               string
	cdrSpan
	Region    string
	Streaming bool
}

// cdrSpan is when a leg began and ended.
type cdrSpan struct {
	StartTimeEpochSeconds int64
	EndTimeEpochSeconds   int64
}

// cdrs remembers which accounts want no call detail records, so that nothing is made for them. Safe for all goroutines.
type cdrs struct {
	mu   sync.Mutex
	none map[string]time.Time // by account: when to ask again
}

// askAgain is how long an account without a bucket is believed to have none.
const askAgain = 10 * time.Second

// wanted tells whether an account may want records.
func (c *cdrs) wanted(account string, now time.Time) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	until, ok := c.none[account]
	if ok && now.Before(until) {
		return false
	}
	delete(c.none, account)
	return true
}

// NoCdrs notes that an account has no bucket for call detail records: none are made for it for a while.
func (d *Dialect) NoCdrs(account string) {
	d.cdrs.mu.Lock()
	defer d.cdrs.mu.Unlock()
	if d.cdrs.none == nil {
		d.cdrs.none = map[string]time.Time{}
	}
	d.cdrs.none[account] = d.cfg.Clock().Add(askAgain)
}

// forget asks the account again at once: it has changed its settings.
func (c *cdrs) forget(account string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.none, account)
}

// Over implements [dialect.Historian]: it counts and logs the media of a call, whoever drove it, and makes its call detail records.
func (d *Dialect) Over(f call.Finished) {
	dir := d.cfg.Directory()
	d.logMedia(dir, &f.Record)
	if d.cfg.Deliver != nil {
		d.record(dir, &f.Record)
	}
}

// record makes a call's detail records.
func (d *Dialect) record(dir *directory.Snapshot, r *call.Record) {
	keys := map[string]bool{}
	app, driven := dir.App(r.App)
	driven = driven && app.Dialect == d.Name()
	for i := range r.Legs {
		l := &r.Legs[i]
		vc, byConnector := connectorOf(dir, l.Trunk)
		if driven && d.cdrs.wanted(app.Account, d.cfg.Clock()) {
			d.deliver(app.Account, applicationCDRs+app.ID, r.ID, l, keys, d.applicationCDR(r, l, app, vc.ID))
		}
		if byConnector && d.cdrs.wanted(vc.Account, d.cfg.Clock()) {
			d.deliver(vc.Account, connectorCDRs+vc.ID, r.ID, l, keys, d.connectorCDR(r, l, vc))
		}
	}
}

// connectorOf finds the Voice Connector that a trunk is; false when it is none.
func connectorOf(dir *directory.Snapshot, trunk string) (connector, bool) {
	t, ok := dir.Trunk(trunk)
	if !ok || len(t.Vendor) == 0 {
		return connector{}, false
	}
	return asConnector(*t)
}

// deliver sends a record on its way. keys has those of the call's records before: none takes the place of another.
func (d *Dialect) deliver(account, folder string, id call.ID, l *call.LegRecord, keys map[string]bool, record any) {
	body, err := json.Marshal(record)
	if err != nil {
		d.cfg.Logger.Error("a call detail record can't be written", "call", string(id), "error", err)
		return
	}
	at := l.Start.UTC()
	key := func() string { return folder + at.Format("/2006/01/02/15.04.05.000_") + string(id) }
	for keys[key()] {
		at = at.Add(time.Millisecond)
	}
	keys[key()] = true
	d.cfg.Deliver(account, key(), body)
}

func (d *Dialect) applicationCDR(r *call.Record, l *call.LegRecord, app directory.App, connector string) applicationCDR {
	region := d.cfg.Region
	if s, err := ParseSettings(app.Settings); err == nil {
		region = cmp.Or(s.AwsRegion, region)
	}
	trigger := "CallAndBridge"
	switch {
	case l.Direction == call.In && r.Rule != "":
		trigger = "SipRule"
	case l.Direction == call.In:
		trigger = "SipMediaApplication"
	case r.Rule == "" && l.ID == r.Legs[0].ID:
		trigger = "CreateSipMediaApplicationCall"
	}
	direction := inOrOut(l.Direction)
	return applicationCDR{
		AwsAccountID: app.Account, TransactionID: string(r.ID), CallID: string(l.ID), VoiceConnectorID: connector,
		Status: statusOf(l), BillableDurationSeconds: strconv.FormatInt(billable(l), 10), SchemaVersion: "2.0",
		SourcePhoneNumber: plain(l.From), DestinationPhoneNumber: plain(l.To),
		UsageType:   usage(region, l, strings.ToLower(direction)),
		ServiceCode: "AmazonChimeVoiceConnector", Direction: direction,
		TimeStampEpochSeconds: strconv.FormatInt(l.Start.Unix(), 10), Region: region,
		SipRuleID: r.Rule, SipApplicationID: app.ID, CallLegTriggerType: trigger, BillableVoiceFocusSeconds: "0",
	}
}

func (d *Dialect) connectorCDR(r *call.Record, l *call.LegRecord, vc connector) connectorCDR {
	region := cmp.Or(vc.vendor.AwsRegion, d.cfg.Region)
	direction := "Inbound" // origination: toward the customer's hosts
	login := ""
	if l.Direction == call.In {
		direction, login = "Outbound", r.Login
	}
	seconds := billable(l)
	return connectorCDR{
		AwsAccountID: vc.Account, TransactionID: string(r.ID), CallID: l.SIPCallID, VoiceConnectorID: vc.ID,
		Status: statusOf(l), StatusMessage: l.Cause.String(), SipAuthUser: login,
		BillableDurationSeconds: seconds, BillableDurationMinutes: math.Round(float64(seconds)/60*100) / 100, SchemaVersion: "2.0",
		SourcePhoneNumber: l.From, SourceCountry: countryOf(l.From), DestinationPhoneNumber: l.To, DestinationCountry: countryOf(l.To),
		UsageType:   usage(region, l, strings.ToLower(direction)),
		ServiceCode: "AmazonChimeVoiceConnector", Direction: direction,
		cdrSpan: cdrSpan{l.Start.Unix(), l.End.Unix()}, Region: region,
	}
}

// inOrOut gives a direction in the vendor's words.
func inOrOut(d call.Direction) string {
	if d == call.In {
		return "Inbound"
	}
	return "Outbound"
}

func statusOf(l *call.LegRecord) string {
	if l.Answered.IsZero() {
		return "Failed"
	}
	return "Completed"
}

// billable gives how long a leg was answered, in seconds begun.
func billable(l *call.LegRecord) int64 {
	if l.Answered.IsZero() || !l.End.After(l.Answered) {
		return 0
	}
	return int64(math.Ceil(l.End.Sub(l.Answered).Seconds()))
}

// plain gives a number without "+".
func plain(number string) string { return strings.TrimPrefix(number, "+") }

// usage gives what the vendor would put on a bill: "USE1-US-US-outbound-minutes".
func usage(region string, l *call.LegRecord, direction string) string {
	return strings.Join([]string{shortRegion(region), cmp.Or(countryOf(l.From), "ZZ"), cmp.Or(countryOf(l.To), "ZZ"), direction, "minutes"}, "-")
}

// shortRegion gives the name of a region on a bill: us-east-1 is USE1.
func shortRegion(region string) string {
	parts := strings.Split(region, "-")
	if len(parts) != 3 {
		return strings.ToUpper(region)
	}
	area, where, n := strings.ToUpper(parts[0]), parts[1], parts[2]
	short := map[string]string{"east": "E", "west": "W", "north": "N", "south": "S", "central": "C", "northeast": "N", "southeast": "S"}
	side, ok := short[where]
	switch {
	case region == "ca-central-1":
		return "CAN1"
	case region == "eu-west-1":
		return "EU"
	case !ok:
		side = strings.ToUpper(where)
	}
	return area + side + n
}
