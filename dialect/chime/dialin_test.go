package chime_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/dialect/dialecttest"
	"github.com/switchhook/switchhook/header"
)

// Only calls to the meetings' number that bring a token are taken, in whichever way they bring it, and an attendee's are calls
// of the meeting's account.
func TestGreet(t *testing.T) {
	d := newDialect(nil, chime.Limits{})
	d.StandMeeting(account, nil)
	token := header.List{{Name: "x-Chime-Join-Token", Value: chime.TokenOf(chime.Anna)}}
	for name, c := range map[string]struct {
		to      string
		headers header.List
		params  header.Params
		account string
		no      bool
	}{
		"header":             {to: "+17035550122", headers: token, account: account},
		"without plus":       {to: "17035550122", headers: token, account: account},
		"with meeting":       {to: "+17035550122", headers: token.With("X-chime-meeting-id", strings.ToUpper(chime.Standup)), account: account},
		"another meeting":    {to: "+17035550122", headers: token.With("X-chime-meeting-id", chime.Anna), account: other},
		"parameter":          {to: "+17035550122", params: header.Params{{Name: "x-jointoken", Value: chime.TokenOf(chime.Bob)}}, account: account},
		"escaped parameters": {to: "+17035550122", params: header.Params{{Name: "X-chime-join-token", Value: "%45" + chime.TokenOf(chime.Bob)[1:]}}, account: account},
		"unknown token":      {to: "+17035550122", headers: header.List{{Name: "X-chime-join-token", Value: "x"}}, account: other},
		"no token":           {to: "+17035550122", no: true},
		"another number":     {to: "+17035550123", headers: token, no: true},
	} {
		app, whose := d.Greet(call.Attempt{Account: other, To: c.to, Headers: c.headers, Params: c.params})
		if (app == nil) != c.no || whose != c.account {
			t.Errorf("%s: %v %q", name, app, whose)
		}
	}
}

// Of two tokens the one that AWS's page names for headers counts, each time.
func TestGreetTwoTokens(t *testing.T) {
	d := newDialect(nil, chime.Limits{})
	d.StandMeeting(account, nil)
	both := header.List{{Name: "X-joinToken", Value: "x"}, {Name: "X-chime-join-token", Value: chime.TokenOf(chime.Anna)}}
	for range 20 {
		if _, whose := d.Greet(call.Attempt{Account: other, To: "+17035550122", Headers: both}); whose != account {
			t.Fatalf("a call of %q", whose)
		}
	}
}

// Whatever a call brings, nobody joins without an attendee's token.
func FuzzGreet(f *testing.F) {
	d := newDialect(nil, chime.Limits{})
	d.StandMeeting(account, nil)
	f.Add("+17035550122", chime.Standup, chime.TokenOf(chime.Anna), "")
	f.Add("%2B17035550122", "", "", chime.TokenOf(chime.Bob)+"%20")
	f.Add("17035550122;x", "x", chime.TokenOf(chime.Standup), "%zz")
	f.Fuzz(func(t *testing.T, to, meeting, token, parameter string) {
		app, whose := d.Greet(call.Attempt{Account: other, To: to, Headers: header.List{{Name: "X-chime-meeting-id", Value: meeting}, {Name: "X-chime-join-token", Value: token}},
			Params: header.Params{{Name: "X-joinToken", Value: parameter}}})
		one := func(s string) bool { return s == chime.TokenOf(chime.Anna) || s == chime.TokenOf(chime.Bob) }
		plain, _ := url.PathUnescape(parameter)
		if app != nil && whose != other && !one(token) && !one(plain) && !one(parameter) {
			t.Errorf("let in: %q %q %q %q", to, meeting, token, parameter)
		}
	})
}

// dialsIn lets a call come in with a token, and gives it and what Drive returns.
func dialsIn(t *testing.T, d *chime.Dialect, token string) (*dialecttest.Call, <-chan error) {
	t.Helper()
	o := call.Origin{Attempt: call.Attempt{Account: account, To: "+17035550122", At: time.Now(), Headers: header.List{{Name: "X-chime-join-token", Value: token}}}}
	app, _ := d.Greet(o.Attempt)
	o.Rule = "r"
	c := dialecttest.NewCall(o)
	back := make(chan error, 1)
	go func() { back <- app.Drive(t.Context(), c) }()
	synctest.Wait()
	return c, back
}

func commands(c *dialecttest.Call) []string {
	var all []string
	for _, cmd := range c.Given() {
		all = append(all, strings.TrimSpace(formatCommand(cmd)))
	}
	return all
}

const standup = "chime-meeting/" + chime.Standup

func TestDialIn(t *testing.T) {
	enter := fmt.Sprintf("call.Enter {Leg:%s Room:%s Muted:false Silent:true Music:{Bucket: Key:}}", dialecttest.LegID(0), standup)
	for name, c := range map[string]struct {
		token    string
		then     func(d *chime.Dialect, c *dialecttest.Call)
		commands []string
		there    string // who is in the meeting then
	}{
		"hangs up":      {chime.TokenOf(chime.Anna), func(_ *chime.Dialect, c *dialecttest.Call) { c.Far(0).Hangup(nil) }, []string{"Answer 1", enter}, "[]"},
		"unknown token": {"x", func(*chime.Dialect, *dialecttest.Call) {}, []string{"Hangup 1: 403 rejected by platform (the token is none of an attendee of the meeting)"}, "[]"},
		"meeting ends": {chime.TokenOf(chime.Anna), func(d *chime.Dialect, _ *dialecttest.Call) { _ = d.EndMeeting() },
			[]string{"Answer 1", enter, "Hangup 1: normal by app"}, "[]"},
		"joins by another call": {chime.TokenOf(chime.Anna), func(d *chime.Dialect, _ *dialecttest.Call) { _ = d.JoinMeeting(chime.Anna, "another") },
			[]string{"Answer 1", enter, "Hangup 1: normal by app"}, "[anna]"},
		"is muted, then hangs up": {chime.TokenOf(chime.Bob), func(d *chime.Dialect, c *dialecttest.Call) {
			d.MuteAll(true)
			synctest.Wait()
			d.MuteAll(false)
			synctest.Wait()
			c.Far(0).Hangup(nil)
		}, []string{"Answer 1", enter, "call.Mute {Leg:" + string(dialecttest.LegID(0)) + " On:true}", "call.Mute {Leg:" + string(dialecttest.LegID(0)) + " On:false}"}, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDialect(nil, chime.Limits{})
				var dialled *dialecttest.Call
				d.StandMeeting(account, func(ctx context.Context, id call.ID, body []byte) ([]byte, error) {
					if id != dialecttest.ID {
						return nil, errors.New("another call")
					}
					return dialled.Ask(ctx, body)
				})
				var back <-chan error
				dialled, back = dialsIn(t, d, c.token)
				c.then(d, dialled)
				synctest.Wait()
				if diff := cmp.Diff(c.commands, commands(dialled)); diff != "" {
					t.Errorf("commands: (-want +got)\n%s", diff)
				}
				if err := <-back; err != nil {
					t.Errorf("Drive: %v", err)
				}
				if there, _ := d.InMeeting(); fmt.Sprint(there) != c.there {
					t.Errorf("in the meeting: %v", there)
				}
				dialled.End()
			})
		})
	}
}

// Whoever asks a call that came in by itself for something else hears that it is none of an application's.
func TestDialInTakesNoUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDialect(nil, chime.Limits{})
		d.StandMeeting(account, nil)
		c, back := dialsIn(t, d, chime.TokenOf(chime.Anna))
		body, _ := json.Marshal(map[string]any{"Account": account, "App": "id", "Update": map[string]string{"k": "v"}})
		if _, err := c.Ask(t.Context(), body); !errors.Is(err, chime.ErrNotOurs) {
			t.Errorf("an update: %v", err)
		}
		if _, err := c.Ask(t.Context(), []byte("{")); err == nil {
			t.Error("no JSON is taken")
		}
		c.End()
		<-back
	})
}
