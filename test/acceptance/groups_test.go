package acceptance_test

import (
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice/types"
)

// A call to a group of Voice Connectors goes to the hosts of the next member where those of the first take none, and a member that
// is changed is changed in the group.
func TestVoiceConnectorGroup(t *testing.T) {
	t.Parallel()
	var arn atomic.Value
	inner := bridge("600300")
	f := startFunction(t, func(ev event) string {
		return strings.Replace(inner(ev), `"BridgeEndpointType":"PSTN"`, `"BridgeEndpointType":"AWS","Arn":"`+arn.Load().(string)+`"`, 1)
	})
	s := start(t, configFor(freePort(t), f.URL), "--dev")
	client := chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
	route := func(vc *string, port int) {
		t.Helper()
		_, err := client.PutVoiceConnectorOrigination(t.Context(), &chimesdkvoice.PutVoiceConnectorOriginationInput{VoiceConnectorId: vc, Origination: &types.Origination{
			Routes: []types.OriginationRoute{{Host: aws.String("127.0.0.1"), Port: aws.Int32(int32(port)), Protocol: types.OriginationRouteProtocolUdp, Priority: aws.Int32(1), Weight: aws.Int32(1)}}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	var members []types.VoiceConnectorItem
	ports := []int{freePort(t), freePort(t), freePort(t)}
	for i := range 2 {
		out, err := client.CreateVoiceConnector(t.Context(), &chimesdkvoice.CreateVoiceConnectorInput{Name: aws.String("vc"), RequireEncryption: aws.Bool(false)})
		if err != nil {
			t.Fatal(err)
		}
		members = append(members, types.VoiceConnectorItem{VoiceConnectorId: out.VoiceConnector.VoiceConnectorId, Priority: aws.Int32(int32(i + 1))})
		route(out.VoiceConnector.VoiceConnectorId, ports[i])
	}
	group, err := client.CreateVoiceConnectorGroup(t.Context(), &chimesdkvoice.CreateVoiceConnectorGroupInput{Name: aws.String("both"), VoiceConnectorItems: members})
	if err != nil {
		t.Fatal(err)
	}
	arn.Store(*group.VoiceConnectorGroup.VoiceConnectorGroupArn)
	place := func(backup int) {
		t.Helper()
		full := startSIPp(t, scenario(onInvite(), onAnswer("503 Service Unavailable"), take("ACK")), "", ports[0])
		taker := startSIPp(t, callee(), "", backup)
		startSIPp(t, caller("X-Account-Id: 4711"), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
		full.wait(t)
		taker.wait(t)
		invite := first(t, taker.received(t), "INVITE")
		if got := rows(invite, "X-Account-Id"); !strings.HasPrefix(invite, "INVITE sip:600300@") || len(got) != 1 || got[0] != "4711" {
			t.Errorf("the second member got\n%s", invite)
		}
	}
	place(ports[1])
	route(members[1].VoiceConnectorId, ports[2])
	place(ports[2])
}
