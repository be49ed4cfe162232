// Package logbook keeps the logs that customers of a vendor's API ask for, by group, as Amazon CloudWatch Logs would: lines of JSON,
// in a file for each group and day, or all on one writer.
//
//	Write ──▶ waiting, at most Config.Most bytes ──▶ run, one goroutine ──▶ FOLDER/group/2026-11-23.log
//	   └─ full: left out and counted
//
// It must not know what the lines say, nor whose they are. It never blocks who writes: a disk that is slow or full costs lines, and
// no call.
package logbook
