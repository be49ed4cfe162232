package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/call"
)

// recordCommand records a call that stands.
type recordCommand struct {
	server
	Call   string `arg:"" help:"The call's id, as 'switchhook live' lists it."`
	Leg    string `arg:"" optional:"" default:"1" help:"Whose two parties are recorded: a leg's id, or its number in 'switchhook live CALL'."`
	Room   string `help:"Record this room in place of a leg." placeholder:"NAME"`
	Stop   uint64 `help:"End the recording of this number, and wait until it is in its bucket." placeholder:"N"`
	Apart  bool   `help:"Two channels: left what the far end says, right what it hears."`
	MP3    bool   `name:"mp3" help:"Write MP3; lame or ffmpeg must be on the server's machine."`
	Rate   int    `help:"Samples a second: 8000 or 16000. By default 16000 where G.722 is spoken as it begins, else 8000." enum:"0,8000,16000" default:"0"`
	Beep   bool   `help:"The far end hears a tone first."`
	Bucket string `help:"Where the file goes." default:"recordings"`
	File   string `help:"The file's path within the bucket; by default the call's id and the time."`
}

// Run begins or ends a recording.
func (c recordCommand) Run(ctx context.Context, con console) error {
	path := "/api/calls/" + url.PathEscape(c.Call) + "/recordings"
	if c.Stop > 0 {
		var got struct {
			Bucket, Key string
			Seconds     float64
		}
		if err := c.ask(ctx, http.MethodDelete, path+"/"+strconv.FormatUint(c.Stop, 10), nil, &got); err != nil {
			return err
		}
		if got.Key == "" {
			fmt.Fprintln(con.out, "nothing was recorded")
			return nil
		}
		fmt.Fprintf(con.out, "%.1f seconds in %s/%s\n", got.Seconds, got.Bucket, got.Key)
		return nil
	}
	format := "wav"
	if c.MP3 {
		format = "mp3"
	}
	key := cmp.Or(c.File, fmt.Sprintf("%s-%s.%s", c.Call, time.Now().UTC().Format("20060102T150405Z"), format))
	body := map[string]any{"bucket": c.Bucket, "key": key, "format": format, "beep": c.Beep}
	if c.Rate > 0 {
		body["rate"] = c.Rate
	}
	if c.Apart {
		body["tracks"] = string(call.TracksApart)
	}
	if c.Room != "" {
		body["room"] = c.Room
	} else {
		leg, err := c.legOf(ctx, c.Call, c.Leg)
		if err != nil {
			return err
		}
		body["leg"] = leg
	}
	var begun struct{ Recording uint64 }
	if err := c.post(ctx, path, body, &begun); err != nil {
		return err
	}
	fmt.Fprintf(con.out, "recording %d goes to %s/%s; 'switchhook record %s --stop %d' ends it, as the call's end does\n", begun.Recording, c.Bucket, key, c.Call, begun.Recording)
	return nil
}

// roomCommand lets a party of a call into a room, or takes it out.
type roomCommand struct {
	server
	Call   string `arg:"" help:"The call's id, as 'switchhook live' lists it."`
	Leg    string `arg:"" help:"Who: a leg's id, or its number in 'switchhook live CALL'."`
	Room   string `arg:"" optional:"" help:"The room's name; without one the party leaves the room that it is in."`
	Muted  bool   `help:"It only listens."`
	Silent bool   `help:"Nobody hears a tone as it comes and goes."`
}

// Run asks.
func (c roomCommand) Run(ctx context.Context, _ console) error {
	leg, err := c.legOf(ctx, c.Call, c.Leg)
	if err != nil {
		return err
	}
	path := "/api/calls/" + url.PathEscape(c.Call) + "/legs/" + url.PathEscape(leg) + "/room"
	if c.Room == "" {
		return c.ask(ctx, http.MethodDelete, path, nil, nil)
	}
	return c.post(ctx, path, map[string]any{"room": c.Room, "muted": c.Muted, "silent": c.Silent}, nil)
}
