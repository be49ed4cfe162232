package acceptance_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/far"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/media/rtp"
	"github.com/switchhook/switchhook/test/need"
)

// newPhone makes a phone; incoming hears of its calls.
func newPhone(t *testing.T, incoming func(*far.Line)) *far.Phone {
	t.Helper()
	return newPhoneOf(t, directory.Audio{}, incoming)
}

func newPhoneOf(t *testing.T, audio directory.Audio, incoming func(*far.Line)) *far.Phone {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	m, err := rtp.New(rtp.Config{Interfaces: []rtp.Interface{{Bind: netip.MustParseAddr("127.0.0.1")}}, Shards: 1, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	p, err := far.NewPhone(far.Config{Listen: netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(freePort(t))), Media: m, Audio: audio, Log: log, Incoming: incoming})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// person is a phone with somebody who listens, and hums a tone where it has one.
type person struct {
	*far.Phone
	hums    float64
	ear     far.Ear
	digits  chan byte
	answers chan *far.Line // lines that were answered, of calls that came in
}

// newPerson makes one that answers its calls.
func newPerson(t *testing.T, hums float64) *person {
	t.Helper()
	return newPersonOf(t, directory.Audio{}, hums)
}

// newPersonOf makes one whose phone wants audio so.
func newPersonOf(t *testing.T, audio directory.Audio, hums float64) *person {
	t.Helper()
	p := &person{hums: hums, digits: make(chan byte, 100), answers: make(chan *far.Line, 10)}
	p.Phone = newPhoneOf(t, audio, func(l *far.Line) {
		l.Ring(nil)
		l.Answer(nil)
		go func() {
			for e := range l.Events() {
				if _, ok := e.(call.Answered); ok {
					p.talk(l)
					p.answers <- l
				}
			}
		}()
	})
	return p
}

// talk listens on a line and hums.
func (p *person) talk(l *far.Line) {
	s := l.Media()
	s.OnDigit(func(d byte, _ time.Duration) { p.digits <- d })
	s.Connect(&p.ear)
	if p.hums > 0 {
		s.Play(far.Hum(p.hums), func(error) {})
	}
}

// calls calls the server's number and waits for the answer.
func (p *person) calls(t *testing.T, s *server) *far.Line {
	t.Helper()
	return p.answered(t, p.dials(t, s))
}

// callsTo calls somebody and waits for the answer.
func (p *person) callsTo(t *testing.T, to far.Outgoing) *far.Line {
	t.Helper()
	l, err := p.Call(to)
	if err != nil {
		t.Fatal(err)
	}
	return p.answered(t, l)
}

func (p *person) answered(t *testing.T, l *far.Line) *far.Line {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if _, err := l.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	p.talk(l)
	return l
}

func (p *person) dials(t *testing.T, s *server) *far.Line {
	t.Helper()
	l, err := p.Call(far.Outgoing{Number: "+12065550100", Host: "127.0.0.1", Port: int(s.addr().Port()), From: "+12065550142"})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// over waits until a line is.
func over(t *testing.T, l *far.Line) {
	t.Helper()
	timeout := time.After(15 * time.Second)
	for {
		select {
		case _, ok := <-l.Events():
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("the line is not over")
		}
	}
}

// hears waits until a tone is heard.
func hears(t *testing.T, who string, ear *far.Ear, hz int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%s hearing %d Hz", who, hz), func() bool {
		got := ear.Tone()
		return got >= hz-5 && got <= hz+5
	})
}

// actions writes an answer of a function; each is a type and its parameters.
func actions(of ...any) string {
	type action struct {
		Type       string
		Parameters any
	}
	answer := struct {
		SchemaVersion string
		Actions       []action
	}{"1.0", []action{}}
	for i := 0; i+1 < len(of); i += 2 {
		answer.Actions = append(answer.Actions, action{fmt.Sprint(of[i]), of[i+1]})
	}
	out, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	return string(out)
}

type object = map[string]any

// Caller and callee hear each other, and the record counts their packets.
func TestBothSidesHear(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 440), newPerson(t, 1000)
	s := start(t, configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL))
	l := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 1000)
	hears(t, "the callee", &callee.ear, 440)
	l.Hangup(0, nil)
	over(t, l)
	legs := s.calls(t, 1)[0].Legs
	for i, leg := range legs {
		if m := leg.Media; m.Codec != "PCMU" || m.PacketsIn < 10 || m.PacketsOut < 10 || m.Lost != 0 || m.Discarded != 0 {
			t.Errorf("leg %d: %+v", i, m)
		}
	}
	if len(legs) != 2 {
		t.Errorf("%d legs", len(legs))
	}
}

// Keys pass through the bridge, in order, both ways.
func TestKeysPassThrough(t *testing.T) {
	t.Parallel()
	caller, callee := newPerson(t, 0), newPerson(t, 0)
	s := start(t, configFor(int(callee.Addr().Port()), startFunction(t, bridge("+14155550199")).URL))
	l := caller.calls(t, s)
	far2 := <-callee.answers
	for _, tt := range []struct {
		from *far.Line
		to   *person
		keys string
	}{{l, callee, "19*0#A"}, {far2, caller, "42#"}} {
		if err := far.Press(t.Context(), tt.from.Media(), tt.keys); err != nil {
			t.Fatal(err)
		}
		for i := range tt.keys {
			select {
			case got := <-tt.to.digits:
				if got != tt.keys[i] {
					t.Errorf("key %d of %s arrived as %c", i, tt.keys, got)
				}
			case <-time.After(5 * time.Second):
				t.Fatalf("key %d of %s did not arrive", i, tt.keys)
			}
		}
	}
	l.Hangup(0, nil)
	over(t, l)
}

// wav writes a WAV file with a tone, as a recording studio would: 44.1 kHz, stereo.
func wav(hz float64, length time.Duration) []byte { return wavOf(44100, 2, hz, length) }

// wavOf writes one of 16 bits with a rate and channels of one's own.
func wavOf(rate, channels int, hz float64, length time.Duration) []byte {
	n := int(length.Seconds() * float64(rate))
	out := append([]byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00"), byte(channels), 0)
	out = binary.LittleEndian.AppendUint32(out, uint32(rate))
	out = binary.LittleEndian.AppendUint32(out, uint32(rate*2*channels))
	out = append(out, byte(2*channels), 0, 16, 0)
	out = append(out, "data"...)
	out = binary.LittleEndian.AppendUint32(out, uint32(n*2*channels))
	for i := range n {
		v := uint16(int16(8000 * math.Sin(2*math.Pi*hz*float64(i)/float64(rate))))
		for range channels {
			out = binary.LittleEndian.AppendUint16(out, v)
		}
	}
	binary.LittleEndian.PutUint32(out[4:], uint32(len(out)-8))
	return out
}

// prompts gives a data folder whose bucket "prompts" holds a WAV file, an MP3 file, and one that is neither.
func prompts(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	dir := filepath.Join(data, "prompts", "welcome")
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	mp3, err := os.ReadFile(filepath.Join("..", "..", "media", "clip", "testdata", "tone-44k-stereo.mp3"))
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(data, "secret.wav") // sound that is nobody's business
	if err := os.WriteFile(secret, wav(1500, time.Second), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "link.wav")); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{"tone.wav": wav(620, time.Second), "tone.mp3": mp3, "broken.wav": []byte("RIFFoops")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return data
}

func audio(key string) object { return object{"Type": "S3", "BucketName": "prompts", "Key": key} }

// A function plays WAV and MP3 from a bucket; the caller hears them.
func TestPlayAudio(t *testing.T) {
	t.Parallel()
	for name, tone := range map[string]struct {
		hz     int
		length time.Duration
	}{"welcome/tone.wav": {620, time.Second}, "welcome/tone.mp3": {1000, 550 * time.Millisecond}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := startFunction(t, func(ev event) string {
				if ev.InvocationEventType == "NEW_INBOUND_CALL" {
					return actions("PlayAudio", object{"AudioSource": audio(name), "Repeat": 2}, "Hangup", object{"SipResponseCode": "0"})
				}
				return actions()
			})
			s := startIn(t, prompts(t), nil, configFor(freePort(t), f.URL))
			caller := newPerson(t, 0)
			l := caller.calls(t, s)
			hears(t, "the caller", &caller.ear, tone.hz)
			over(t, l)
			if got := caller.ear.Sound(); got < 2*tone.length-200*time.Millisecond || got > 2*tone.length+300*time.Millisecond {
				t.Errorf("heard %v of sound, want two times %v", got, tone.length)
			}
			if n := len(f.seen("ACTION_FAILED")); n != 0 {
				t.Errorf("%d actions failed", n)
			}
		})
	}
}

// What can't be played, and what is not in the bucket (S41), fails with the vendor's words, and the call goes on.
func TestPlayAudioFails(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"welcome/none.wav", "welcome/broken.wav", "../secret.wav", "welcome/../../secret.wav", "/secret.wav", "ABSOLUTE", "..%2fsecret.wav",
		"welcome/link.wav", "file:///secret.wav", "welcome/\x00/../../secret.wav", "welcome"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			data := prompts(t)
			key := strings.Replace(key, "ABSOLUTE", filepath.Join(data, "secret.wav"), 1)
			f := startFunction(t, func(ev event) string {
				switch ev.InvocationEventType {
				case "NEW_INBOUND_CALL":
					return actions("PlayAudio", object{"AudioSource": audio(key)})
				case "ACTION_FAILED":
					return actions("PlayAudio", object{"AudioSource": audio("welcome/tone.wav")}, "Hangup", object{"SipResponseCode": "0"})
				}
				return actions()
			})
			s := startIn(t, data, nil, configFor(freePort(t), f.URL))
			caller := newPerson(t, 0)
			l := caller.calls(t, s)
			over(t, l)
			if has(&caller.ear, 1500) {
				t.Error("sound from outside of the bucket was heard")
			}
			failed := f.seen("ACTION_FAILED")
			if len(failed) != 1 || failed[0].ActionData.ErrorType != "InvalidAudioSource" {
				t.Errorf("ACTION_FAILED: %+v", failed)
			}
			hears(t, "the caller", &caller.ear, 620)
		})
	}
}

// Keys that a function names end its prompt.
func TestPlaybackTerminators(t *testing.T) {
	t.Parallel()
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			return actions("PlayAudio", object{"AudioSource": audio("welcome/tone.wav"), "Repeat": 30, "PlaybackTerminators": []string{"#"}}, "Hangup", object{"SipResponseCode": "0"})
		}
		return actions()
	})
	s := startIn(t, prompts(t), nil, configFor(freePort(t), f.URL))
	caller := newPerson(t, 0)
	l := caller.calls(t, s)
	hears(t, "the caller", &caller.ear, 620)
	if err := far.Press(t.Context(), l.Media(), "1#"); err != nil {
		t.Fatal(err)
	}
	over(t, l)
	if got := caller.ear.Sound(); got > 10*time.Second {
		t.Errorf("heard %v", got)
	}
}

// The caller hears the function's ringback tone while the callee rings, and the callee once it has answered.
func TestRingbackTone(t *testing.T) {
	t.Parallel()
	var answer atomic.Pointer[far.Line]
	callee := &person{hums: 1000, digits: make(chan byte, 10), answers: make(chan *far.Line, 1)}
	callee.Phone = newPhone(t, func(l *far.Line) { l.Ring(nil); answer.Store(l) })
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			return actions("CallAndBridge", object{"CallerIdNumber": "+12065550142", "RingbackTone": audio("welcome/tone.wav"),
				"Endpoints": []object{{"BridgeEndpointType": "PSTN", "Uri": "+14155550199"}}})
		}
		return bridge("+14155550199")(ev)
	})
	s := startIn(t, prompts(t), nil, configFor(int(callee.Addr().Port()), f.URL))
	caller := newPerson(t, 0)
	l := caller.dials(t, s)
	eventually(t, "sound before the answer", func() bool { return l.Media() != nil })
	caller.talk(l)
	hears(t, "the caller", &caller.ear, 620)
	if caller.ear.Sound() > 1200*time.Millisecond {
		t.Error("the test is too slow to tell that the tone is repeated")
	}
	eventually(t, "the tone's repetition", func() bool { return caller.ear.Sound() > 1300*time.Millisecond })
	answer.Load().Answer(nil)
	eventually(t, "the callee's media", func() bool { return answer.Load().Media() != nil })
	callee.talk(answer.Load())
	hears(t, "the caller", &caller.ear, 1000)
	l.Hangup(0, nil)
	over(t, l)
}

// A function speaks: with the engine that the machine has, the caller hears words, and the action succeeds.
func TestSpeak(t *testing.T) {
	t.Parallel()
	need.Tool(t, "espeak-ng", "apt-get install espeak-ng")
	f := startFunction(t, func(ev event) string {
		if ev.InvocationEventType == "NEW_INBOUND_CALL" {
			return actions("Speak", object{"Text": "You have reached account four seven one one.", "Engine": "neural", "LanguageCode": "en-US", "VoiceId": "Joanna"},
				"Speak", object{"Text": "<speak>Good <break time='1s'/> bye</speak>", "TextType": "ssml"}, "Hangup", object{"SipResponseCode": "0"})
		}
		return actions()
	})
	s := start(t, configFor(freePort(t), f.URL)+"speech: {engine: espeak-ng}\n")
	caller := newPerson(t, 0)
	over(t, caller.calls(t, s))
	if got := caller.ear.Sound(); got < 1500*time.Millisecond || got > 12*time.Second {
		t.Errorf("heard %v of speech", got)
	}
	for _, failed := range f.seen("ACTION_FAILED") {
		t.Errorf("failed: %s: %s", failed.ActionData.ErrorType, failed.ActionData.ErrorMessage)
	}
}

// rtpEnd is a far end's media by hand: a socket that sends and hears one codec.
type rtpEnd struct {
	conn   *net.UDPConn
	ear    far.Ear
	codec  media.Codec
	heard  atomic.Int64 // packets of the codec's payload type
	others atomic.Int64 // any others
}

func newRTPEnd(t *testing.T, c media.Codec) *rtpEnd {
	t.Helper()
	return newRTPEndAt(t, c, "127.0.0.1")
}

func newRTPEndAt(t *testing.T, c media.Codec, host string) *rtpEnd {
	t.Helper()
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(host)})
	if err != nil {
		t.Fatal(err)
	}
	e := &rtpEnd{conn: conn, codec: c}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			if n < 12 || buf[1]&0x7f != payloadType(c) {
				e.others.Add(1)
				continue
			}
			e.heard.Add(1)
			e.ear.Write(&media.Packet{Codec: c, Payload: buf[12:n]})
		}
	}()
	return e
}

func payloadType(c media.Codec) byte {
	if c == media.PCMA {
		return 8
	}
	return 0
}

func (e *rtpEnd) port() int { return e.conn.LocalAddr().(*net.UDPAddr).Port }

// sdp describes it.
func (e *rtpEnd) sdp() string {
	return fmt.Sprintf("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio %d RTP/AVP %d\n", e.port(), payloadType(e.codec))
}

// hum sends a tone to an address until the context ends. ssrc tells senders apart.
func (e *rtpEnd) hum(ctx context.Context, to netip.AddrPort, hz float64, ssrc uint32) {
	src := far.Hum(hz)
	tick := time.NewTicker(media.FrameTime)
	defer tick.Stop()
	var frame media.Frame
	packet := make([]byte, 12+media.FrameSamples)
	for seq := uint16(1); ; seq++ {
		if src.Next(&frame) != nil {
			return
		}
		packet[0], packet[1] = 0x80, payloadType(e.codec)
		binary.BigEndian.PutUint16(packet[2:], seq)
		binary.BigEndian.PutUint32(packet[4:], uint32(seq)*media.FrameSamples)
		binary.BigEndian.PutUint32(packet[8:], ssrc)
		codec.Encode(e.codec, packet[12:], frame[:])
		e.conn.WriteToUDPAddrPort(packet, to)
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// mediaAddr gives where a session description wants RTP.
func mediaAddr(t *testing.T, text string) netip.AddrPort {
	t.Helper()
	_, after, ok := strings.Cut(text, "\nm=audio ")
	port, err := strconv.Atoi(strings.SplitN(after, " ", 2)[0])
	if !ok || err != nil {
		t.Fatalf("no media in\n%s", text)
	}
	return netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), uint16(port))
}

// Where the legs agreed on different codecs, each hears its own.
func TestTranscoding(t *testing.T) {
	t.Parallel()
	calleeSIP, calleeRTP := newWire(t, "127.0.0.1:0"), newRTPEnd(t, media.PCMA)
	s := start(t, configFor(calleeSIP.port(), startFunction(t, bridge("+14155550199")).URL))
	callerSIP, callerRTP := newWire(t, "127.0.0.1:0"), newRTPEnd(t, media.PCMU)
	inv := ask("INVITE", "sip:+12065550100@"+s.SIP, callerSIP.at, "codecs", callerRTP.sdp())
	callerSIP.send(s.addr(), inv)
	out := calleeSIP.receive("INVITE")
	calleeSIP.send(s.addr(), reply(out, "200 OK", "far", calleeRTP.sdp(), fmt.Sprintf("Contact: <sip:far@%s>", calleeSIP.at)))
	calleeSIP.receive("ACK")
	ok := callerSIP.receive("SIP/2.0 200")
	callerSIP.send(s.addr(), ackOf(inv, ok))
	go callerRTP.hum(t.Context(), mediaAddr(t, ok), 440, 1)
	go calleeRTP.hum(t.Context(), mediaAddr(t, out), 1000, 2)
	hears(t, "the callee", &calleeRTP.ear, 440)
	hears(t, "the caller", &callerRTP.ear, 1000)
	if a, b := calleeRTP.others.Load(), callerRTP.others.Load(); a+b > 0 {
		t.Errorf("%d and %d packets of another payload type than agreed on", a, b)
	}
}

// Early media of the callee is heard before the answer.
func TestEarlyMedia(t *testing.T) {
	t.Parallel()
	calleeSIP, calleeRTP := newWire(t, "127.0.0.1:0"), newRTPEnd(t, media.PCMU)
	s := start(t, configFor(calleeSIP.port(), startFunction(t, bridge("+14155550199")).URL))
	caller := newPerson(t, 0)
	l := caller.dials(t, s)
	out := calleeSIP.receive("INVITE")
	calleeSIP.send(s.addr(), reply(out, "183 Session Progress", "far", calleeRTP.sdp(), fmt.Sprintf("Contact: <sip:far@%s>", calleeSIP.at)))
	go calleeRTP.hum(t.Context(), mediaAddr(t, out), 850, 7)
	eventually(t, "sound before the answer", func() bool { return l.Media() != nil })
	caller.talk(l)
	hears(t, "the caller", &caller.ear, 850)
	calleeSIP.send(s.addr(), reply(out, "486 Busy Here", "far", ""))
	calleeSIP.receive("ACK")
	over(t, l)
	if c := l.Cause(); c.SIP != 480 {
		t.Errorf("the caller was refused with %s", c)
	}
}

// power gives the share of a frame's energy that one frequency has.
func power(samples []int16, hz float64) float64 {
	var energy, a, b float64
	c := 2 * math.Cos(2*math.Pi*hz/8000)
	for _, v := range samples {
		energy += float64(v) * float64(v)
		a, b = float64(v)+c*a-b, a
	}
	if energy == 0 {
		return 0
	}
	return (a*a + b*b - c*a*b) / (float64(len(samples)) / 2 * energy)
}
