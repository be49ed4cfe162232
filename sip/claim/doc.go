// Package claim keeps values that are too long for a trunk's next hop, and gives a short signed reference for each, which
// is good for the value once. docs/context.md describes the reference and how it is redeemed.
//
// It owns the values, the references' form and key. It must not know trunks, legs, ledgers or HTTP. All is in memory: a
// restart forgets the values, and their references are unknown then.
//
//	Desk.Keep(account, value) ─▶ reference … Desk.Redeem(reference) ─▶ value, once
package claim
