package far

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/switchhook/switchhook/media"
)

// keys in the order of their event codes (RFC 4733 section 3.2).
const keys = "0123456789*#ABCD"

// Lengths of a key press and of the pause after it.
const (
	pressed  = 100 * time.Millisecond
	released = 80 * time.Millisecond
)

// Press presses keys, one after the other, as telephone events (RFC 4733). A comma is a pause of half a second.
func Press(ctx context.Context, s media.Session, digits string) error {
	p := &media.Packet{Event: true, Source: rand.Uint32(), Timestamp: rand.Uint32(), Payload: make([]byte, 4)}
	for _, d := range strings.ToUpper(digits) {
		wait := released
		if d == ',' {
			wait = 500 * time.Millisecond
		} else if code := strings.IndexRune(keys, d); code < 0 {
			return fmt.Errorf("%q is no key: 0-9 * # A-D, or a comma for a pause", d)
		} else if err := press(ctx, s, p, byte(code)); err != nil {
			return err
		}
		if err := sleep(ctx, wait); err != nil {
			return err
		}
		p.Timestamp += uint32(wait / (time.Second / 8000))
	}
	return nil
}

// press sends the packets of one event: every 20 ms with a growing duration, its end three times (section 2.5.1).
func press(ctx context.Context, s media.Session, p *media.Packet, code byte) error {
	const volume, end = 10, 0x80
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	steps := int(pressed / media.FrameTime)
	for i := 1; i <= steps+2; i++ {
		p.Seq++
		p.Marker = i == 1
		p.Payload[0], p.Payload[1] = code, volume
		if i >= steps {
			p.Payload[1] |= end
		}
		binary.BigEndian.PutUint16(p.Payload[2:], uint16(min(i, steps)*media.FrameSamples))
		s.Write(p)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.Timestamp += uint32((steps + 2) * media.FrameSamples)
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
