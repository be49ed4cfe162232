package chime

// Voice Connectors, and where their calls go and come from.

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
