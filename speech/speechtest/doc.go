// Package speechtest is the suite that every speech provider runs: what applications and callers may rely on, whatever
// speaks.
package speechtest
