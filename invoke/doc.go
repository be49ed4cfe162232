// Package invoke runs the customer's code: a function of AWS Lambda (or of anything that speaks its Invoke API), a
// function behind the Runtime Interface Emulator's URL, or a local function process that this program starts and feeds
// through the Lambda Runtime API.
//
// It owns time limits, the retry, and the classification of what went wrong; it must not know calls, events or actions:
// a payload goes in, a payload or an [Error] comes out.
//
//	Function.Invoke ──▶ Lambda API (aws-sdk-go-v2) ┐
//	                ──▶ RIE URL (net/http)         ├──▶ payload, or *Error{Kind}
//	                ──▶ local process (Runtime API)┘
package invoke
