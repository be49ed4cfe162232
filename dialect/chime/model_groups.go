package chime

type groupItem struct {
	VoiceConnectorID string `json:"VoiceConnectorId"`
	Priority         *int
}

type voiceConnectorGroup struct {
	VoiceConnectorGroupID  string `json:"VoiceConnectorGroupId"`
	Name                   string
	VoiceConnectorItems    []groupItem
	CreatedTimestamp       timestamp `json:",omitzero"`
	UpdatedTimestamp       timestamp `json:",omitzero"`
	VoiceConnectorGroupArn string
	CallDistributionType   string
}

type voiceConnectorGroupOut struct {
	VoiceConnectorGroup voiceConnectorGroup
}
