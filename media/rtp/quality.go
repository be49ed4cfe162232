package rtp

import (
	"time"

	"github.com/switchhook/switchhook/media"
)

// The E-model (ITU-T G.107) with its default values for all that is not measured, and G.711 with concealment of losses
// (G.113 appendix I). G.722 is rated as if it were G.711: the wideband model (G.107.1) has a scale of its own, on which G.711
// without any loss is but 3.7, and figures of two scales can't be compared. What is told is how the network treats the sound.
const (
	bestRating = 93.2
	robustness = 25.1
	lateDelay  = 177.3 // milliseconds beyond which delay is felt more
)

// quality estimates what is heard of a far end, on the scale of 1 (bad) to 4.5: from the loss, the delay of the round
// trip, and what a listener's jitter buffer adds to it. 0 before anything is heard.
func quality(st *media.Stats) float64 {
	if st.PacketsIn == 0 {
		return 0
	}
	loss := 100 * float64(st.Lost) / float64(st.Lost+st.PacketsIn)
	delay := float64(st.RoundTrip/2+2*st.Jitter+media.FrameTime) / float64(time.Millisecond)
	rating := bestRating - 0.024*delay - 95*loss/(loss+robustness)
	if delay > lateDelay {
		rating -= 0.11 * (delay - lateDelay)
	}
	switch {
	case rating <= 0:
		return 1
	case rating >= 100:
		return 4.5
	}
	return max(1, 1+0.035*rating+rating*(rating-60)*(100-rating)*7e-6)
}
