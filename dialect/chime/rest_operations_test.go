package chime_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	ignore := cmp.FilterPath(func(p cmp.Path) bool { return strings.HasSuffix(p.String(), "noSmithyDocumentSerde") }, cmp.Ignore())
	if d := cmp.Diff(want, got, ignore, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})); d != "" {
		t.Errorf("%s: (-want +got)\n%s", what, d)
	}
}

func TestApplications(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	app := a.application("My App-1.0")
	id := app.SipMediaApplicationId
	same(t, "created", *app, types.SipMediaApplication{
		SipMediaApplicationId: id, AwsRegion: aws.String("us-east-1"), Name: aws.String("My App-1.0"),
		Endpoints:              []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(ivr)}},
		SipMediaApplicationArn: aws.String("arn:aws:chime:us-east-1:111122223333:sma/" + *id),
		CreatedTimestamp:       app.CreatedTimestamp, UpdatedTimestamp: app.UpdatedTimestamp,
	})
	if app.CreatedTimestamp == nil || len(*id) != 36 {
		t.Errorf("created: %v %v", app.CreatedTimestamp, *id)
	}
	kept, ok := a.store.Snapshot().App(*id)
	if !ok || kept.Dialect != "chime" || kept.Account != account || string(kept.Settings) != `{"LambdaArn":"`+ivr+`","AwsRegion":"us-east-1"}` {
		t.Errorf("the directory has %+v", kept)
	}
	got := good[*voice.GetSipMediaApplicationOutput](t)(a.GetSipMediaApplication(ctx, &voice.GetSipMediaApplicationInput{SipMediaApplicationId: id}))
	same(t, "got", got.SipMediaApplication, app)

	updated := good[*voice.UpdateSipMediaApplicationOutput](t)(a.UpdateSipMediaApplication(ctx, &voice.UpdateSipMediaApplicationInput{
		SipMediaApplicationId: id, Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String("declared")}}}))
	if u := updated.SipMediaApplication; *u.Endpoints[0].LambdaArn != "declared" || *u.Name != "My App-1.0" || *u.AwsRegion != "us-east-1" {
		t.Errorf("updated: %+v", u)
	}
	rule, err := a.rule(types.SipRuleTriggerTypeToPhoneNumber, "+12065550100", target(*id, 1))
	if err != nil {
		t.Fatal(err)
	}
	_, err = a.DeleteSipMediaApplication(ctx, &voice.DeleteSipMediaApplicationInput{SipMediaApplicationId: id})
	fails[conflict](t, err, *rule.SipRuleId)
	a.dropRule(rule)
	good[*voice.DeleteSipMediaApplicationOutput](t)(a.DeleteSipMediaApplication(ctx, &voice.DeleteSipMediaApplicationInput{SipMediaApplicationId: id}))
	_, err = a.GetSipMediaApplication(ctx, &voice.GetSipMediaApplicationInput{SipMediaApplicationId: id})
	fails[notFound](t, err, "Could not find SipMediaApplication with Id '"+*id+"'")
	_, err = a.UpdateSipMediaApplication(ctx, &voice.UpdateSipMediaApplicationInput{SipMediaApplicationId: id})
	fails[notFound](t, err)
	_, err = a.DeleteSipMediaApplication(ctx, &voice.DeleteSipMediaApplicationInput{SipMediaApplicationId: id})
	fails[notFound](t, err)
}

func (a *api) dropRule(rule *types.SipRule) {
	a.t.Helper()
	good[*voice.UpdateSipRuleOutput](a.t)(a.UpdateSipRule(a.t.Context(), &voice.UpdateSipRuleInput{SipRuleId: rule.SipRuleId, Name: rule.Name, Disabled: aws.Bool(true)}))
	good[*voice.DeleteSipRuleOutput](a.t)(a.DeleteSipRule(a.t.Context(), &voice.DeleteSipRuleInput{SipRuleId: rule.SipRuleId}))
}

func TestApplicationMembers(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		says   string
		change func(*voice.CreateSipMediaApplicationInput)
	}{
		{"Name", func(in *voice.CreateSipMediaApplicationInput) { in.Name = aws.String("") }},
		{"Name", func(in *voice.CreateSipMediaApplicationInput) { in.Name = aws.String("a/b") }},
		{"Name", func(in *voice.CreateSipMediaApplicationInput) { in.Name = aws.String(strings.Repeat("a", 257)) }},
		{"AwsRegion", func(in *voice.CreateSipMediaApplicationInput) { in.AwsRegion = aws.String("mars") }},
		{"Endpoints", func(in *voice.CreateSipMediaApplicationInput) { in.Endpoints = []types.SipMediaApplicationEndpoint{} }},
		{"Endpoints", func(in *voice.CreateSipMediaApplicationInput) { in.Endpoints = append(in.Endpoints, in.Endpoints[0]) }},
		{"LambdaArn", func(in *voice.CreateSipMediaApplicationInput) { in.Endpoints[0].LambdaArn = aws.String("undeclared") }},
		{"LambdaArn", func(in *voice.CreateSipMediaApplicationInput) { in.Endpoints[0].LambdaArn = nil }},
		{"LambdaArn", func(in *voice.CreateSipMediaApplicationInput) {
			in.Endpoints[0].LambdaArn = aws.String("arn:aws:lambda:us-east-1:1234:function:ivr")
		}},
		{"LambdaArn", func(in *voice.CreateSipMediaApplicationInput) { in.Endpoints[0].LambdaArn = aws.String(ivr + ":a:b") }},
		{"LambdaArn", func(in *voice.CreateSipMediaApplicationInput) {
			in.Endpoints[0].LambdaArn = aws.String("arn:aws:s3:us-east-1:111122223333:function:ivr")
		}},
		{"Tags", func(in *voice.CreateSipMediaApplicationInput) {
			in.Tags = []types.Tag{{Key: aws.String(""), Value: aws.String("")}}
		}},
	} {
		in := &voice.CreateSipMediaApplicationInput{AwsRegion: aws.String("us-east-1"), Name: aws.String("n"), Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(ivr)}}}
		c.change(in)
		_, err := a.CreateSipMediaApplication(t.Context(), in)
		fails[badRequest](t, err, c.says)
	}
	for _, arn := range []string{ivr + ":prod", ivr + ":$LATEST", ivr + ":17", "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:function:a-b_c"} {
		good[*voice.CreateSipMediaApplicationOutput](t)(a.CreateSipMediaApplication(t.Context(), &voice.CreateSipMediaApplicationInput{
			AwsRegion: aws.String("us-gov-west-1"), Name: aws.String("n"), Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(arn)}}}))
	}
}

func TestLists(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	var want []string
	for i := range 7 {
		want = append(want, *a.application("n" + strconv.Itoa(i)).SipMediaApplicationId)
	}
	slices.Sort(want)
	if err := a.store.Apps().Create(ctx, directory.App{ID: "p1", Account: account, Dialect: "plivo", Settings: json.RawMessage(`{}`)}); err != nil {
		t.Fatal(err) // another dialect's application is none of this list's
	}
	for _, size := range []int32{1, 3, 7, 100} {
		var got []string
		pages := voice.NewListSipMediaApplicationsPaginator(a.Client, &voice.ListSipMediaApplicationsInput{MaxResults: aws.Int32(size)})
		for pages.HasMorePages() {
			page := good[*voice.ListSipMediaApplicationsOutput](t)(pages.NextPage(ctx))
			if len(page.SipMediaApplications) > int(size) {
				t.Errorf("a page of %d has %d", size, len(page.SipMediaApplications))
			}
			for _, app := range page.SipMediaApplications {
				got = append(got, *app.SipMediaApplicationId)
			}
		}
		same(t, "pages of "+strconv.Itoa(int(size)), got, want)
	}
	first := good[*voice.ListSipMediaApplicationsOutput](t)(a.ListSipMediaApplications(ctx, &voice.ListSipMediaApplicationsInput{MaxResults: aws.Int32(2)}))
	_, err := a.ListSipRules(ctx, &voice.ListSipRulesInput{NextToken: first.NextToken})
	fails[badRequest](t, err, "NextToken")
	_, err = a.ListSipRules(ctx, &voice.ListSipRulesInput{NextToken: aws.String("../../x")})
	fails[badRequest](t, err, "NextToken")
	for _, n := range []int32{-1, 101} {
		_, err = a.ListVoiceConnectors(ctx, &voice.ListVoiceConnectorsInput{MaxResults: aws.Int32(n)})
		fails[badRequest](t, err, "MaxResults")
	}
}

func TestRules(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	one, two, vc := a.application("one"), a.applicationIn("us-west-2", "two"), a.connector("vc")
	ofTwo := types.SipRuleTargetApplication{SipMediaApplicationId: two.SipMediaApplicationId, Priority: aws.Int32(2), AwsRegion: aws.String("us-west-2")}
	spelled := strings.ToUpper(*vc.OutboundHostName)
	rule, err := a.rule(types.SipRuleTriggerTypeRequestUriHostname, spelled, ofTwo, target(*one.SipMediaApplicationId, 1))
	if err != nil {
		t.Fatal(err)
	}
	same(t, "created", *rule, types.SipRule{
		SipRuleId: rule.SipRuleId, Name: aws.String("rule"), Disabled: aws.Bool(false), TriggerType: types.SipRuleTriggerTypeRequestUriHostname, TriggerValue: &spelled,
		TargetApplications: []types.SipRuleTargetApplication{ofTwo, target(*one.SipMediaApplicationId, 1)},
		CreatedTimestamp:   rule.CreatedTimestamp, UpdatedTimestamp: rule.UpdatedTimestamp,
	})
	kept, ok := a.store.Snapshot().Rule(directory.ByHost, *vc.OutboundHostName)
	if !ok || kept.ID != *rule.SipRuleId || len(kept.Targets) != 2 || kept.Targets[1].App != *one.SipMediaApplicationId || kept.Targets[1].Priority != 1 {
		t.Errorf("the directory has %+v", kept)
	}
	got := good[*voice.GetSipRuleOutput](t)(a.GetSipRule(ctx, &voice.GetSipRuleInput{SipRuleId: rule.SipRuleId}))
	same(t, "got", got.SipRule, rule)

	_, err = a.rule(types.SipRuleTriggerTypeRequestUriHostname, *vc.OutboundHostName, target(*one.SipMediaApplicationId, 1))
	fails[conflict](t, err, "TriggerValue")
	_, err = a.DeleteSipRule(ctx, &voice.DeleteSipRuleInput{SipRuleId: rule.SipRuleId})
	fails[conflict](t, err, "disable")
	_, err = a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: vc.VoiceConnectorId})
	fails[conflict](t, err, *rule.SipRuleId)

	filtered := good[*voice.ListSipRulesOutput](t)(a.ListSipRules(ctx, &voice.ListSipRulesInput{SipMediaApplicationId: one.SipMediaApplicationId}))
	if len(filtered.SipRules) != 1 {
		t.Errorf("%d rules of the application", len(filtered.SipRules))
	}
	three := a.application("three")
	filtered = good[*voice.ListSipRulesOutput](t)(a.ListSipRules(ctx, &voice.ListSipRulesInput{SipMediaApplicationId: three.SipMediaApplicationId}))
	if len(filtered.SipRules) != 0 {
		t.Errorf("%d rules of an application without rules", len(filtered.SipRules))
	}
	_, err = a.ListSipRules(ctx, &voice.ListSipRulesInput{SipMediaApplicationId: aws.String("none")})
	fails[badRequest](t, err, "none")

	updated := good[*voice.UpdateSipRuleOutput](t)(a.UpdateSipRule(ctx, &voice.UpdateSipRuleInput{SipRuleId: rule.SipRuleId, Name: aws.String("new"), TargetApplications: []types.SipRuleTargetApplication{target(*three.SipMediaApplicationId, 5)}}))
	if u := updated.SipRule; *u.Name != "new" || *u.Disabled || len(u.TargetApplications) != 1 || *u.TargetApplications[0].Priority != 5 || *u.TriggerValue != spelled {
		t.Errorf("updated: %+v", u)
	}
	a.dropRule(updated.SipRule)
	_, err = a.GetSipRule(ctx, &voice.GetSipRuleInput{SipRuleId: rule.SipRuleId})
	fails[notFound](t, err, "SipRule")
	_, err = a.UpdateSipRule(ctx, &voice.UpdateSipRuleInput{SipRuleId: rule.SipRuleId, Name: aws.String("n")})
	fails[notFound](t, err)
	_, err = a.DeleteSipRule(ctx, &voice.DeleteSipRuleInput{SipRuleId: rule.SipRuleId})
	fails[notFound](t, err)
}

func TestRuleMembers(t *testing.T) {
	a := newAPI(t)
	app := *a.application("one").SipMediaApplicationId
	const byNumber, byHost = types.SipRuleTriggerTypeToPhoneNumber, types.SipRuleTriggerTypeRequestUriHostname
	good := []types.SipRuleTargetApplication{target(app, 1)}
	elsewhere := target(app, 1)
	elsewhere.AwsRegion = aws.String("eu-west-1")
	for _, c := range []struct {
		says    string
		kind    types.SipRuleTriggerType
		value   string
		targets []types.SipRuleTargetApplication
	}{
		{"TriggerType", "Moon", "+12065550100", good},
		{"TriggerValue", byNumber, " ", good},
		{"TriggerValue", byNumber, "sip:a@example.com", good},
		{"not in this account's inventory", byNumber, "+12065550101", good}, // another account's
		{"CreatePhoneNumberOrder", byNumber, "+12065550150", good},          // in stock
		{"OutboundHostName", byHost, "example.com", good},
		{"1 to 25", byNumber, "+12065550100", nil},
		{"1 to 25", byNumber, "+12065550100", []types.SipRuleTargetApplication{}},
		{"are both in us-east-1", byNumber, "+12065550100", append(good, target(*a.application("two").SipMediaApplicationId, 2))},
		{"TargetApplications", byNumber, "+12065550100", []types.SipRuleTargetApplication{target("none", 1)}},
		{"Priority", byNumber, "+12065550100", []types.SipRuleTargetApplication{target(app, 0)}},
		{"twice", byNumber, "+12065550100", []types.SipRuleTargetApplication{target(app, 1), target(app, 2)}},
		{"at most 25", byNumber, "+12065550100", slices.Repeat([]types.SipRuleTargetApplication{target(app, 1)}, 26)},
		{"is in us-east-1", byNumber, "+12065550100", []types.SipRuleTargetApplication{elsewhere}},
	} {
		_, err := a.rule(c.kind, c.value, c.targets...)
		fails[badRequest](t, err, c.says)
	}
	// The vendor lets the plus sign be left out, and gives back what was put.
	rule, err := a.rule(byNumber, "12065550100", target(app, 1))
	if err != nil || *rule.TriggerValue != "12065550100" {
		t.Errorf("%+v %v", rule, err)
	}
	if _, ok := a.store.Snapshot().Rule(directory.ByNumber, "+12065550100"); !ok {
		t.Error("the directory does not find the rule by its number")
	}
}

func TestVoiceConnectors(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	vc := a.connector("pbx")
	id := vc.VoiceConnectorId
	if len(*id) != 22 || strings.Trim(*id, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		t.Errorf("id is %s", *id)
	}
	same(t, "created", *vc, types.VoiceConnector{
		VoiceConnectorId: id, Name: aws.String("pbx"), AwsRegion: "us-east-1", RequireEncryption: aws.Bool(false), NetworkType: types.NetworkTypeIpv4Only,
		OutboundHostName: aws.String(*id + ".voiceconnector.chime.aws"), VoiceConnectorArn: aws.String("arn:aws:chime:us-east-1:111122223333:vc/" + *id),
		CreatedTimestamp: vc.CreatedTimestamp, UpdatedTimestamp: vc.UpdatedTimestamp,
	})
	trunk, _ := a.store.Snapshot().Trunk(*id)
	out := header.Trusted()
	out.Direction = header.Out
	in := header.Trusted()
	in.Direction = header.In
	same(t, "policies", []header.Policy{trunk.In, trunk.Out}, []header.Policy{in, out})
	if !trunk.OutOnly {
		t.Error("a Voice Connector without a termination takes calls")
	}
	got := good[*voice.GetVoiceConnectorOutput](t)(a.GetVoiceConnector(ctx, &voice.GetVoiceConnectorInput{VoiceConnectorId: id}))
	same(t, "got", got.VoiceConnector, vc)
	if err := a.store.Trunks().Create(ctx, directory.Trunk{ID: "declared", Account: account}); err != nil {
		t.Fatal(err) // an operator's trunk is no Voice Connector
	}
	list := good[*voice.ListVoiceConnectorsOutput](t)(a.ListVoiceConnectors(ctx, &voice.ListVoiceConnectorsInput{}))
	same(t, "list", list.VoiceConnectors, []types.VoiceConnector{*vc})
	updated := good[*voice.UpdateVoiceConnectorOutput](t)(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: id, Name: aws.String("new"), RequireEncryption: aws.Bool(false)}))
	if *updated.VoiceConnector.Name != "new" {
		t.Errorf("updated: %+v", updated.VoiceConnector)
	}
	good[*voice.DeleteVoiceConnectorOutput](t)(a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: id}))
	for what, err := range map[string]error{
		"get":    second(a.GetVoiceConnector(ctx, &voice.GetVoiceConnectorInput{VoiceConnectorId: id})),
		"update": second(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: id, Name: aws.String("n"), RequireEncryption: aws.Bool(true)})),
		"delete": second(a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: id})),
		"put":    second(a.PutVoiceConnectorTermination(ctx, &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: id, Termination: &types.Termination{}})),
		"trunk":  second(a.GetVoiceConnector(ctx, &voice.GetVoiceConnectorInput{VoiceConnectorId: aws.String("declared")})),
	} {
		t.Log(what)
		fails[notFound](t, err, "VoiceConnector")
	}
}

func second[T any](_ T, err error) error { return err }

func TestOrigination(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("pbx").VoiceConnectorId
	get := &voice.GetVoiceConnectorOriginationInput{VoiceConnectorId: id}
	_, err := a.GetVoiceConnectorOrigination(ctx, get)
	fails[notFound](t, err)
	put := &types.Origination{Routes: []types.OriginationRoute{
		{Host: aws.String("198.51.100.204"), Port: aws.Int32(5062), Protocol: "UDP", Priority: aws.Int32(1), Weight: aws.Int32(10)},
		{Host: aws.String("PBX.example.com"), Protocol: "TCP", Priority: aws.Int32(2), Weight: aws.Int32(1)},
	}}
	echoed := good[*voice.PutVoiceConnectorOriginationOutput](t)(a.PutVoiceConnectorOrigination(ctx, &voice.PutVoiceConnectorOriginationInput{VoiceConnectorId: id, Origination: put}))
	same(t, "answer to put", echoed.Origination, put)
	same(t, "get", good[*voice.GetVoiceConnectorOriginationOutput](t)(a.GetVoiceConnectorOrigination(ctx, get)).Origination, put)
	peers := []directory.Peer{{Host: "198.51.100.204", Port: 5062, Transport: "udp", Priority: 1, Weight: 10}, {Host: "pbx.example.com", Transport: "tcp", Priority: 2, Weight: 1}}
	trunk := func() directory.Trunk { got, _ := a.store.Snapshot().Trunk(*id); return *got }
	same(t, "peers", trunk().Peers, peers)

	good[*voice.UpdateVoiceConnectorOutput](t)(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: id, Name: aws.String("n"), RequireEncryption: aws.Bool(true)}))
	secure := []directory.Peer{{Host: "198.51.100.204", Port: 5062, Transport: "tls", Priority: 1, Weight: 10}, {Host: "pbx.example.com", Transport: "tls", Priority: 2, Weight: 1}}
	same(t, "peers of a connector that requires encryption", trunk().Peers, secure)
	if got := trunk(); !got.TLS.Need || got.Audio.SRTP != directory.Always {
		t.Errorf("a connector that requires encryption: %+v, %+v", got.TLS, got.Audio)
	}
	good[*voice.UpdateVoiceConnectorOutput](t)(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: id, Name: aws.String("n"), RequireEncryption: aws.Bool(false)}))
	same(t, "peers when it no longer does", trunk().Peers, peers)
	if got := trunk(); got.TLS.Need || got.Audio.SRTP != directory.Default {
		t.Errorf("a connector that no longer requires encryption: %+v, %+v", got.TLS, got.Audio)
	}

	disabled := &types.Origination{Routes: put.Routes, Disabled: aws.Bool(true)}
	good[*voice.PutVoiceConnectorOriginationOutput](t)(a.PutVoiceConnectorOrigination(ctx, &voice.PutVoiceConnectorOriginationInput{VoiceConnectorId: id, Origination: disabled}))
	same(t, "peers when disabled", trunk().Peers, []directory.Peer{})
	same(t, "get when disabled", good[*voice.GetVoiceConnectorOriginationOutput](t)(a.GetVoiceConnectorOrigination(ctx, get)).Origination, disabled)
	good[*voice.DeleteVoiceConnectorOriginationOutput](t)(a.DeleteVoiceConnectorOrigination(ctx, &voice.DeleteVoiceConnectorOriginationInput{VoiceConnectorId: id}))
	_, err = a.GetVoiceConnectorOrigination(ctx, get)
	fails[notFound](t, err)

	for says, change := range map[string]func(*types.Origination){
		"Routes or Disabled":    func(o *types.Origination) { o.Routes = nil },
		"Host":                  func(o *types.Origination) { o.Routes[0].Host = aws.String("a b") },
		"a port stands in Port": func(o *types.Origination) { o.Routes[0].Host = aws.String("192.0.2.1:5060") },
		"Port: 65536":           func(o *types.Origination) { o.Routes[0].Port = aws.Int32(65536) },
		"Protocol":              func(o *types.Origination) { o.Routes[0].Protocol = "SCTP" },
		"Priority: 101":         func(o *types.Origination) { o.Routes[0].Priority = aws.Int32(101) },
		"Priority: 0":           func(o *types.Origination) { o.Routes[0].Priority = aws.Int32(0) },
		"Weight: 0":             func(o *types.Origination) { o.Routes[0].Weight = aws.Int32(0) },
		"Priority and Weight":   func(o *types.Origination) { o.Routes[0].Weight = nil },
		"at most 20":            func(o *types.Origination) { o.Routes = slices.Repeat(o.Routes, 21) },
	} {
		bad := &types.Origination{Routes: []types.OriginationRoute{put.Routes[0]}}
		change(bad)
		_, err := a.PutVoiceConnectorOrigination(ctx, &voice.PutVoiceConnectorOriginationInput{VoiceConnectorId: id, Origination: bad})
		fails[badRequest](t, err, says)
	}
}

func TestTermination(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("pbx").VoiceConnectorId
	get := &voice.GetVoiceConnectorTerminationInput{VoiceConnectorId: id}
	_, err := a.GetVoiceConnectorTermination(ctx, get)
	fails[notFound](t, err)
	put := &types.Termination{CpsLimit: aws.Int32(1), CallingRegions: []string{"US"}, CidrAllowedList: []string{"198.51.100.204/32", "10.1.2.3/8"}, Disabled: aws.Bool(false)}
	in := &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: id, Termination: put}
	same(t, "answer to put", good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, in)).Termination, put)
	same(t, "get", good[*voice.GetVoiceConnectorTerminationOutput](t)(a.GetVoiceConnectorTermination(ctx, get)).Termination, put)
	trunk, _ := a.store.Snapshot().Trunk(*id)
	same(t, "allowed", trunk.Allow, []netip.Prefix{netip.MustParsePrefix("198.51.100.204/32"), netip.MustParsePrefix("10.0.0.0/8")})
	if by, ok := a.store.Snapshot().TrunkBySource(netip.MustParseAddr("10.9.9.9")); trunk.OutOnly || !ok || by.ID != *id {
		t.Error("an allowed source does not find the trunk")
	}
	if trunk.Limits.Placed != 1 || trunk.Limits.Rate != 0 {
		t.Errorf("CpsLimit 1 lets %g calls a second be placed, and %g begin", trunk.Limits.Placed, trunk.Limits.Rate)
	}
	put.Disabled = aws.Bool(true)
	good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, in))
	if trunk, _ := a.store.Snapshot().Trunk(*id); !trunk.OutOnly {
		t.Error("a disabled termination takes calls")
	}
	good[*voice.DeleteVoiceConnectorTerminationOutput](t)(a.DeleteVoiceConnectorTermination(ctx, &voice.DeleteVoiceConnectorTerminationInput{VoiceConnectorId: id}))
	_, err = a.GetVoiceConnectorTermination(ctx, get)
	fails[notFound](t, err)
	for says, bad := range map[string]*types.Termination{
		"CpsLimit":           {CpsLimit: aws.Int32(0)},
		"DefaultPhoneNumber": {DefaultPhoneNumber: aws.String("911x")},
		"CallingRegions":     {CallingRegions: []string{"usa"}},
		"CidrAllowedList":    {CidrAllowedList: []string{"10.0.0.0/33"}},
		"at most 100":        {CidrAllowedList: slices.Repeat([]string{"10.0.0.0/8"}, 101)},
	} {
		_, err := a.PutVoiceConnectorTermination(ctx, &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: id, Termination: bad})
		fails[badRequest](t, err, says)
	}
}

func (a *api) search(in *voice.SearchAvailablePhoneNumbersInput) []string {
	a.t.Helper()
	return good[*voice.SearchAvailablePhoneNumbersOutput](a.t)(a.SearchAvailablePhoneNumbers(a.t.Context(), in)).E164PhoneNumbers
}

func TestSearch(t *testing.T) {
	a := newAPI(t)
	for _, c := range []struct {
		in   voice.SearchAvailablePhoneNumbersInput
		want []string
	}{
		{voice.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206")}, []string{"+12065550150", "+12065550151", "+12065550152"}},
		{voice.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206"), MaxResults: aws.Int32(2)}, []string{"+12065550150", "+12065550151"}},
		{voice.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("907")}, nil},
		{voice.SearchAvailablePhoneNumbersInput{TollFreePrefix: aws.String("888")}, []string{"+18885550150"}},
		{voice.SearchAvailablePhoneNumbersInput{PhoneNumberType: types.PhoneNumberTypeTollFree}, []string{"+18885550150"}},
		{voice.SearchAvailablePhoneNumbersInput{Country: aws.String("GB")}, []string{"+442079460150"}},
		{voice.SearchAvailablePhoneNumbersInput{Country: aws.String("US"), State: aws.String("WA"), City: aws.String("Kirkland"), AreaCode: aws.String("425")}, []string{"+14255550150"}},
	} {
		same(t, "search", a.search(&c.in), c.want)
	}
	var all []string
	pages := voice.NewSearchAvailablePhoneNumbersPaginator(a.Client, &voice.SearchAvailablePhoneNumbersInput{MaxResults: aws.Int32(4)})
	for pages.HasMorePages() {
		all = append(all, good[*voice.SearchAvailablePhoneNumbersOutput](t)(pages.NextPage(t.Context())).E164PhoneNumbers...)
	}
	if len(all) != 6 {
		t.Errorf("all pages: %v", all)
	}
	for says, in := range map[string]*voice.SearchAvailablePhoneNumbersInput{
		"AreaCode": {AreaCode: aws.String("20")}, "TollFreePrefix": {TollFreePrefix: aws.String("811")}, "PhoneNumberType": {PhoneNumberType: "Mobile"},
		"Country": {Country: aws.String("Wales")}, "MaxResults": {MaxResults: aws.Int32(501)},
	} {
		_, err := a.SearchAvailablePhoneNumbers(t.Context(), in)
		fails[badRequest](t, err, says)
	}
}

func TestOrders(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	place := func(numbers ...string) *types.PhoneNumberOrder {
		t.Helper()
		return good[*voice.CreatePhoneNumberOrderOutput](t)(a.CreatePhoneNumberOrder(ctx, &voice.CreatePhoneNumberOrderInput{
			ProductType: types.PhoneNumberProductTypeSipMediaApplicationDialIn, E164PhoneNumbers: numbers, Name: aws.String("two words")})).PhoneNumberOrder
	}
	state := func(o *types.PhoneNumberOrder) string {
		t.Helper()
		got := good[*voice.GetPhoneNumberOrderOutput](t)(a.GetPhoneNumberOrder(ctx, &voice.GetPhoneNumberOrderInput{PhoneNumberOrderId: o.PhoneNumberOrderId})).PhoneNumberOrder
		s := string(got.Status)
		for _, n := range got.OrderedPhoneNumbers {
			s += " " + *n.E164PhoneNumber + " " + string(n.Status)
		}
		return s
	}
	whole := place("+12065550150", "12065550151")
	if whole.Status != types.PhoneNumberOrderStatusProcessing || whole.OrderType != types.PhoneNumberOrderTypeNew || len(whole.OrderedPhoneNumbers) != 2 ||
		whole.OrderedPhoneNumbers[0].Status != types.OrderedPhoneNumberStatusProcessing {
		t.Errorf("order: %+v", whole)
	}
	same(t, "whole order", state(whole), "Successful +12065550150 Acquired +12065550151 Acquired")
	same(t, "part of an order", state(place("+12065550150", "+12065550152")), "Partial +12065550150 Failed +12065550152 Acquired")
	same(t, "nothing of an order", state(place("+12065550101", "+19075550100")), "Failed +12065550101 Failed +19075550100 Failed")
	same(t, "what is left", a.search(&voice.SearchAvailablePhoneNumbersInput{AreaCode: aws.String("206")}), []string{})
	if n, _ := a.store.Snapshot().Number("+12065550101"); n.Account != other {
		t.Error("another account's number was given away")
	}
	list := good[*voice.ListPhoneNumberOrdersOutput](t)(a.ListPhoneNumberOrders(ctx, &voice.ListPhoneNumberOrdersInput{}))
	if len(list.PhoneNumberOrders) != 3 {
		t.Errorf("%d orders", len(list.PhoneNumberOrders))
	}
	_, err := a.GetPhoneNumberOrder(ctx, &voice.GetPhoneNumberOrderInput{PhoneNumberOrderId: aws.String("none")})
	fails[notFound](t, err)
	for says, in := range map[string]*voice.CreatePhoneNumberOrderInput{
		"ProductType":              {ProductType: "BusinessCalling", E164PhoneNumbers: []string{"+12065550150"}},
		"E164PhoneNumbers: it has": {ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{}},
		"E164 number":              {ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{"0"}},
		"twice":                    {ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{"+12065550150", "12065550150"}},
		"Name":                     {ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{"+12065550150"}, Name: aws.String("a/b")},
	} {
		_, err := a.CreatePhoneNumberOrder(ctx, in)
		fails[badRequest](t, err, strings.Replace(says, "E164 number", "E.164 number", 1))
	}
}

// Of several that order one number at once, exactly one has it.
func TestOrdersAtOnce(t *testing.T) {
	a := newAPI(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := a.CreatePhoneNumberOrder(context.Background(), &voice.CreatePhoneNumberOrderInput{ProductType: types.PhoneNumberProductTypeVoiceConnector, E164PhoneNumbers: []string{"+12065550150"}})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	won := 0
	for _, o := range good[*voice.ListPhoneNumberOrdersOutput](t)(a.ListPhoneNumberOrders(t.Context(), &voice.ListPhoneNumberOrdersInput{})).PhoneNumberOrders {
		if o.Status == types.PhoneNumberOrderStatusSuccessful {
			won++
		}
	}
	if won != 1 {
		t.Errorf("%d orders have the number", won)
	}
}

func TestNumbers(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	vc, vc2 := a.connector("one"), a.connector("two")
	var ids []string
	for _, id := range []string{"+12065550100", "12065550100", "%2B12065550100"} {
		n := good[*voice.GetPhoneNumberOutput](t)(a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: aws.String(id)})).PhoneNumber
		ids = append(ids, *n.PhoneNumberId)
		if *n.E164PhoneNumber != "+12065550100" || n.Status != types.PhoneNumberStatusUnassigned || n.Type != types.PhoneNumberTypeLocal || *n.Country != "US" ||
			n.ProductType != types.PhoneNumberProductTypeSipMediaApplicationDialIn || !*n.Capabilities.InboundCall || len(n.Associations) != 0 {
			t.Errorf("%s: %+v", id, n)
		}
	}
	same(t, "ids", ids, slices.Repeat([]string{"%2B12065550100"}, 3))
	_, err := a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: aws.String("+12065550199")})
	fails[notFound](t, err)
	_, err = a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: aws.String("mine")})
	fails[badRequest](t, err, "PhoneNumberId")

	update := func(in voice.UpdatePhoneNumberInput) (*voice.UpdatePhoneNumberOutput, error) {
		in.PhoneNumberId = aws.String("%2B12065550100")
		return a.UpdatePhoneNumber(ctx, &in)
	}
	good[*voice.UpdatePhoneNumberOutput](t)(update(voice.UpdatePhoneNumberInput{ProductType: types.PhoneNumberProductTypeVoiceConnector}))
	good[*voice.UpdatePhoneNumberOutput](t)(update(voice.UpdatePhoneNumberInput{Name: aws.String("front desk")}))
	n := good[*voice.UpdatePhoneNumberOutput](t)(update(voice.UpdatePhoneNumberInput{CallingName: aws.String("ACME")})).PhoneNumber
	if *n.Name != "front desk" || *n.CallingName != "ACME" || n.ProductType != types.PhoneNumberProductTypeVoiceConnector {
		t.Errorf("updated: %+v", n)
	}
	for says, in := range map[string]voice.UpdatePhoneNumberInput{
		"0 are given": {}, "2 are given": {Name: aws.String("a"), CallingName: aws.String("ab")},
		"ProductType": {ProductType: "x"}, "CallingName": {CallingName: aws.String("a")}, "Name": {Name: aws.String(" a")},
	} {
		_, err := update(in)
		fails[badRequest](t, err, says)
	}

	join := func(vc *types.VoiceConnector, force bool, numbers ...string) []types.PhoneNumberError {
		t.Helper()
		return good[*voice.AssociatePhoneNumbersWithVoiceConnectorOutput](t)(a.AssociatePhoneNumbersWithVoiceConnector(ctx, &voice.AssociatePhoneNumbersWithVoiceConnectorInput{
			VoiceConnectorId: vc.VoiceConnectorId, E164PhoneNumbers: numbers, ForceAssociate: aws.Bool(force)})).PhoneNumberErrors
	}
	part := func(vc *types.VoiceConnector, numbers ...string) []types.PhoneNumberError {
		t.Helper()
		return good[*voice.DisassociatePhoneNumbersFromVoiceConnectorOutput](t)(a.DisassociatePhoneNumbersFromVoiceConnector(ctx, &voice.DisassociatePhoneNumbersFromVoiceConnectorInput{
			VoiceConnectorId: vc.VoiceConnectorId, E164PhoneNumbers: numbers})).PhoneNumberErrors
	}
	codes := func(list []types.PhoneNumberError) (out []string) {
		for _, e := range list {
			out = append(out, *e.PhoneNumberId+" "+string(e.ErrorCode))
		}
		return out
	}
	same(t, "associated, and one that is not ours", codes(join(vc, false, "+12065550100", "+12065550101")), []string{"%2B12065550101 NotFound"})
	same(t, "associated again", codes(join(vc, false, "+12065550100")), []string{})
	same(t, "associated elsewhere", codes(join(vc2, false, "+12065550100")), []string{"%2B12065550100 PhoneNumberAssociationsExist"})
	n = good[*voice.GetPhoneNumberOutput](t)(a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: n.PhoneNumberId})).PhoneNumber
	if n.Status != types.PhoneNumberStatusAssigned || len(n.Associations) != 1 || *n.Associations[0].Value != *vc.VoiceConnectorId || n.Associations[0].Name != types.PhoneNumberAssociationNameVoiceConnectorId {
		t.Errorf("associated: %+v", n)
	}
	_, err = update(voice.UpdatePhoneNumberInput{ProductType: types.PhoneNumberProductTypeSipMediaApplicationDialIn})
	fails[conflict](t, err, "disassociate")
	_, err = a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: vc.VoiceConnectorId})
	fails[conflict](t, err, "disassociate")
	same(t, "moved", codes(join(vc2, true, "+12065550100")), []string{})
	if kept, _ := a.store.Snapshot().Number("+12065550100"); kept.Trunk != *vc2.VoiceConnectorId {
		t.Errorf("the directory has %+v", kept)
	}
	listed := func(in voice.ListPhoneNumbersInput) int {
		t.Helper()
		return len(good[*voice.ListPhoneNumbersOutput](t)(a.ListPhoneNumbers(ctx, &in)).PhoneNumbers)
	}
	for i, c := range []struct {
		in   voice.ListPhoneNumbersInput
		want int
	}{
		{voice.ListPhoneNumbersInput{}, 1},
		{voice.ListPhoneNumbersInput{Status: aws.String("Assigned")}, 1},
		{voice.ListPhoneNumbersInput{Status: aws.String("Unassigned")}, 0},
		{voice.ListPhoneNumbersInput{ProductType: types.PhoneNumberProductTypeVoiceConnector}, 1},
		{voice.ListPhoneNumbersInput{FilterName: types.PhoneNumberAssociationNameVoiceConnectorId, FilterValue: vc2.VoiceConnectorId}, 1},
		{voice.ListPhoneNumbersInput{FilterName: types.PhoneNumberAssociationNameVoiceConnectorId, FilterValue: vc.VoiceConnectorId}, 0},
	} {
		if got := listed(c.in); got != c.want {
			t.Errorf("list %d has %d, want %d", i, got, c.want)
		}
	}
	_, err = a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: aws.String("+12065550100")})
	fails[badRequest](t, err, *vc2.VoiceConnectorId)
	same(t, "not there", codes(part(vc, "+12065550100")), []string{"%2B12065550100 BadRequest"})
	same(t, "disassociated", codes(part(vc2, "+12065550100")), []string{})

	rule, err := a.rule(types.SipRuleTriggerTypeToPhoneNumber, "+12065550100", target(*a.application("a").SipMediaApplicationId, 1))
	if err != nil {
		t.Fatal(err)
	}
	if got := listed(voice.ListPhoneNumbersInput{FilterName: types.PhoneNumberAssociationNameSipRuleId, FilterValue: rule.SipRuleId}); got != 1 {
		t.Errorf("%d numbers of the rule", got)
	}
	_, err = a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: aws.String("+12065550100")})
	fails[badRequest](t, err, *rule.SipRuleId)
	a.dropRule(rule)
	good[*voice.DeletePhoneNumberOutput](t)(a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: aws.String("+12065550100")}))
	_, err = a.DeletePhoneNumber(ctx, &voice.DeletePhoneNumberInput{PhoneNumberId: aws.String("+12065550100")})
	fails[notFound](t, err)
}

func TestCreateCall(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	app := a.application("one").SipMediaApplicationId
	in := func(change func(*voice.CreateSipMediaApplicationCallInput)) *voice.CreateSipMediaApplicationCallInput {
		v := &voice.CreateSipMediaApplicationCallInput{SipMediaApplicationId: app, FromPhoneNumber: aws.String("+12065550100"), ToPhoneNumber: aws.String("14155550100")}
		change(v)
		return v
	}
	uui, diversion := "616d617a6f6e;encoding=hex", "sip:+11234567891@public.test.com;reason=unconditional"
	out := good[*voice.CreateSipMediaApplicationCallOutput](t)(a.CreateSipMediaApplicationCall(ctx, in(func(v *voice.CreateSipMediaApplicationCallInput) {
		v.SipHeaders = map[string]string{"X-Test-Value": "String", "User-to-User": uui, "Diversion": diversion}
		v.ArgumentsMap = map[string]string{"key": "<value> & é"}
	})))
	if len(*out.SipMediaApplicationCall.TransactionId) != 36 || len(a.calls.asked) != 1 || a.calls.apps[0] != *app {
		t.Fatalf("%+v started %+v", out.SipMediaApplicationCall, a.calls)
	}
	origin := a.calls.asked[0]
	if origin.From != "+12065550100" || origin.To != "+14155550100" || origin.Account != account || origin.Leg != "" || origin.At.IsZero() {
		t.Errorf("origin is %+v", origin)
	}
	var asked chime.CallRequest
	if err := json.Unmarshal(origin.Request, &asked); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"X-Test-Value": "String", "User-to-User": uui, "Diversion": diversion} {
		if got, _ := asked.SipHeaders.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	var args map[string]string
	if string(asked.Arguments) != `{"key":"<value> & é"}` {
		t.Errorf("arguments are %s", asked.Arguments)
	}
	if err := json.Unmarshal(asked.Arguments, &args); err != nil || args["key"] != "<value> & é" {
		t.Errorf("arguments are %s, %v", asked.Arguments, err)
	}
	many := map[string]string{}
	for i := range 21 {
		many["X-"+strconv.Itoa(i)] = "v"
	}
	for says, change := range map[string]func(*voice.CreateSipMediaApplicationCallInput){
		"FromPhoneNumber: ":             func(v *voice.CreateSipMediaApplicationCallInput) { v.FromPhoneNumber = aws.String("abc") },
		"FromPhoneNumber: +12065550101": func(v *voice.CreateSipMediaApplicationCallInput) { v.FromPhoneNumber = aws.String("+12065550101") },
		"FromPhoneNumber: +12065550150": func(v *voice.CreateSipMediaApplicationCallInput) { v.FromPhoneNumber = aws.String("+12065550150") },
		"ToPhoneNumber":                 func(v *voice.CreateSipMediaApplicationCallInput) { v.ToPhoneNumber = aws.String("sip:a@b") },
		"SipMediaApplicationId":         func(v *voice.CreateSipMediaApplicationCallInput) { v.SipMediaApplicationId = aws.String("none") },
		"Invalid SIP header(s) provided: X-AMZN": func(v *voice.CreateSipMediaApplicationCallInput) {
			v.SipHeaders = map[string]string{"X-AMZN": "String"}
		},
		"Invalid SIP header(s) provided: X-Break": func(v *voice.CreateSipMediaApplicationCallInput) {
			v.SipHeaders = map[string]string{"X-Break": "a\r\nVia: b"}
		},
		"SipHeaders: it has 21":   func(v *voice.CreateSipMediaApplicationCallInput) { v.SipHeaders = many },
		"ArgumentsMap: it has 21": func(v *voice.CreateSipMediaApplicationCallInput) { v.ArgumentsMap = many },
	} {
		_, err := a.CreateSipMediaApplicationCall(ctx, in(change))
		fails[badRequest](t, err, says)
	}
	if len(a.calls.asked) != 1 {
		t.Errorf("%d calls were started", len(a.calls.asked))
	}
	plain := in(func(*voice.CreateSipMediaApplicationCallInput) {})
	a.calls.err = dialect.ErrDraining
	_, err := a.CreateSipMediaApplicationCall(ctx, plain)
	fails[*types.ServiceUnavailableException](t, err, "stopping")
	a.calls.err = dialect.ErrNoApp
	_, err = a.CreateSipMediaApplicationCall(ctx, plain)
	fails[badRequest](t, err)
	a.calls.err = context.Canceled
	_, err = a.CreateSipMediaApplicationCall(ctx, plain)
	fails[*types.ServiceUnavailableException](t, err)
	a.calls.err = json.Unmarshal([]byte("{"), &args)
	_, err = a.CreateSipMediaApplicationCall(ctx, plain)
	fails[*types.ServiceFailureException](t, err)
	if strings.Contains(err.Error(), "JSON") {
		t.Errorf("a fault of ours is shown to the client: %v", err)
	}
}

func TestTags(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	created := good[*voice.CreateSipMediaApplicationOutput](t)(a.CreateSipMediaApplication(ctx, &voice.CreateSipMediaApplicationInput{
		AwsRegion: aws.String("us-east-1"), Name: aws.String("n"), Endpoints: []types.SipMediaApplicationEndpoint{{LambdaArn: aws.String(ivr)}},
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}},
	})).SipMediaApplication
	tags := func(arn *string) string {
		t.Helper()
		s := ""
		for _, v := range good[*voice.ListTagsForResourceOutput](t)(a.ListTagsForResource(ctx, &voice.ListTagsForResourceInput{ResourceARN: arn})).Tags {
			s += *v.Key + "=" + *v.Value + ";"
		}
		return s
	}
	arn := created.SipMediaApplicationArn
	same(t, "created with", tags(arn), "a=1;")
	good[*voice.TagResourceOutput](t)(a.TagResource(ctx, &voice.TagResourceInput{ResourceARN: arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("2")}, {Key: aws.String("b"), Value: aws.String("")}}}))
	same(t, "added to", tags(arn), "a=2;b=;")
	good[*voice.UntagResourceOutput](t)(a.UntagResource(ctx, &voice.UntagResourceInput{ResourceARN: arn, TagKeys: []string{"a", "none"}}))
	same(t, "taken from", tags(arn), "b=;")
	var many []types.Tag
	for i := range 50 {
		many = append(many, types.Tag{Key: aws.String("k" + strconv.Itoa(i)), Value: aws.String("v")})
	}
	_, err := a.TagResource(ctx, &voice.TagResourceInput{ResourceARN: arn, Tags: many})
	fails[*types.ResourceLimitExceededException](t, err, "at most 50")
	vc := a.connector("vc")
	same(t, "of another", tags(vc.VoiceConnectorArn), "")
	number := aws.String("arn:aws:chime:us-east-1:111122223333:phone-number/12065550100")
	good[*voice.TagResourceOutput](t)(a.TagResource(ctx, &voice.TagResourceInput{ResourceARN: number, Tags: many}))
	if n := strings.Count(tags(number), ";"); n != 50 {
		t.Errorf("%d tags on the number", n)
	}
	good[*voice.DeleteSipMediaApplicationOutput](t)(a.DeleteSipMediaApplication(ctx, &voice.DeleteSipMediaApplicationInput{SipMediaApplicationId: created.SipMediaApplicationId}))
	for _, gone := range []string{*arn, strings.Replace(*vc.VoiceConnectorArn, "us-east-1", "eu-west-1", 1), "arn:aws:chime:us-east-1:111122223333:moon/1"} {
		_, err = a.ListTagsForResource(ctx, &voice.ListTagsForResourceInput{ResourceARN: &gone})
		fails[notFound](t, err)
	}
	_, err = a.TagResource(ctx, &voice.TagResourceInput{ResourceARN: aws.String("not an arn"), Tags: many[:1]})
	fails[badRequest](t, err, "ResourceARN")
	_, err = a.UntagResource(ctx, &voice.UntagResourceInput{ResourceARN: arn, TagKeys: []string{}})
	fails[badRequest](t, err, "TagKeys")
}
