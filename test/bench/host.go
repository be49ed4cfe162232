package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/mix"
	"github.com/switchhook/switchhook/media/rtp"
)

// The kinds of a media host: what becomes of its sessions.
const (
	hostBridges    = "bridges"    // two and two hear each other
	hostRecordings = "recordings" // the same, each pair recorded in two channels
	hostRooms      = "rooms"      // all of a size are in one room
)

// mediaHost is this program again: the media of calls without their signalling, alone on the core under test. It opens sessions
// for pairs of far ends at the generator's two ports, prints the ports, and never returns.
func mediaHost(kind string, pairs, size int, dir string) error {
	engine, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, PortMin: 20000, PortMax: 59999, Shards: 1, Log: slog.Default()})
	if err != nil {
		return err
	}
	clock := mix.NewClock(1, slog.Default())
	rooms := mix.NewRooms(clock)
	buckets, err := clip.OpenBuckets(map[string]string{"bench": "mem://"})
	if err != nil {
		return err
	}
	recorder, err := clip.NewRecorder(buckets, dir)
	if err != nil {
		return err
	}
	var sessions []*rtp.Session
	out := make([]pair, pairs)
	for i := range 2 * pairs {
		s, err := engine.Open(netip.Addr{})
		if err != nil {
			return fmt.Errorf("session %d: %w", i, err)
		}
		farEnd := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(portA+(portB-portA)*(i%2)))
		if err := s.SetRemote(media.Remote{RTP: farEnd, Codec: media.PCMU}); err != nil {
			return err
		}
		sessions = append(sessions, s)
		at := &out[i/2].A
		if i%2 == 1 {
			at = &out[i/2].B
		}
		*at = int(s.Local().Port())
	}
	for i, s := range sessions {
		if kind == hostRooms {
			p, err := rooms.Enter(strconv.Itoa(i/size), mix.Entrant{ID: strconv.Itoa(i), To: s, Silent: true})
			if err != nil {
				return err
			}
			s.Connect(p)
			continue
		}
		s.Connect(sessions[i^1])
		if kind == hostRecordings && i%2 == 0 {
			rec, err := recorder.Begin(clip.Wanted{Name: strconv.Itoa(i), Format: clip.WAV, Channels: 2, Bucket: "bench", Key: fmt.Sprint(i, ".wav")})
			if err != nil {
				return err
			}
			s.Tap(clock.Listen(rec).Ports(false))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return err
	}
	select {}
}

// startHost starts a media host and gives the ports of its pairs.
func (b *bench) startHost(kind string, pairs, size int) (*process, []pair, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp(b.dir, "sound")
	if err != nil {
		return nil, nil, err
	}
	p, err := start(b.dir, systemCPU, []string{"GOMAXPROCS=1"}, self, "host", kind, strconv.Itoa(pairs), strconv.Itoa(size), dir)
	if err != nil {
		return nil, nil, err
	}
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		f, err := os.Open(filepath.Join(b.dir, filepath.Base(self)+".log"))
		if err != nil {
			continue
		}
		var out []pair
		line, _ := bufio.NewReader(f).ReadBytes('\n')
		f.Close()
		if json.Unmarshal(line, &out) == nil && len(out) == pairs {
			return p, out, nil
		}
	}
	p.stop()
	said, _ := os.ReadFile(p.log)
	return nil, nil, fmt.Errorf("the media host does not get ready: %s", said)
}

// hosted sends two streams of G.711 to each pair of a host, and gives what share of the core that took.
func (b *bench) hosted(kind string, pairs, size int, length time.Duration) (map[string]float64, error) {
	p, ports, err := b.startHost(kind, pairs, size)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	g, err := newGenerator(ports)
	if err != nil {
		return nil, err
	}
	defer g.close()
	g.talks = func(i int) bool { return i%size < 3 } // three talk at once
	g.run(3 * time.Second)
	g.reset()
	drops, cpu := receiveDrops(), p.cpu()
	g.run(length)
	busy := (p.cpu() - cpu) / length.Seconds()
	sent, got := g.counts()
	if got == 0 || busy == 0 {
		return nil, errors.New("no packet came back")
	}
	due := float64(sent)
	if kind == hostRooms { // it speaks on until we stop counting
		due *= (length + linger).Seconds() / length.Seconds()
	}
	return map[string]float64{"parties": float64(2 * pairs), "size": float64(size), "coreBusy": busy, "sent": float64(sent), "received": float64(got),
		"lossPercent": max(0, 100*(due-float64(got))/due), "receiveDrops": float64(receiveDrops() - drops), "memoryMB": float64(p.memory()) / (1 << 20)}, nil
}

// rooms measures how many parties one core mixes, in rooms of several sizes, three talking in each, over real sockets.
func (b *bench) rooms() error {
	pairs, length := 150, 10*time.Second
	if b.quick {
		pairs, length = 15, 2*time.Second
	}
	for _, size := range []int{3, 10, 30, 200} {
		if 2*pairs < size {
			continue
		}
		v, err := b.hosted(hostRooms, pairs-pairs%max(1, size/2), size, length)
		if err != nil {
			return err
		}
		v["partiesPerCore"] = v["parties"] / v["coreBusy"]
		b.report(result{What: "rooms", System: "switchhook", Value: v, Note: fmt.Sprint("of ", size)})
	}
	return nil
}

// recordings measures what recording adds to bridged calls: how many one core records beside carrying them.
func (b *bench) recordings() error {
	pairs, length := 150, 10*time.Second
	if b.quick {
		pairs, length = 15, 2*time.Second
	}
	plain, err := b.hosted(hostBridges, pairs, 2, length)
	if err != nil {
		return err
	}
	v, err := b.hosted(hostRecordings, pairs, 2, length)
	if err != nil {
		return err
	}
	v["coreBusyWithout"] = plain["coreBusy"]
	v["recordedCallsPerCore"] = float64(pairs) / v["coreBusy"]
	if more := v["coreBusy"] - plain["coreBusy"]; more > 0 {
		v["recordingsAlonePerCore"] = float64(pairs) / more
	}
	b.report(result{What: "recordings", System: "switchhook", Value: v})
	return nil
}
