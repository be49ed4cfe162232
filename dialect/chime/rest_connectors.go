package chime

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

var connectorOperations = []operation{
	{"CreateVoiceConnector", "POST", "/voice-connectors", "", http.StatusCreated, with((*control).createConnector)},
	{"GetVoiceConnector", "GET", "/voice-connectors/{id}", "", http.StatusOK, bare((*control).getConnector)},
	{"UpdateVoiceConnector", "PUT", "/voice-connectors/{id}", "", http.StatusOK, with((*control).updateConnector)},
	{"DeleteVoiceConnector", "DELETE", "/voice-connectors/{id}", "", http.StatusNoContent, bare((*control).deleteConnector)},
	{"ListVoiceConnectors", "GET", "/voice-connectors", "", http.StatusOK, bare((*control).listConnectors)},
}

// connectorDomain is what the host name of every Voice Connector ends with.
const connectorDomain = ".voiceconnector.chime.aws"

type connectorIn struct {
	Name              *string
	AwsRegion         *string
	RequireEncryption *bool
	IntegrationType   *string
	NetworkType       *string
	Tags              []tag
}

// connectorVendor is what directory.Trunk.Vendor holds for a Voice Connector: what only the API shows, and what its
// peers and allowed networks are made from, as it was put.
type connectorVendor struct {
	AwsRegion         string
	RequireEncryption bool
	IntegrationType   string                  `json:",omitempty"`
	NetworkType       string                  `json:",omitempty"`
	Origination       *origination            `json:",omitempty"`
	Termination       *termination            `json:",omitempty"`
	Logging           *sipLogging             `json:",omitempty"`
	Streaming         *streamingConfiguration `json:",omitempty"`
	Emergency         *emergencyConfiguration `json:",omitempty"`
	External          *externalSystems        `json:",omitempty"`
}

// connector is a Voice Connector: a trunk and its vendor's part.
type connector struct {
	directory.Trunk
	vendor connectorVendor
}

// trunkVendor marks the trunks that are Voice Connectors, or groups of them, among those that the operator declared.
type trunkVendor struct {
	VoiceConnector      *connectorVendor `json:",omitempty"`
	VoiceConnectorGroup *groupVendor     `json:",omitempty"`
}

func (c *control) createConnector(r *request, in connectorIn) (out voiceConnectorOut, err error) {
	vc := connector{vendor: connectorVendor{AwsRegion: c.cfg.Region, NetworkType: "IPV4_ONLY"}}
	var v checks
	v.name("Name", in.Name)
	v.encryption(in.RequireEncryption)
	if in.AwsRegion != nil {
		v.oneOf("AwsRegion", *in.AwsRegion, connectorRegions...)
		vc.vendor.AwsRegion = *in.AwsRegion
	}
	if in.NetworkType != nil {
		v.oneOf("NetworkType", *in.NetworkType, "IPV4_ONLY", "DUAL_STACK")
		vc.vendor.NetworkType = *in.NetworkType
	}
	if in.IntegrationType != nil {
		v.oneOf("IntegrationType", *in.IntegrationType, "CONNECT_CALL_TRANSFER_CONNECTOR", "CONNECT_ANALYTICS_CONNECTOR")
		vc.vendor.IntegrationType = *in.IntegrationType
	}
	v.tags(in.Tags)
	if err := v.result(); err != nil {
		return out, err
	}
	vc.vendor.RequireEncryption = *in.RequireEncryption
	id := newConnectorID()
	vc.Trunk = directory.Trunk{ID: id, Account: r.account, Name: *in.Name, Host: id + connectorDomain, In: header.Trusted(), Out: header.Trusted(), Created: c.now()}
	vc.In.Direction, vc.Out.Direction = header.In, header.Out
	err = c.change(func() error {
		err := quota(r, c.cfg.Quotas.Connectors, 1, "Voice Connectors in "+vc.vendor.AwsRegion, c.cfg.Store.Trunks(), trunkID, func(t directory.Trunk) bool {
			have, ok := asConnector(t)
			return ok && have.vendor.AwsRegion == vc.vendor.AwsRegion
		})
		if err != nil {
			return err
		}
		if err := c.saveConnector(r, &vc, c.cfg.Store.Trunks().Create); err != nil {
			return err
		}
		return c.putTags(r, c.connectorArn(vc), in.Tags)
	})
	return voiceConnectorOut{c.connectorModel(vc)}, err
}

func (c *checks) encryption(v *bool) {
	if v == nil {
		c.fail("RequireEncryption: it is required, true or false")
	}
}

// newConnectorID gives an ID as the vendor's: 22 characters of a to z and 0 to 9, more than 100 random bits.
func newConnectorID() string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
	id := make([]byte, 0, 22)
	var random [32]byte
	for {
		rand.Read(random[:]) // never fails: crypto/rand ends the program rather than give weak bytes
		for _, b := range random {
			if len(id) == cap(id) {
				return string(id)
			}
			if int(b) < 256/len(alphabet)*len(alphabet) { // each character as likely as any other
				id = append(id, alphabet[int(b)%len(alphabet)])
			}
		}
	}
}

// saveConnector turns what was put into what calls need, and keeps it.
func (c *control) saveConnector(r *request, vc *connector, save func(ctx context.Context, t directory.Trunk) error) error {
	vc.shape(c.cfg.CallerID)
	vc.Updated = c.now()
	raw, err := json.Marshal(trunkVendor{VoiceConnector: &vc.vendor})
	if err != nil {
		return err
	}
	vc.Vendor = raw
	return save(r, vc.Trunk)
}

// shape turns what was put into what calls need.
func (vc *connector) shape(id CallerID) {
	v := &vc.vendor
	vc.Peers, vc.Allow, vc.Limits.Placed = v.peers(), v.allow(), v.rate()
	vc.TLS.Need, vc.Audio.SRTP = v.RequireEncryption, directory.Default
	if v.RequireEncryption {
		vc.Audio.SRTP = directory.Always
	}
	// Without a termination, or with a disabled one, the vendor takes no calls from a customer's hosts.
	vc.OutOnly = !v.takesCalls() || len(vc.Allow) == 0 && len(vc.Callers) == 0
	vc.Owned, vc.Transit = id == CallerOwned, v.transit()
	vc.Signalling.Rows = header.List{{Name: connectorRow, Value: vc.ID}}
}

// connectorRow tells a Voice Connector's hosts by which one they are called.
const connectorRow = "X-VoiceConnector-ID"

// Refresh brings the trunks of all Voice Connectors to what they were put as and the configuration says, which may have changed
// since, or the program has.
func (d *Dialect) Refresh(ctx context.Context) error {
	for id, t := range d.cfg.Store.Snapshot().Trunks() {
		vc, ok := asConnector(*t)
		if !ok {
			continue
		}
		if vc.shape(d.cfg.CallerID); reflect.DeepEqual(vc.Trunk, *t) {
			continue
		}
		if err := d.cfg.Store.Trunks().Update(ctx, vc.Trunk); err != nil {
			return fmt.Errorf("bring Voice Connector %s up to date: %w", id, err)
		}
	}
	return nil
}

func isTrue(b *bool) bool { return b != nil && *b }

func deref(n *int) int {
	if n == nil {
		return 0
	}
	return *n
}

func (c *control) getConnector(r *request) (voiceConnectorOut, error) {
	vc, err := c.findConnector(r, r.path("id"))
	return voiceConnectorOut{c.connectorModel(vc)}, err
}

func (c *control) updateConnector(r *request, in connectorIn) (voiceConnectorOut, error) {
	var v checks
	v.name("Name", in.Name)
	v.encryption(in.RequireEncryption)
	if err := v.result(); err != nil {
		return voiceConnectorOut{}, err
	}
	vc, err := c.changeConnector(r, func(vc *connector) error {
		vc.Name, vc.vendor.RequireEncryption = *in.Name, *in.RequireEncryption
		return nil
	})
	return voiceConnectorOut{c.connectorModel(vc)}, err
}

func (c *control) deleteConnector(r *request) (nothing, error) {
	return nothing{}, c.change(func() error {
		vc, err := c.findConnector(r, r.path("id"))
		if err != nil {
			return err
		}
		if rule, ok := c.cfg.Store.Snapshot().Rule(directory.ByHost, vc.Host); ok {
			return conflict("VoiceConnector %s triggers SipRule %s: delete the rule first", vc.ID, rule.ID)
		}
		if err := c.hasNoNumbers(r, "VoiceConnector", vc.ID); err != nil {
			return err
		}
		groups, err := c.groupsOf(r, vc.ID)
		if err != nil {
			return err
		}
		if len(groups) > 0 {
			e := conflict("VoiceConnector %s is in VoiceConnectorGroup %s: take it out with UpdateVoiceConnectorGroup first", vc.ID, groups[0].ID)
			e.Code = "VoiceConnectorGroupAssociationsExist"
			return e
		}
		if err := c.cfg.Store.Trunks().Delete(r, vc.ID); err != nil {
			return err
		}
		return c.putTags(r, c.connectorArn(vc), nil)
	})
}

// hasNoNumbers tells whether no number is associated with a Voice Connector or group.
func (c *control) hasNoNumbers(r *request, what, id string) error {
	number := ""
	err := each(r, c.cfg.Store.Numbers(), r.account, "", numberID, func(n directory.Number) bool {
		if n.Trunk == id {
			number = n.E164
		}
		return number == ""
	})
	if err != nil || number == "" {
		return err
	}
	e := conflict("%s %s has phone numbers, %s among them: disassociate them first", what, id, number)
	e.Code = "PhoneNumberAssociationsExist"
	return e
}

func trunkID(t directory.Trunk) string { return t.ID }

func (c *control) listConnectors(r *request) (any, error) {
	list, token, err := pageOf(r, "connectors", 100, c.cfg.Store.Trunks(), r.account,
		trunkID, func(t directory.Trunk) bool { _, ok := asConnector(t); return ok })
	out := struct {
		VoiceConnectors []voiceConnector
		NextToken       string `json:",omitempty"`
	}{make([]voiceConnector, 0, len(list)), token}
	for _, t := range list {
		vc, _ := asConnector(t)
		out.VoiceConnectors = append(out.VoiceConnectors, c.connectorModel(vc))
	}
	return out, err
}

// changeConnector changes a Voice Connector of the account, that of the path, as one step.
func (c *control) changeConnector(r *request, f func(*connector) error) (vc connector, err error) {
	err = c.change(func() error {
		if vc, err = c.findConnector(r, r.path("id")); err != nil {
			return err
		}
		if err := f(&vc); err != nil {
			return err
		}
		if err := c.saveConnector(r, &vc, c.cfg.Store.Trunks().Update); err != nil {
			return err
		}
		return c.recompose(r, vc.ID)
	})
	return vc, err
}

// findConnector gives a Voice Connector of the account.
func (c *control) findConnector(r *request, id string) (connector, error) {
	t, err := c.cfg.Store.Trunks().Get(r, id)
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return connector{}, err
	}
	vc, ok := asConnector(t)
	if err != nil || !ok || t.Account != r.account {
		return connector{}, notFound("VoiceConnector", id)
	}
	return vc, nil
}

// asConnector gives a trunk as a Voice Connector; false when it is none.
func asConnector(t directory.Trunk) (connector, bool) {
	var v trunkVendor
	if json.Unmarshal(t.Vendor, &v) != nil || v.VoiceConnector == nil {
		return connector{}, false
	}
	return connector{t, *v.VoiceConnector}, true
}

func (c *control) connectorArn(vc connector) string {
	return c.arn("vc", vc.Account, vc.vendor.AwsRegion, vc.ID)
}

func (c *control) connectorModel(vc connector) voiceConnector {
	return voiceConnector{
		VoiceConnectorID: vc.ID, AwsRegion: vc.vendor.AwsRegion, Name: vc.Name, OutboundHostName: vc.Host,
		RequireEncryption: vc.vendor.RequireEncryption, CreatedTimestamp: timestamp(vc.Created), UpdatedTimestamp: timestamp(vc.Updated),
		VoiceConnectorArn: c.connectorArn(vc), IntegrationType: vc.vendor.IntegrationType, NetworkType: vc.vendor.NetworkType,
	}
}
