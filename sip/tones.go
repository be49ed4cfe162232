package sip

// ListensForTones tells whether tones of the network are to be recognised in what the far end says, as its trunk wants it. It
// is asked once the leg has media.
func (l *Leg) ListensForTones() bool { return l.trunk.audio().Tones }
