package rtp_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/media/rtp"
)

// Whatever numbers the sources bring, the stream sent goes on by one and never back in time when they change, and
// keeps up with the clock.
func TestTimelineIsUnbroken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := rtp.NewLine(rapid.Uint16().Draw(t, "seq"), rapid.Uint32().Draw(t, "stamp"))
		var last rtp.Stamped
		var now time.Duration
		for change := range rapid.IntRange(2, 6).Draw(t, "sources") {
			now += time.Duration(rapid.Int64Range(0, int64(time.Minute)).Draw(t, "pause"))
			seq, stamp := rapid.Uint16().Draw(t, "source's seq"), rapid.Uint32().Draw(t, "source's stamp")
			l.Join(seq, stamp, now)
			for i := range rapid.IntRange(1, 200).Draw(t, "packets") {
				got := l.Send(seq+uint16(i), stamp+uint32(i)*160)
				if change+i > 0 {
					gap := got.Stamp - last.Stamp
					if got.Seq != last.Seq+1 || gap < 160 || gap > 8000*61 || i > 0 && gap != 160 {
						t.Fatalf("packet %d of source %d: %+v after %+v", i, change, got, last)
					}
				}
				last = got
				now += 20 * time.Millisecond
			}
		}
	})
}
