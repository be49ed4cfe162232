// Package invoke runs the customer's code: a function of AWS Lambda (or of anything that speaks its Invoke API), a
// function behind the Runtime Interface Emulator's URL, or a local function process that this program starts and feeds
// through the Lambda Runtime API.
//
// It owns time limits, the retry, the processes with what they print, and the classification of what went wrong; it must
// not know calls, events or actions: a payload goes in, a payload or an [Error] comes out.
//
//	Invoker.Function(ARN or name) ──▶ Function.Invoke
//	                                       │ guarded: one time limit for all attempts, one retry when it was not taken
//	                                       ├──▶ function: Lambda API (aws-sdk-go-v2)  ┐
//	                                       ├──▶ wire, remote: RIE URL (http, https)   ├──▶ payload, or *Error{Kind}
//	                                       └──▶ fleet: processes, Runtime API to each ┘
//
// A function whose name is declared is the declared one, whatever ARN asked for it; any other is AWS Lambda's.
//
// A fleet's processes serve one event at a time, as on AWS Lambda. Their states are drawn at type fleet; its mutex guards
// the registry of processes and who waits for them. A process belongs to the goroutine that runs it, which ends when the
// process, its group, its Runtime API and the reader of its output are gone; [Invoker.Close] waits for all of them. A
// process that puts itself into a new session leaves its group and is not followed.
package invoke
