package chime

// applicationLogging says whether an application's messages are logged. It is echoed as it was put.
type applicationLogging struct {
	EnableSipMediaApplicationMessageLogs *bool `json:",omitempty"`
}

type applicationLoggingBody struct {
	SipMediaApplicationLoggingConfiguration *applicationLogging
}

// sipLogging says what of a Voice Connector's calls is logged. It is echoed as it was put.
type sipLogging struct {
	EnableSIPLogs         *bool `json:",omitempty"`
	EnableMediaMetricLogs *bool `json:",omitempty"`
}

type sipLoggingBody struct {
	LoggingConfiguration *sipLogging
}
