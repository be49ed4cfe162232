package media_test

import (
	"testing"

	"github.com/switchhook/switchhook/media"
)

func TestDirections(t *testing.T) {
	for _, c := range []struct {
		d               media.Direction
		text            string
		sends, receives bool
		reverse         media.Direction
	}{
		{media.SendRecv, "sendrecv", true, true, media.SendRecv},
		{media.SendOnly, "sendonly", true, false, media.RecvOnly},
		{media.RecvOnly, "recvonly", false, true, media.SendOnly},
		{media.Inactive, "inactive", false, false, media.Inactive},
	} {
		if c.d.String() != c.text || c.d.Sends() != c.sends || c.d.Receives() != c.receives || c.d.Reverse() != c.reverse {
			t.Errorf("%v: sends %v, receives %v, reversed %v", c.d, c.d.Sends(), c.d.Receives(), c.d.Reverse())
		}
	}
}

func TestCodecNames(t *testing.T) {
	for c, want := range map[media.Codec]string{media.PCMU: "PCMU", media.PCMA: "PCMA", media.NoCodec: "none"} {
		if c.String() != want {
			t.Errorf("%v, want %s", c, want)
		}
	}
}
