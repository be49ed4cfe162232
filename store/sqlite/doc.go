// Package sqlite keeps the directory and the call records in one SQLite file.
//
// It owns the file: one process at a time may open it. It must not know vendors, calls in progress, or who asks; what
// it keeps is given and taken as values of directory and call.
//
// The directory is small and read on every call, so all of it also stands in memory, as a directory.Snapshot that is
// made anew after each write:
//
//	Table.Create ─▶ Validate ─▶ one writer: transaction ─▶ commit ─▶ content ─▶ new Snapshot (atomic pointer)
//	Table.Get, List ─▶ pool of readers
//
// Records come in bursts and are never read on a call's way, so they are queued and written in batches:
//
//	Keep ─▶ queue (bounded) ─▶ recorder, one goroutine: ≤ 1024 records or what one second brought ─▶ one transaction
//
// When the disk is too slow and the queue, which is bounded in records and in bytes, fills, calls do not wait: a record's
// log is left out from half full on, the record itself when the queue is full, and both are counted and told in the log of
// the program. Close writes what is queued. That the file was deleted, moved or exchanged while it was open makes no write
// fail, so the recorder looks at it with each batch and each minute; it tells, and Close gives an error. Another process
// that opens the folder made anew is not in its way: each has its own file, and neither removes what is the other's.
//
// Records are deleted when they are old by the clock that the machine had when the store was opened: that it is set forward
// meanwhile deletes nothing before the next start.
//
// What must be unique (a trunk's host, a rule's trigger) is held by an index of the database, not by a check
// before the write.
package sqlite
