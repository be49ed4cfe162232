// Command switchhook is the one program: serve, demo, phone, explain, calls, why, version.
//
// It is wiring and nothing else: the only place where a concrete store, a speech provider, a dialect is named. What runs
// is named in two visible tables: dialects.go (which languages are spoken) and house.go (what is built, in which order, and
// what is closed, in the reverse order). Settings come from flags and one file (config.go), are checked once, and are handed
// down as plain structs.
package main
