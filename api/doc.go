// Package api is the HTTP address: our own admin API under /api (OpenAPI at /api/openapi.json), health, metrics, and the
// place where each dialect mounts its vendor's API.
//
// It translates: what it serves is owned by others (records by the store, live calls by the exchange, trunks by the SIP
// edge), reached through the small interfaces in this package. HTTP status codes of our own API live here alone. It must
// not know a concrete store, SIP, the engine or a vendor.
//
//	/api/…        admin API: calls, their ledger and log, live calls, trunks
//	/healthz      the process lives
//	/readyz       it takes calls (503 while it drains)
//	/metrics      Prometheus
//	/claims/{ref} a value that a next hop was sent a reference for, once
//	everything else: the dialects' own paths
package api
