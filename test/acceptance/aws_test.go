package acceptance_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"

	"github.com/switchhook/switchhook/test/need"
)

// signs gives the secret that clients of the server sign with.
func (s *server) signs() string { return cmp.Or(s.secret, "dev-secret") }

// awsEnv is what points any AWS client here.
func awsEnv(s *server) []string {
	return append(os.Environ(), "AWS_ACCESS_KEY_ID=dev", "AWS_SECRET_ACCESS_KEY="+s.signs(), "AWS_DEFAULT_REGION=us-east-1", "AWS_REGION=us-east-1",
		"AWS_ENDPOINT_URL_CHIME_SDK_VOICE=http://"+s.HTTP, "AWS_PAGER=", "AWS_EC2_METADATA_DISABLED=true", "AWS_CONFIG_FILE=/nonexistent", "AWS_SHARED_CREDENTIALS_FILE=/nonexistent")
}

// awsCLI gives a function that runs the unmodified AWS CLI and decodes what it prints.
func awsCLI(t *testing.T, s *server) func(v any, args ...string) {
	t.Helper()
	path := filepath.Join("..", "..", ".cache", "venv", "bin", "aws")
	if _, err := os.Stat(path); err != nil {
		path = need.Tool(t, "aws", "make test installs it")
	}
	return func(v any, args ...string) {
		t.Helper()
		cmd := exec.Command(path, append([]string{"chime-sdk-voice", "--output", "json"}, args...)...)
		cmd.Env = awsEnv(s)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, errs.String())
		}
		if v == nil {
			return
		}
		if err := json.Unmarshal(out.Bytes(), v); err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out.String())
		}
	}
}

// The AWS CLI, unmodified, sets all of a first call up: Voice Connector, numbers, application, rule; then the call runs.
func TestAWSCLISetsAllUp(t *testing.T) {
	t.Parallel()
	s := start(t, "", "--dev", "--function", "ivr="+filepath.Join("..", "..", "examples", "chime-bridge", "index.mjs"))
	cli := awsCLI(t, s)
	var vc struct {
		VoiceConnector struct{ VoiceConnectorId, OutboundHostName, VoiceConnectorArn string }
	}
	cli(&vc, "create-voice-connector", "--name", "pbx", "--no-require-encryption")
	id := vc.VoiceConnector.VoiceConnectorId
	calleePort := freePort(t)
	cli(nil, "put-voice-connector-termination", "--voice-connector-id", id, "--termination", "CallingRegions=US,CidrAllowedList=127.0.0.0/27")
	cli(nil, "put-voice-connector-origination", "--voice-connector-id", id, "--origination", fmt.Sprintf("Routes=[{Host=127.0.0.1,Port=%d,Protocol=UDP,Priority=1,Weight=1}]", calleePort))
	var found struct{ E164PhoneNumbers []string }
	cli(&found, "search-available-phone-numbers", "--area-code", "425", "--max-results", "3")
	if len(found.E164PhoneNumbers) == 0 {
		t.Fatal("no number is available")
	}
	number := found.E164PhoneNumbers[0]
	var order struct {
		PhoneNumberOrder struct{ PhoneNumberOrderId string }
	}
	cli(&order, "create-phone-number-order", "--product-type", "SipMediaApplicationDialIn", "--e164-phone-numbers", number)
	var state struct {
		PhoneNumberOrder struct{ Status string }
	}
	cli(&state, "get-phone-number-order", "--phone-number-order-id", order.PhoneNumberOrder.PhoneNumberOrderId)
	if state.PhoneNumberOrder.Status != "Successful" {
		t.Fatalf("order: %+v", state)
	}
	var sma struct {
		SipMediaApplication struct{ SipMediaApplicationId string }
	}
	cli(&sma, "create-sip-media-application", "--aws-region", "us-east-1", "--name", "sma1", "--endpoints", "LambdaArn=arn:aws:lambda:us-east-1:111122223333:function:ivr")
	target := "SipMediaApplicationId=" + sma.SipMediaApplication.SipMediaApplicationId + ",Priority=1,AwsRegion=us-east-1"
	cli(nil, "create-sip-rule", "--name", "by-number", "--trigger-type", "ToPhoneNumber", "--trigger-value", number, "--target-applications", target)
	cli(nil, "create-sip-rule", "--name", "by-host", "--trigger-type", "RequestUriHostname", "--trigger-value", vc.VoiceConnector.OutboundHostName, "--target-applications", target)
	var rules struct{ SipRules []struct{ Name string } }
	cli(&rules, "list-sip-rules")
	if len(rules.SipRules) != 2 {
		t.Errorf("rules: %+v", rules)
	}
	startSIPp(t, caller("X-Account-Id: 4711"), s.SIP, freePort(t), "-s", number).wait(t)

	var placed struct {
		SipMediaApplicationCall struct{ TransactionId string }
	}
	cli(&placed, "create-sip-media-application-call", "--from-phone-number", number, "--to-phone-number", "+14155550100",
		"--sip-media-application-id", sma.SipMediaApplication.SipMediaApplicationId, "--sip-headers", "X-Test-Value=String,User-to-User=00c0ffee;encoding=hex")
	if len(placed.SipMediaApplicationCall.TransactionId) != 36 {
		t.Errorf("call: %+v", placed)
	}
}

// The reserved header of the seed fails, in an action and in the API.
func TestReservedHeaderFails(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			return `{"SchemaVersion":"1.0","Actions":[{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550142","Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+14155550199"}],"SipHeaders":{"X-AMZN":"String"}}}]}`
		}
		return `{"SchemaVersion":"1.0","Actions":[{"Type":"Hangup","Parameters":{"SipResponseCode":"480"}}]}`
	})
	s := start(t, configFor(freePort(t), f.URL), "--dev")
	startSIPp(t, refused(480), s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	failed := f.seen("ACTION_FAILED")
	if len(failed) != 1 || failed[0].ActionData.ErrorType != "InvalidActionParameter" || failed[0].ActionData.ErrorMessage != "Invalid SIP header(s) provided: X-AMZN" {
		t.Errorf("ACTION_FAILED: %+v", failed)
	}
	client := chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP),
		Credentials: credentials.NewStaticCredentialsProvider("dev", "dev-secret", "")})
	_, err := client.CreateSipMediaApplicationCall(t.Context(), &chimesdkvoice.CreateSipMediaApplicationCallInput{
		FromPhoneNumber: aws.String("+12065550100"), ToPhoneNumber: aws.String("+14155550199"), SipMediaApplicationId: aws.String("app0"),
		SipHeaders: map[string]string{"X-AMZN": "String"},
	})
	if err == nil || !strings.Contains(err.Error(), "BadRequestException") || !strings.Contains(err.Error(), "X-AMZN") {
		t.Errorf("the API says %v", err)
	}
}

// A wrong secret is refused as AWS refuses it, before any service: no client knows the exception as one of the operation's, and each
// shows its name and words.
func TestWrongKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := start(t, "", "--dev")
	if host, _, err := net.SplitHostPort(s.HTTP); err != nil || host != "127.0.0.1" {
		t.Errorf("--dev listens on %s", s.HTTP)
	}
	for name, open := range clients {
		c := open(t, &server{HTTP: s.HTTP, secret: "wrong"})
		got := c.ask(t, asked{Operation: "ListSipRules"})
		if got.Error != "InvalidSignatureException" || got.Typed && name != legacy || got.Status != 0 && got.Status != 403 || !strings.Contains(got.Message, "signature") {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
