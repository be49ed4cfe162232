package chime

import (
	"encoding/json"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/directory"
)

// mediaGroup begins the name of the log group of a Voice Connector's media; its ID follows.
const mediaGroup = "/aws/ChimeVoiceConnectorLogs/"

// mediaLine is a line of a Voice Connector's media log. The vendor writes one a minute; here there is one at the end of each leg.
type mediaLine struct {
	VoiceConnectorID string `json:"voice_connector_id"`
	EventTimestamp   int64  `json:"event_timestamp"` // milliseconds
	CallID           string `json:"call_id"`         // the TransactionId
	FromSipUser      string `json:"from_sip_user"`
	FromCountry      string `json:"from_country"`
	ToSipUser        string `json:"to_sip_user"`
	ToCountry        string `json:"to_country"`
	EndpointID       string `json:"endpoint_id"`
	AwsRegion        string `json:"aws_region"`
	mediaOfCustomer
	mediaOfRemote
}

type mediaOfCustomer struct {
	InPackets  uint64  `json:"cust2vc_rtp_packets"`
	InBytes    uint64  `json:"cust2vc_rtp_bytes"`
	InLost     uint64  `json:"cust2vc_packets_lost"`
	InJitter   float64 `json:"cust2vc_jitter"` // microseconds
	OutPackets uint64  `json:"vc2cust_rtp_packets"`
	OutBytes   uint64  `json:"vc2cust_rtp_bytes"`
	OutLost    float64 `json:"vc2cust_packets_lost"` // as the far end's last report has it
	RTT        float64 `json:"rtt_btwn_vc_and_cust"` // microseconds
	MOS        float64 `json:"mos_btwn_vc_and_cust"`
}

type mediaOfRemote struct {
	InPackets  uint64  `json:"rem2vc_rtp_packets"`
	InBytes    uint64  `json:"rem2vc_rtp_bytes"`
	InLost     uint64  `json:"rem2vc_packets_lost"`
	InJitter   float64 `json:"rem2vc_jitter"`
	OutPackets uint64  `json:"vc2rem_rtp_packets"`
	OutBytes   uint64  `json:"vc2rem_rtp_bytes"`
	OutLost    float64 `json:"vc2rem_packets_lost"`
	RTT        float64 `json:"rtt_btwn_vc_and_rem"`
	MOS        float64 `json:"mos_btwn_vc_and_rem"`
}

// logMedia counts the media of a call's legs by Voice Connectors, and logs them where the Voice Connector's configuration says so.
func (d *Dialect) logMedia(dir *directory.Snapshot, r *call.Record) {
	for i := range r.Legs {
		l := &r.Legs[i]
		vc, ok := connectorOf(dir, l.Trunk)
		if !ok || l.Answered.IsZero() {
			continue
		}
		remote := remoteOf(r, i)
		d.media.add(dir, vc.ID, l, remote)
		if _, wanted := LogsOf(&vc.Trunk); !wanted || d.cfg.Log == nil {
			continue
		}
		line := mediaLine{
			VoiceConnectorID: vc.ID, EventTimestamp: l.End.UnixMilli(), CallID: string(r.ID), FromSipUser: l.From, FromCountry: countryOf(l.From),
			ToSipUser: l.To, ToCountry: countryOf(l.To), EndpointID: string(l.ID), AwsRegion: vc.vendor.AwsRegion,
			mediaOfCustomer: mediaOf(&l.Media),
		}
		if remote != nil {
			line.mediaOfRemote = mediaOfRemote(mediaOf(&remote.Media))
		}
		if text, err := json.Marshal(line); err == nil {
			d.cfg.Log(mediaGroup+vc.ID, l.End, text)
		}
	}
}

func mediaOf(m *call.MediaStats) mediaOfCustomer {
	return mediaOfCustomer{
		InPackets: m.PacketsIn, InBytes: media{packets: m.PacketsIn, bytes: m.BytesIn}.wire(), InLost: m.Lost, InJitter: micros(m.Jitter),
		OutPackets: m.PacketsOut, OutBytes: media{packets: m.PacketsOut, bytes: m.BytesOut}.wire(), OutLost: lostOf(m), RTT: micros(m.RoundTrip), MOS: m.MOS,
	}
}

// lostOf gives how many packets the far end says that it misses: a share of what was sent.
func lostOf(m *call.MediaStats) float64 { return float64(int64(m.RemoteLoss * float64(m.PacketsOut))) }

// remoteOf finds the leg that a leg talked with longest: nil where there was no other that was answered.
func remoteOf(r *call.Record, i int) (best *call.LegRecord) {
	l := &r.Legs[i]
	longest := int64(0)
	for j := range r.Legs {
		o := &r.Legs[j]
		if j == i || o.Answered.IsZero() {
			continue
		}
		from, to := o.Answered, o.End
		if l.Answered.After(from) {
			from = l.Answered
		}
		if l.End.Before(to) {
			to = l.End
		}
		if together := int64(to.Sub(from)); together > longest {
			longest, best = together, o
		}
	}
	return best
}
