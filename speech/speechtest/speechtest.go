package speechtest

import (
	"context"
	"errors"
	"io"
	"math"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/speech"
)

const sentence = "Hello. Please hold the line while we connect you to the next free agent."

// Run tests a provider that speaks English.
func Run(t *testing.T, p speech.Provider) {
	t.Run("voices", func(t *testing.T) { voices(t, p) })
	t.Run("markup", func(t *testing.T) { markup(t, p) })
	t.Run("refused", func(t *testing.T) { refused(t, p) })
	t.Run("hostile texts", func(t *testing.T) { hostile(t, p) })
	t.Run("many at once", func(t *testing.T) { many(t, p) })
	t.Run("given up", func(t *testing.T) { givenUp(t, p) })
}

// open makes a speaker for one test.
func open(t *testing.T, p speech.Provider) *speech.Speaker {
	s := speech.New(p)
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Say speaks and gives all that is heard.
func Say(t *testing.T, s *speech.Speaker, say call.Say) []int16 {
	t.Helper()
	stream, err := s.Say(t.Context(), say)
	if err != nil {
		t.Fatalf("%+v: %v", say, err)
	}
	defer func() { _ = stream.Close() }()
	return Drain(t, stream)
}

// Drain plays a stream to its end, as fast as it goes. Where it had nothing yet, its silence counts.
func Drain(t *testing.T, s media.Stream) []int16 {
	t.Helper()
	var all []int16
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); runtime.Gosched() {
		var f media.Frame
		err := s.Next(&f)
		switch {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatal(err)
		}
		if f != (media.Frame{}) {
			all = append(all, f[:]...)
		}
	}
	t.Fatal("it never ends")
	return nil
}

// IsSpeech checks that samples sound: between the least and the most time, neither silent nor clipped.
func IsSpeech(t *testing.T, s []int16, least, most time.Duration) {
	t.Helper()
	if d := time.Duration(len(s)) * time.Second / codec.Rate; d < least || d > most {
		t.Errorf("%v of speech, want %v to %v", d, least, most)
	}
	sum, full := 0.0, 0
	for _, v := range s {
		sum += float64(v) * float64(v)
		if v == math.MaxInt16 || v == math.MinInt16 {
			full++
		}
	}
	if db := 10 * math.Log10(sum/float64(len(s)+1)/32768/32768+1e-12); db < -35 || db > -6 {
		t.Errorf("the speech is at %.1f dB", db)
	}
	if full > 0 {
		t.Errorf("%d samples are clipped", full)
	}
}

func voices(t *testing.T, p speech.Provider) {
	s := open(t, p)
	heard := map[string]bool{}
	for _, voice := range []string{"", "Joanna", "Matthew"} {
		got := Say(t, s, call.Say{Text: sentence, Voice: voice, Quality: "standard"})
		IsSpeech(t, got, 2*time.Second, 9*time.Second)
		heard[string(codecBytes(got))] = true
	}
	if len(heard) != 2 {
		t.Errorf("no voice, Joanna and Matthew sound in %d ways, want 2: Joanna speaks where none is named", len(heard))
	}
}

func codecBytes(s []int16) []byte {
	b := make([]byte, len(s))
	codec.Encode(media.PCMU, b, s)
	return b
}

func markup(t *testing.T, p speech.Provider) {
	s := open(t, p)
	plain := Say(t, s, call.Say{Text: "One and two & three", Voice: "Joanna"})
	marked := Say(t, s, call.Say{Text: "<speak>One and <emphasis>two</emphasis> &amp; three</speak>", Voice: "Joanna", SSML: true})
	IsSpeech(t, plain, 500*time.Millisecond, 4*time.Second)
	if a, b := len(plain), len(marked); b < a*2/3 || b > a*3/2 {
		t.Errorf("%d samples plain, %d with markup: are the tags spoken?", a, b)
	}
}

func refused(t *testing.T, p speech.Provider) {
	s := open(t, p)
	for name, say := range map[string]call.Say{
		"unknown voice":    {Text: "hello", Voice: "Nobody"},
		"unknown language": {Text: "hello", Voice: "Joanna", Language: "xx-YY"},
		"option for voice": {Text: "hello", Voice: "--voices"},
		"path for voice":   {Text: "hello", Voice: "../../etc/passwd"},
		"NUL in voice":     {Text: "hello", Voice: "en\x00us"},
		"broken SSML":      {Text: "<speak>hello", SSML: true},
	} {
		stream, err := s.Say(t.Context(), say)
		if !errors.Is(err, call.ErrInvalid) {
			t.Errorf("%s: %v, want %v", name, err, call.ErrInvalid)
		}
		if err == nil {
			_ = stream.Close()
		}
	}
}

// hostile says texts that have a meaning to programs. Each must be spoken or be silent, and nothing else.
func hostile(t *testing.T, p speech.Provider) {
	s := open(t, p)
	for _, text := range []string{
		"-w /tmp/x --help", "$(touch pwned) `touch pwned`; touch pwned", "/etc/passwd", "[[h@l'oU]] \x01+20S and so on",
		"\x00\x01\x02\x1b[2J", "%s%n%d", "\r\n\r\nGET / HTTP/1.1", "....", "<speak>", "\U0001f600 \u202e \ufeff \u0000",
	} {
		stream, err := s.Say(t.Context(), call.Say{Text: text, Voice: "Joanna"})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		Drain(t, stream)
		_ = stream.Close()
	}
}

func many(t *testing.T, p speech.Provider) {
	s := open(t, p)
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			say := call.Say{Text: "Your number is " + string(rune('0'+i%10)), Voice: "Joanna"}
			stream, err := s.Say(t.Context(), say)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = stream.Close() }()
			IsSpeech(t, Drain(t, stream), 500*time.Millisecond, 4*time.Second)
		})
	}
	all.Wait()
}

func givenUp(t *testing.T, p speech.Provider) {
	s := open(t, p)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Say(ctx, call.Say{Text: sentence}); !errors.Is(err, context.Canceled) {
		t.Errorf("whose call is over: %v", err)
	}
	for i := range 5 {
		stream, err := s.Say(t.Context(), call.Say{Text: sentence + string(rune('a'+i))})
		if err != nil {
			t.Fatal(err)
		}
		var f media.Frame
		if err := stream.Next(&f); err != nil {
			t.Error(err)
		}
		_ = stream.Close()
	}
}
