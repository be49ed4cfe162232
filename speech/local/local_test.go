package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
	"github.com/switchhook/switchhook/media/codec"
	"github.com/switchhook/switchhook/speech"
	"github.com/switchhook/switchhook/speech/local"
	"github.com/switchhook/switchhook/speech/speechtest"
	"github.com/switchhook/switchhook/test/need"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// find finds a real engine, or skips the test.
func find(t *testing.T, name string) *local.Engine {
	t.Helper()
	e, err := local.Find(t.Context(), name, "")
	if errors.Is(err, speech.ErrNoEngine) {
		need.Missing(t, err.Error())
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEspeak(t *testing.T) { speechtest.Run(t, find(t, "espeak-ng")) }
func TestFlite(t *testing.T)  { speechtest.Run(t, find(t, "flite")) }

// Every voice of Polly whose language espeak-ng has must find its voice there; all but a few have.
func TestEspeakSpeaksForPolly(t *testing.T) {
	s := speech.New(find(t, "espeak-ng"))
	defer s.Close()
	for _, voice := range []string{
		"Zeina", "Zhiyu", "Gwyneth", "Naja", "Hannah", "Hans", "Nicole", "Amy", "Geraint", "Niamh", "Raveena", "Aria", "Jasmine",
		"Joey", "Ayanda", "Conchita", "Mia", "Lupe", "Suvi", "Chantal", "Mathieu", "Isabelle", "Dora", "Carla", "Seoyeon", "Liv",
		"Lisa", "Ruben", "Ewa", "Camila", "Ines", "Carmen", "Maxim", "Astrid", "Filiz", "Arlet", "Jitka", "Mizuki", "Hiujin",
	} {
		got := speechtest.Say(t, s, call.Say{Text: "1 2 3 4 5 6", Voice: voice})
		if len(got) < 4000 {
			t.Errorf("%s: %d samples", voice, len(got))
		}
	}
	own := speechtest.Say(t, s, call.Say{Text: "Hello there", Voice: "en-gb+m3"})
	speechtest.IsSpeech(t, own, 300*time.Millisecond, 3*time.Second)
	german := speechtest.Say(t, s, call.Say{Text: "Guten Tag", Language: "de-DE"})
	speechtest.IsSpeech(t, german, 300*time.Millisecond, 3*time.Second)
}

// A pause is heard where the engine knows SSML.
func TestEspeakMarkup(t *testing.T) {
	e := find(t, "espeak-ng")
	length := func(text string) time.Duration {
		file, err := e.Speak(t.Context(), call.Say{Text: text, SSML: true})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		r, err := clip.NewReader(file)
		n := 0
		for err == nil {
			var got int
			got, err = r.Read(make([]int16, 1000))
			n += got
		}
		if !errors.Is(err, io.EOF) {
			t.Fatal(err)
		}
		return time.Duration(n) * time.Second / codec.Rate
	}
	short, long := length(`<speak>One <break time="1s"/> two</speak>`), length(`<speak>One <break time="9s"/> two</speak>`)
	if long < short+5*time.Second {
		t.Errorf("%v with a second's pause, %v with nine", short, long)
	}
}

// Files that SSML names are not read, and no shell is run.
func TestMarkupReachesNoFile(t *testing.T) {
	e := find(t, "espeak-ng")
	dir := t.TempDir()
	t.Chdir(dir)
	name := `x";touch pwned;".wav`
	if err := os.WriteFile(name, []byte("RIFF\x00\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x02\x00\x22\x56\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := speech.New(e)
	defer s.Close()
	path := strings.ReplaceAll(filepath.Join(dir, name), `"`, "&quot;")
	speechtest.Say(t, s, call.Say{Text: `<speak>Hello <audio src="` + path + `">there</audio></speak>`, SSML: true})
	if _, err := os.Stat("pwned"); err == nil {
		t.Error("SSML ran a program")
	}
}

func TestMarkup(t *testing.T) {
	for _, c := range []struct{ in, markup, plain string }{
		{"<speak>a &amp; b &lt;c&gt;</speak>", "<speak>a &amp; b &lt;c&gt;</speak>", "a & b <c>"},
		{`<speak>a<audio src="/etc/passwd"/>b</speak>`, "<speak>ab</speak>", "ab"},
		{`<speak>a<audio src="x"><desc>d</desc>alt</audio></speak>`, "<speak>aalt</speak>", "aalt"},
		{`<speak xml:base="/etc" xmlns="x">a<voice name="/tmp/v">b</voice><mark name="m"/></speak>`, "<speak>ab</speak>", "ab"},
		{`<speak>a<break time="2s"/>b<break time="90s"/><break time="evil"/></speak>`,
			`<speak>a<break time="2000ms"></break>b<break time="10000ms"></break><break></break></speak>`, "a, b, , "},
		{`<speak><prosody rate="x-slow" pitch="+5%" volume="&quot;/&gt;">a</prosody></speak>`,
			`<speak><prosody rate="x-slow" pitch="+5%">a</prosody></speak>`, "a"},
		{`<speak><sub alias="World &quot;Wide&quot; &lt;Web&gt;">W3C <emphasis>x</emphasis></sub></speak>`,
			`<speak><sub alias="World  Wide  &lt;Web&gt;">W3C <emphasis>x</emphasis></sub></speak>`, `World "Wide" <Web>`},
		{`<speak><p><s>a</s></p><amazon:effect name="whispered">b</amazon:effect></speak>`, "<speak><p><s>a</s></p>b</speak>", "a. . b"},
		{`<speak><say-as interpret-as="digits">12</say-as>[[[h@]]</speak>`, `<speak><say-as interpret-as="digits">12</say-as>[ [ [h@]]</speak>`, "12[ [ [h@]]"},
	} {
		if got, err := local.Markup(c.in); err != nil || got != c.markup {
			t.Errorf("%s:\n%s, %v; want\n%s", c.in, got, err, c.markup)
		}
		if got, err := local.Plain(c.in); err != nil || got != c.plain {
			t.Errorf("%s: words %q, %v; want %q", c.in, got, err, c.plain)
		}
	}
}

// Whatever goes in: what comes out is well-formed and names no element but the harmless ones.
func FuzzMarkup(f *testing.F) {
	f.Add(`<speak>a<audio src="/etc/passwd">b</audio><break time="1s"/><sub alias="x">y</sub></speak>`)
	f.Add(`<speak xmlns:a="b"><a:audio a:src='x'/>[[x]]` + "\x01</speak>")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := local.Markup(text)
		if err != nil {
			return
		}
		tokens, err := speech.ParseSSML(out)
		if err != nil {
			t.Fatalf("%q became %q: %v", text, out, err)
		}
		if again, err := local.Markup(out); err != nil || again != out {
			t.Fatalf("%q, again %q, %v", out, again, err)
		}
		low := strings.ToLower(out)
		for _, bad := range []string{"<audio", "src=", "<voice", "<mark", "[[", "\x01", "<!", "<?"} {
			if strings.Contains(low, bad) && !strings.Contains(bad, "=") {
				t.Fatalf("%q has %q (%d tokens)", out, bad, len(tokens))
			}
		}
	})
}

// program puts a shell script where the engine of that name is looked for.
func program(t *testing.T, name, script string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/usr/bin:/bin")
	return dir
}

const list = `if [ "$1" = --voices ]; then echo "5 en-us --/M English gmw/en-US (en 2)"; exit 0; fi` + "\n"

func TestEngineFails(t *testing.T) {
	for name, c := range map[string]struct{ script, want string }{
		"refuses":           {"cat >/dev/null; echo 'no voice today' >&2; exit 1", "no voice today"},
		"dies":              {"kill -9 $$", "killed"},
		"says nothing":      {"cat >/dev/null", media.ErrFormat.Error()},
		"writes garbage":    {"yes | head -c 100000", media.ErrFormat.Error()},
		"closes and hangs":  {"exec >&-; exec sleep 60", "context"},
		"complains forever": {"yes >&2", "context"},
		"writes forever":    {`printf 'RIFF\377\377\377\377WAVEfmt \020\0\0\0\1\0\1\0\100\037\0\0\200\076\0\0\2\0\020\0data\377\377\377\377'; exec cat /dev/zero`, media.ErrTooLarge.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			program(t, "espeak-ng", list+c.script)
			e, err := local.Find(t.Context(), "espeak-ng", "")
			if err != nil {
				t.Fatal(err)
			}
			s := speech.New(e)
			defer s.Close()
			ctx := t.Context()
			if c.want == "context" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 200*time.Millisecond)
				defer cancel()
			}
			stream, err := s.Say(ctx, call.Say{Text: "hello"})
			for f := (media.Frame{}); err == nil; err = stream.Next(&f) {
			}
			if stream != nil {
				stream.Close()
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v: does not tell %q", err, c.want)
			}
		})
	}
}

func TestFind(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, name := range []string{"auto", "espeak-ng", "flite"} {
		if _, err := local.Find(t.Context(), name, "x.onnx"); !errors.Is(err, speech.ErrNoEngine) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := local.Find(t.Context(), "festival", ""); err == nil || errors.Is(err, speech.ErrNoEngine) {
		t.Errorf("an engine nobody knows: %v", err)
	}
	program(t, "flite", `echo "Voices available: kal slt"`)
	t.Setenv("PATH", strings.Split(os.Getenv("PATH"), ":")[0])
	if e, err := local.Find(t.Context(), "auto", ""); err != nil || e.String() != "flite" {
		t.Errorf("auto finds %v, %v", e, err)
	}
	program(t, "espeak-ng", list)
	if e, err := local.Find(t.Context(), "auto", ""); err != nil || e.String() != "espeak-ng" {
		t.Errorf("auto finds %v, %v", e, err)
	}
	program(t, "espeak-ng", "exit 3")
	if _, err := local.Find(t.Context(), "espeak-ng", ""); err == nil {
		t.Error("an engine that does not run was found")
	}
}

// piper is stood in for by a script that gives half a second of a tone and notes what it was asked.
func TestPiper(t *testing.T) {
	dir := program(t, "piper", `echo "$@" > "$(dirname "$0")/args"; cat > "$(dirname "$0")/text"
for i in $(seq 1 800); do printf '\0\020\0\020\0\020\0\020\0\360\0\360\0\360\0\360'; done`)
	model := filepath.Join(dir, "en_US-lessac-medium.onnx")
	settings := `{"audio":{"sample_rate":16000},"espeak":{"voice":"en-us"},"language":{"family":"%s"}}`
	if err := os.WriteFile(model+".json", fmt.Appendf(nil, settings, "en"), 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := local.Find(t.Context(), "piper", model)
	if err != nil {
		t.Fatal(err)
	}
	s := speech.New(e)
	defer s.Close()
	got := speechtest.Say(t, s, call.Say{Text: "<speak>Hello\n\nthere <break/> you</speak>", Voice: "Matthew", SSML: true})
	speechtest.IsSpeech(t, got, 380*time.Millisecond, 420*time.Millisecond)
	for name, want := range map[string]string{"args": "--model " + model + " --output_raw\n", "text": "Hello  there ,  you\n"} {
		if b, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(b) != want {
			t.Errorf("%s: %q, %v; want %q", name, b, err, want)
		}
	}
	for voice, language := range map[string]string{"Hans": "", "Joanna": "de-DE", "Nobody": ""} {
		if _, err := s.Say(t.Context(), call.Say{Text: "x", Voice: voice, Language: language}); !errors.Is(err, call.ErrInvalid) {
			t.Errorf("%s %s: %v", voice, language, err)
		}
	}
	for name, settings := range map[string]string{"no JSON": "x", "nothing in it": "{}"} {
		if err := os.WriteFile(model+".json", []byte(settings), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := local.Find(t.Context(), "piper", model); err == nil {
			t.Errorf("settings with %s were read", name)
		}
	}
	if _, err := local.Find(t.Context(), "piper", ""); err == nil {
		t.Error("piper without a voice")
	}
}

// What one text costs, process included.
func BenchmarkEspeak(b *testing.B) {
	need.Tool(b, "espeak-ng", "apt-get install espeak-ng")
	e, err := local.Find(b.Context(), "espeak-ng", "")
	if err != nil {
		b.Fatal(err)
	}
	s := speech.New(e)
	defer s.Close()
	for i := 0; b.Loop(); i++ {
		stream, err := s.Say(b.Context(), call.Say{Text: fmt.Sprint("You are number ", i, " in the line.")})
		if err != nil {
			b.Fatal(err)
		}
		stream.Close()
	}
}
