package sip

// What tests look at from inside.
var (
	SessionOf = session
	Pressed   = pressed
	PartyOf   = target
)
