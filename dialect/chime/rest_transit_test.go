package chime_test

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	voice "github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"

	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// What a termination says decides who may call by a Voice Connector, and what may be dialled through it.
func TestTransit(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := a.connector("pbx").VoiceConnectorId
	trunk := func() *directory.Trunk { trunk, _ := a.store.Snapshot().Trunk(*id); return trunk }
	same(t, "rows", trunk().Signalling.Rows, header.List{{Name: "X-VoiceConnector-ID", Value: *id}})
	put := func(change func(*types.Termination)) {
		t.Helper()
		term := &types.Termination{CallingRegions: []string{"DE"}, CidrAllowedList: []string{"198.51.100.204/32"}, DefaultPhoneNumber: aws.String("+12065550103")}
		change(term)
		good[*voice.PutVoiceConnectorTerminationOutput](t)(a.PutVoiceConnectorTermination(ctx, &voice.PutVoiceConnectorTerminationInput{VoiceConnectorId: id, Termination: term}))
	}
	put(func(*types.Termination) {})
	same(t, "transit", trunk().Transit, directory.Transit{Prefixes: []string{"+49"}, Caller: "+12065550103"})
	put(func(t *types.Termination) { t.CallingRegions = nil })
	same(t, "without regions", trunk().Transit, directory.Transit{})
	put(func(t *types.Termination) { t.Disabled = aws.Bool(true) })
	same(t, "disabled", trunk().Transit, directory.Transit{})
	put(func(t *types.Termination) { t.CidrAllowedList = nil })
	if !trunk().OutOnly {
		t.Error("calls are taken from nowhere in particular")
	}
	good[*voice.PutVoiceConnectorTerminationCredentialsOutput](t)(a.PutVoiceConnectorTerminationCredentials(ctx, &voice.PutVoiceConnectorTerminationCredentialsInput{
		VoiceConnectorId: id, Credentials: []types.Credential{{Username: aws.String("pbx"), Password: aws.String("secret")}}}))
	if trunk().OutOnly {
		t.Error("credentials alone let nobody call")
	}
	put(func(t *types.Termination) { t.CidrAllowedList, t.Disabled = nil, aws.Bool(true) })
	if !trunk().OutOnly {
		t.Error("a disabled termination takes the calls of who has credentials")
	}
}

// A start with another policy, or another program, brings the trunks of Voice Connectors up to date, and leaves others alone.
func TestRefresh(t *testing.T) {
	a, ctx := newAPI(t), t.Context()
	id := *a.connector("pbx").VoiceConnectorId
	old, _ := a.store.Snapshot().Trunk(id)
	before := *old
	before.Signalling.Rows = nil // as an earlier program had it
	mine := directory.Trunk{ID: "mine", Account: account}
	if err := a.store.Trunks().Update(ctx, before); err != nil {
		t.Fatal(err)
	}
	if err := a.store.Trunks().Create(ctx, mine); err != nil {
		t.Fatal(err)
	}
	for _, policy := range []chime.CallerID{chime.CallerOwned, chime.CallerAny} {
		d := chime.New(chime.Config{Directory: a.store.Snapshot, Store: a.store, CallerID: policy})
		for range 2 { // the second time there is nothing to do
			if err := d.Refresh(ctx); err != nil {
				t.Fatal(err)
			}
			vc, _ := a.store.Snapshot().Trunk(id)
			if vc.Owned != (policy == chime.CallerOwned) || !slices.Equal(vc.Signalling.Rows, old.Signalling.Rows) || vc.Created != old.Created {
				t.Errorf("%s: %+v", policy, vc)
			}
			if own, _ := a.store.Snapshot().Trunk("mine"); own.Owned || len(own.Signalling.Rows) > 0 {
				t.Errorf("a trunk of the operator's: %+v", own)
			}
		}
	}
}
