// Package locate finds where a SIP domain is served (RFC 3263): by NAPTR and SRV records, then by addresses.
//
//	query ─▶ port given? ──────────────────────────────────▶ addresses
//	         network given? ─▶ SRV ─▶ none ────────────────▶ addresses
//	         else NAPTR ─▶ SRV of what it names; none ─▶ SRV of each network; none ─▶ addresses
//	SRV says "." ─▶ not served by that network; no other ──▶ nowhere (RFC 2782)
//
// Addresses come from the system's resolver, which knows /etc/hosts and search domains, unless name servers are set. A name
// that /etc/hosts has is that and nothing else. A name without a dot has no NAPTR and SRV records.
//
// What a name server says is bounded: so many lookups, records, aliases and addresses; time; and how long an answer is
// kept. It must not know what a trunk is: whether an address may be called is for who asks to say.
package locate
