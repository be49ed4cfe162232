package rtp_test

import (
	"math"
	"testing"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/rtp"
)

// The estimate is that of the E-model for a few known places.
func TestC56Quality(t *testing.T) {
	for _, c := range []struct {
		name string
		st   media.Stats
		want float64
	}{
		{"nothing heard", media.Stats{Lost: 3}, 0},
		{"perfect", media.Stats{PacketsIn: 1000}, 4.40},
		{"1 % lost", media.Stats{PacketsIn: 990, Lost: 10}, 4.32},
		{"5 % lost", media.Stats{PacketsIn: 950, Lost: 50}, 3.96},
		{"20 % lost", media.Stats{PacketsIn: 800, Lost: 200}, 2.66},
		{"far away", media.Stats{PacketsIn: 1000, RoundTrip: 600 * time.Millisecond}, 3.59},
		{"nearly all lost, and late", media.Stats{PacketsIn: 1, Lost: 1000, RoundTrip: 20 * time.Second}, 1},
	} {
		if got := rtp.Quality(&c.st); math.Abs(got-c.want) > 0.06 {
			t.Errorf("%s: %.2f, want %.2f", c.name, got, c.want)
		}
	}
}
