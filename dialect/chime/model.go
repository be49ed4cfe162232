package chime

import (
	"encoding/json"
	"time"
)

// The shapes of the vendor's model: what is asked and answered, member by member. Members that a client may leave out
// are pointers where leaving out means something else than zero.

// timestamp is written as the vendor does: ISO 8601 text in UTC with milliseconds. The zero time is left out.
type timestamp time.Time

// MarshalJSON gives the text.
func (t timestamp) MarshalJSON() ([]byte, error) {
	return time.Time(t).UTC().AppendFormat(make([]byte, 0, 26), `"2006-01-02T15:04:05.000Z"`), nil
}

type endpoint struct {
	LambdaArn string
}

type sipMediaApplication struct {
	SipMediaApplicationID  string `json:"SipMediaApplicationId"`
	AwsRegion              string
	Name                   string
	Endpoints              []endpoint
	CreatedTimestamp       timestamp `json:",omitzero"`
	UpdatedTimestamp       timestamp `json:",omitzero"`
	SipMediaApplicationArn string
}

type sipMediaApplicationOut struct {
	SipMediaApplication sipMediaApplication
}

type targetApplication struct {
	SipMediaApplicationID string `json:"SipMediaApplicationId"`
	Priority              *int   `json:",omitempty"`
	AwsRegion             string `json:",omitempty"`
}

type sipRule struct {
	SipRuleID          string `json:"SipRuleId"`
	Name               string
	Disabled           bool
	TriggerType        string
	TriggerValue       string
	TargetApplications []targetApplication
	CreatedTimestamp   timestamp `json:",omitzero"`
	UpdatedTimestamp   timestamp `json:",omitzero"`
}

type sipRuleOut struct {
	SipRule sipRule
}

type voiceConnector struct {
	VoiceConnectorID  string `json:"VoiceConnectorId"`
	AwsRegion         string
	Name              string
	OutboundHostName  string
	RequireEncryption bool
	CreatedTimestamp  timestamp `json:",omitzero"`
	UpdatedTimestamp  timestamp `json:",omitzero"`
	VoiceConnectorArn string
	IntegrationType   string `json:",omitempty"`
	NetworkType       string `json:",omitempty"`
}

type voiceConnectorOut struct {
	VoiceConnector voiceConnector
}

type originationRoute struct {
	Host     string `json:",omitempty"`
	Port     *int   `json:",omitempty"`
	Protocol string `json:",omitempty"`
	Priority *int   `json:",omitempty"`
	Weight   *int   `json:",omitempty"`
}

// origination is echoed as it was put: what was left out stays out.
type origination struct {
	Routes   []originationRoute `json:",omitempty"`
	Disabled *bool              `json:",omitempty"`
}

type originationBody struct {
	Origination *origination
}

// termination is echoed as it was put.
type termination struct {
	CpsLimit           *int     `json:",omitempty"`
	DefaultPhoneNumber *string  `json:",omitempty"`
	CallingRegions     []string `json:",omitempty"`
	CidrAllowedList    []string `json:",omitempty"`
	Disabled           *bool    `json:",omitempty"`
}

type terminationBody struct {
	Termination *termination
}

type association struct {
	Value               string
	Name                string
	AssociatedTimestamp timestamp `json:",omitzero"`
}

type capabilities struct {
	InboundCall, OutboundCall, InboundSMS, OutboundSMS, InboundMMS, OutboundMMS bool
}

type phoneNumberModel struct {
	PhoneNumberID     string `json:"PhoneNumberId"`
	PhoneNumberArn    string
	E164PhoneNumber   string
	Country           string `json:",omitempty"`
	Type              string
	ProductType       string
	Status            string
	Capabilities      capabilities
	Associations      []association
	CallingName       string `json:",omitempty"`
	CallingNameStatus string
	CreatedTimestamp  timestamp `json:",omitzero"`
	UpdatedTimestamp  timestamp `json:",omitzero"`
	DeletionTimestamp timestamp `json:",omitzero"`
	OrderID           string    `json:"OrderId,omitempty"`
	Name              string    `json:",omitempty"`
}

type phoneNumberOut struct {
	PhoneNumber phoneNumberModel
}

// phoneNumberError tells of one number of a request for many.
type phoneNumberError struct {
	PhoneNumberID string `json:"PhoneNumberId"`
	ErrorCode     string
	ErrorMessage  string
}

type phoneNumberErrorsOut struct {
	PhoneNumberErrors []phoneNumberError
}

type orderedPhoneNumber struct {
	E164PhoneNumber string
	Status          string
}

type phoneNumberOrder struct {
	PhoneNumberOrderID  string `json:"PhoneNumberOrderId"`
	ProductType         string
	Status              string
	OrderType           string
	OrderedPhoneNumbers []orderedPhoneNumber
	CreatedTimestamp    timestamp `json:",omitzero"`
	UpdatedTimestamp    timestamp `json:",omitzero"`
}

type phoneNumberOrderOut struct {
	PhoneNumberOrder phoneNumberOrder
}

type callIn struct {
	FromPhoneNumber string
	ToPhoneNumber   string
	SipHeaders      json.RawMessage // kept in order
	ArgumentsMap    json.RawMessage // handed on byte for byte
}

type sipMediaApplicationCall struct {
	TransactionID string `json:"TransactionId"`
}

type callOut struct {
	SipMediaApplicationCall sipMediaApplicationCall
}

type tag struct {
	Key, Value string
}
