// Package docs runs what the documents say: every fenced sh block of README.md and docs/, as a reader would, in one shell
// for each document. A block fenced as "sh slow" (a benchmark, a soak) is not run but must be a make target that exists.
package docs
