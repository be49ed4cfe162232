// Package chime speaks the language of Amazon Chime SDK PSTN Audio: customers' functions, written for SIP media
// applications, drive calls here unmodified, and the control plane that sets them up answers the AWS CLI and SDKs.
//
// It owns the vendor's words: events and their envelope (event.go), a function's answer and its actions (answer.go,
// action*.go), which headers a function may see and set (headers.go), and the order in which all that happens (driver.go);
// the meetings that stand, and who is in them (meetings.go); what calls leave in the vendor's form (cdr.go, messagelog.go and
// their like); and the API (rest*.go).
// It must not know SIP, media, the engine or a store: a call is driven with call.Command and heard through call.Event.
//
// A [Dialect] makes an App from an application's [Settings]; the App drives each call with a driver of its own:
//
//	              ┌──────────────── answer with actions: a new list ────────────────┐
//	              ▼                                                                 │
//	tell(NEW_*) ──▶ begin first action ──▶ under way ──▶ finish ──▶ tell(ACTION_*) ─┤ no actions: the rest of the list
//	              ▲                            │                                    │
//	              └── nothing left: idle ◀─────┴── leg ended ──▶ tell(HANGUP) ──────┘
//	                                                               └── last leg: Drive returns
//
// One goroutine runs a driver. What happens on the call while a function thinks, or while an action is under way, is
// heard at once and told afterwards, in order; only one invocation of a call is out at a time.
package chime
