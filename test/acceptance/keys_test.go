package acceptance_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/chimesdkvoice"
	"github.com/aws/smithy-go"
)

// Keys are made and deleted while the server runs: each signs for its account until it is deleted, over a restart too; those of the
// file stay the file's.
func TestAccessKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const file = "keys: [{kind: admin, id: admin, secret: admin-secret}, {kind: aws, id: dev, secret: dev-secret}]\n"
	s := startIn(t, dir, nil, file)
	type key struct{ Kind, ID, Account, Secret string }
	keys := func(what string, args ...string) ran {
		t.Helper()
		return run(t, nil, append([]string{"keys", what, "--api", "http://" + s.HTTP, "--key", "admin", "--secret", "admin-secret"}, args...)...)
	}
	create := func(args ...string) (k key) {
		t.Helper()
		r := keys("create", append(args, "--json")...)
		if err := json.Unmarshal([]byte(r.out), &k); err != nil || r.code != 0 {
			t.Fatalf("keys create: exit code %d, %v\n%s%s", r.code, err, r.out, r.err)
		}
		return k
	}
	asks := func(k key) string {
		t.Helper()
		client := chimesdkvoice.New(chimesdkvoice.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://" + s.HTTP), RetryMaxAttempts: 1,
			Credentials: credentials.NewStaticCredentialsProvider(k.ID, k.Secret, "")})
		_, err := client.ListSipRules(t.Context(), &chimesdkvoice.ListSipRulesInput{})
		var told smithy.APIError
		switch {
		case err == nil:
			return ""
		case errors.As(err, &told):
			return told.ErrorCode()
		}
		t.Fatal(err)
		return ""
	}
	one, two, theirs := create(), create("--id", "second"), create("--account", "444455556666")
	if one.Account != "111122223333" || two.ID != "second" || theirs.Account != "444455556666" || one.Secret == two.Secret {
		t.Errorf("made %+v, %+v and %+v", one, two, theirs)
	}
	for _, k := range []key{one, two, theirs} {
		if code := asks(k); code != "" {
			t.Errorf("key %s is refused: %s", k.ID, code)
		}
	}
	if code := asks(key{ID: one.ID, Secret: two.Secret}); code != "InvalidSignatureException" {
		t.Errorf("another key's secret gives %q", code)
	}
	list := keys("list")
	for _, want := range []string{one.ID, "second", theirs.ID, "dev", "the file", "the API"} {
		if !strings.Contains(list.out, want) {
			t.Errorf("the list does not have %s:\n%s", want, list.out)
		}
	}
	for _, secret := range []string{one.Secret, two.Secret, "dev-secret", "admin-secret"} {
		if strings.Contains(list.out, secret) || strings.Contains(s.logged(), secret) {
			t.Errorf("a secret is shown:\n%s", list.out)
		}
	}
	if r := keys("delete", "dev"); r.code == 0 || !strings.Contains(r.err, "configuration file") {
		t.Errorf("deleting a key of the file: exit code %d\n%s", r.code, r.err)
	}
	if r := keys("delete", one.ID); r.code != 0 {
		t.Errorf("keys delete: exit code %d\n%s", r.code, r.err)
	}
	s.stop()
	s = startIn(t, dir, nil, file)
	for k, want := range map[key]string{one: "UnrecognizedClientException", two: "", theirs: "", {ID: "dev", Secret: "dev-secret"}: ""} {
		if code := asks(k); code != want {
			t.Errorf("after a restart key %s gives %q, want %q", k.ID, code, want)
		}
	}
}
