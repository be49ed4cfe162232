package chime

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Voice Connector groups: several Voice Connectors that calls go out by as by one. Nothing comes in by a group.
var groupOperations = []operation{
	{"CreateVoiceConnectorGroup", "POST", "/voice-connector-groups", "", http.StatusCreated, with((*control).createGroup)},
	{"GetVoiceConnectorGroup", "GET", "/voice-connector-groups/{id}", "", http.StatusOK, bare((*control).getGroup)},
	{"UpdateVoiceConnectorGroup", "PUT", "/voice-connector-groups/{id}", "", http.StatusAccepted, with((*control).updateGroup)},
	{"DeleteVoiceConnectorGroup", "DELETE", "/voice-connector-groups/{id}", "", http.StatusNoContent, bare((*control).deleteGroup)},
	{"ListVoiceConnectorGroups", "GET", "/voice-connector-groups", "", http.StatusOK, bare((*control).listGroups)},
}

// maxMembers bounds a group, as the vendor does.
const maxMembers = 3

type groupIn struct {
	Name                 *string
	VoiceConnectorItems  []groupItem
	CallDistributionType *string
}

// groupVendor is what directory.Trunk.Vendor holds for a Voice Connector group: what its peers are made from, as it was put.
type groupVendor struct {
	Items        []groupItem
	Distribution string
}

// group is a Voice Connector group: a trunk and its vendor's part.
type group struct {
	directory.Trunk
	vendor groupVendor
}

func (c *checks) group(in groupIn) {
	c.name("Name", in.Name)
	if in.CallDistributionType != nil {
		c.oneOf("CallDistributionType", *in.CallDistributionType, byPriority, evenly)
	}
	if len(in.VoiceConnectorItems) > maxMembers {
		c.fail("VoiceConnectorItems: there are %d; at most %d are possible", len(in.VoiceConnectorItems), maxMembers)
	}
	for i, item := range in.VoiceConnectorItems {
		if item.VoiceConnectorID == "" || item.Priority == nil {
			c.fail("VoiceConnectorItems: each has a VoiceConnectorId and a Priority")
		}
		c.between("VoiceConnectorItems: Priority", item.Priority, 1, 99)
		if slices.ContainsFunc(in.VoiceConnectorItems[:i], func(o groupItem) bool { return o.VoiceConnectorID == item.VoiceConnectorID }) {
			c.fail("VoiceConnectorItems: VoiceConnector %s is there twice", quote(item.VoiceConnectorID))
		}
	}
}

func (c *control) createGroup(r *request, in groupIn) (out voiceConnectorGroupOut, err error) {
	var v checks
	v.group(in)
	if err := v.result(); err != nil {
		return out, err
	}
	g := group{vendor: groupVendor{Items: in.VoiceConnectorItems, Distribution: byPriority}}
	if in.CallDistributionType != nil {
		g.vendor.Distribution = *in.CallDistributionType
	}
	g.Trunk = directory.Trunk{ID: newID(), Account: r.account, Name: *in.Name, OutOnly: true, In: header.Trusted(), Out: header.Trusted(), Created: c.now()}
	g.In.Direction, g.Out.Direction = header.In, header.Out
	err = c.change(func() error {
		err := quota(r, c.cfg.Quotas.ConnectorGroups, 1, "Voice Connector groups", c.cfg.Store.Trunks(), trunkID, func(t directory.Trunk) bool {
			_, ok := asGroup(t)
			return ok
		})
		if err != nil {
			return err
		}
		if err := c.composeGroup(r, &g); err != nil {
			return undeclared("VoiceConnectorItems", err)
		}
		return c.cfg.Store.Trunks().Create(r, g.Trunk)
	})
	return voiceConnectorGroupOut{c.groupModel(g)}, err
}

func (c *control) getGroup(r *request) (voiceConnectorGroupOut, error) {
	g, err := c.findGroup(r, r.path("id"))
	return voiceConnectorGroupOut{c.groupModel(g)}, err
}

func (c *control) updateGroup(r *request, in groupIn) (voiceConnectorGroupOut, error) {
	var v checks
	if v.group(in); in.VoiceConnectorItems == nil {
		v.fail("VoiceConnectorItems: it is required; an empty list takes all out of the group")
	}
	if err := v.result(); err != nil {
		return voiceConnectorGroupOut{}, err
	}
	var g group
	err := c.change(func() (err error) {
		if g, err = c.findGroup(r, r.path("id")); err != nil {
			return err
		}
		g.Name, g.vendor.Items = *in.Name, in.VoiceConnectorItems
		if in.CallDistributionType != nil {
			g.vendor.Distribution = *in.CallDistributionType
		}
		if err := c.composeGroup(r, &g); err != nil {
			return err
		}
		return c.cfg.Store.Trunks().Update(r, g.Trunk)
	})
	return voiceConnectorGroupOut{c.groupModel(g)}, err
}

func (c *control) deleteGroup(r *request) (nothing, error) {
	return nothing{}, c.change(func() error {
		g, err := c.findGroup(r, r.path("id"))
		if err != nil {
			return err
		}
		if len(g.vendor.Items) > 0 {
			e := conflict("VoiceConnectorGroup %s has VoiceConnector %s: take it out with UpdateVoiceConnectorGroup first", g.ID, g.vendor.Items[0].VoiceConnectorID)
			e.Code = "VoiceConnectorGroupAssociationsExist"
			return e
		}
		if err := c.hasNoNumbers(r, "VoiceConnectorGroup", g.ID); err != nil {
			return err
		}
		if err := c.cfg.Store.Trunks().Delete(r, g.ID); err != nil {
			return err
		}
		return c.putTags(r, c.groupArn(g), nil)
	})
}

func (c *control) listGroups(r *request) (any, error) {
	list, token, err := pageOf(r, "groups", 100, c.cfg.Store.Trunks(), r.account, trunkID, func(t directory.Trunk) bool { _, ok := asGroup(t); return ok })
	out := struct {
		VoiceConnectorGroups []voiceConnectorGroup
		NextToken            string `json:",omitempty"`
	}{make([]voiceConnectorGroup, 0, len(list)), token}
	for _, t := range list {
		g, _ := asGroup(t)
		out.VoiceConnectorGroups = append(out.VoiceConnectorGroups, c.groupModel(g))
	}
	return out, err
}

// groupsOf gives the groups that a Voice Connector is in.
func (c *control) groupsOf(r *request, connector string) (list []group, err error) {
	err = each(r, c.cfg.Store.Trunks(), r.account, "", trunkID, func(t directory.Trunk) bool {
		g, ok := asGroup(t)
		if ok && slices.ContainsFunc(g.vendor.Items, func(i groupItem) bool { return i.VoiceConnectorID == connector }) {
			list = append(list, g)
		}
		return true
	})
	return list, err
}

// recompose makes the groups anew that a Voice Connector is in: it was changed.
func (c *control) recompose(r *request, connector string) error {
	list, err := c.groupsOf(r, connector)
	for i := range list {
		updated := list[i].Updated // the group was not changed
		err = errors.Join(err, c.composeGroup(r, &list[i]))
		list[i].Updated = updated
		if err == nil {
			err = c.cfg.Store.Trunks().Update(r, list[i].Trunk)
		}
	}
	return err
}

// findGroup gives a Voice Connector group of the account.
func (c *control) findGroup(r *request, id string) (group, error) {
	t, err := c.cfg.Store.Trunks().Get(r, id)
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		return group{}, err
	}
	g, ok := asGroup(t)
	if err != nil || !ok || t.Account != r.account {
		return group{}, notFound("VoiceConnectorGroup", id)
	}
	return g, nil
}

// asGroup gives a trunk as a Voice Connector group; false when it is none.
func asGroup(t directory.Trunk) (group, bool) {
	var v trunkVendor
	if json.Unmarshal(t.Vendor, &v) != nil || v.VoiceConnectorGroup == nil {
		return group{}, false
	}
	return group{t, *v.VoiceConnectorGroup}, true
}

func (c *control) groupArn(g group) string { return c.arn("vcg", g.Account, c.cfg.Region, g.ID) }

func (c *control) groupModel(g group) voiceConnectorGroup {
	items := g.vendor.Items
	if items == nil {
		items = []groupItem{}
	}
	return voiceConnectorGroup{
		VoiceConnectorGroupID: g.ID, Name: g.Name, VoiceConnectorItems: items, CreatedTimestamp: timestamp(g.Created), UpdatedTimestamp: timestamp(g.Updated),
		VoiceConnectorGroupArn: c.groupArn(g), CallDistributionType: g.vendor.Distribution,
	}
}
