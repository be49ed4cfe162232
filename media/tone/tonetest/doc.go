// Package tonetest has sounds for tests of what hears 16 kHz.
package tonetest
