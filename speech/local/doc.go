// Package local speaks with an engine found on this machine: espeak-ng, flite or piper, each a program of its own that is
// started for each text.
//
// The engines are old programs with more in them than we want customers to reach: espeak-ng reads any file an SSML audio
// element names, and converts it by way of a shell. So no text goes through a shell or stands among the arguments, SSML is
// written anew with only the elements and values known to be harmless, and control characters are taken out. The number of
// processes, their time and what they may write are bounded.
package local
