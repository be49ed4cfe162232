// Package need says loudly what a test can't run without: under CI nothing may be skipped, elsewhere the reason is told.
package need
