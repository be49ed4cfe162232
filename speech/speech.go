package speech

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/media"
	"github.com/switchhook/switchhook/media/clip"
)

const (
	maxText  = 6000             // characters of what is said, as with Amazon Polly
	maxTime  = 60 * time.Second // for one synthesis
	keepSize = 32 << 20         // bytes of samples that are kept: 35 minutes
)

// ErrNoEngine says that nothing is there that could speak.
var ErrNoEngine = errors.New("no speech engine: install espeak-ng (or flite), name piper's voice file, or choose Amazon Polly")

// Provider turns words into a WAV file. Speak returns when the engine has begun, or with an error; what fails later is an
// error of the reader, never a file that ends early. The text is not empty, valid UTF-8, of bounded length, and well-formed
// where it is SSML; all else of a call.Say is as the application gave it. ctx ends the reading too; who reads closes.
// Errors wrap call.ErrInvalid (text or voice refused), call.ErrDenied, call.ErrThrottled where that is the reason.
type Provider interface {
	Speak(ctx context.Context, s call.Say) (io.ReadCloser, error)
}

// WideProvider is a [Provider] whose files have another rate for who hears 16 kHz. Those of the others have one rate, which
// is that of the engine.
type WideProvider interface {
	// SpeakWide is Speak in 16 kHz.
	SpeakWide(ctx context.Context, s call.Say) (io.ReadCloser, error)
}

// Speaker speaks to calls, and keeps what was said lately. Its methods may be called from any goroutine.
type Speaker struct {
	from  Provider
	shelf *clip.Shelf
}

// New makes a speaker of a provider. With nil all that is to be said fails with [ErrNoEngine].
func New(p Provider) *Speaker { return &Speaker{from: p, shelf: clip.NewShelf(keepSize)} }

// Say speaks a text. It returns when the first of it can be heard. ctx is for that alone; the stream is the caller's to
// close. Errors wrap [ErrNoEngine], call.ErrInvalid, call.ErrDenied or call.ErrThrottled where that is the reason.
func (s *Speaker) Say(ctx context.Context, say call.Say) (media.Stream, error) {
	return s.say(ctx, say, false)
}

// SayWide is [Speaker.Say] for who hears 16 kHz: the stream is a media.WideSource where the engine has more than 8.
func (s *Speaker) SayWide(ctx context.Context, say call.Say) (media.Stream, error) {
	return s.say(ctx, say, true)
}

func (s *Speaker) say(ctx context.Context, say call.Say, wide bool) (media.Stream, error) {
	if s.from == nil {
		return nil, ErrNoEngine
	}
	if err := check(say); err != nil {
		return nil, err
	}
	key := strings.Join([]string{say.Voice, say.Language, say.Quality, fmt.Sprint(say.SSML), say.Text}, "\x00")
	speak, play := s.from.Speak, s.shelf.Play
	if wide {
		play = s.shelf.PlayWide
		if p, ok := s.from.(WideProvider); ok {
			speak, key = p.SpeakWide, key+"\x00wide"
		}
	}
	return play(ctx, key, func(ctx context.Context) (io.ReadCloser, error) {
		ctx, cancel := context.WithTimeoutCause(ctx, maxTime, errTooSlow)
		r, err := speak(ctx, say)
		if err != nil {
			cancel()
			return nil, err
		}
		return &speaking{r, cancel}, nil
	})
}

var errTooSlow = fmt.Errorf("the speech engine took more than %v", maxTime)

// speaking ends the time limit with the reading.
type speaking struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (s *speaking) Close() error {
	defer s.cancel()
	return s.ReadCloser.Close()
}

// Close ends all synthesis under way, and waits for it.
func (s *Speaker) Close() error { return s.shelf.Close() }

// check refuses what no engine should be asked.
func check(say call.Say) error {
	switch {
	case !utf8.ValidString(say.Text):
		return fmt.Errorf("%w: text is not UTF-8", call.ErrInvalid)
	case utf8.RuneCountInString(say.Text) > maxText:
		return fmt.Errorf("%w: text of more than %d characters", call.ErrInvalid, maxText)
	case strings.TrimSpace(say.Text) == "":
		return fmt.Errorf("%w: no text", call.ErrInvalid)
	case say.SSML:
		_, err := ParseSSML(say.Text)
		return err
	}
	return nil
}
