package engine

import (
	"sync"
	"testing"
)

// What is put is run once, in order of each writer, or refused for good.
func TestInbox(t *testing.T) {
	const writers, each = 8, 2000
	b := newInbox()
	got := make([][]int, writers)
	accepted := make([]int, writers)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				if !b.put(func() { got[w] = append(got[w], n) }) {
					return
				}
				accepted[w]++
			}
		})
	}
	ran := 0
	for {
		for it := b.take(); it != nil; it = it.next {
			it.do()
			ran++
		}
		if ran >= writers*each/2 && b.close() {
			break
		}
		<-b.wake
	}
	wg.Wait()
	if b.put(func() {}) {
		t.Error("a closed inbox takes")
	}
	for w := range writers {
		if len(got[w]) != accepted[w] {
			t.Errorf("writer %d: %d accepted, %d run", w, accepted[w], len(got[w]))
		}
		for i, n := range got[w] {
			if i != n {
				t.Fatalf("writer %d: %d run as number %d", w, n, i)
			}
		}
	}
}
