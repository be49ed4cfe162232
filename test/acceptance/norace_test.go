//go:build !race

package acceptance_test

const race = false
