package chime

import (
	"math"
	"net/http"
	"slices"
)

// Configurations of Voice Connectors that are kept and shown alone: streams to Kinesis, emergency calls, and what stands at the
// customer's end.
var configurationOperations = []operation{
	{"PutVoiceConnectorStreamingConfiguration", "PUT", "/voice-connectors/{id}/streaming-configuration", "", http.StatusOK, with((*control).putStreaming)},
	{"GetVoiceConnectorStreamingConfiguration", "GET", "/voice-connectors/{id}/streaming-configuration", "", http.StatusOK, bare((*control).getStreaming)},
	{"DeleteVoiceConnectorStreamingConfiguration", "DELETE", "/voice-connectors/{id}/streaming-configuration", "", http.StatusNoContent, bare((*control).deleteStreaming)},
	{"PutVoiceConnectorEmergencyCallingConfiguration", "PUT", "/voice-connectors/{id}/emergency-calling-configuration", "", http.StatusOK, with((*control).putEmergency)},
	{"GetVoiceConnectorEmergencyCallingConfiguration", "GET", "/voice-connectors/{id}/emergency-calling-configuration", "", http.StatusOK, bare((*control).getEmergency)},
	{"DeleteVoiceConnectorEmergencyCallingConfiguration", "DELETE", "/voice-connectors/{id}/emergency-calling-configuration", "", http.StatusNoContent, bare((*control).deleteEmergency)},
	{"PutVoiceConnectorExternalSystemsConfiguration", "PUT", "/voice-connectors/{id}/external-systems-configuration", "", http.StatusOK, with((*control).putExternal)},
	{"GetVoiceConnectorExternalSystemsConfiguration", "GET", "/voice-connectors/{id}/external-systems-configuration", "", http.StatusOK, bare((*control).getExternal)},
	{"DeleteVoiceConnectorExternalSystemsConfiguration", "DELETE", "/voice-connectors/{id}/external-systems-configuration", "", http.StatusNoContent, bare((*control).deleteExternal)},
}

// maxEmergency bounds the numbers of an emergency configuration; the vendor names no number.
const maxEmergency = 100

func (c *control) putStreaming(r *request, in streamingBody) (streamingBody, error) {
	var v checks
	v.streaming(in.StreamingConfiguration)
	if err := v.result(); err != nil {
		return streamingBody{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Streaming = in.StreamingConfiguration; return nil })
	return in, err
}

func (c *checks) streaming(s *streamingConfiguration) {
	if s == nil || s.DataRetentionInHours == nil || s.Disabled == nil {
		c.fail("StreamingConfiguration: it is required, with DataRetentionInHours and Disabled")
		return
	}
	c.between("StreamingConfiguration.DataRetentionInHours", s.DataRetentionInHours, 0, math.MaxInt32)
	if n := len(s.StreamingNotificationTargets); n > 3 || n == 0 && s.StreamingNotificationTargets != nil {
		c.fail("StreamingConfiguration.StreamingNotificationTargets: there are %d; 1 to 3 are possible", n)
	}
	for _, t := range s.StreamingNotificationTargets {
		c.oneOf("StreamingConfiguration.StreamingNotificationTargets: NotificationTarget", t.NotificationTarget, "EventBridge", "SNS", "SQS")
	}
	if m := s.MediaInsightsConfiguration; m != nil && m.ConfigurationArn != nil {
		c.arn("StreamingConfiguration.MediaInsightsConfiguration.ConfigurationArn", *m.ConfigurationArn)
	}
}

func (c *control) getStreaming(r *request) (streamingBody, error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err == nil && vc.vendor.Streaming == nil {
		err = notFound("StreamingConfiguration of VoiceConnector", vc.ID)
	}
	return streamingBody{vc.vendor.Streaming}, err
}

func (c *control) deleteStreaming(r *request) (nothing, error) {
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Streaming = nil; return nil })
	return nothing{}, err
}

func (c *control) putEmergency(r *request, in emergencyBody) (emergencyBody, error) {
	var v checks
	v.emergency(in.EmergencyCallingConfiguration)
	if err := v.result(); err != nil {
		return emergencyBody{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Emergency = in.EmergencyCallingConfiguration; return nil })
	return in, err
}

func (c *checks) emergency(e *emergencyConfiguration) {
	if e == nil {
		c.fail("EmergencyCallingConfiguration: it is required")
		return
	}
	if len(e.DNIS) > maxEmergency {
		c.fail("EmergencyCallingConfiguration.DNIS: there are %d; at most %d are possible", len(e.DNIS), maxEmergency)
	}
	for _, d := range e.DNIS {
		c.number("EmergencyCallingConfiguration.DNIS: EmergencyPhoneNumber", d.EmergencyPhoneNumber)
		if d.TestPhoneNumber != nil {
			c.number("EmergencyCallingConfiguration.DNIS: TestPhoneNumber", *d.TestPhoneNumber)
		}
		if !country.MatchString(d.CallingCountry) {
			c.fail("EmergencyCallingConfiguration.DNIS: CallingCountry %s is no country: write two capital letters, as US", quote(d.CallingCountry))
		}
	}
}

func (c *control) getEmergency(r *request) (emergencyBody, error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err == nil && vc.vendor.Emergency == nil {
		err = notFound("EmergencyCallingConfiguration of VoiceConnector", vc.ID)
	}
	return emergencyBody{vc.vendor.Emergency}, err
}

func (c *control) deleteEmergency(r *request) (nothing, error) {
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Emergency = nil; return nil })
	return nothing{}, err
}

func (c *control) putExternal(r *request, in externalSystems) (externalSystemsOut, error) {
	var v checks
	v.someOf("SessionBorderControllerTypes", in.SessionBorderControllerTypes,
		"RIBBON_SBC", "ORACLE_ACME_PACKET_SBC", "AVAYA_SBCE", "CISCO_UNIFIED_BORDER_ELEMENT", "AUDIOCODES_MEDIANT_SBC")
	v.someOf("ContactCenterSystemTypes", in.ContactCenterSystemTypes,
		"GENESYS_ENGAGE_ON_PREMISES", "AVAYA_AURA_CALL_CENTER_ELITE", "AVAYA_AURA_CONTACT_CENTER", "CISCO_UNIFIED_CONTACT_CENTER_ENTERPRISE")
	if err := v.result(); err != nil {
		return externalSystemsOut{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.External = &in; return nil })
	return externalSystemsOut{&in}, err
}

// someOf checks a list of words of which each is there once.
func (c *checks) someOf(member string, list []string, known ...string) {
	for i, v := range list {
		c.oneOf(member, v, known...)
		if slices.Contains(list[:i], v) {
			c.fail("%s: %s is there twice", member, v)
		}
		if c.err != nil {
			return
		}
	}
}

func (c *control) getExternal(r *request) (externalSystemsOut, error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err == nil && vc.vendor.External == nil {
		err = notFound("ExternalSystemsConfiguration of VoiceConnector", vc.ID)
	}
	return externalSystemsOut{vc.vendor.External}, err
}

func (c *control) deleteExternal(r *request) (nothing, error) {
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.External = nil; return nil })
	return nothing{}, err
}
