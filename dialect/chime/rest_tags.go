package chime

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

var tagOperations = []operation{
	{"TagResource", "POST", "/tags", "operation=tag-resource", http.StatusNoContent, with((*control).tagResource)},
	{"UntagResource", "POST", "/tags", "operation=untag-resource", http.StatusNoContent, with((*control).untagResource)},
	{"ListTagsForResource", "GET", "/tags", "", http.StatusOK, bare((*control).listTags)},
}

const maxTags = 50

func (c *control) tags() directory.Table[directory.Document] { return c.cfg.Store.Vendor("chime-tags") }

type tagIn struct {
	ResourceARN string
	Tags        []tag
	TagKeys     []string
}

func (c *control) tagResource(r *request, in tagIn) (nothing, error) {
	var v checks
	if len(in.Tags) == 0 {
		v.fail("Tags: it is required")
	}
	v.tags(in.Tags)
	return nothing{}, c.changeTags(r, &v, in.ResourceARN, func(list []tag) ([]tag, error) {
		for _, t := range in.Tags {
			if i := slices.IndexFunc(list, func(have tag) bool { return have.Key == t.Key }); i >= 0 {
				list[i].Value = t.Value
			} else {
				list = append(list, t)
			}
		}
		if len(list) > maxTags {
			return nil, tooManyTags(in.ResourceARN, "Tags: %d would be on the resource; at most %d are possible", len(list), maxTags)
		}
		return list, nil
	})
}

func (c *control) untagResource(r *request, in tagIn) (nothing, error) {
	var v checks
	if n := len(in.TagKeys); n == 0 || n > maxTags {
		v.fail("TagKeys: there are %d; 1 to %d are possible", n, maxTags)
	}
	return nothing{}, c.changeTags(r, &v, in.ResourceARN, func(list []tag) ([]tag, error) {
		return slices.DeleteFunc(list, func(t tag) bool { return slices.Contains(in.TagKeys, t.Key) }), nil
	})
}

func (c *control) changeTags(r *request, v *checks, arn string, f func([]tag) ([]tag, error)) error {
	v.arn("ResourceARN", arn)
	if err := v.result(); err != nil {
		return err
	}
	return c.change(func() error {
		list, err := c.tagsOf(r, arn)
		if err != nil {
			return err
		}
		if list, err = f(list); err != nil {
			return err
		}
		return c.putTags(r, arn, list)
	})
}

func (c *checks) arn(member, v string) {
	if len(v) > 1024 || !arnPattern.MatchString(v) {
		c.fail("%s: %s is no ARN", member, quote(v))
	}
}

func (c *control) listTags(r *request) (any, error) {
	arn := r.query.Get("arn")
	var v checks
	v.arn("ResourceARN", arn)
	if err := v.result(); err != nil {
		return nil, err
	}
	list, err := c.tagsOf(r, arn)
	if list == nil {
		list = []tag{}
	}
	return struct{ Tags []tag }{list}, err
}

// tagsOf gives the tags of a thing of the account that exists.
func (c *control) tagsOf(r *request, arn string) ([]tag, error) {
	if err := c.findResource(r, arn); err != nil {
		return nil, err
	}
	doc, err := c.tags().Get(r, arn)
	if errors.Is(err, directory.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var list []tag
	err = json.Unmarshal(doc.Body, &list)
	return list, err
}

// findResource tells whether the account has the thing that an ARN names.
func (c *control) findResource(r *request, arn string) error {
	have := ""
	kind, id, _ := strings.Cut(arn[strings.LastIndexByte(arn, ':')+1:], "/")
	var err error
	switch kind {
	case "sma":
		var app directory.App
		if app, err = c.findApplication(r, id); err == nil {
			have = c.applicationArn(app)
		}
	case "vc":
		var vc connector
		if vc, err = c.findConnector(r, id); err == nil {
			have = c.connectorArn(vc)
		}
	case "vcg":
		var g group
		if g, err = c.findGroup(r, id); err == nil {
			have = c.groupArn(g)
		}
	case "phone-number":
		var n directory.Number
		if n, err = c.findNumber(r, id); err == nil {
			have = c.numberArn(n)
		}
	case "meeting":
		if m, ok := c.lobby.get(r.account, id); ok {
			have = m.Meeting.MeetingArn
		}
	}
	var api *apiError
	if err != nil && !errors.As(err, &api) {
		return err
	}
	if have != arn {
		e := notFound("Resource", arn)
		if isMeetingARN(arn) {
			e.Type = "ResourceNotFoundException"
		}
		return e
	}
	return nil
}

// isMeetingARN tells whether an ARN is one of the service of meetings, which has other exceptions about tags.
func isMeetingARN(arn string) bool { return strings.Contains(arn, ":meeting/") }

func tooManyTags(arn, format string, args ...any) *apiError {
	e := limitExceeded(format, args...)
	if isMeetingARN(arn) {
		e.Type, e.Code = "TooManyTagsException", "TooManyTags"
	}
	return e
}

// putTags keeps a thing's tags; none removes what was kept.
func (c *control) putTags(ctx context.Context, arn string, list []tag) error {
	if len(list) == 0 {
		if err := c.tags().Delete(ctx, arn); !errors.Is(err, directory.ErrNotFound) {
			return err
		}
		return nil
	}
	body, err := json.Marshal(list)
	if err != nil {
		return err
	}
	now := c.now()
	doc := directory.Document{ID: arn, Account: strings.Split(arn, ":")[4], Body: body, Created: now, Updated: now}
	if err := c.tags().Update(ctx, doc); !errors.Is(err, directory.ErrNotFound) {
		return err
	}
	return c.tags().Create(ctx, doc)
}
