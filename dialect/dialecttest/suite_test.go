package dialecttest_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/dialecttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The suite runs on a language of one word per answer, written with [dialect.Script] in the least code that is right.
func TestSuite(t *testing.T) {
	dialecttest.Run(t, dialecttest.Subject{
		App:  func(_ *testing.T, code dialecttest.Code) dialect.App { return words{code} },
		Play: []byte(`"play"`), Bridge: []byte(`"bridge"`), Hangup: []byte(`"hangup"`), Nothing: []byte(`"nothing"`),
		Malformed: []byte(`<play/>`), Request: []byte(`"call"`), Update: []byte(`"ask"`),
	})
}

// words is an application in that language.
type words struct{ code dialecttest.Code }

// Drive implements [dialect.App].
func (w words) Drive(ctx context.Context, c dialect.Call) error {
	d := &driver{words: w, leg: c.Origin().Leg}
	d.Script = dialect.Script{Call: c, On: d.hear}
	err := d.converse(ctx)
	if errors.Is(err, errGone) || errors.Is(err, call.ErrOver) {
		return nil
	}
	return err
}

type driver struct {
	dialect.Script
	words
	leg, other call.LegID
	asked      bool // by a request, to ask the code
	gone       bool // the first leg is over
}

var errGone = errors.New("the first leg is over")

// hear listens while something runs.
func (d *driver) hear(ev call.Event) error {
	switch ev := ev.(type) {
	case call.Request:
		d.asked = string(ev.Body) == `"ask"`
		if !d.asked {
			ev.Reply(nil, errors.New("no such request"))
			return nil
		}
		ev.Reply([]byte(`"ok"`), nil)
	case call.LegEnded:
		d.gone = d.gone || ev.Leg == d.leg
	}
	if d.gone || d.asked {
		return errGone // ends a prompt or a dial; not a fetch, see ask
	}
	return nil
}

func (d *driver) converse(ctx context.Context) error {
	if d.leg == "" {
		t, err := d.Do(ctx, call.Dial{To: "+12065550199"})
		if err != nil {
			return err
		}
		d.leg = t.Leg
		if _, err := d.Wait(ctx, t); err != nil {
			return errGone
		}
	}
	for first := true; ; first = false {
		d.asked = false
		word, err := d.ask(ctx)
		switch {
		case d.gone:
			return errGone
		case err != nil && first:
			return fmt.Errorf("%w: %w", dialect.ErrUnavailable, err)
		case err != nil:
			return err
		}
		if err := d.obey(ctx, word); err != nil {
			return err
		}
		if d.gone {
			return errGone
		}
	}
}

// ask asks the code and listens meanwhile.
func (d *driver) ask(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	patient := dialect.Script{Call: d.Call, On: func(ev call.Event) error { d.hear(ev); return nil }}
	body, err := dialect.Await(ctx, &patient, func(ctx context.Context) ([]byte, error) { return d.code(ctx, []byte(`"?"`)) })
	if err != nil {
		return "", err
	}
	var word string
	if err := json.Unmarshal(body, &word); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	return word, nil
}

// obey does what the word says. That the leg ends meanwhile, or that a prompt breaks, is no error: the code is asked again.
func (d *driver) obey(ctx context.Context, word string) error {
	if d.asked {
		return nil // something has changed since
	}
	switch word {
	case "play":
		if d.other == "" {
			d.Do(ctx, call.Answer{Leg: d.leg})
		}
		d.Run(ctx, call.Play{Leg: d.leg, Clips: []call.Clip{{Key: "prompt.wav"}}})
	case "bridge":
		done, err := d.Run(ctx, call.Dial{To: "+12065550199", For: d.leg})
		if err != nil {
			return ctx.Err()
		}
		d.other = done.Leg
		d.Do(ctx, call.Answer{Leg: d.leg})
		d.Do(ctx, call.Join{A: d.leg, B: d.other})
	case "hangup":
		d.Do(ctx, call.Hangup{Leg: d.leg, Cause: call.Cause{By: call.ByApp, Label: call.LabelNormal}})
		fallthrough
	case "nothing":
		for !d.gone && !d.asked {
			ev, err := d.Next(ctx)
			if err != nil {
				return err
			}
			if end, ok := ev.(call.LegEnded); ok && end.Leg == d.other {
				return nil
			}
			d.hear(ev)
		}
	default:
		return fmt.Errorf("the word %q is not known", word)
	}
	return ctx.Err()
}
