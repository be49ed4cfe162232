package acceptance_test

import (
	"compress/gzip"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/test/need"
)

// unserved begin the names of operations that this server does not have: voice profiles, speaker search, tone analysis, proxy
// sessions, Alexa skills.
var unserved = []string{"VoiceProfile", "SpeakerSearch", "VoiceTone", "Proxy", "Alexa"}

// unreachable are exceptions that a client's model declares and no client can be given here, by exception, then operation ("" for
// all): why.
var unreachable = map[string]map[string]string{
	"AccessDeniedException":       {"": "a key may do all of its account's operations, or is none at all"},
	"ForbiddenException":          {"": "given to presigned requests, which no client makes"},
	"UnauthorizedClientException": {"": "a wrong key is refused before the service, with the code that AWS gives there"},
	"ServiceFailureException":     {"": "a fault of the server's own"},
	"ServiceUnavailableException": {"": "a server that stops"},
	"ThrottledClientException":    {"": "the operations that are throttled are in too-often.json; nothing else is"},
	"BadRequestException": {
		"ListAvailableVoiceConnectorRegions":         "it is given nothing",
		"ListVoiceConnectorTerminationCredentials":   "it is given an Id alone",
		"PutSipMediaApplicationLoggingConfiguration": "each of its members is true or false",
		"PutVoiceConnectorLoggingConfiguration":      "each of its members is true or false",
	},
	"NotFoundException": {
		"BatchDeletePhoneNumber": "it tells of each number apart",
		"BatchUpdatePhoneNumber": "it tells of each number apart",
		"ValidateE911Address":    "nothing here knows which addresses there are",
	},
	"ConflictException": {
		"CreateSipMediaApplication":                     "two applications of one name are two applications",
		"UpdateSipMediaApplication":                     "requests at one time wait for each other",
		"UpdateSipRule":                                 "requests at one time wait for each other",
		"UpdateVoiceConnectorGroup":                     "requests at one time wait for each other",
		"PutVoiceConnectorExternalSystemsConfiguration": "requests at one time wait for each other",
	},
	"ResourceLimitExceededException": {
		"UpdateSipRule":                 "a rule's targets are bounded by the model: BadRequestException",
		"UpdateSipMediaApplicationCall": "a thousand updates that wait for one function",
	},
}

// onlyIDs begin the names of operations that are given no more than what a thing is called: any name may be that of none.
var onlyIDs = []string{"Get", "Delete"}

// The scenarios have each operation of the vendor's model that this server serves, and each exception that it declares.
func TestClientsCoverTheModel(t *testing.T) {
	done := map[string]map[string]bool{} // by operation: "" for success, and exceptions
	for _, f := range readScenarios(t, scenarioFolder) {
		for _, step := range f.Steps {
			if done[step.Do] == nil {
				done[step.Do] = map[string]bool{}
			}
			done[step.Do][step.Error] = true
		}
	}
	done["CreateSipMediaApplicationCall"][""] = true // TestClientsCall, too
	for operation, exceptions := range modelOperations(t) {
		if slices.ContainsFunc(unserved, func(word string) bool { return strings.Contains(operation, word) }) {
			continue
		}
		if !done[operation][""] {
			t.Errorf("no step lets %s succeed", operation)
		}
		for _, exception := range exceptions {
			why := unreachable[exception]
			excused := why[""] != "" || why[operation] != "" || exception == "BadRequestException" && slices.ContainsFunc(onlyIDs, func(verb string) bool { return strings.HasPrefix(operation, verb) })
			switch {
			case !done[operation][exception] && !excused:
				t.Errorf("no step lets %s fail with %s", operation, exception)
			case done[operation][exception] && why[operation] != "":
				t.Errorf("%s fails with %s, though it is said that it can't: %s", operation, exception, why[operation])
			}
		}
		delete(done, operation)
	}
	if len(done) > 0 {
		t.Errorf("the vendor's model does not have %q", slices.Sorted(maps.Keys(done)))
	}
}

// modelOperations gives the operations of the vendor's model, as it comes with the SDK for Python, and the exceptions of each.
func modelOperations(t *testing.T) map[string][]string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", ".cache", "venv", "lib", "python3*", "site-packages", "botocore", "data", "chime-sdk-voice", "*", "service-2.json.gz"))
	if err != nil || len(found) != 1 {
		need.Missing(t, "the SDK for Python has no model of the service: make test installs it")
	}
	file, err := os.Open(found[0])
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	text, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	var model struct {
		Operations map[string]struct {
			Errors []struct{ Shape string }
		}
	}
	if err := json.NewDecoder(text).Decode(&model); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for operation, of := range model.Operations {
		out[operation] = nil
		for _, e := range of.Errors {
			out[operation] = append(out[operation], e.Shape)
		}
	}
	return out
}
