package acceptance_test

import (
	"fmt"
	"testing"

	"github.com/switchhook/switchhook/media/tone"
)

// Where its trunk wants that, the busy tone of a far end is recognised, and stands in the call's log.
func TestTonesOfTheNetwork(t *testing.T) {
	t.Parallel()
	for _, wanted := range []bool{true, false} {
		t.Run(fmt.Sprint(wanted), func(t *testing.T) {
			t.Parallel()
			caller, callee := newPerson(t, 0), newPerson(t, 1000)
			f := startFunction(t, bridge("+14155550199"))
			s := start(t, config{
				peers: []string{peerAt(int(callee.Addr().Port()))}, trunk: fmt.Sprintf("audio: {tones: %t}", wanted), functions: []string{f.URL},
			}.yaml(), "--trace")
			l := caller.calls(t, s)
			busy, err := tone.Network("us", tone.Busy)
			if err != nil {
				t.Fatal(err)
			}
			l.Media().Play(busy, func(error) {})
			hears(t, "the caller", &caller.ear, 1000)
			eventually(t, "the callee hearing six seconds", func() bool { // of which half is silence
				n := 0
				for range callee.ear.Frames() {
					n++
				}
				return n > 6*50
			})
			l.Hangup(0, nil)
			over(t, l)
			told := 0
			for _, e := range s.call(t, s.calls(t, 1)[0].ID).Log {
				if e.Text == "tone of the network heard: busy" {
					told++
				}
			}
			if want := map[bool]int{true: 1}[wanted]; told != want {
				t.Errorf("told %d times; want %d", told, want)
			}
		})
	}
}
