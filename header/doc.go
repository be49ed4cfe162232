// Package header holds call context as values: an ordered list of SIP header rows, typed lossless forms of the
// headers that carry context (User-to-User, Diversion, History-Info, Reason, P-Asserted-Identity, Privacy, headers
// embedded in URIs), the vendors' User-to-User profiles, and the trunk policy that says which rows may cross a trunk
// and tells what became of each.
//
// It owns the words of call context and the rules of their grammar. It must not know calls, legs, sockets or
// vendors' APIs, and imports only the standard library. It is the one package whose Go API is promised to others.
//
// The way through it: [List] is what came in or goes out; the Parse functions read a typed form from one row's value
// without changing the row; [Policy] turns one list into another and gives a [Change] for each value it saw. Raw
// relay never changes a byte: interpretation (decoding User-to-User, say) is a view beside the row, never its
// replacement.
package header
