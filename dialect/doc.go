// Package dialect says what a vendor's language must do to drive a call: [Dialect] makes an [App] from an application's
// settings, the App drives one [Call] after another, each by a driver of its own. [Script] lets a driver be written top
// to bottom while it keeps listening.
//
// A dialect lives in one folder below this one and is named in one line of cmd/switchhook/dialects.go. It speaks to the
// customer's code, in the vendor's words; to the call it speaks call.Command and hears call.Event. It must not know
// SIP, media, the engine or a store; what it needs of those is in [Call] and [Calls].
package dialect
