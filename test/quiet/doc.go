// Package quiet holds libraries to writing nothing beside our log.
package quiet
