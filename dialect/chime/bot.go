package chime

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// botConfig reads the Configuration of a StartBotConversation and gives it as Lex wants it; false where it is none.
func botConfig(raw json.RawMessage) ([]byte, bool) {
	var compact bytes.Buffer
	if json.Compact(&compact, raw) != nil || compact.Len() > maxBotConfig || !isObject(raw) {
		return nil, false
	}
	var c struct {
		SessionState struct {
			SessionAttributes map[string]*string
			DialogAction      struct{ Type *string }
		}
		WelcomeMessages []struct{ Content, ContentType string }
	}
	if json.Unmarshal(raw, &c) != nil {
		return nil, false
	}
	for _, v := range c.SessionState.SessionAttributes {
		if v == nil {
			return nil, false
		}
	}
	elicits := false
	if t := c.SessionState.DialogAction.Type; t != nil {
		elicits = *t == "ElicitIntent"
		if !elicits && *t != "Delegate" {
			return nil, false
		}
	}
	for _, m := range c.WelcomeMessages {
		if m.Content == "" || m.ContentType != "PlainText" && m.ContentType != "SSML" {
			return nil, false
		}
	}
	if len(c.WelcomeMessages) > 0 && !elicits {
		return nil, false
	}
	return recase(nil, compact.Bytes(), configForm(), toLex), true
}

// intentResult gives what a bot's service said in the end as events show it; false where it said nothing of the kind.
func intentResult(talk []byte) ([]byte, bool) {
	var compact bytes.Buffer
	if len(talk) > maxBotResult || json.Compact(&compact, talk) != nil || !isObject(compact.Bytes()) {
		return nil, false
	}
	return recase(nil, compact.Bytes(), intentResultForm(), fromLex), true
}

// form is the form of a JSON value that Amazon writes in two ways: "SessionState" in Chime events, "sessionState" in Lex.
type form struct {
	begins  string // what a value of this form may begin with
	members []part // of an object, in the order of the vendor's events; what is not named here is left out
	each    *form  // of each element of an array, or of each value of a map, whose keys stay
}

type part struct {
	name   string // as Chime has it
	of     *form
	absent string // stands where there is none; empty: nothing does
}

func fields(m ...part) *form     { return &form{begins: "{", members: m} }
func listOf(each *form) *form    { return &form{begins: "[", each: each} }
func mapOf(each *form) *form     { return &form{begins: "{", each: each} }
func textForm() *form            { return &form{begins: `"`} }
func numberForm() *form          { return &form{begins: "-0123456789"} }
func (s *form) fits(b byte) bool { return strings.IndexByte(s.begins, b) >= 0 }

func intentForm() *form {
	str := textForm()
	value := fields(part{"OriginalValue", str, ""}, part{"InterpretedValue", str, ""}, part{"ResolvedValues", listOf(str), ""})
	one := fields(part{"Value", value, ""}, part{"Values", listOf(fields()), "[]"})
	slot := fields(part{"Value", value, ""}, part{"Values", listOf(one), "[]"})
	return fields(part{"Name", str, ""}, part{"Slots", mapOf(slot), "{}"}, part{"State", str, ""}, part{"ConfirmationState", str, ""})
}

// intentResultForm is IntentResult of ACTION_SUCCESSFUL.
func intentResultForm() *form {
	state := fields(part{"SessionAttributes", mapOf(textForm()), "{}"}, part{"Intent", intentForm(), ""})
	interpretation := fields(part{"NluConfidence", fields(part{"Score", numberForm(), ""}), ""}, part{"Intent", intentForm(), ""})
	return fields(part{"SessionId", textForm(), ""}, part{"SessionState", state, "{}"}, part{"Interpretations", listOf(interpretation), "[]"})
}

// configForm is Configuration of StartBotConversation, with the Intent that its page leaves out and handlers send.
func configForm() *form {
	str := textForm()
	state := fields(part{"SessionAttributes", mapOf(str), ""}, part{"DialogAction", fields(part{"Type", str, ""}), ""},
		part{"Intent", intentForm(), ""})
	return fields(part{"SessionState", state, ""}, part{"WelcomeMessages", listOf(fields(part{"Content", str, ""}, part{"ContentType", str, ""})), ""})
}

// fromLex and toLex give a member's name on the side that is read and on the side that is written.
func fromLex(name string) (read, written string) { return strings.ToLower(name[:1]) + name[1:], name }
func toLex(name string) (read, written string)   { return name, strings.ToLower(name[:1]) + name[1:] }

// recase adds a value, which fits the form, with its members named the other way. What doesn't fit its form is left out, but for
// null in a map: a slot that is not filled.
func recase(b []byte, raw json.RawMessage, s *form, names func(string) (read, written string)) []byte {
	comma := func() {
		if c := b[len(b)-1]; c != '{' && c != '[' {
			b = append(b, ',')
		}
	}
	switch {
	case s.each != nil && isArray(raw):
		b = append(b, '[')
		for v := range elements(raw) {
			if s.each.fits(v[0]) {
				comma()
				b = recase(b, v, s.each, names)
			}
		}
		return append(b, ']')
	case s.each != nil:
		b = append(b, '{')
		for key, v := range members(raw) {
			if !s.each.fits(v[0]) && string(v) != "null" {
				continue
			}
			comma()
			b = append(appendString(b, key), ':')
			if string(v) == "null" {
				b = append(b, v...)
			} else {
				b = recase(b, v, s.each, names)
			}
		}
		return append(b, '}')
	case isObject(raw):
		b = append(b, '{')
		for _, m := range s.members {
			read, written := names(m.name)
			var value json.RawMessage
			for key, v := range members(raw) {
				if key == read && m.of.fits(v[0]) {
					value = v
				}
			}
			if value == nil && m.absent == "" {
				continue
			}
			comma()
			b = append(appendString(b, written), ':')
			if value == nil {
				b = append(b, m.absent...)
			} else {
				b = recase(b, value, m.of, names)
			}
		}
		return append(b, '}')
	}
	return append(b, raw...)
}

// bots counts who talks with a bot, by account.
type bots struct {
	mu      sync.Mutex
	talking map[string]int
}

// room tells whether an account may begin one more conversation; most is its quota: 0 bounds nothing, below 0 allows none.
func (b *bots) room(account string, most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return most == 0 || b.talking[account] < most
}

// take begins a conversation of an account, if it may.
func (b *bots) take(account string, most int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if most != 0 && b.talking[account] >= most {
		return false
	}
	if b.talking == nil {
		b.talking = map[string]int{}
	}
	b.talking[account]++
	return true
}

// leave ends one.
func (b *bots) leave(account string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.talking[account]--; b.talking[account] == 0 {
		delete(b.talking, account)
	}
}
