package chime

import "encoding/json"

// SIP media applications, the rules that send calls to them, and the calls that they begin.

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
