// Package directory holds what exists: accounts and their keys, applications, numbers, trunks, rules, and their validation.
//
// Values and small finder interfaces: what is stored is kept by a package below store/, which passes [storetest]; what
// is looked up on a call's way comes from a [Snapshot], which never changes and so needs no lock. It must not know
// vendors: what only a vendor's API needs to echo stands in a Vendor field as that vendor's own JSON.
package directory
