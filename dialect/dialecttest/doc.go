// Package dialecttest is what every dialect is tested with: [Call], a call whose far ends the test plays, and [Run], the
// conformance suite.
//
// A Call keeps the engine's contract without its goroutine, sockets or sound: commands are accepted or refused in the
// same states with the same errors, each operation has exactly one Done, a leg's LegEnded is its last event. What the
// far ends do comes from the test, by [Far]:
//
//	c := dialecttest.NewCall(call.Origin{Attempt: call.Attempt{From: "+12065550100", To: "+12065550101"}})
//	go app.Drive(ctx, c)
//	…
//	c.Given()            // the commands that the driver gave since the last look
//	c.Far(0).Press('1')  // the caller presses a key
//	c.Far(0).Finish()    // the prompt that the caller hears is over
//	c.Far(1).Answer(nil) // the dialled party answers
//	c.Far(0).Hangup(nil)
//
// Inside a testing/synctest bubble, synctest.Wait tells when the driver has done all it can: no test sleeps.
package dialecttest
