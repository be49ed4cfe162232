// Package speech turns text into sound for calls. What speaks is a [Provider], one folder for each below: local for the
// engines found on this machine (espeak-ng, flite, piper), polly for Amazon Polly.
//
//	[Speaker].Say ─▶ text checked ─▶ same words said lately? ─▶ played from memory
//	                                  └─ no ─▶ Provider.Speak ─▶ a WAV file, decoded as it comes, kept for the next call
//
// It must not know legs, nor which providers there are: the program chooses one. What a customer can put right or must know
// comes as an error that wraps call.ErrInvalid, call.ErrDenied or call.ErrThrottled.
package speech
