package api

import (
	"net/http"

	"golang.org/x/time/rate"
)

// Claims keeps values for next hops that were sent a reference.
type Claims interface {
	// Redeem gives the value of a reference, once. known is false for what is no reference, gone true for one that was
	// redeemed or is out of date.
	Redeem(reference, by string) (value string, known, gone bool)
}

// badClaims is how many references a second may be none of ours before no more are looked at: those that are ours are
// served all the same.
const badClaims = 20

// redeem serves GET /claims/{ref}: the value's bytes, once. The reference is the key to it, so that no other is needed.
func (c *Config) redeem() http.HandlerFunc {
	bad := rate.NewLimiter(badClaims, badClaims)
	return func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet { // HEAD would take the value and show it to nobody
			h.Set("Allow", http.MethodGet)
			http.Error(w, "a value is fetched with GET", http.StatusMethodNotAllowed)
			return
		}
		value, known, gone := c.Claims.Redeem(r.PathValue("ref"), r.RemoteAddr)
		switch {
		case gone:
			http.Error(w, "the value was fetched before, or its time is over", http.StatusGone)
		case known:
			h.Set("Content-Type", "application/octet-stream")
			h.Set("X-Content-Type-Options", "nosniff")
			_, _ = w.Write([]byte(value)) //nolint:gosec // no browser makes a page of it: octets, and not to be sniffed
		case !bad.Allow():
			h.Set("Retry-After", "1")
			http.Error(w, "too many references that are none", http.StatusTooManyRequests)
		default:
			http.Error(w, "no such reference", http.StatusNotFound)
		}
	}
}
