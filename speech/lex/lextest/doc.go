// Package lextest has bots for tests: a server that speaks StartConversation of Amazon Lex V2's runtime API as far as a
// telephone call goes, signatures checked, and says what the test wants.
package lextest
