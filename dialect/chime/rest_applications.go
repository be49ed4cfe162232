package chime

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/switchhook/switchhook/directory"
)

var applicationOperations = []operation{
	{"CreateSipMediaApplication", "POST", "/sip-media-applications", "", http.StatusCreated, with((*control).createApplication)},
	{"GetSipMediaApplication", "GET", "/sip-media-applications/{id}", "", http.StatusOK, bare((*control).getApplication)},
	{"UpdateSipMediaApplication", "PUT", "/sip-media-applications/{id}", "", http.StatusOK, with((*control).updateApplication)},
	{"DeleteSipMediaApplication", "DELETE", "/sip-media-applications/{id}", "", http.StatusNoContent, bare((*control).deleteApplication)},
	{"ListSipMediaApplications", "GET", "/sip-media-applications", "", http.StatusOK, bare((*control).listApplications)},
}

type applicationIn struct {
	AwsRegion *string
	Name      *string
	Endpoints []endpoint
	Tags      []tag
}

func (c *control) createApplication(r *request, in applicationIn) (sipMediaApplicationOut, error) {
	var v checks
	v.name("Name", in.Name)
	if in.AwsRegion == nil {
		v.fail("AwsRegion: it is required")
	} else {
		v.region("AwsRegion", *in.AwsRegion)
	}
	arn := c.checkEndpoints(&v, in.Endpoints)
	v.tags(in.Tags)
	if err := v.result(); err != nil {
		return sipMediaApplicationOut{}, err
	}
	now := c.now()
	app := directory.App{ID: newID(), Account: r.account, Name: *in.Name, Dialect: c.Name(), Created: now, Updated: now}
	if err := c.saveApplication(&app, Settings{LambdaArn: arn, AwsRegion: *in.AwsRegion}); err != nil {
		return sipMediaApplicationOut{}, err
	}
	err := c.change(func() error {
		err := quota(r, c.cfg.Quotas.Applications, 1, "SIP media applications in "+*in.AwsRegion, c.cfg.Store.Apps(), appID, func(a directory.App) bool {
			return a.Dialect == c.Name() && c.settings(a).AwsRegion == *in.AwsRegion
		})
		if err != nil {
			return err
		}
		if err := c.cfg.Store.Apps().Create(r, app); err != nil {
			return err
		}
		return c.putTags(r, c.applicationArn(app), in.Tags)
	})
	return sipMediaApplicationOut{c.application(app)}, err
}

// checkEndpoints gives the one function. An ARN is taken whether or not there is such a function: AWS Lambda is asked when
// a call comes. A name alone is taken when the operator declared a function by it.
func (c *control) checkEndpoints(v *checks, list []endpoint) string {
	if len(list) != 1 {
		v.fail("Endpoints: there are %d; an application has exactly one, with the ARN of its function", len(list))
		return ""
	}
	arn := list[0].LambdaArn
	if lambdaArn.MatchString(arn) && len(arn) <= 10_000 {
		return arn
	}
	if !c.cfg.Functions.Declared(arn) {
		v.fail("Endpoints: LambdaArn %s is neither the ARN of a Lambda function nor the name of one that is declared on this server", quote(arn))
	}
	return arn
}

// saveApplication puts settings into an application, once its dialect takes them.
func (c *control) saveApplication(app *directory.App, s Settings) error {
	raw, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if _, err := c.App(app.ID, raw); err != nil {
		return badRequest("%v", err)
	}
	app.Settings = raw
	return nil
}

func (c *control) getApplication(r *request) (sipMediaApplicationOut, error) {
	app, err := c.findApplication(r, r.path("id"))
	return sipMediaApplicationOut{c.application(app)}, err
}

func (c *control) updateApplication(r *request, in applicationIn) (out sipMediaApplicationOut, err error) {
	var v checks
	if in.Name != nil {
		v.name("Name", in.Name)
	}
	arn := ""
	if in.Endpoints != nil {
		arn = c.checkEndpoints(&v, in.Endpoints)
	}
	if err := v.result(); err != nil {
		return out, err
	}
	err = c.change(func() error {
		app, err := c.findApplication(r, r.path("id"))
		if err != nil {
			return err
		}
		if in.Name != nil {
			app.Name = *in.Name
		}
		if s := c.settings(app); arn != "" {
			s.LambdaArn = arn
			if err := c.saveApplication(&app, s); err != nil {
				return err
			}
		}
		app.Updated = c.now()
		out.SipMediaApplication = c.application(app)
		return c.cfg.Store.Apps().Update(r, app)
	})
	return out, err
}

func (c *control) deleteApplication(r *request) (nothing, error) {
	return nothing{}, c.change(func() error {
		app, err := c.findApplication(r, r.path("id"))
		if err != nil {
			return err
		}
		used, err := c.ruleOf(r, func(rule directory.Rule) bool { return targets(rule, app.ID) })
		if err != nil {
			return err
		}
		if used != "" {
			return conflict("SipMediaApplication %s is a target of SipRule %s: take it out of the rule, or delete the rule, first", app.ID, used)
		}
		if err := c.cfg.Store.Apps().Delete(r, app.ID); err != nil {
			return err
		}
		return c.putTags(r, c.applicationArn(app), nil)
	})
}

func appID(a directory.App) string { return a.ID }

func (c *control) listApplications(r *request) (any, error) {
	list, token, err := pageOf(r, "applications", 100, c.cfg.Store.Apps(), r.account,
		appID, func(a directory.App) bool { return a.Dialect == c.Name() })
	out := struct {
		SipMediaApplications []sipMediaApplication
		NextToken            string `json:",omitempty"`
	}{make([]sipMediaApplication, 0, len(list)), token}
	for _, a := range list {
		out.SipMediaApplications = append(out.SipMediaApplications, c.application(a))
	}
	return out, err
}

// findApplication gives an application of the account.
func (c *control) findApplication(r *request, id string) (directory.App, error) {
	app, err := c.cfg.Store.Apps().Get(r, id)
	if errors.Is(err, directory.ErrNotFound) || err == nil && (app.Account != r.account || app.Dialect != c.Name()) {
		return directory.App{}, notFound("SipMediaApplication", id)
	}
	return app, err
}

// ruleOf gives the ID of a rule of the account that is as wanted; "" when there is none.
func (c *control) ruleOf(r *request, want func(directory.Rule) bool) (id string, err error) {
	err = each(r, c.cfg.Store.Rules(), r.account, "", ruleID, func(rule directory.Rule) bool {
		if want(rule) {
			id = rule.ID
		}
		return id == ""
	})
	return id, err
}

func targets(rule directory.Rule, app string) bool {
	return slices.ContainsFunc(rule.Targets, func(t directory.Target) bool { return t.App == app })
}

// settings gives an application's settings; they were good when it was saved.
func (c *control) settings(app directory.App) Settings {
	s, err := ParseSettings(app.Settings)
	if err != nil || s.AwsRegion == "" {
		s.AwsRegion = c.cfg.Region
	}
	return s
}

func (c *control) applicationArn(app directory.App) string {
	return c.arn("sma", app.Account, c.settings(app).AwsRegion, app.ID)
}

func (c *control) application(app directory.App) sipMediaApplication {
	s := c.settings(app)
	return sipMediaApplication{
		SipMediaApplicationID: app.ID, AwsRegion: s.AwsRegion, Name: app.Name, Endpoints: []endpoint{{s.LambdaArn}},
		CreatedTimestamp: timestamp(app.Created), UpdatedTimestamp: timestamp(app.Updated), SipMediaApplicationArn: c.applicationArn(app),
	}
}
