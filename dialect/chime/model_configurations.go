package chime

import "encoding/json"

// Configurations of Voice Connectors that no call here looks at. They are echoed as they were put.

type streamingConfiguration struct {
	DataRetentionInHours         *int
	Disabled                     *bool
	StreamingNotificationTargets []notificationTarget        `json:",omitempty"`
	MediaInsightsConfiguration   *mediaInsightsConfiguration `json:",omitempty"`
}

type notificationTarget struct {
	NotificationTarget string `json:",omitempty"`
}

type mediaInsightsConfiguration struct {
	Disabled         *bool   `json:",omitempty"`
	ConfigurationArn *string `json:",omitempty"`
}

type streamingBody struct {
	StreamingConfiguration *streamingConfiguration
}

type emergencyConfiguration struct {
	DNIS []emergencyNumber `json:",omitempty"`
}

type emergencyNumber struct {
	EmergencyPhoneNumber string
	TestPhoneNumber      *string `json:",omitempty"`
	CallingCountry       string
}

type emergencyBody struct {
	EmergencyCallingConfiguration *emergencyConfiguration
}

type externalSystems struct {
	SessionBorderControllerTypes []string `json:",omitempty"`
	ContactCenterSystemTypes     []string `json:",omitempty"`
}

type externalSystemsOut struct {
	ExternalSystemsConfiguration *externalSystems
}

// settingsBody is the global settings; BusinessCalling is of the older of the vendor's namespaces.
type settingsBody struct {
	VoiceConnector  *callRecordSettings `json:",omitempty"`
	BusinessCalling *callRecordSettings `json:",omitempty"`
}

type callRecordSettings struct {
	CdrBucket *string `json:",omitempty"`
}

type phoneNumberSettings struct {
	CallingName                 string    `json:",omitempty"`
	CallingNameUpdatedTimestamp timestamp `json:",omitzero"`
}

type phoneNumberCountry struct {
	CountryCode               string
	SupportedPhoneNumberTypes []string
}

type addressIn struct {
	AwsAccountID                                               *string `json:"AwsAccountId"`
	StreetNumber, StreetInfo, City, State, Country, PostalCode *string
}

// address has its members in lower case, unlike all else in the vendor's model.
type address struct {
	StreetName   string `json:"streetName"`
	StreetNumber string `json:"streetNumber"`
	City         string `json:"city"`
	State        string `json:"state"`
	PostalCode   string `json:"postalCode"`
	Country      string `json:"country"`
}

type addressOut struct {
	ValidationResult     int
	AddressExternalID    string `json:"AddressExternalId"`
	Address              address
	CandidateAddressList []json.RawMessage // none is ever known
}
