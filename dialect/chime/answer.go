package chime

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// emptyResponse is the ErrorType of an answer that says nothing.
const emptyResponse = "EmptyResponse"

// fault is what a function is told of its own mistake or of an action's failure: ErrorType and ErrorMessage.
type fault struct {
	kind, message string
	detail        string // for the call's log, where the message says too little
	more          []byte // members of the event beside, each with its comma: `,"ErrorList":[]`
}

// answer is what a function returned.
type answer struct {
	actions    []*action
	attributes json.RawMessage // TransactionAttributes; nil: unchanged
}

// readAnswer reads what a function returned. Unknown keys are ignored, numbers may be strings; what can't be carried
// out as a whole is refused as a whole.
func readAnswer(body []byte, lim *Limits) (answer, *fault) {
	raw := json.RawMessage(bytes.Trim(body, " \t\r\n")) // the blanks of RFC 8259, no others
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return answer{}, &fault{kind: emptyResponse, message: "Response is blank or empty"}
	case len(raw) > lim.Answer:
		return answer{}, unreadable(fmt.Sprintf("it has %d bytes, at most %d are read", len(raw), lim.Answer))
	case !json.Valid(raw):
		return answer{}, unreadable("it is not JSON")
	case !isObject(raw):
		return answer{}, unreadable("it is not a JSON object")
	}
	var version, actions, attributes json.RawMessage
	for key, value := range members(raw) {
		switch key {
		case "SchemaVersion":
			version = value
		case "Actions":
			actions = value
		case "TransactionAttributes":
			attributes = value
		}
	}
	if v, _ := text(version); v != schemaVersion {
		return answer{}, &fault{
			kind:    "InvalidSchemaVersion",
			message: "The schema version in the invocation request does not match the schema version in the response.",
			detail:  fmt.Sprintf("SchemaVersion must be %q, the response has %s", schemaVersion, orNone(version)),
		}
	}
	list, f := readActions(actions, lim)
	if f == nil {
		attributes, f = readAttributes(attributes, lim)
	}
	if f != nil {
		return answer{}, f
	}
	return answer{list, attributes}, nil
}

func unreadable(why string) *fault {
	return &fault{kind: "InvalidActionsList", message: "Error while reading actions list.", detail: why}
}

func orNone(raw json.RawMessage) string {
	if len(raw) == 0 {
		return "none"
	}
	return string(raw[:min(len(raw), 40)])
}

func readActions(raw json.RawMessage, lim *Limits) ([]*action, *fault) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	if !isArray(raw) {
		return nil, unreadable("Actions is not an array")
	}
	var list []*action
	for element := range elements(raw) {
		if len(list) == lim.Actions {
			return nil, &fault{kind: "TooManyActions", message: "Too many actions specified in a response.",
				detail: fmt.Sprintf("at most %d are carried out", lim.Actions)}
		}
		a, f := readAction(element)
		if f != nil {
			return nil, f
		}
		list = append(list, a)
	}
	return list, nil
}

func readAction(raw json.RawMessage) (*action, *fault) {
	if !isObject(raw) {
		return nil, unreadable("an action is not an object")
	}
	a := &action{}
	var typed bool
	for key, value := range members(raw) {
		switch key {
		case "Type":
			a.name, typed = text(value)
		case "Parameters":
			if string(value) == "null" {
				continue
			}
			if !isObject(value) {
				return nil, unreadable("the Parameters of an action are not an object")
			}
			a.params = value
		}
	}
	if !typed {
		return nil, unreadable("an action has no Type")
	}
	var known bool
	if a.kind, known = kindOf(a.name); !known {
		return nil, &fault{kind: "UnsupportedAction", message: "Unsupported action " + a.name + " specified"}
	}
	return a, nil
}

func readAttributes(raw json.RawMessage, lim *Limits) (json.RawMessage, *fault) {
	switch n := count(raw); {
	case len(raw) == 0 || string(raw) == "null":
		return nil, nil
	case !isObject(raw):
		return nil, unreadable("TransactionAttributes is not an object")
	case n > lim.Attributes:
		return nil, &fault{kind: "TransactionAttributesInvalidMapSize", message: fmt.Sprintf(
			"Transaction Attributes has too many mappings. Maximum number of mappings is %d", lim.Attributes)}
	case len(raw) > lim.AttributeBytes:
		return nil, &fault{kind: "TransactionAttributesInvalidSize", message: fmt.Sprintf(
			"Transaction Attributes is too large. Maximum size is %d bytes", lim.AttributeBytes)}
	}
	return raw, nil
}
