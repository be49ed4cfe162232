package chime

import (
	"fmt"
	"slices"
	"strings"

	"github.com/switchhook/switchhook/directory"
)

// answerShape is an answer.
var answerShape = object{members: []member{
	{"SchemaVersion", words{oneOf: []string{schemaVersion}}, true},
	{"Actions", actionList{}, false},
	{"TransactionAttributes", anything{object: true}, false},
}}

// actionShapes are what the Parameters of each action may be, in the order of the vendor's list of actions.
func actionShapes() []member {
	return []member{
		{"CallAndBridge", bridgeShape, true},
		{"Hangup", acting(member{"SipResponseCode", words{oneOf: []string{"0", "480", "486"}, number: true}, false}), false},
		{"JoinChimeMeeting", acting(member{"JoinToken", words{}, true}, member{"MeetingId", words{}, false}), true},
		{"ModifyChimeMeetingAttendees", acting(
			member{"Operation", words{oneOf: []string{"Mute", "Unmute"}}, true},
			member{"MeetingId", words{}, true},
			member{"AttendeeList", list{of: words{}, min: 1, max: maxMuted}, true}), true},
		{"Pause", acting(member{"DurationInMilliseconds", number{minPause, maxPause}, true}), true},
		{"PauseCallRecording", acting(), false},
		{"PlayAudio", acting(
			member{"AudioSource", audioShape, true},
			member{"PlaybackTerminators", phoneKeys{}, false},
			member{"Repeat", number{min: 1}, false}), true},
		{"PlayAudioAndGetDigits", acting(append(gatherMembers(),
			member{"AudioSource", audioShape, true},
			member{"FailureAudioSource", audioShape, false})...).where(ascending("MinNumberOfDigits", "MaxNumberOfDigits", 0)), true},
		{"ReceiveDigits", acting(
			member{"InputDigitsRegex", pattern{}, true},
			member{"InBetweenDigitsDurationInMilliseconds", number{min: 1}, true},
			member{"FlushDigitsDurationInMilliseconds", number{min: 1}, true},
		).where(ascending("InBetweenDigitsDurationInMilliseconds", "FlushDigitsDurationInMilliseconds", 1)), true},
		{"RecordAudio", acting(
			member{"DurationInSeconds", number{min: 1}, false},
			member{"SilenceDurationInSeconds", number{1, maxSilence}, false},
			member{"SilenceThreshold", number{1, maxSilence}, false},
			member{"RecordingTerminators", phoneKeys{}, false},
			member{"RecordingDestination", object{members: []member{
				{"Type", words{oneOf: []string{"S3"}}, true},
				{"BucketName", words{}, true},
				{"Prefix", words{bytes: maxPrefix, test: safeInKey}, false},
			}}, true}), true},
		{"ResumeCallRecording", acting(), false},
		{"SendDigits", acting(
			member{"Digits", words{max: maxSent, test: only(allKeys + ",")}, true},
			member{"ToneDurationInMilliseconds", number{minTone, maxTone}, false}), true},
		{"Speak", acting(speechMembers()...), true},
		{"SpeakAndGetDigits", acting(append(gatherMembers(),
			member{"SpeechParameters", object{members: speechMembers()}, true},
			member{"FailureSpeechParameters", object{members: speechMembers()}, false})...).where(ascending("MinNumberOfDigits", "MaxNumberOfDigits", 0)), true},
		{"StartBotConversation", acting(
			member{"BotAliasArn", words{test: begins("arn:", ":bot-alias/")}, true},
			member{"LocaleId", words{}, false},
			member{"Configuration", botShape, false}), true},
		{"StartCallRecording", acting(
			member{"Track", words{oneOf: []string{"BOTH", "INCOMING", "OUTGOING"}}, true},
			member{"Destination", object{members: []member{
				{"Type", words{oneOf: []string{"S3"}}, true},
				{"Location", words{bytes: maxLocation + 64, test: safeInKey}, true},
			}}, true}), true},
		{"StopCallRecording", acting(), false},
		{"VoiceFocus", acting(member{"Enable", truth{}, true}), true},
	}
}

// acting is the Parameters of an action: its own, and the leg that it acts on.
func acting(own ...member) object {
	return object{members: append([]member{
		{"CallId", words{}, false},
		{"ParticipantTag", words{oneOf: []string{string(legA), string(legB)}}, false},
	}, own...)}
}

// where gives the object with a check of what members have to do with each other.
func (o object) where(also func(c *checker, n node, path string)) object {
	o.also = also
	return o
}

// ascending checks that one number, where both are given, is less than another by at least some.
func ascending(less, more string, by int) func(c *checker, n node, path string) {
	return func(c *checker, n node, path string) {
		var low, high int
		var given node
		for _, f := range n.fields() {
			switch f.key {
			case less:
				low, _ = whole(f.value.raw)
			case more:
				high, _ = whole(f.value.raw)
				given = f.value
			}
		}
		if high > 0 && high-low < by {
			c.bad(given, below(path, more), "it must be %d or more, for %s is %d", low+by, less, low)
		}
	}
}

// safeInKey tells what keeps a prefix of S3 keys, with or without the bucket, from being one.
func safeInKey(s string) string {
	if _, ok := safePrefix(s, len(s)); !ok {
		return "S3 keys are of letters, digits, / and !-_.*'(), and no part of them is . or .."
	}
	return ""
}

var bridgeShape = acting(
	member{"CallTimeoutSeconds", number{0, 120}, false},
	member{"CallerIdNumber", words{test: dialable, doubt: true}, true},
	member{"RingbackTone", audioShape, false},
	member{"Endpoints", list{of: endpointShape, min: 1, max: 1}, true},
	member{"SipHeaders", sipHeaders{}, false},
)

var endpointShape = object{
	members: []member{
		{"BridgeEndpointType", words{oneOf: []string{"PSTN", "AWS"}}, true},
		{"Arn", words{test: begins("arn:", ":vc/", ":vcg/")}, false},
		{"Uri", words{}, true},
	},
	also: func(c *checker, n node, path string) {
		var kind, uri string
		var at, arnAt node
		for _, f := range n.fields() {
			switch s, _ := text(f.value.raw); f.key {
			case "BridgeEndpointType":
				kind = s
			case "Arn":
				if s != "" {
					arnAt = f.value
				}
			case "Uri":
				uri, at = s, f.value
			}
		}
		switch {
		case kind == "PSTN" && arnAt.raw != nil:
			c.bad(arnAt, below(path, "Arn"), "an endpoint of type PSTN has no Arn")
		case kind == "AWS" && arnAt.raw == nil:
			c.bad(n, path, `an endpoint of type AWS needs the "Arn" of a Voice Connector or a group of them`)
		}
		switch {
		case uri == "": // said already
		case kind == "PSTN" && !directory.IsE164(uri):
			c.bad(at, below(path, "Uri"), "%s is no E.164 number, as +12065550100", clipped(uri))
		case kind == "AWS" && !isUserPart(uri):
			c.bad(at, below(path, "Uri"), "%s is no user part of a SIP URI: 1 to 36 of letters, digits and & = + $ / %% - _ ! ~ * ( ) .", clipped(uri))
		}
	},
}

var audioShape = object{members: []member{
	{"Type", words{oneOf: []string{"S3"}}, true},
	{"BucketName", words{}, true},
	{"Key", words{}, true},
}}

func speechMembers() []member {
	return []member{
		{"Text", words{max: maxSpeech}, true},
		{"Engine", words{oneOf: []string{"standard", "neural"}}, false},
		{"LanguageCode", words{}, false},
		{"TextType", words{oneOf: []string{"text", "ssml"}}, false},
		{"VoiceId", words{}, false},
	}
}

func gatherMembers() []member {
	return []member{
		{"InputDigitsRegex", pattern{}, false},
		{"MinNumberOfDigits", number{0, maxDigits}, false},
		{"MaxNumberOfDigits", number{1, maxDigits}, false},
		{"TerminatorDigits", phoneKeys{}, false},
		{"InBetweenDigitsDurationInMilliseconds", number{min: 1}, false},
		{"Repeat", number{min: 1}, false},
		{"RepeatDurationInMilliseconds", number{min: 1}, true},
	}
}

var botShape = object{members: []member{
	{"SessionState", anything{object: true}, false},
	{"WelcomeMessages", list{of: object{members: []member{
		{"Content", words{}, true},
		{"ContentType", words{oneOf: []string{"PlainText", "SSML"}}, true},
	}}}, false},
}}

func dialable(s string) string {
	if !directory.IsE164(s) {
		return "is no E.164 number, as +12065550100: it is accepted only where it is the From of LEG-A"
	}
	return ""
}

func only(letters string) func(string) string {
	return func(s string) string {
		for _, r := range s {
			if !strings.ContainsRune(letters, r) {
				return fmt.Sprintf("has %q, which is none of %s", r, letters)
			}
		}
		return ""
	}
}

func begins(with string, and ...string) func(string) string {
	return func(s string) string {
		if !strings.HasPrefix(s, with) || !slices.ContainsFunc(and, func(part string) bool { return strings.Contains(s, part) }) {
			return fmt.Sprintf("is no ARN of the kind that is needed here, as %s…%s…", with, and[0])
		}
		return ""
	}
}

// actionList is the Actions of an answer.
type actionList struct{}

func (actionList) check(c *checker, n node, path string) {
	if !isArray(n.raw) {
		c.bad(n, path, "a list of actions is needed here, in brackets")
		return
	}
	all := n.list()
	if len(all) > c.lim.Actions {
		c.bad(all[c.lim.Actions], fmt.Sprintf("%s[%d]", path, c.lim.Actions), "TooManyActions: at most %d are carried out, there are %d", c.lim.Actions, len(all))
	}
	for i, e := range all {
		checkAction(c, e, fmt.Sprintf("%s[%d]", path, i))
	}
}

func checkAction(c *checker, n node, path string) {
	if !isObject(n.raw) {
		c.bad(n, path, "an action is an object with a Type and Parameters")
		return
	}
	var kind, parameters *field
	for _, f := range n.fields() {
		switch f.key {
		case "Type":
			kind = &f
		case "Parameters":
			parameters = &f
		default:
			c.find(f.keyAt, below(path, f.key), Doubtful, fmt.Sprintf("%q is not known here and is ignored%s", f.key, closest(f.key, []string{"Type", "Parameters"})))
		}
	}
	if kind == nil {
		c.bad(n, path, `"Type" is missing`)
		return
	}
	name, _ := text(kind.value.raw)
	shapes := actionShapes()
	i := slices.IndexFunc(shapes, func(m member) bool { return m.name == name })
	if i < 0 {
		var names []string
		for _, m := range shapes {
			names = append(names, m.name)
		}
		c.bad(kind.value, below(path, "Type"), "UnsupportedAction: there is no action %s%s", clipped(name), closest(name, names))
		return
	}
	switch at := below(path, "Parameters"); {
	case parameters != nil && string(parameters.value.raw) != "null":
		shapes[i].shape.check(c, parameters.value, at)
	case shapes[i].required:
		c.bad(n, path, `%s needs "Parameters"`, name)
	}
}

func (actionList) schema() map[string]any {
	var kinds []any
	for _, m := range actionShapes() {
		required := []string{"Type"}
		if m.required {
			required = append(required, "Parameters")
		}
		parameters := m.shape.schema()
		if !m.required {
			parameters["type"] = []string{"object", "null"}
		}
		kinds = append(kinds, map[string]any{"type": "object", "required": required,
			"properties": map[string]any{"Type": map[string]any{"const": m.name}, "Parameters": parameters}})
	}
	return map[string]any{"type": []string{"array", "null"}, "maxItems": Limits{}.withDefaults().Actions, "items": map[string]any{"oneOf": kinds}}
}
