package acceptance_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/sip/transport/testca"
)

// A telephone that is not ours speaks as its trunk wants it, with one that speaks plain G.711 in packets of 20 ms: protected
// or not, wideband or not, in packets of other lengths. Sound goes both ways, keys come, and the record tells how it was.
func TestC54C56AudioOfTrunks(t *testing.T) {
	for name, c := range map[string]struct {
		modules        []string
		account, trunk string
		config         []string
		codec          string
		secure         bool
	}{
		"SRTP where both want it":    {[]string{"srtp"}, ";mediaenc=srtp", "audio: {srtp: offered}", nil, "PCMU", true},
		"SRTP that must be":          {[]string{"srtp"}, ";mediaenc=srtp-mand", "audio: {srtp: offered}", nil, "PCMU", true},
		"SRTP that must not be":      {[]string{"srtp"}, ";mediaenc=srtp", "", nil, "PCMU", false},
		"G.722":                      {[]string{"g722"}, ";audio_codecs=G722/16000/1", "audio: {codecs: [G722, PCMU]}", nil, "G722", false},
		"packets of 40 ms":           {nil, ";ptime=40", "", nil, "PCMU", false},
		"packets of 10 ms, by trunk": {nil, "", "audio: {ptime: 10}", nil, "PCMU", false},
		"RTCP on the RTP port":       {nil, ";rtcp_mux=yes", "", []string{"rtcp_mux yes"}, "PCMU", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			callee := newPerson(t, 1000)
			f := startFunction(t, bridge("+14155550199"))
			s := start(t, config{peers: []string{peerAt(int(callee.Addr().Port()))}, trunk: c.trunk, functions: []string{f.URL}}.yaml())
			b := startBaresip(t, baresipOptions{user: "+12065550142", account: ";regint=0" + c.account, modules: c.modules, config: c.config, hums: 440})
			if c.codec == "G722" {
				b.write(t, "hum.wav", string(wavOf(16000, 1, 440, time.Minute)))
			}
			b.command(t, "dial", "sip:+12065550100@"+s.SIP)
			b.await(t, "CALL_ESTABLISHED")
			hears(t, "the callee", &callee.ear, 440)
			b.heard(t, 1000)
			b.command(t, "sndcode", "5")
			if d := <-callee.digits; d != '5' {
				t.Errorf("key %c came", d)
			}
			b.command(t, "hangup", "")
			b.await(t, "CALL_CLOSED")
			over(t, <-callee.answers)
			for _, l := range s.calls(t, 1)[0].Legs {
				m, in := l.Media, l.Direction == call.In
				if in && (m.Codec != c.codec || m.Secure != c.secure) || !in && (m.Codec != "PCMU" || m.Secure) {
					t.Errorf("%s leg: %+v", l.Direction, m)
				}
				if m.MOS < 3.5 || m.PacketsIn == 0 || m.Lost > m.PacketsIn/10 {
					t.Errorf("%s leg: %+v", l.Direction, m)
				}
			}
		})
	}
}

// Over TLS a telephone that wants SRTP gets it, without a word of its trunk; the leg to a peer in the clear has none.
func TestC52SecretOverTLS(t *testing.T) {
	t.Parallel()
	ca, dir := testca.New(t), t.TempDir()
	cert, key := testca.Files(t, dir, ca.Issue([]string{"127.0.0.1"}))
	callee := newPerson(t, 1000)
	f := startFunction(t, bridge("+14155550199"))
	secure, plain := freePort(t), freePort(t)
	s := start(t, config{
		peers: []string{peerAt(int(callee.Addr().Port()))}, functions: []string{f.URL},
		more: fmt.Sprintf("sip: {listen: [\"tls://127.0.0.1:%d\", \"udp://127.0.0.1:%d\"], tls: {cert: %q, key: %q}}\n", secure, plain, cert, key),
	}.yaml())
	b := startBaresip(t, baresipOptions{user: "+12065550142", account: ";regint=0;mediaenc=srtp-mand", modules: []string{"srtp"}, hums: 440})
	b.command(t, "dial", fmt.Sprintf("sip:+12065550100@127.0.0.1:%d;transport=tls", secure))
	b.await(t, "CALL_ESTABLISHED")
	hears(t, "the callee", &callee.ear, 440)
	b.heard(t, 1000)
	b.command(t, "hangup", "")
	b.await(t, "CALL_CLOSED")
	over(t, <-callee.answers)
	for _, l := range s.calls(t, 1)[0].Legs {
		if l.Media.Secure != (l.Direction == call.In) {
			t.Errorf("%s leg: %+v", l.Direction, l.Media)
		}
	}
}
