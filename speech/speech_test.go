package speech_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/speech"
)

var (
	_ engine.Speaker     = (*speech.Speaker)(nil)
	_ engine.WideSpeaker = (*speech.Speaker)(nil)
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeProvider speaks 50 ms for each character.
type fakeProvider struct {
	said   atomic.Int32
	closed atomic.Int32
	err    error // of Speak
	breaks error // instead of the end
	hangs  bool
}

func (p *fakeProvider) Speak(ctx context.Context, s call.Say) (io.ReadCloser, error) {
	p.said.Add(1)
	if p.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	if p.err != nil {
		return nil, p.err
	}
	var file bytes.Buffer
	w := clip.NewWriter(&file)
	for i := range 400 * len(s.Text) {
		w.Write([]int16{int16(i%100*100 - 5000)})
	}
	var r io.Reader = &file
	if p.breaks != nil {
		r = io.MultiReader(&file, iotest.ErrReader(p.breaks))
	}
	return closer{r, p}, nil
}

type closer struct {
	io.Reader
	p *fakeProvider
}

func (c closer) Close() error { c.p.closed.Add(1); return nil }

func open(t *testing.T, p speech.Provider) *speech.Speaker {
	s := speech.New(p)
	t.Cleanup(func() { s.Close() })
	return s
}

// wideProvider has 16 kHz beside.
type wideProvider struct {
	fakeProvider
	wide atomic.Int32
}

func (p *wideProvider) SpeakWide(context.Context, call.Say) (io.ReadCloser, error) {
	p.wide.Add(1)
	return io.NopCloser(io.MultiReader(bytes.NewReader(clip.Head(16000, -1)), bytes.NewReader(make([]byte, 32000)))), nil
}

// Who hears 16 kHz is spoken to so by a provider that has it; one of 8 kHz alone says the same words once.
func TestSayWide(t *testing.T) {
	narrow, both := &fakeProvider{}, &wideProvider{}
	for _, c := range []struct {
		p    speech.Provider
		wide bool
	}{{narrow, false}, {both, true}} {
		s := open(t, c.p)
		for range 2 {
			for i, say := range []func(context.Context, call.Say) (media.Stream, error){s.Say, s.SayWide} {
				stream, err := say(t.Context(), call.Say{Text: "hello"})
				if err != nil {
					t.Fatal(err)
				}
				if _, wide := stream.(media.WideSource); wide != (c.wide && i == 1) {
					t.Errorf("%T: wide is %v", c.p, wide)
				}
				for f := (media.Frame{}); err == nil; err = stream.Next(&f) { // what is heard to its end is kept
				}
				stream.Close()
			}
		}
		if _, err := s.SayWide(t.Context(), call.Say{}); !errors.Is(err, call.ErrInvalid) {
			t.Errorf("no text: %v", err)
		}
	}
	if narrow.said.Load() != 1 || both.said.Load() != 1 || both.wide.Load() != 1 {
		t.Errorf("asked %d, %d and %d times", narrow.said.Load(), both.said.Load(), both.wide.Load())
	}
	if _, err := open(t, nil).SayWide(t.Context(), call.Say{Text: "hello"}); !errors.Is(err, speech.ErrNoEngine) {
		t.Errorf("no engine: %v", err)
	}
}

func TestSameWordsAreSynthesisedOnce(t *testing.T) {
	p := &fakeProvider{}
	s := open(t, p)
	say := call.Say{Text: "hello", Voice: "Joanna"}
	for i := range 5 {
		say.Leg = call.LegID(rune('a' + i)) // who hears it makes no difference
		frames := 0
		stream, err := s.Say(t.Context(), say)
		if err != nil {
			t.Fatal(err)
		}
		for f := (media.Frame{}); ; {
			err := stream.Next(&f)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if f != (media.Frame{}) {
				frames++
			}
		}
		if stream.Close(); frames != 13 {
			t.Errorf("%d frames, want 250 ms", frames)
		}
	}
	for _, other := range []call.Say{
		{Text: "hello!", Voice: "Joanna"}, {Text: "hello", Voice: "Amy"}, {Text: "hello", Voice: "Joanna", Language: "en-GB"},
		{Text: "hello", Voice: "Joanna", Quality: "neural"}, {Text: "<speak>hello</speak>", Voice: "Joanna", SSML: true},
		{Text: "<speak>hello</speak>", Voice: "Joanna"},
	} {
		stream, err := s.Say(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		stream.Close()
	}
	s.Close()
	if p.said.Load() != 7 || p.closed.Load() != 7 {
		t.Errorf("synthesised %d times, closed %d times; want 7", p.said.Load(), p.closed.Load())
	}
}

func TestRefusedUnasked(t *testing.T) {
	for name, say := range map[string]call.Say{
		"no text":     {},
		"blank":       {Text: " \n\t"},
		"not UTF-8":   {Text: "a\xff"},
		"too long":    {Text: strings.Repeat("ü", 6001)},
		"broken SSML": {Text: "<speak>", SSML: true},
	} {
		p := &fakeProvider{}
		if _, err := open(t, p).Say(t.Context(), say); !errors.Is(err, call.ErrInvalid) || p.said.Load() != 0 {
			t.Errorf("%s: %v, asked %d times", name, err, p.said.Load())
		}
	}
}

func TestFaultsOfTheProvider(t *testing.T) {
	fault := errors.New("engine on fire")
	if _, err := open(t, &fakeProvider{err: fault}).Say(t.Context(), call.Say{Text: "x"}); !errors.Is(err, fault) {
		t.Errorf("at the start: %v", err)
	}
	p := &fakeProvider{breaks: fault}
	s := open(t, p)
	for n := 1; n <= 2; n++ { // what broke off is not kept
		stream, err := s.Say(t.Context(), call.Say{Text: "something longer"})
		for err == nil {
			var f media.Frame
			err = stream.Next(&f)
		}
		if !errors.Is(err, fault) || int(p.said.Load()) != n {
			t.Errorf("in the middle: %v, asked %d times", err, p.said.Load())
		}
		stream.Close()
	}
	if _, err := open(t, nil).Say(t.Context(), call.Say{Text: "x"}); !errors.Is(err, speech.ErrNoEngine) || !strings.Contains(err.Error(), "espeak-ng") {
		t.Errorf("without an engine: %v", err)
	}
}

func TestGivingUp(t *testing.T) {
	p := &fakeProvider{hangs: true}
	s := open(t, p)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := s.Say(ctx, call.Say{Text: "x"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	s.Close()
	if _, err := s.Say(t.Context(), call.Say{Text: "x"}); !errors.Is(err, clip.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
}

func TestFindVoice(t *testing.T) {
	for name, want := range map[string]speech.Voice{
		"Joanna": {"Joanna", "en-US", true}, "matthew": {"Matthew", "en-US", false}, "GERAINT": {"Geraint", "en-GB-WLS", false},
		"Zeina": {"Zeina", "arb", true}, "Hiujin": {"Hiujin", "yue-CN", true},
	} {
		if got, ok := speech.FindVoice(name); !ok || got != want {
			t.Errorf("%s: %+v %v", name, got, ok)
		}
	}
	for _, name := range []string{"", "F", "M", "en-US", "Joanna Salli", "Nobody"} {
		if got, ok := speech.FindVoice(name); ok {
			t.Errorf("%q: %+v", name, got)
		}
	}
}

func TestParseSSML(t *testing.T) {
	for text, good := range map[string]bool{
		"<speak>hello</speak>": true,
		`<?xml version="1.0"?> <speak version="1.1" xmlns="http://www.w3.org/2001/10/synthesis">a</speak> `:    true,
		`<speak><p>a</p><break time="1s"/><!-- c --><amazon:effect name="whispered">b</amazon:effect></speak>`: true,
		"<speak></speak>":                  true,
		"":                                 false,
		"hello":                            false,
		"<speak>a":                         false,
		"<speak>a</p>":                     false,
		"a<speak>b</speak>":                false,
		"<speak>a</speak>b":                false,
		"<speak>a</speak><speak>b</speak>": false,
		"<p>a</p>":                         false,
		"<speak>a & b</speak>":             false,
		"<speak>&nbsp;</speak>":            false,
		"<speak><p></speak></p>":           false,
		`<!DOCTYPE x [<!ENTITY e "eee">]><speak>a</speak>`:                              false,
		"<speak>" + strings.Repeat("<p>", 60) + strings.Repeat("</p>", 60) + "</speak>": false,
	} {
		if _, err := speech.ParseSSML(text); (err == nil) != good || err != nil && !errors.Is(err, call.ErrInvalid) {
			t.Errorf("%.60q: %v", text, err)
		}
	}
}

// What is parsed is balanced, within one speak element, whatever the text.
func FuzzParseSSML(f *testing.F) {
	f.Add(`<speak>a<break time="1s"/>&amp;<amazon:x y='z'>b</amazon:x></speak>`)
	f.Add(`<?xml version="1.0"?><speak><![CDATA[x]]></speak>`)
	f.Fuzz(func(t *testing.T, text string) {
		all, err := speech.ParseSSML(text)
		if err != nil {
			if !errors.Is(err, call.ErrInvalid) {
				t.Fatal(err)
			}
			return
		}
		depth := 0
		for i, token := range all {
			switch token := token.(type) {
			case xml.StartElement:
				if depth == 0 && (i != 0 || token.Name.Local != "speak") {
					t.Fatalf("%d: <%s> at the top", i, token.Name.Local)
				}
				depth++
			case xml.EndElement:
				depth--
			case xml.CharData:
				if depth == 0 {
					t.Fatalf("text %q outside", token)
				}
			}
		}
		if depth != 0 {
			t.Fatalf("%d elements left open", depth)
		}
	})
}
