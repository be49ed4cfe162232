// Package testca makes certificates for tests: authorities, what they issue, and the files of both.
package testca
