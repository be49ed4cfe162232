package engine

import "sync/atomic"

// Counts is what the calls of an engine have done since it began, but for Recording.
type Counts struct {
	Transferred      uint64 // transfers that reached their target, whoever asked for them
	TransfersFailed  uint64 // those that did not
	Recorded         uint64 // recordings that are in their buckets
	RecordingsFailed uint64 // those that could not be made, or not be brought there
	Recording        int    // recordings that go on, or are on their way to their bucket
}

// tally counts for all calls of an engine. Safe for concurrent use.
type tally struct {
	transferred, transfersFailed, recorded, recordingsFailed atomic.Uint64
	recording                                                atomic.Int64
}

// Counts gives the counts as they are now.
func (e *Engine) Counts() Counts {
	t := &e.tally
	return Counts{
		Transferred: t.transferred.Load(), TransfersFailed: t.transfersFailed.Load(),
		Recorded: t.recorded.Load(), RecordingsFailed: t.recordingsFailed.Load(), Recording: int(t.recording.Load()),
	}
}

// transfer counts the outcome of a transfer.
func (t *tally) transfer(err error) {
	if err != nil {
		t.transfersFailed.Add(1)
		return
	}
	t.transferred.Add(1)
}
