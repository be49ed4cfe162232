package chime

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

var ruleOperations = []operation{
	{"CreateSipRule", "POST", "/sip-rules", "", http.StatusCreated, with((*control).createRule)},
	{"GetSipRule", "GET", "/sip-rules/{id}", "", http.StatusOK, bare((*control).getRule)},
	{"UpdateSipRule", "PUT", "/sip-rules/{id}", "", http.StatusAccepted, with((*control).updateRule)},
	{"DeleteSipRule", "DELETE", "/sip-rules/{id}", "", http.StatusNoContent, bare((*control).deleteRule)},
	{"ListSipRules", "GET", "/sip-rules", "", http.StatusOK, bare((*control).listRules)},
}

// What a rule looks at, in the vendor's words.
const (
	toPhoneNumber      = "ToPhoneNumber"
	requestURIHostname = "RequestUriHostname"
)

type ruleIn struct {
	Name               *string
	TriggerType        string
	TriggerValue       string
	Disabled           *bool
	TargetApplications []targetApplication
}

// ruleVendor is what directory.Rule.Vendor holds: the trigger as it was put.
type ruleVendor struct {
	TriggerValue string
}

// targetVendor is what directory.Target.Vendor holds.
type targetVendor struct {
	AwsRegion string `json:",omitempty"`
}

func (c *control) createRule(r *request, in ruleIn) (out sipRuleOut, err error) {
	var v checks
	v.name("Name", in.Name)
	v.oneOf("TriggerType", in.TriggerType, toPhoneNumber, requestURIHostname)
	if strings.TrimSpace(in.TriggerValue) == "" {
		v.fail("TriggerValue: it is required")
	}
	v.targets(in.TargetApplications)
	if len(in.TargetApplications) == 0 {
		v.fail("TargetApplications: it is required, with 1 to 25 applications")
	}
	if err := v.result(); err != nil {
		return out, err
	}
	now := c.now()
	rule := directory.Rule{ID: newID(), Account: r.account, Name: *in.Name, Created: now, Updated: now,
		Disabled: in.Disabled != nil && *in.Disabled}
	if rule.Vendor, err = json.Marshal(ruleVendor{in.TriggerValue}); err != nil {
		return out, err
	}
	err = c.change(func() error {
		if err := c.setTrigger(r, &rule, in); err != nil {
			return err
		}
		if err := quota(r, c.cfg.Quotas.Rules, 1, "SIP rules", c.cfg.Store.Rules(), ruleID, func(directory.Rule) bool { return true }); err != nil {
			return err
		}
		if rule.Targets, err = c.targetsOf(r, in.TargetApplications); err != nil {
			return err
		}
		return taken(c.cfg.Store.Rules().Create(r, rule), "There is a SipRule with TriggerType %s and TriggerValue %s already: change that one, or delete it first", in.TriggerType, quote(in.TriggerValue))
	})
	return sipRuleOut{rulesModel(rule)}, err
}

// setTrigger checks that the account has what the rule is to be triggered by.
func (c *control) setTrigger(r *request, rule *directory.Rule, in ruleIn) error {
	if in.TriggerType == requestURIHostname {
		rule.Kind, rule.Value = directory.ByHost, strings.ToLower(strings.TrimSuffix(in.TriggerValue, "."))
		trunk, ok := c.cfg.Store.Snapshot().TrunkByHost(rule.Value)
		if !ok || trunk.Account != r.account {
			return badRequest("TriggerValue: %s is not the OutboundHostName of a Voice Connector of this account", quote(in.TriggerValue))
		}
		return nil
	}
	var v checks
	rule.Kind, rule.Value = directory.ByNumber, v.number("TriggerValue", in.TriggerValue)
	if err := v.result(); err != nil {
		return err
	}
	if n, ok := c.cfg.Store.Snapshot().Number(rule.Value); !ok || n.Account != r.account {
		return badRequest("TriggerValue: %s is not in this account's inventory: order it with CreatePhoneNumberOrder first", rule.Value)
	}
	return nil
}

// targets checks what can be checked without looking up.
func (c *checks) targets(list []targetApplication) {
	if len(list) > 25 {
		c.fail("TargetApplications: there are %d; at most 25 are possible", len(list))
	}
	seen := map[string]bool{}
	for _, t := range list {
		if t.SipMediaApplicationID == "" {
			c.fail("TargetApplications: SipMediaApplicationId is required")
		}
		if t.Priority == nil {
			c.fail("TargetApplications: Priority is required; 1 is tried first")
		}
		c.between("TargetApplications: Priority", t.Priority, 1, math.MaxInt32)
		if seen[t.SipMediaApplicationID] {
			c.fail("TargetApplications: %s is there twice", quote(t.SipMediaApplicationID))
		}
		seen[t.SipMediaApplicationID] = true
	}
}

func (c *control) targetsOf(r *request, list []targetApplication) ([]directory.Target, error) {
	out := make([]directory.Target, len(list))
	regions := map[string]string{}
	for i, t := range list {
		app, err := c.findApplication(r, t.SipMediaApplicationID)
		if err != nil {
			return nil, undeclared("TargetApplications", err)
		}
		region := c.settings(app).AwsRegion
		if t.AwsRegion != "" && t.AwsRegion != region {
			return nil, badRequest("TargetApplications: SipMediaApplication %s is in %s, not in %s", app.ID, region, quote(t.AwsRegion))
		}
		if before, ok := regions[region]; ok {
			return nil, badRequest("TargetApplications: %s and %s are both in %s; a rule has one application of a region", before, app.ID, region)
		}
		regions[region] = app.ID
		vendor, err := json.Marshal(targetVendor{t.AwsRegion})
		if err != nil {
			return nil, err
		}
		out[i] = directory.Target{App: app.ID, Priority: *t.Priority, Vendor: vendor}
	}
	return out, nil
}

func (c *control) getRule(r *request) (sipRuleOut, error) {
	rule, err := c.findRule(r, r.path("id"))
	return sipRuleOut{rulesModel(rule)}, err
}

func (c *control) updateRule(r *request, in ruleIn) (out sipRuleOut, err error) {
	var v checks
	v.name("Name", in.Name)
	v.targets(in.TargetApplications)
	if in.TargetApplications != nil && len(in.TargetApplications) == 0 {
		v.fail("TargetApplications: there are none; leave it out to keep those of before")
	}
	if err := v.result(); err != nil {
		return out, err
	}
	err = c.change(func() error {
		rule, err := c.findRule(r, r.path("id"))
		if err != nil {
			return err
		}
		rule.Name, rule.Updated = *in.Name, c.now()
		if in.Disabled != nil {
			rule.Disabled = *in.Disabled
		}
		if in.TargetApplications != nil {
			if rule.Targets, err = c.targetsOf(r, in.TargetApplications); err != nil {
				return err
			}
		}
		out.SipRule = rulesModel(rule)
		return c.cfg.Store.Rules().Update(r, rule)
	})
	return out, err
}

func (c *control) deleteRule(r *request) (nothing, error) {
	return nothing{}, c.change(func() error {
		rule, err := c.findRule(r, r.path("id"))
		if err != nil {
			return err
		}
		if !rule.Disabled {
			return conflict("SipRule %s is enabled: disable it with UpdateSipRule before you delete it", rule.ID)
		}
		return c.cfg.Store.Rules().Delete(r, rule.ID)
	})
}

func ruleID(rule directory.Rule) string { return rule.ID }

func (c *control) listRules(r *request) (any, error) {
	var want func(directory.Rule) bool
	if app := r.query.Get("sip-media-application"); app != "" {
		if _, err := c.findApplication(r, app); err != nil {
			return nil, undeclared("SipMediaApplicationId", err)
		}
		want = func(rule directory.Rule) bool { return targets(rule, app) }
	}
	list, token, err := pageOf(r, "rules", 100, c.cfg.Store.Rules(), r.account, ruleID, want)
	out := struct {
		SipRules  []sipRule
		NextToken string `json:",omitempty"`
	}{make([]sipRule, 0, len(list)), token}
	for _, rule := range list {
		out.SipRules = append(out.SipRules, rulesModel(rule))
	}
	return out, err
}

// findRule gives a rule of the account.
func (c *control) findRule(r *request, id string) (directory.Rule, error) {
	rule, err := c.cfg.Store.Rules().Get(r, id)
	if errors.Is(err, directory.ErrNotFound) || err == nil && rule.Account != r.account {
		return directory.Rule{}, notFound("SipRule", id)
	}
	return rule, err
}

// rulesModel gives a rule in the vendor's shape; one that the operator declared has no vendor's part.
func rulesModel(rule directory.Rule) sipRule {
	out := sipRule{
		SipRuleID: rule.ID, Name: rule.Name, Disabled: rule.Disabled, TriggerType: toPhoneNumber, TriggerValue: rule.Value,
		TargetApplications: make([]targetApplication, len(rule.Targets)),
		CreatedTimestamp:   timestamp(rule.Created), UpdatedTimestamp: timestamp(rule.Updated),
	}
	if rule.Kind == directory.ByHost {
		out.TriggerType = requestURIHostname
	}
	var vendor ruleVendor
	if json.Unmarshal(rule.Vendor, &vendor) == nil && vendor.TriggerValue != "" {
		out.TriggerValue = vendor.TriggerValue
	}
	for i, t := range rule.Targets {
		var v targetVendor
		_ = json.Unmarshal(t.Vendor, &v) // without one there is no region to show
		out.TargetApplications[i] = targetApplication{t.App, &rule.Targets[i].Priority, v.AwsRegion}
	}
	return out
}
