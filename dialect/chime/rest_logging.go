package chime

import (
	"encoding/json"
	"net/http"

	"github.com/switchhook/switchhook/directory"
)

// What is logged, by application and by Voice Connector. Without a configuration nothing is, and that is what a look at it says.
var loggingOperations = []operation{
	{"PutSipMediaApplicationLoggingConfiguration", "PUT", "/sip-media-applications/{id}/logging-configuration", "", http.StatusOK, with((*control).putApplicationLogging)},
	{"GetSipMediaApplicationLoggingConfiguration", "GET", "/sip-media-applications/{id}/logging-configuration", "", http.StatusOK, bare((*control).getApplicationLogging)},
	{"PutVoiceConnectorLoggingConfiguration", "PUT", "/voice-connectors/{id}/logging-configuration", "", http.StatusOK, with((*control).putConnectorLogging)},
	{"GetVoiceConnectorLoggingConfiguration", "GET", "/voice-connectors/{id}/logging-configuration", "", http.StatusOK, bare((*control).getConnectorLogging)},
}

// appVendor is what directory.App.Vendor holds for a SIP media application.
type appVendor struct {
	Logging *applicationLogging `json:",omitempty"`
}

func appVendorOf(app directory.App) appVendor {
	var v appVendor
	_ = json.Unmarshal(app.Vendor, &v) // an application that nothing was put for has none
	return v
}

// logsMessages tells whether what goes between the server and an application's function is to be logged.
func logsMessages(app directory.App) bool {
	l := appVendorOf(app).Logging
	return l != nil && isTrue(l.EnableSipMediaApplicationMessageLogs)
}

// LogsOf tells what of the calls by a trunk is to be logged: the SIP messages, and the figures of the media, each minute. Of a trunk
// that is no Voice Connector nothing is.
func LogsOf(t *directory.Trunk) (sip, media bool) {
	vc, ok := asConnector(*t)
	if !ok || vc.vendor.Logging == nil {
		return false, false
	}
	return isTrue(vc.vendor.Logging.EnableSIPLogs), isTrue(vc.vendor.Logging.EnableMediaMetricLogs)
}

func (c *control) putApplicationLogging(r *request, in applicationLoggingBody) (applicationLoggingBody, error) {
	if in.SipMediaApplicationLoggingConfiguration == nil {
		in.SipMediaApplicationLoggingConfiguration = &applicationLogging{} // it may be left out
	}
	return in, c.change(func() error {
		app, err := c.findApplication(r, r.path("id"))
		if err != nil {
			return err
		}
		if app.Vendor, err = json.Marshal(appVendor{in.SipMediaApplicationLoggingConfiguration}); err != nil {
			return err
		}
		app.Updated = c.now()
		return c.cfg.Store.Apps().Update(r, app)
	})
}

func (c *control) getApplicationLogging(r *request) (applicationLoggingBody, error) {
	app, err := c.findApplication(r, r.path("id"))
	l := appVendorOf(app).Logging
	if l == nil {
		l = &applicationLogging{new(bool)}
	}
	return applicationLoggingBody{l}, err
}

func (c *control) putConnectorLogging(r *request, in sipLoggingBody) (sipLoggingBody, error) {
	if in.LoggingConfiguration == nil {
		return in, badRequest("LoggingConfiguration: it is required")
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Logging = in.LoggingConfiguration; return nil })
	return in, err
}

func (c *control) getConnectorLogging(r *request) (sipLoggingBody, error) {
	vc, err := c.findConnector(r, r.path("id"))
	l := vc.vendor.Logging
	if l == nil {
		l = &sipLogging{new(bool), new(bool)}
	}
	return sipLoggingBody{l}, err
}
