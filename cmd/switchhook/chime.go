package main

import (
	"cmp"
	"fmt"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/dialect/chime"
)

// chimeConfig is what the section "chime" of the configuration file may say of the Chime dialect. What is left out is as the
// vendor has it, but that nothing is bound by a quota.
type chimeConfig struct {
	Limits   chimeLimits `json:"limits"`   // of one call, one answer, one application
	Quotas   chimeQuotas `json:"quotas"`   // of one account
	Failover bool        `json:"failover"` // a live call whose function can't be invoked goes on with the rule's next application
	Logs     string      `json:"logs"`     // the folder of what logging configurations ask for, or "stdout"; empty: nothing is logged
	Events   chimeEvents `json:"events"`   // who is told of what happens in meetings and the like
	CallerID string      `json:"callerId"` // any; owned: a Voice Connector's callers show numbers of its account, or are refused with 403
}

// chimeEvents is who takes events, as a target of EventBridge would.
type chimeEvents struct {
	URL     string            `json:"url"`     // each event is posted there; empty: nobody
	Headers map[string]string `json:"headers"` // of these requests
}

// chimeLimits is chime.Limits as an operator writes it.
type chimeLimits struct {
	Invoke         time.Duration `json:"invoke"`         // from an event to the function's answer
	Invocations    int           `json:"invocations"`    // of the function, in one call
	Actions        int           `json:"actions"`        // in one answer
	Answer         int           `json:"answer"`         // bytes of one answer
	Attributes     int           `json:"attributes"`     // pairs in TransactionAttributes
	AttributeBytes int           `json:"attributeBytes"` // their JSON
	Unanswered     time.Duration `json:"unanswered"`     // how long a caller rings for whom nothing is to be done
	Ring           time.Duration `json:"ring"`           // how long the far end of an API's call may ring
	MeetingEmpty   time.Duration `json:"meetingEmpty"`   // how long a meeting stands with nobody in it
	MeetingAlone   time.Duration `json:"meetingAlone"`   // and with one attendee in it
	MeetingLongest time.Duration `json:"meetingLongest"` // and at all
	CallsPerSecond float64       `json:"callsPerSecond"` // that begin, of one application
	ActiveCalls    int           `json:"activeCalls"`    // that stand, of one application; a bridged one counts twice
}

// chimeQuotas is chime.Quotas as an operator writes it. What is left out is not bound.
type chimeQuotas struct {
	Applications    int     `json:"applications"`    // SIP media applications in a region
	Rules           int     `json:"rules"`           // SIP rules
	Connectors      int     `json:"connectors"`      // Voice Connectors in a region
	ConnectorGroups int     `json:"connectorGroups"` // Voice Connector groups
	PhoneNumbers    int     `json:"phoneNumbers"`    // phone numbers
	Meetings        int     `json:"meetings"`        // that stand
	Bots            int     `json:"bots"`            // StartBotConversation at once; -1: none at all
	CreateCalls     float64 `json:"createCalls"`     // CreateSipMediaApplicationCall per second
	UpdateCalls     float64 `json:"updateCalls"`     // UpdateSipMediaApplicationCall per second
	VoiceFocus      float64 `json:"voiceFocus"`      // VoiceFocus actions per second
}

// The most that limits may be set to: what is more is a slip of the pen.
const (
	mostCount = 1_000_000_000
	mostTime  = 48 * time.Hour
)

// sound notes what is wrong with the section.
func (c chimeConfig) sound(m *mistakes) {
	l, q := c.Limits, c.Quotas
	count := func(key string, v float64) {
		if v < 0 || v > mostCount {
			m.note("$.chime."+key, fmt.Errorf("chime.%s: %v is not between 0 and %d", key, v, mostCount))
		}
	}
	wait := func(key string, v time.Duration) {
		if v < 0 || v > 0 && v < shortest || v > mostTime {
			m.note("$.chime."+key, fmt.Errorf("chime.%s: %s is not between %s and %s", key, v, shortest, mostTime))
		}
	}
	wait("limits.invoke", l.Invoke)
	wait("limits.unanswered", l.Unanswered)
	wait("limits.ring", l.Ring)
	wait("limits.meetingEmpty", l.MeetingEmpty)
	wait("limits.meetingAlone", l.MeetingAlone)
	wait("limits.meetingLongest", l.MeetingLongest)
	count("limits.invocations", float64(l.Invocations))
	count("limits.actions", float64(l.Actions))
	count("limits.answer", float64(l.Answer))
	count("limits.attributes", float64(l.Attributes))
	count("limits.attributeBytes", float64(l.AttributeBytes))
	count("limits.callsPerSecond", l.CallsPerSecond)
	count("limits.activeCalls", float64(l.ActiveCalls))
	count("quotas.applications", float64(q.Applications))
	count("quotas.rules", float64(q.Rules))
	count("quotas.connectors", float64(q.Connectors))
	count("quotas.connectorGroups", float64(q.ConnectorGroups))
	count("quotas.phoneNumbers", float64(q.PhoneNumbers))
	count("quotas.meetings", float64(q.Meetings))
	if q.Bots != -1 {
		count("quotas.bots", float64(q.Bots))
	}
	count("quotas.voiceFocus", q.VoiceFocus)
	count("quotas.createCalls", q.CreateCalls)
	count("quotas.updateCalls", q.UpdateCalls)
	m.note("$.chime.events", c.Events.validate())
	if id := chime.CallerID(c.CallerID); c.CallerID != "" && id != chime.CallerAny && id != chime.CallerOwned {
		m.note("$.chime.callerId", fmt.Errorf("chime.callerId: %q is neither %s nor %s", c.CallerID, chime.CallerAny, chime.CallerOwned))
	}
}

// limits gives them in the dialect's terms.
func (c chimeConfig) limits(logBody int) chime.Limits {
	l := c.Limits
	return chime.Limits{
		Invoke: l.Invoke, Invocations: l.Invocations, Actions: l.Actions, Answer: l.Answer, Attributes: l.Attributes,
		AttributeBytes: l.AttributeBytes, Unanswered: l.Unanswered, Ring: l.Ring,
		MeetingEmpty: l.MeetingEmpty, MeetingAlone: l.MeetingAlone, MeetingLongest: l.MeetingLongest,
		CallsPerSecond: l.CallsPerSecond, ActiveCalls: l.ActiveCalls, LogBody: logBody,
	}
}

// chime gives the settings of the Chime dialect.
func (h *house) chime() chime.Config {
	c := h.cfg.Chime
	cfg := chime.Config{
		Functions: h.invoker, Directory: h.store.Snapshot, Store: h.store,
		Region: h.cfg.Region, Account: cmp.Or(h.cfg.Account, defaultAccount),
		Limits: c.limits(h.logBody()), Quotas: chime.Quotas(c.Quotas), Failover: c.Failover, CallerID: chime.CallerID(c.CallerID),
		Health: h.pinged, Logger: h.log,
	}
	h.leaves(&cfg)
	return cfg
}

// pinged tells when, and from where, the last OPTIONS came by a trunk.
func (h *house) pinged(trunk string) (at time.Time, from netip.AddrPort, ok bool) {
	if h.sip == nil { // it is opened after the dialects
		return at, from, false
	}
	return h.sip.Pinged(trunk)
}
