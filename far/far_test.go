package far_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/media/rtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// kit is a carrier in a box and a phone to call it with.
type kit struct {
	box   *far.Box
	phone *far.Phone
}

func open(t *testing.T) kit {
	t.Helper()
	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	at := netip.MustParseAddrPort("127.0.0.1:0")
	box, err := far.NewBox(far.Config{Listen: at, Media: m})
	if err != nil {
		t.Fatal(err)
	}
	phone, err := far.NewPhone(far.Config{Listen: at, Media: m})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range []error{phone.Close(), box.Close(), m.Close()} {
			if err != nil {
				t.Error(err)
			}
		}
	})
	return kit{box, phone}
}

// call dials a number of the box and waits for the answer or the refusal.
func (k kit) call(t *testing.T, number string, rows ...header.Field) (*far.Line, header.List, error) {
	t.Helper()
	at := k.box.Phone().Addr()
	line, err := k.phone.Call(far.Outgoing{Number: number, Host: at.Addr().String(), Port: int(at.Port()), From: "+12065550142", Headers: rows})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := line.Wait(ctx)
	return line, got, err
}

func TestBoxEchoes(t *testing.T) {
	k := open(t)
	line, got, err := k.call(t, "+14155550100", header.Field{Name: "X-Account-Id", Value: "4711"}, header.Field{Name: "User-to-User", Value: "00c0ffee;encoding=hex"})
	if err != nil {
		t.Fatal(err)
	}
	if v, _ := got.Get("X-Account-Id"); v != "4711" {
		t.Errorf("the 200 brought %v", got)
	}
	var ear far.Ear
	line.Media().Connect(&ear)
	line.Media().Play(far.Hum(700), func(error) {})
	until(t, "the echo of a tone of 700 Hz", func() bool { return ear.Tone() == 700 })
	line.Hangup(0, nil)
}

func TestBoxPlaysATone(t *testing.T) {
	k := open(t)
	line, _, err := k.call(t, "+14155550101")
	if err != nil {
		t.Fatal(err)
	}
	var ear far.Ear
	line.Media().Connect(&ear)
	until(t, "a tone of 440 Hz", func() bool { return ear.Tone() == 440 })
	line.Hangup(0, nil)
}

func TestBoxRefusesAndHangsUp(t *testing.T) {
	k := open(t)
	if line, _, err := k.call(t, "+14155550102"); err == nil || line.Cause().SIP != 486 {
		t.Errorf("a busy number gives %v", err)
	}
	line, _, err := k.call(t, "+14155550105")
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the box hanging up", func() bool { return line.Cause().By == call.ByPeer })
}

func TestBoxNetworks(t *testing.T) {
	k := open(t)
	rows := []header.Field{{Name: "X-Account-Id", Value: "4711"}, {Name: "User-to-User", Value: "00;encoding=hex"}}
	line, got, err := k.call(t, "+14155550107", rows...)
	if err != nil || got.Has("X-Account-Id") || !got.Has("User-to-User") {
		t.Errorf("the network that strips custom headers brought %v, %v", got, err)
	}
	line.Hangup(0, nil)
	line, got, err = k.call(t, "+14155550108", rows...)
	if err != nil || len(got) != 2 || got[0].Name != "x-account-id" || got[1].Name != "user-to-user" {
		t.Errorf("the network that writes lower case brought %v, %v", got, err)
	}
	line.Hangup(0, nil)
}

func TestBoxPressesKeys(t *testing.T) {
	k := open(t)
	line, _, err := k.call(t, "+14155550106")
	if err != nil {
		t.Fatal(err)
	}
	digits := make(chan byte, 16)
	line.Media().OnDigit(func(d byte, _ time.Duration) { digits <- d })
	got := ""
	limit := time.After(10 * time.Second)
	for len(got) < 5 {
		select {
		case d := <-digits:
			got += string(rune(d))
		case <-limit:
			t.Fatalf("only %q was pressed", got)
		}
	}
	if got != "1234#" {
		t.Errorf("pressed %q", got)
	}
	line.Hangup(0, nil)
}

// until waits until something holds, ten seconds at most.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("%s did not come", what)
		}
	}
}
