// Package arch holds the rules of the house as tests: who may import whom, which folder alone may import a third party,
// how large a file, a function and a struct may be, that every package opens with a doc.go, and which words are ours.
//
// It reads source; it imports nothing of the program and nothing imports it.
package arch
