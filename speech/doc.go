// Package speech turns text into sound: an engine found on this machine (espeak-ng, flite, piper), or Amazon Polly.
//
// One folder for each provider below it. It must not know calls beyond call.Say, nor legs.
package speech
