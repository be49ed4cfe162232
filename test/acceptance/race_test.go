//go:build race

package acceptance_test

// race tells that the tests run with the race detector: then the program does too.
const race = true
