package chime

import (
	"encoding/json"
	"errors"
	"regexp"

	"github.com/switchhook/switchhook/call"
)

// Bounds of StartBotConversation: bytes of its Configuration as compact JSON, as its page in Amazon's guide has them, and of
// what a bot gives in the end, so that an event stays one that a function can be given.
const (
	maxBotConfig = 10 << 10
	maxBotResult = 64 << 10
)

var (
	botAlias = regexp.MustCompile(`^arn:aws[a-z-]{0,16}:lex:([a-z0-9-]{1,32}):[0-9]{12}:bot-alias/[0-9A-Za-z]{10}/[0-9A-Za-z]{10}$`)
	localeID = regexp.MustCompile(`^[a-z]{2,3}_[A-Z0-9]{2,3}$`)
)

const startBotConversation = "StartBotConversation"

// conversing is a StartBotConversation under way.
type conversing struct {
	operating
	freed bool
}

func startBot(d *driver, a *action) (step, *fault) {
	talk, f := readBot(a.params, d.app.settings.AwsRegion)
	switch {
	case f != nil:
		return nil, f
	case a.leg != d.a:
		return nil, badLeg()
	case d.b.live(): // a bridged call, or one in a meeting
		return nil, badState()
	case !d.app.dialect.bots.take(d.account, d.app.dialect.cfg.Quotas.Bots):
		return nil, tooManyBots()
	}
	talk.Leg, talk.Session = a.leg.id, a.leg.callID()
	s := &conversing{}
	under, f := d.operate(a, talk, botFault)
	op, ok := under.(operating)
	if !ok {
		s.free(d)
		return nil, f
	}
	s.operating = op
	return s, nil
}

func (s *conversing) hear(d *driver, ev call.Event) outcome {
	o := s.operating.hear(d, ev)
	if !o.over {
		return o
	}
	s.free(d)
	if done, ok := ev.(call.Done); ok && o.fault == nil && !o.lost {
		result, ok := intentResult(done.Result.Talk)
		if !ok {
			o.fault = systemFault(errors.New("the bot did not say how it ended"))
			return o
		}
		o.result.before = append(append([]byte(`"IntentResult":`), result...), ',')
	}
	return o
}

func (s *conversing) stop(d *driver) {
	s.free(d)
	s.operating.stop(d)
}

// free gives the account's place among those who talk with bots to another.
func (s *conversing) free(d *driver) {
	if !s.freed {
		s.freed = true
		d.app.dialect.bots.leave(d.account)
	}
}

// leaveBot frees the place of a conversation that is under way when the driver ends.
func (d *driver) leaveBot() {
	if s, ok := d.step.(*conversing); ok {
		s.free(d)
	}
}

// botFault says why there was no conversation, under the error types of the action's page.
func botFault(err error) *fault {
	f := systemFault(err)
	switch {
	case errors.Is(err, call.ErrNotFound):
		f.kind, f.message = "ResourceNotFound", "The specified bot is not found."
	case errors.Is(err, call.ErrDenied):
		f.kind, f.message = "ResourceAccessDenied", "Access to the bot is denied."
	case errors.Is(err, call.ErrThrottled):
		f.kind, f.message = throttledAction, "The bot's service has too many requests."
	case errors.Is(err, call.ErrInvalid):
		f.kind, f.message = "InvalidActionParameter", "The bot does not accept the LocaleId or Configuration."
	}
	return f
}

const throttledAction = "ActionExecutionThrottled"

func tooManyBots() *fault {
	return &fault{kind: throttledAction, message: "This account has exceeded the number of bot references allowed by the PSTN Audio service"}
}

// refuse says why an answer as a whole is not carried out although it could be read: it wants more bots than the account may
// talk with. Amazon rejects it so, and does not let the action fail.
func (d *driver) refuse(list []*action) *fault {
	n := 0
	for _, a := range list {
		if a.name == startBotConversation {
			n++
		}
	}
	if n > 0 && !d.app.dialect.bots.room(d.account, d.app.dialect.cfg.Quotas.Bots) {
		return tooManyBots()
	}
	return nil
}

// readBot reads the bot and what it is to be told.
func readBot(raw json.RawMessage, region string) (call.Converse, *fault) {
	talk := call.Converse{Language: "en_US"}
	for key, value := range members(raw) {
		if isUnset(value) {
			continue
		}
		ok := true
		switch key {
		case "BotAliasArn":
			talk.Bot, _ = text(value)
			m := botAlias.FindStringSubmatch(talk.Bot)
			ok = m != nil && m[1] == region
		case "LocaleId":
			talk.Language, _ = text(value)
			ok = localeID.MatchString(talk.Language)
		case "Configuration":
			talk.Config, ok = botConfig(value)
		}
		if !ok {
			return talk, invalid(key + " parameter value is invalid.")
		}
	}
	if talk.Bot == "" {
		return talk, invalid("BotAliasArn parameter value is invalid.")
	}
	return talk, nil
}
