package chime_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
)

func route(host string, priority, weight int32) types.OriginationRoute {
	return types.OriginationRoute{Host: &host, Protocol: types.OriginationRouteProtocolUdp, Priority: &priority, Weight: &weight}
}

// routed gives a Voice Connector with routes.
func (a *api) routed(name string, routes ...types.OriginationRoute) *types.VoiceConnector {
	a.t.Helper()
	vc := a.connector(name)
	a.putRoutes(vc, routes...)
	return vc
}

func (a *api) putRoutes(vc *types.VoiceConnector, routes ...types.OriginationRoute) {
	a.t.Helper()
	good[*voice.PutVoiceConnectorOriginationOutput](a.t)(a.PutVoiceConnectorOrigination(a.t.Context(), &voice.PutVoiceConnectorOriginationInput{
		VoiceConnectorId: vc.VoiceConnectorId, Origination: &types.Origination{Routes: routes}}))
}

func member(vc *types.VoiceConnector, priority int32) types.VoiceConnectorItem {
	return types.VoiceConnectorItem{VoiceConnectorId: vc.VoiceConnectorId, Priority: &priority}
}

func (a *api) group(members ...types.VoiceConnectorItem) *types.VoiceConnectorGroup {
	a.t.Helper()
	return good[*voice.CreateVoiceConnectorGroupOutput](a.t)(a.CreateVoiceConnectorGroup(a.t.Context(), &voice.CreateVoiceConnectorGroupInput{
		Name: aws.String("group"), VoiceConnectorItems: members})).VoiceConnectorGroup
}

func TestVoiceConnectorGroups(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	first, backup := a.routed("first", route("192.0.2.1", 1, 10), route("192.0.2.2", 2, 1)), a.routed("second", route("192.0.2.3", 1, 5))
	g := a.group(member(backup, 2), member(first, 1))
	id := g.VoiceConnectorGroupId
	same(t, "created", *g, types.VoiceConnectorGroup{
		VoiceConnectorGroupId: id, Name: aws.String("group"), VoiceConnectorItems: []types.VoiceConnectorItem{member(backup, 2), member(first, 1)},
		VoiceConnectorGroupArn: aws.String("arn:aws:chime:us-east-1:111122223333:vcg/" + *id), CreatedTimestamp: g.CreatedTimestamp, UpdatedTimestamp: g.UpdatedTimestamp,
	})
	get := func() *types.VoiceConnectorGroup {
		t.Helper()
		return good[*voice.GetVoiceConnectorGroupOutput](t)(a.GetVoiceConnectorGroup(ctx, &voice.GetVoiceConnectorGroupInput{VoiceConnectorGroupId: id})).VoiceConnectorGroup
	}
	trunk := func() *directory.Trunk { got, _ := a.store.Snapshot().Trunk(*id); return got }
	hosts := func() (list []string) {
		peers := slices.Clone(trunk().Peers)
		slices.SortStableFunc(peers, func(a, b directory.Peer) int { return a.Priority - b.Priority })
		for _, p := range peers {
			list = append(list, p.Host)
		}
		return list
	}
	same(t, "got", get(), g)
	same(t, "hosts in order", hosts(), []string{"192.0.2.1", "192.0.2.2", "192.0.2.3"})
	if got := trunk(); !got.OutOnly || got.Host != "" || got.Account != account {
		t.Errorf("the directory has %+v", got)
	}
	if vcs := good[*voice.ListVoiceConnectorsOutput](t)(a.ListVoiceConnectors(ctx, &voice.ListVoiceConnectorsInput{})).VoiceConnectors; len(vcs) != 2 {
		t.Errorf("the list of Voice Connectors has %d", len(vcs))
	}
	if groups := good[*voice.ListVoiceConnectorGroupsOutput](t)(a.ListVoiceConnectorGroups(ctx, &voice.ListVoiceConnectorGroupsInput{})).VoiceConnectorGroups; len(groups) != 1 {
		t.Errorf("the list of groups has %d", len(groups))
	}

	// What is put into a member is the group's at once.
	a.putRoutes(backup, route("192.0.2.30", 7, 1))
	same(t, "hosts after a member's change", hosts(), []string{"192.0.2.1", "192.0.2.2", "192.0.2.30"})
	good[*voice.UpdateVoiceConnectorOutput](t)(a.UpdateVoiceConnector(ctx, &voice.UpdateVoiceConnectorInput{VoiceConnectorId: first.VoiceConnectorId, Name: aws.String("n"), RequireEncryption: aws.Bool(true)}))
	if got := trunk(); got.Audio.SRTP != directory.Always || got.Peers[1].Transport != "tls" || got.Peers[0].Transport != "udp" {
		t.Errorf("with a member that requires encryption: %+v", got)
	}
	same(t, "a member's change shows not", get(), g)
	good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: backup.VoiceConnectorId,
		Termination: &types.Termination{CallingRegions: []string{"US"}, CidrAllowedList: []string{"198.51.100.0/24"}}}))
	if by, ok := a.store.Snapshot().TrunkBySource(netip.MustParseAddr("198.51.100.9")); !ok || by.ID != *backup.VoiceConnectorId || !trunk().OutOnly {
		t.Errorf("a call from a member's network comes in by %+v", by)
	}
	same(t, "whence requests inside calls may come", trunk().Allow, []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")})
	good[*voice.DeleteVoiceConnectorOriginationOutput](t)(a.DeleteVoiceConnectorOrigination(ctx, &voice.DeleteVoiceConnectorOriginationInput{VoiceConnectorId: first.VoiceConnectorId}))
	same(t, "hosts of the members that have any", hosts(), []string{"192.0.2.30"})
	_, err := a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: first.VoiceConnectorId})
	fails[conflict](t, err, *id)

	updated := good[*voice.UpdateVoiceConnectorGroupOutput](t)(a.UpdateVoiceConnectorGroup(ctx, &voice.UpdateVoiceConnectorGroupInput{
		VoiceConnectorGroupId: id, Name: aws.String("new"), VoiceConnectorItems: []types.VoiceConnectorItem{member(backup, 1)}})).VoiceConnectorGroup
	if *updated.Name != "new" || len(updated.VoiceConnectorItems) != 1 {
		t.Errorf("updated: %+v", updated)
	}
	good[*voice.DeleteVoiceConnectorOutput](t)(a.DeleteVoiceConnector(ctx, &voice.DeleteVoiceConnectorInput{VoiceConnectorId: first.VoiceConnectorId}))

	number := []string{"+12065550100"}
	_, err = a.UpdatePhoneNumber(ctx, &voice.UpdatePhoneNumberInput{PhoneNumberId: &number[0], ProductType: types.PhoneNumberProductTypeVoiceConnector})
	if err != nil {
		t.Fatal(err)
	}
	joined := good[*voice.AssociatePhoneNumbersWithVoiceConnectorGroupOutput](t)(a.AssociatePhoneNumbersWithVoiceConnectorGroup(ctx, &voice.AssociatePhoneNumbersWithVoiceConnectorGroupInput{
		VoiceConnectorGroupId: id, E164PhoneNumbers: append(number, "+12065550101")})).PhoneNumberErrors
	if len(joined) != 1 || joined[0].ErrorCode != types.ErrorCodeNotFound {
		t.Errorf("associated: %+v", joined)
	}
	n := good[*voice.GetPhoneNumberOutput](t)(a.GetPhoneNumber(ctx, &voice.GetPhoneNumberInput{PhoneNumberId: &number[0]})).PhoneNumber
	if len(n.Associations) != 1 || n.Associations[0].Name != types.PhoneNumberAssociationNameVoiceConnectorGroupId || *n.Associations[0].Value != *id {
		t.Errorf("associations are %+v", n.Associations)
	}
	taken := good[*voice.AssociatePhoneNumbersWithVoiceConnectorOutput](t)(a.AssociatePhoneNumbersWithVoiceConnector(ctx, &voice.AssociatePhoneNumbersWithVoiceConnectorInput{
		VoiceConnectorId: backup.VoiceConnectorId, E164PhoneNumbers: number})).PhoneNumberErrors
	if len(taken) != 1 || !strings.Contains(*taken[0].ErrorMessage, "VoiceConnectorGroup "+*id) {
		t.Errorf("associated with a group, and with a Voice Connector too: %+v", taken)
	}
	drop := &voice.DeleteVoiceConnectorGroupInput{VoiceConnectorGroupId: id}
	_, err = a.DeleteVoiceConnectorGroup(ctx, drop)
	fails[conflict](t, err, *backup.VoiceConnectorId)
	good[*voice.UpdateVoiceConnectorGroupOutput](t)(a.UpdateVoiceConnectorGroup(ctx, &voice.UpdateVoiceConnectorGroupInput{VoiceConnectorGroupId: id, Name: aws.String("n"), VoiceConnectorItems: []types.VoiceConnectorItem{}}))
	_, err = a.DeleteVoiceConnectorGroup(ctx, drop)
	fails[conflict](t, err, number[0])
	good[*voice.DisassociatePhoneNumbersFromVoiceConnectorGroupOutput](t)(a.DisassociatePhoneNumbersFromVoiceConnectorGroup(ctx, &voice.DisassociatePhoneNumbersFromVoiceConnectorGroupInput{VoiceConnectorGroupId: id, E164PhoneNumbers: number}))
	good[*voice.DeleteVoiceConnectorGroupOutput](t)(a.DeleteVoiceConnectorGroup(ctx, drop))
	for _, err := range []error{
		second(a.DeleteVoiceConnectorGroup(ctx, drop)),
		second(a.GetVoiceConnectorGroup(ctx, &voice.GetVoiceConnectorGroupInput{VoiceConnectorGroupId: id})),
		second(a.GetVoiceConnectorGroup(ctx, &voice.GetVoiceConnectorGroupInput{VoiceConnectorGroupId: backup.VoiceConnectorId})),
		second(a.UpdateVoiceConnectorGroup(ctx, &voice.UpdateVoiceConnectorGroupInput{VoiceConnectorGroupId: id, Name: aws.String("n"), VoiceConnectorItems: []types.VoiceConnectorItem{}})),
		second(a.AssociatePhoneNumbersWithVoiceConnectorGroup(ctx, &voice.AssociatePhoneNumbersWithVoiceConnectorGroupInput{VoiceConnectorGroupId: id, E164PhoneNumbers: number})),
	} {
		fails[notFound](t, err, "VoiceConnectorGroup")
	}
}

// Where the load is balanced, each member has the same share, whatever its own weights add up to and its priorities are called.
func TestBalancedGroup(t *testing.T) {
	a := newAPI(t)
	heavy, light := a.routed("heavy", route("192.0.2.1", 1, 90), route("192.0.2.2", 1, 10)), a.routed("light", route("192.0.2.3", 5, 1), route("192.0.2.4", 9, 1))
	g := a.group(member(heavy, 1), member(light, 99))
	body := `{"Name":"n","CallDistributionType":"LoadBalancedDistribution","VoiceConnectorItems":[{"VoiceConnectorId":"` + *heavy.VoiceConnectorId + `","Priority":1},{"VoiceConnectorId":"` + *light.VoiceConnectorId + `","Priority":99}]}`
	r := a.request("PUT", "/voice-connector-groups/"+*g.VoiceConnectorGroupId, body)
	sign(t, r, []byte(body), "dev", "dev-secret", a.now())
	if res, answer := a.send(r); res.StatusCode != 202 || !strings.Contains(string(answer), `"CallDistributionType":"LoadBalancedDistribution"`) {
		t.Fatalf("%d %s", res.StatusCode, answer)
	}
	trunk, _ := a.store.Snapshot().Trunk(*g.VoiceConnectorGroupId)
	same(t, "peers", trunk.Peers, []directory.Peer{
		{Host: "192.0.2.1", Transport: "udp", Priority: 1, Weight: 900}, {Host: "192.0.2.2", Transport: "udp", Priority: 1, Weight: 100},
		{Host: "192.0.2.3", Transport: "udp", Priority: 1, Weight: 1000}, {Host: "192.0.2.4", Transport: "udp", Priority: 2, Weight: 1000},
	})
}

func TestGroupMembers(t *testing.T) {
	a := newAPI(t, func(cfg *chime.Config) { cfg.Quotas.ConnectorGroups = 1 })
	vc := a.connector("vc")
	for says, items := range map[string][]types.VoiceConnectorItem{
		"Could not find":   {{VoiceConnectorId: aws.String("none"), Priority: aws.Int32(1)}},
		"Priority: 0":      {member(vc, 0)},
		"Priority: 100":    {member(vc, 100)},
		"there twice":      {member(vc, 1), member(vc, 2)},
		"at most 3":        slices.Repeat([]types.VoiceConnectorItem{member(vc, 1)}, 4),
		"VoiceConnectorId": {{VoiceConnectorId: aws.String(""), Priority: aws.Int32(1)}},
	} {
		_, err := a.CreateVoiceConnectorGroup(t.Context(), &voice.CreateVoiceConnectorGroupInput{Name: aws.String("n"), VoiceConnectorItems: items})
		fails[badRequest](t, err, says)
	}
	_, err := a.CreateVoiceConnectorGroup(t.Context(), &voice.CreateVoiceConnectorGroupInput{Name: aws.String("a/b")})
	fails[badRequest](t, err, "Name")
	a.group()
	_, err = a.CreateVoiceConnectorGroup(t.Context(), &voice.CreateVoiceConnectorGroupInput{Name: aws.String("n")})
	fails[limitExceeded](t, err, "groups")
}

// Who proves to be one of the callers may call from anywhere where no networks are named; without a termination nobody may.
func TestCallersInPlaceOfNetworks(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("pbx").VoiceConnectorId
	outOnly := func() bool { trunk, _ := a.store.Snapshot().Trunk(*id); return trunk.OutOnly }
	good[*voice.PutVoiceConnectorTerminationCredentialsOutput](t)(a.PutVoiceConnectorTerminationCredentials(ctx, &voice.PutVoiceConnectorTerminationCredentialsInput{
		VoiceConnectorId: id, Credentials: []types.Credential{{Username: aws.String("u"), Password: aws.String("p")}}}))
	if !outOnly() {
		t.Error("without a termination calls come in")
	}
	termination := &types.Termination{CallingRegions: []string{"US"}}
	put := &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: id, Termination: termination}
	good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, put))
	if outOnly() {
		t.Error("with credentials and a termination no call comes in")
	}
	termination.Disabled = aws.Bool(true)
	good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, put))
	if !outOnly() {
		t.Error("a disabled termination takes calls")
	}
	termination.Disabled = nil
	good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, put))
	good[*voice.DeleteVoiceConnectorTerminationCredentialsOutput](t)(a.DeleteVoiceConnectorTerminationCredentials(ctx, &voice.DeleteVoiceConnectorTerminationCredentialsInput{VoiceConnectorId: id, Usernames: []string{"u"}}))
	if _, ok := a.store.Snapshot().TrunkBySource(netip.MustParseAddr("192.0.2.1")); ok || !outOnly() {
		t.Error("with neither networks nor credentials calls come in")
	}
}
