package invoke

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"
)

// maxMessage bounds what is kept of a customer's error message, in bytes.
const maxMessage = 4096

// errTooLarge says that an answer is over the limit.
var errTooLarge = errors.New("the answer is larger than the limit")

// readAnswer reads an answer of at most limit bytes; size is the length announced, or -1.
func readAnswer(r io.Reader, size, limit int64) ([]byte, error) {
	if size > limit {
		return nil, errTooLarge
	}
	if size >= 0 {
		b := make([]byte, size)
		_, err := io.ReadFull(r, b)
		return b, err
	}
	b, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(b)) > limit {
		return nil, errTooLarge
	}
	return b, err
}

// crash makes the error of a function that reported one: a body of errorType, errorMessage and a trace.
func crash(body []byte) *Error {
	e := &Error{Kind: Crashed}
	e.Type, e.Message = reported(body)
	if e.Type == "" && e.Message == "" {
		e.Message = cut(string(body))
	}
	return e
}

// reported reads what a function or the service said of an error, whatever the case of the names.
func reported(body []byte) (errorType, message string) {
	var r struct {
		ErrorType    any    `json:"errorType"`
		ErrorMessage any    `json:"errorMessage"`
		Message      string `json:"message"`
	}
	if json.Unmarshal(body, &r) != nil {
		return "", ""
	}
	if s, ok := r.ErrorMessage.(string); ok {
		message = s
	} else if r.ErrorMessage != nil {
		b, _ := json.Marshal(r.ErrorMessage)
		message = string(b)
	} else {
		message = r.Message
	}
	errorType, _ = r.ErrorType.(string)
	return cut(errorType), cut(message)
}

// cut bounds a text from outside.
func cut(s string) string {
	if len(s) > maxMessage {
		s = s[:maxMessage]
		for len(s) > 0 && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
		s += "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// kindOf gives the kind of a status that is not 2xx (AWS Lambda API reference, Invoke, Errors).
func kindOf(status int) Kind {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return Denied
	case http.StatusNotFound:
		return NotFound
	case http.StatusTooManyRequests:
		return Throttled
	case http.StatusGatewayTimeout:
		return TimedOut
	}
	return Unreachable
}

// emulated finds the failures that the Runtime Interface Emulator reports with status 200 and no header: the function's
// error object as the answer, and the words that stand for a time-out.
func emulated(answer []byte) *Error {
	switch {
	case bytes.HasPrefix(answer, []byte(`{"errorMessage"`)), bytes.HasPrefix(answer, []byte(`{"errorType"`)):
		if t, m := reported(answer); t != "" {
			return &Error{Kind: Crashed, Type: t, Message: m}
		}
	case bytes.HasPrefix(answer, []byte("Task timed out after ")):
		return &Error{Kind: TimedOut, Message: cut(string(answer))}
	}
	return nil
}
