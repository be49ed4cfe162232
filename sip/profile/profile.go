package profile

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// Profile is what is known of one kind of peer, as data: see [All]. A trunk names one in its options. What the trunk
// itself sets counts more than what the profile says: each field of Options counts where the trunk's is zero; of In and
// Out, the gate, discriminator, form and limits where the policy's are unset, and the rules for names that no rule of the
// policy's own names.
type Profile struct {
	Name    string
	Peer    string // what it is
	Options directory.Options
	In, Out header.Policy
	UUI     string // its form of User-to-User: a name of header.UUIProfiles, or empty
	Why     string
	Source  string // where the facts come from
}

// Find finds a profile by its name.
func Find(name string) (Profile, bool) {
	for _, p := range All() {
		if p.Name == name {
			return p, true
		}
	}
	return Profile{}, false
}

// Apply gives the trunk as its peers' kind wants it. The trunk given is not changed.
func (p Profile) Apply(t directory.Trunk) directory.Trunk {
	fill(reflect.ValueOf(&t.Options).Elem(), reflect.ValueOf(p.Options))
	t.In, t.Out = merged(t.In, p.In, header.In), merged(t.Out, p.Out, header.Out)
	return t
}

// Applied gives the trunk with its profile applied; the trunk itself where it names none that there is.
func Applied(t *directory.Trunk) *directory.Trunk {
	if t.Profile == "" {
		return t
	}
	p, ok := Find(t.Profile)
	if !ok {
		return t
	}
	out := p.Apply(*t)
	return &out
}

// fill sets what is zero in dst to what src says.
func fill(dst, src reflect.Value) {
	for i := range dst.NumField() {
		switch d := dst.Field(i); {
		case d.Kind() == reflect.Struct:
			fill(d, src.Field(i))
		case d.IsZero():
			d.Set(src.Field(i))
		}
	}
}

// merged gives one direction's policy with the profile's pieces.
func merged(own, more header.Policy, d header.Direction) header.Policy {
	out := own
	out.Direction = d
	if out.UUI == "" {
		out.UUI = more.UUI
	}
	if out.Discriminator == "" {
		out.Discriminator = more.Discriminator
	}
	if out.Diversion == "" {
		out.Diversion = more.Diversion
	}
	fill(reflect.ValueOf(&out.Limits).Elem(), reflect.ValueOf(more.Limits))
	out.Rules = nil
	late := own.Rules // those that are read after the profile's
	if !isReady(own) {
		out.Rules, late = slices.Clone(own.Rules), nil
	}
	for _, r := range more.Rules {
		if !reached(out.Rules, r.Match) || !allowed(out, r) {
			continue
		}
		out.Rules = append(out.Rules, r)
	}
	for _, r := range late {
		if reached(out.Rules, r.Match) {
			out.Rules = append(out.Rules, r)
		}
	}
	return out
}

// isReady tells whether a policy is a ready-made one, whose rules nobody has written for this trunk.
func isReady(p header.Policy) bool {
	return p.Name == header.Trusted().Name || p.Name == header.Untrusted().Name
}

// reached tells whether a rule behind others would ever decide.
func reached(rules []header.Rule, match string) bool {
	return !slices.ContainsFunc(rules, func(r header.Rule) bool {
		prefix, wild := strings.CutSuffix(r.Match, "*")
		if wild {
			return len(match) >= len(prefix) && strings.EqualFold(match[:len(prefix)], prefix)
		}
		return header.SameName(r.Match, match)
	})
}

// allowed tells whether the policy may have the rule: an untrusted peer's takes nothing that says who is calling.
func allowed(p header.Policy, r header.Rule) bool {
	p.Rules = []header.Rule{r}
	_, err := p.Compile()
	return err == nil
}

// Sets tells what the profile sets, as paths and values of a trunk's configuration, in order: "options" of the
// configuration stand beside the trunk's other keys.
func (p Profile) Sets() []string {
	var out []string
	for _, part := range []struct {
		at string
		of any
	}{{"", p.Options}, {"in", p.In}, {"out", p.Out}} {
		var tree any
		text, err := json.Marshal(part.of)
		if err != nil || json.Unmarshal(text, &tree) != nil {
			continue
		}
		out = leaves(out, part.at, tree)
	}
	if p.UUI != "" {
		out = append(out, "User-to-User as "+p.UUI)
	}
	return out
}

// leaves adds each value of a tree with its path.
func leaves(out []string, at string, tree any) []string {
	switch v := tree.(type) {
	case map[string]any:
		if match, ok := v["match"].(string); ok { // a rule
			to, _ := v["to"].(string)
			return append(out, strings.TrimSpace(fmt.Sprintf("%s: %s %s %s", at, v["do"], match, to)))
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			out = leaves(out, strings.TrimPrefix(at+"."+key, "."), v[key])
		}
	case []any:
		if len(v) > 0 {
			if _, text := v[0].(string); text {
				return append(out, fmt.Sprintf("%s: %v", at, v))
			}
		}
		for _, e := range v {
			out = leaves(out, at, e)
		}
	case float64:
		if strings.HasSuffix(at, ".session") {
			return append(out, fmt.Sprintf("%s: %s", at, time.Duration(v)))
		}
		return append(out, fmt.Sprintf("%s: %v", at, v))
	default:
		return append(out, fmt.Sprintf("%s: %v", at, v))
	}
	return out
}
