package mix_test

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/mix"
)

func log10(v float64) float64 { return math.Log10(v) }

// BenchmarkRoom mixes a second of a room in which everybody sends packets and three talk, and tells how many parties one
// core could carry.
func BenchmarkRoom(b *testing.B) {
	for _, n := range []int{3, 10, 50, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rooms := mix.NewRooms(mix.Still())
			var said [][]media.Packet // of each party, a second over and over
			var all []*mix.Party
			for i := range n {
				p, err := rooms.Enter("a", mix.Entrant{Silent: true, To: media.PortFunc(func(*media.Packet) {})})
				if err != nil {
					b.Fatal(err)
				}
				all = append(all, p)
				s := hum(300+float64(i), media.PCMU)
				if i >= 3 {
					s.src = quieter{s.src, 1000}
				}
				var mine []media.Packet
				for range 50 {
					mine = append(mine, *s.next())
				}
				said = append(said, mine)
			}
			seq, stamp := uint16(0), uint32(0)
			b.ReportAllocs()
			for b.Loop() {
				for k := range 50 {
					for i, p := range all {
						packet := &said[i][k]
						packet.Seq, packet.Timestamp = seq, stamp
						p.Write(packet)
					}
					seq++
					stamp += media.FrameSamples
					rooms.Beat("a")
				}
			}
			each := b.Elapsed() / time.Duration(b.N*n)
			b.ReportMetric(float64(time.Second)/float64(each), "parties/core")
		})
	}
}
