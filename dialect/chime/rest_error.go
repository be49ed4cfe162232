package chime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

// apiError is an error as the vendor's clients decode it: the exception's name in a header, code and message in the body.
type apiError struct {
	Status  int    `json:"-"`
	Type    string `json:"-"` // the exception: "NotFoundException"
	Code    string `json:"Code"`
	Message string `json:"Message"`
}

// Error gives it in words.
func (e *apiError) Error() string { return e.Type + ": " + e.Message }

// The exceptions of the vendor's model that are used here.

func badRequest(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "BadRequestException", "BadRequest", fmt.Sprintf(format, args...)}
}

func limitExceeded(format string, args ...any) *apiError {
	return &apiError{http.StatusBadRequest, "ResourceLimitExceededException", "ResourceLimitExceeded", fmt.Sprintf(format, args...)}
}

func throttled(format string, args ...any) *apiError {
	return &apiError{http.StatusTooManyRequests, "ThrottledClientException", "Throttled", fmt.Sprintf(format, args...)}
}

func notFound(what, id string) *apiError {
	return &apiError{http.StatusNotFound, "NotFoundException", "NotFound", fmt.Sprintf("Could not find %s with Id '%s'", what, id)}
}

// undeclared makes a bad request of a thing not found, for operations that declare no NotFoundException: their clients
// would not decode it.
func undeclared(member string, err error) error {
	var e *apiError
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return badRequest("%s: %s", member, e.Message)
	}
	return err
}

func conflict(format string, args ...any) *apiError {
	return &apiError{http.StatusConflict, "ConflictException", "Conflict", fmt.Sprintf(format, args...)}
}

func unavailable(format string, args ...any) *apiError {
	return &apiError{http.StatusServiceUnavailable, "ServiceUnavailableException", "ServiceUnavailable", fmt.Sprintf(format, args...)}
}

func failure() *apiError {
	return &apiError{http.StatusInternalServerError, "ServiceFailureException", "ServiceFailure", "The service failed; its log tells why, beside this request's id."}
}

// What AWS answers before a service sees a request; no service's model has these.
var (
	errNoSignature = &apiError{http.StatusForbidden, "MissingAuthenticationTokenException", "MissingAuthenticationToken", "Missing Authentication Token: sign the request with AWS Signature Version 4"}
	errPresigned   = &apiError{http.StatusForbidden, "ForbiddenException", "Forbidden", "Presigned requests are not taken: put the signature into the Authorization header"}
	errUnknownKey  = &apiError{http.StatusForbidden, "UnrecognizedClientException", "UnrecognizedClient", "The security token included in the request is invalid: this server has no such access key"}
	errTooLarge    = &apiError{http.StatusRequestEntityTooLarge, "BadRequestException", "BadRequest", fmt.Sprintf("The request's body is larger than %d bytes", maxBody)}
)

// unknownOperation says that an operation is not served; what AWS calls it when a service has none of that path.
func unknownOperation(method, path string) *apiError {
	return &apiError{http.StatusNotFound, "UnknownOperationException", "UnknownOperation", fmt.Sprintf("%s %s: this operation is not served here", method, quote(path))}
}

func incomplete(why string) *apiError {
	return &apiError{http.StatusBadRequest, "IncompleteSignatureException", "IncompleteSignature", why}
}

func badSignature(format string, args ...any) *apiError {
	return &apiError{http.StatusForbidden, "InvalidSignatureException", "InvalidSignature", fmt.Sprintf(format, args...)}
}

// asAPIError translates what a handler failed with; false when it is our own fault, which clients learn no more of.
func asAPIError(err error) (*apiError, bool) {
	var api *apiError
	var invalid *directory.InvalidError
	switch {
	case errors.As(err, &api):
		return api, true
	case errors.As(err, &invalid):
		return badRequest("%s: %s", invalid.Field, invalid.Reason), true
	case errors.Is(err, dialect.ErrDraining):
		return unavailable("This node is stopping and takes no new calls; try again"), true
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return unavailable("The request took too long; try again"), true
	}
	return failure(), false
}

// write answers with the error.
func (e *apiError) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("X-Amzn-ErrorType", e.Type)
	h.Set("Content-Type", "application/json")
	body, _ := json.Marshal(e) // two strings always have JSON
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that is gone needs no answer
}
