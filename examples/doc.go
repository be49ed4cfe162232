// Package examples holds customers' applications, one folder each, as they would stand in a customer's own repository. The
// acceptance tests run them, and the program carries the one that its demo shows.
package examples
