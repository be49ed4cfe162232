package mix

// In beats.
const (
	steady  = 50  // another speaker is told no sooner than this after the last
	proof   = 10  // so long somebody must be louder than who speaks
	silence = 100 // after this nobody speaks
)

// speaker finds who is heard loudest in a room, without jumping at every cough.
type speaker struct {
	now     *Party
	next    *Party
	louder  int // beats for which next is
	quiet   int // beats for which nobody talks
	changed int // beats since the last change
	begun   bool
}

// judge hears who talk in this beat. It gives who speaks, and whether that is another one than before.
func (s *speaker) judge(talkers []*Party) (*Party, bool) {
	s.changed++
	var best *Party
	still := false
	for _, p := range talkers {
		if best == nil || p.level > best.level {
			best = p
		}
		still = still || p == s.now
	}
	if best == nil {
		s.louder = 0
		if s.quiet++; s.quiet < silence || s.now == nil {
			return nil, false
		}
		return s.change(nil)
	}
	s.quiet = 0
	if best == s.now || still && best.level < 2*s.now.level {
		s.louder = 0
		return nil, false
	}
	if best != s.next {
		s.next, s.louder = best, 0
	}
	if s.louder++; s.louder < proof {
		return nil, false
	}
	return s.change(best)
}

func (s *speaker) change(to *Party) (*Party, bool) {
	if s.begun && s.changed < steady {
		return nil, false
	}
	s.now, s.next, s.louder, s.changed, s.begun = to, nil, 0, 0, true
	return to, true
}
