// Package route decides: which applications an attempt goes to, in which order, or why to none ([Find]); which trunk an
// outbound leg takes, or why none ([Out]). Pure functions over a directory.Snapshot: they change nothing, ask nobody and
// cost two look-ups.
//
// It must not know how calls are run or signalled, nor any vendor.
package route
