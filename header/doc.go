// Package header holds call context as values: an ordered list of SIP header rows, typed lossless forms of the
// headers that carry context (User-to-User, Diversion, History-Info, Reason, P-Asserted-Identity, Privacy, headers
// embedded in URIs), the vendors' User-to-User profiles, and the trunk policy that says which rows may cross a trunk
// and tells what became of each.
//
// It owns the words of call context and the rules of their grammar. It must not know calls, legs, sockets or
// vendors' APIs, and imports only the standard library. It is the one package whose Go API is promised to others.
//
// The way through it: [List] is what came in or goes out; the Parse and Find functions read a typed form from the
// rows without changing them; [Policy] turns one list into another and gives a [Change] for each value it saw. Raw
// relay never changes a byte: interpretation (decoding User-to-User, say) is a view beside the row, never its
// replacement.
//
//	 rows of a message ──▶ Compiled.Apply ──▶ rows that go on ──▶ List.AppendWire
//	        │                    └──────────▶ one Change for each row that no leg makes anew
//	        ▼
//	FindUserToUser, FindDiversions, FindHistoryInfo, FindReason, FindIdentities, FindPrivacy: views
//
// Every typed form works alike. Parse reads the text of one row and fails with a [ParseError], Find reads all rows of
// a list. Raw is the text as it came: relay that. String and Append write the value anew, equal in meaning and not
// always in bytes. Check tells of a value made from somebody's input whether it reads back as itself when written;
// [Check] and [CheckWire] do so for a whole row. Nothing here repairs or shortens what it is given: it takes it or
// refuses it.
//
// All functions are safe for any number of goroutines, bounded in cost by the length of their input, and share the
// strings they are given: [List.Clone] where a list must outlive its message's buffer.
package header
