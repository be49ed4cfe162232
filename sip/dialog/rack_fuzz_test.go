package dialog_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/switchhook/switchhook/sip/dialog"
)

// FuzzRAck: what is read of a RAck is what it says, in digits and no more than 32 bits.
func FuzzRAck(f *testing.F) {
	for _, s := range []string{"776656 1 INVITE", "1 2", "", "4294967295 4294967295 INVITE", "4294967296 1 INVITE", "-1 1 INVITE", "+1 1 INVITE",
		"1 1 invite", "1 1 PRACK", "1\t1\tINVITE", "1 1 INVITE x", "0x1 1 INVITE", "1_0 1 INVITE", "٣ 1 INVITE"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		rseq, seq, ok := dialog.ParseRAck(s)
		if !ok {
			return
		}
		words := strings.Fields(s)
		for i, n := range []uint32{rseq, seq} {
			if strings.TrimLeft(words[i], "0") != strings.TrimLeft(strconv.FormatUint(uint64(n), 10), "0") {
				t.Errorf("%q is read as %d", words[i], n)
			}
		}
		if r, q, ok := dialog.ParseRAck(fmt.Sprintf("%d %d INVITE", rseq, seq)); !ok || r != rseq || q != seq {
			t.Errorf("%q does not read back", s)
		}
	})
}
