package clip_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
)

func with(f form, change func(*form)) form {
	change(&f)
	return f
}

func TestWAVForms(t *testing.T) {
	for name, f := range map[string]form{
		"8 bit":              pcm(8, 8000, 1),
		"16 bit":             pcm(16, 8000, 1),
		"16 bit stereo":      pcm(16, 8000, 2),
		"24 bit":             pcm(24, 8000, 1),
		"32 bit":             pcm(32, 8000, 1),
		"20 bit":             pcm(20, 8000, 1),
		"12 bit":             pcm(12, 8000, 1),
		"24 bit in 4 bytes":  with(pcm(24, 48000, 2), func(f *form) { f.width = 4 }),
		"float":              {tag: 3, bits: 32, width: 4, rate: 16000, channels: 1, dataSize: -1, riffSize: -1},
		"double":             {tag: 3, bits: 64, width: 8, rate: 16000, channels: 3, dataSize: -1, riffSize: -1},
		"mu-law":             {tag: 7, bits: 8, width: 1, rate: 8000, channels: 1, dataSize: -1, riffSize: -1},
		"A-law":              {tag: 6, bits: 8, width: 1, rate: 8000, channels: 1, dataSize: -1, riffSize: -1},
		"mu-law stereo 16k":  {tag: 7, bits: 8, width: 1, rate: 16000, channels: 2, dataSize: -1, riffSize: -1},
		"A-law stereo":       {tag: 6, bits: 8, width: 1, rate: 8000, channels: 2, dataSize: -1, riffSize: -1},
		"44.1 kHz":           pcm(16, 44100, 2),
		"11.025 kHz":         pcm(16, 11025, 1),
		"6 kHz":              pcm(16, 6000, 1),
		"192 kHz, 6 speaker": pcm(24, 192000, 6),
		"odd rate":           pcm(16, 13579, 1),
		"extensible":         with(pcm(16, 8000, 1), func(f *form) { f.extensible = true }),
		"extensible mu-law":  {tag: 7, bits: 8, width: 1, rate: 8000, channels: 1, extensible: true, dataSize: -1, riffSize: -1},
		"chunks around it": with(pcm(16, 8000, 1), func(f *form) {
			f.before, f.after = "LIST\x05\x00\x00\x00hello\x00", "LIST\x04\x00\x00\x00\x7f\x7f\x7f\x7f"
		}),
		"sizes 0":             with(pcm(16, 8000, 1), func(f *form) { f.dataSize, f.riffSize = 0, 0 }),
		"sizes of the head":   with(pcm(16, 8000, 1), func(f *form) { f.dataSize, f.riffSize = 0, 36 }),
		"sizes 0xFFFFFFFF":    with(pcm(16, 8000, 1), func(f *form) { f.dataSize, f.riffSize = 0xffffffff, 0xffffffff }),
		"sizes of espeak-ng":  with(pcm(16, 22050, 1), func(f *form) { f.dataSize, f.riffSize = 0x7ffff000, 0x7ffff024 }),
		"more told than sent": with(pcm(16, 8000, 1), func(f *form) { f.dataSize = 1 << 20 }),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := all(reader(f.tone(300 * time.Millisecond)))
			if err != nil {
				t.Fatal(err)
			}
			hasTone(t, got, 300*time.Millisecond, 0.3)
		})
	}
}

func TestWAVEmpty(t *testing.T) {
	f := with(pcm(16, 8000, 1), func(f *form) { f.after = "LIST\x04\x00\x00\x00\x7f\x7f\x7f\x7f" })
	if got, err := all(reader(f.file(nil))); err != nil || len(got) != 0 {
		t.Errorf("a file without sound: %d samples, %v", len(got), err)
	}
}

func TestWAVChannelsAreMixed(t *testing.T) {
	f := pcm(16, 8000, 2)
	data := f.sample(f.sample(nil, 0.5), -0.25)
	got, err := all(reader(f.file(data)))
	if want := []int16{4096}; err != nil || len(got) != 1 || got[0]-want[0] > 2 || want[0]-got[0] > 2 {
		t.Errorf("0.5 and -0.25 become %v, %v; want about %v", got, err, want)
	}
}

func TestNotPlayable(t *testing.T) {
	good := wavTone(20 * time.Millisecond)
	for name, b := range map[string][]byte{
		"nothing":               nil,
		"text":                  []byte("<html>not found, and long enough to be something</html>"),
		"head alone":            good[:12],
		"cut in the format":     good[:20],
		"cut before the sound":  good[:40],
		"sound before format":   []byte("RIFF\x10\x00\x00\x00WAVEdata\x04\x00\x00\x00abcd"),
		"ADPCM":                 with(pcm(16, 8000, 1), func(f *form) { f.tag = 0x11 }).tone(time.Millisecond),
		"no channel":            with(pcm(16, 8000, 1), func(f *form) { f.channels = 0 }).file(good),
		"too many channels":     with(pcm(16, 8000, 1), func(f *form) { f.channels = 300 }).file(good),
		"no bits":               with(pcm(16, 8000, 1), func(f *form) { f.bits, f.width = 0, 0 }).file(good),
		"64 bits of PCM":        with(pcm(16, 8000, 1), func(f *form) { f.bits, f.width = 64, 8 }).file(good),
		"rate 0":                with(pcm(16, 8000, 1), func(f *form) { f.rate = 0 }).file(good),
		"rate out of all bound": with(pcm(16, 8000, 1), func(f *form) { f.rate = 1<<32 - 1 }).file(good),
		"two formats":           append(slices.Clone(good[:36]), good[12:]...),
		"big-endian":            append([]byte("RIFX"), good[4:]...),
		"format of 2 bytes":     []byte("RIFF\x10\x00\x00\x00WAVEfmt \x02\x00\x00\x00\x01\x00data\x00\x00\x00\x00"),
		"huge chunk":            append([]byte("RIFF\x10\x00\x00\x00WAVELIST\xff\xff\xff\xff"), good...),
		"unknown sub-format":    []byte(strings.Replace(string(with(pcm(16, 8000, 1), func(f *form) { f.extensible = true }).file(good)), "\x38\x9b\x71", "\x38\x9b\x72", 1)),
		"ID3 without sound":     []byte("ID3\x04\x00\x00\x7f\x7f\x7f\x7fxx"),
		"MP3 layer II":          []byte("\xff\xfd\x80\x04" + strings.Repeat("\x00", 600)),
	} {
		if got, err := all(reader(b)); !errors.Is(err, media.ErrFormat) {
			t.Errorf("%s: %d samples, %v; want %v", name, len(got), err, media.ErrFormat)
		}
	}
}

// An error of the input is passed on; it is not the file's fault.
func TestInputFails(t *testing.T) {
	fault := errors.New("the disk is gone")
	mp3, err := os.ReadFile("testdata/tone-16k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{"WAV": wavTone(300 * time.Millisecond), "MP3": mp3} {
		for _, n := range []int{0, 7, 15, 50, 700} {
			_, err := all(io.MultiReader(reader(b[:n]), iotest.ErrReader(fault)))
			if !errors.Is(err, fault) || errors.Is(err, media.ErrFormat) {
				t.Errorf("%s, after %d bytes: %v", name, n, err)
			}
		}
	}
}

func TestMP3(t *testing.T) {
	for _, name := range []string{"tone-16k.mp3", "tone-44k-stereo.mp3", "tone-48k-vbr.mp3"} {
		b, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		tag := []byte("ID3\x04\x00\x00\x00\x00\x01\x05" + strings.Repeat("\x00", 133))
		for _, b := range [][]byte{b, append(tag, b...), append(append(slices.Clone(tag), tag...), b...)} {
			got, err := all(reader(b))
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			hasTone(t, got, 600*time.Millisecond, 2.5) // the encoder adds some silence
		}
	}
}

func TestMP3OfTelephoneRate(t *testing.T) {
	f, err := os.Open("testdata/tone-8k.mp3")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := clip.NewReader(f); !errors.Is(err, media.ErrFormat) || !strings.Contains(err.Error(), "use WAV") {
		t.Errorf("%v: does not say what to do", err)
	}
}

func TestMP3Damaged(t *testing.T) {
	good, err := os.ReadFile("testdata/tone-44k-stereo.mp3")
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 15 {
		b := slices.Clone(good)
		for range 1 + r.IntN(40) {
			b[4+r.IntN(len(b)-4)] = byte(r.Uint32())
		}
		if _, err := all(reader(b)); err != nil && !errors.Is(err, media.ErrFormat) {
			t.Fatalf("%v is not %v", err, media.ErrFormat)
		}
	}
}

func TestWriter(t *testing.T) {
	want := make([]int16, 1001)
	for i := range want {
		want[i] = int16(i * 37)
	}
	path := filepath.Join(t.TempDir(), "x.wav")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	write := func(to io.Writer) {
		w := clip.NewWriter(to)
		for s := range slices.Chunk(want, 160) {
			if err := w.Write(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	write(f)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if head := string(clip.Head(8000, 2002)); len(b) != 44+2002 || string(b[:44]) != head {
		t.Errorf("%d bytes with the head %q, want %q", len(b), b[:44], head)
	}
	for name, text := range map[string]string{"file": string(b), "pipe": func() string { var s strings.Builder; write(&s); return s.String() }()} {
		got, err := all(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: written and read back:\n%s", name, diff)
		}
	}
}

func TestWriterFails(t *testing.T) {
	full := errors.New("disk full")
	for name, f := range map[string]func(*clip.Writer) error{
		"write": func(w *clip.Writer) error { return w.Write(make([]int16, 160)) },
		"close": (*clip.Writer).Close,
	} {
		if err := f(clip.NewWriter(failing{full})); !errors.Is(err, full) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// Whatever a file holds: no panic, no sample without end, and an error that says that the file is at fault.
func FuzzReader(f *testing.F) {
	names, err := filepath.Glob("testdata/*.mp3")
	if err != nil || len(names) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	for _, form := range []form{pcm(16, 8000, 1), pcm(24, 44100, 2), {tag: 7, bits: 8, width: 1, rate: 8000, channels: 2}, {tag: 3, bits: 64, width: 8, rate: 4000, channels: 1, extensible: true}} {
		f.Add(form.tone(10 * time.Millisecond))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := all(reader(b))
		if err != nil && !errors.Is(err, media.ErrFormat) {
			t.Fatalf("%v is not %v", err, media.ErrFormat)
		}
		// The least a sample can take: MP3 of 8 kbit/s at 16 kHz, or 1 byte at 4 kHz; damaged frame lengths may be shorter.
		if limit := 4000 + 8000*len(b)/20; len(got) > limit {
			t.Fatalf("%d samples of %d bytes", len(got), len(b))
		}
	})
}

// One second of sound.
func BenchmarkReader(b *testing.B) {
	mp3, err := os.ReadFile("testdata/tone-44k-stereo.mp3") // 0.6 seconds
	if err != nil {
		b.Fatal(err)
	}
	for name, file := range map[string][]byte{
		"wav 8 kHz": wavTone(time.Second), "wav 44.1 kHz stereo": pcm(16, 44100, 2).tone(time.Second), "mp3 44.1 kHz stereo": mp3,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := all(reader(file)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
