package chime

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

// Where a Voice Connector's calls go to and come from: origination is the way out to the customer's hosts, termination
// the way in from them.
var terminationOperations = []operation{
	{"PutVoiceConnectorOrigination", "PUT", "/voice-connectors/{id}/origination", "", http.StatusOK, with((*control).putOrigination)},
	{"GetVoiceConnectorOrigination", "GET", "/voice-connectors/{id}/origination", "", http.StatusOK, bare((*control).getOrigination)},
	{"DeleteVoiceConnectorOrigination", "DELETE", "/voice-connectors/{id}/origination", "", http.StatusNoContent, bare((*control).deleteOrigination)},
	{"PutVoiceConnectorTermination", "PUT", "/voice-connectors/{id}/termination", "", http.StatusOK, with((*control).putTermination)},
	{"GetVoiceConnectorTermination", "GET", "/voice-connectors/{id}/termination", "", http.StatusOK, bare((*control).getTermination)},
	{"DeleteVoiceConnectorTermination", "DELETE", "/voice-connectors/{id}/termination", "", http.StatusNoContent, bare((*control).deleteTermination)},
}

func (c *control) putOrigination(r *request, in originationBody) (originationBody, error) {
	var v checks
	v.origination(in.Origination)
	if err := v.result(); err != nil {
		return originationBody{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Origination = in.Origination; return nil })
	return in, err
}

func (c *checks) origination(o *origination) {
	if o == nil || o.Routes == nil && o.Disabled == nil {
		c.fail("Origination: it must have Routes or Disabled")
		return
	}
	if len(o.Routes) > 20 {
		c.fail("Origination.Routes: there are %d; at most 20 are possible", len(o.Routes))
	}
	for _, r := range o.Routes {
		if !directory.IsHost(strings.ToLower(r.Host)) {
			c.fail("Origination.Routes: Host %s is neither a host name nor an IP address; a port stands in Port", quote(r.Host))
		}
		c.between("Origination.Routes: Port", r.Port, 0, 65535)
		c.oneOf("Origination.Routes: Protocol", r.Protocol, "TCP", "UDP")
		if r.Priority == nil || r.Weight == nil {
			c.fail("Origination.Routes: Priority and Weight are required, each from 1 to 100")
		}
		c.between("Origination.Routes: Priority", r.Priority, 1, 100)
		c.between("Origination.Routes: Weight", r.Weight, 1, 100)
	}
}

func (c *control) getOrigination(r *request) (originationBody, error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err == nil && vc.vendor.Origination == nil {
		err = notFound("Origination of VoiceConnector", vc.ID)
	}
	return originationBody{vc.vendor.Origination}, err
}

func (c *control) deleteOrigination(r *request) (nothing, error) {
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Origination = nil; return nil })
	return nothing{}, err
}

func (c *control) putTermination(r *request, in terminationBody) (terminationBody, error) {
	var v checks
	v.termination(in.Termination)
	if err := v.result(); err != nil {
		return terminationBody{}, err
	}
	_, err := c.changeConnector(r, func(vc *connector) error { vc.vendor.Termination = in.Termination; return nil })
	return in, err
}

func (c *checks) termination(t *termination) {
	if t == nil {
		c.fail("Termination: it is required")
		return
	}
	if t.CpsLimit != nil && *t.CpsLimit < 1 {
		c.fail("Termination.CpsLimit: %d is below 1", *t.CpsLimit)
	}
	if t.DefaultPhoneNumber != nil {
		c.number("Termination.DefaultPhoneNumber", *t.DefaultPhoneNumber)
	}
	for _, region := range t.CallingRegions {
		if !country.MatchString(region) {
			c.fail("Termination.CallingRegions: %s is no country: write two capital letters, as US", quote(region))
		}
	}
	if len(t.CidrAllowedList) > 100 {
		c.fail("Termination.CidrAllowedList: there are %d; at most 100 are possible", len(t.CidrAllowedList))
	}
	for _, cidr := range t.CidrAllowedList {
		c.network("Termination.CidrAllowedList", cidr)
	}
}

func (c *control) getTermination(r *request) (terminationBody, error) {
	vc, err := c.findConnector(r, r.path("id"))
	if err == nil && vc.vendor.Termination == nil {
		err = notFound("Termination of VoiceConnector", vc.ID)
	}
	return terminationBody{vc.vendor.Termination}, err
}

func (c *control) deleteTermination(r *request) (nothing, error) {
	_, err := c.changeConnector(r, func(vc *connector) error {
		if vc.vendor.Emergency != nil {
			return badRequest("VoiceConnector %s is configured for emergency calls: delete that configuration first", vc.ID)
		}
		vc.vendor.Termination = nil
		return nil
	})
	return nothing{}, err
}

// peers gives where calls go out: over TLS alone where the Voice Connector requires encryption, whatever its routes say.
func (v connectorVendor) peers() []directory.Peer {
	if v.Origination == nil || isTrue(v.Origination.Disabled) {
		return nil
	}
	peers := make([]directory.Peer, len(v.Origination.Routes))
	for i, r := range v.Origination.Routes {
		peers[i] = directory.Peer{Host: strings.ToLower(r.Host), Port: deref(r.Port), Transport: directory.Transport(strings.ToLower(r.Protocol)),
			Priority: deref(r.Priority), Weight: deref(r.Weight)}
		if v.RequireEncryption {
			peers[i].Transport = "tls"
		}
	}
	return peers
}

// takesCalls tells whether calls may come in at all.
func (v connectorVendor) takesCalls() bool {
	return v.Termination != nil && !isTrue(v.Termination.Disabled)
}

// allow gives where calls may come from.
func (v connectorVendor) allow() []netip.Prefix {
	if !v.takesCalls() {
		return nil
	}
	var c checks // what is here was checked when it was put
	var list []netip.Prefix
	for _, cidr := range v.Termination.CidrAllowedList {
		list = append(list, c.network("", cidr))
	}
	return list
}

// rate gives how many calls a second may be placed through the Voice Connector: what was put as CpsLimit, and no limit where nothing was.
func (v connectorVendor) rate() float64 {
	if v.Termination == nil {
		return 0
	}
	return float64(deref(v.Termination.CpsLimit))
}

// transit gives which numbers of the telephone network the customer's hosts may dial, and as whom: those of CallingRegions,
// which the vendor requires. Without it none.
func (v connectorVendor) transit() (t directory.Transit) {
	if !v.takesCalls() || len(v.Termination.CallingRegions) == 0 {
		return t
	}
	t.Prefixes = prefixesOf(v.Termination.CallingRegions)
	if n := v.Termination.DefaultPhoneNumber; n != nil {
		t.Caller = *n
	}
	return t
}
