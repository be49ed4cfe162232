// Package registrar keeps where endpoints are registered (RFC 3261 section 10.3), in memory, and writes it behind their
// backs to whatever keeps it over a restart.
//
// It owns: bindings and their order, what one REGISTER does to them (all of it or nothing), expiry, the limit per
// endpoint, and which endpoints changed since the last write. It must not know messages, sockets or passwords.
//
//	Register ─▶ changed ─▶ every second, many at once ─▶ Keeper
//	Find ─▶ what has not expired, the preferred first
//
// A crash loses what the last second brought: telephones register again before long.
package registrar
