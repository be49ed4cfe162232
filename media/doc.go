// Package media holds the words of media: a codec, a packet, a port, a session, a source of audio.
//
// A [Session] is the media of one leg, however it is carried (plain RTP now; SRTP, WebRTC later), and however many
// others it is connected with. It is itself a [Port]: what is written to it goes to the far end. What the far end says
// goes to the port that it is connected to. Two sessions connected with each other are a bridge, a mixer that is a port
// for each party is a room. Sound that is not a far end's (prompts, ringback, speech) comes from a [Source], which the
// session pulls on its own clock.
//
//	far end ──▶ Session.Connect(port) ──▶ port.Write      (a peer's session, a room's party, a recorder)
//	far end ◀── Session.Write ◀── whoever writes           (or, while a Source plays, the Source alone)
//
// The package owns these words; the folders below it own sockets, SDP, codecs, tones, clips. It must not know calls.
package media
