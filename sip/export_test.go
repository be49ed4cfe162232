package sip

// What tests look at from inside.
var (
	SessionOf = session
	Pressed   = pressed
	PartyOf   = target
)

// Loads gives what stands of a trunk or account, and how much of it is unanswered.
func (s *Server) Loads(kind, id string) (calls, unanswered int) {
	l := s.loads.of(kind, id)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.calls, l.unanswered
}
