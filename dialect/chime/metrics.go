package chime

import (
	"cmp"
	"strconv"
	"sync"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/directory"
)

var _ dialect.Metered = (*Dialect)(nil)

// stream is what was heard of a far end, and said to it.
type stream struct {
	in, out media
}

// media is what went one way.
type media struct {
	packets, bytes, lost uint64
}

// quality is a figure of legs that are over: their sum, and of how many.
type quality struct {
	sum   float64
	count uint64
}

func (q *quality) add(v float64) {
	if v > 0 {
		q.sum += v
		q.count++
	}
}

// figure is what the media of a Voice Connector's legs, and that of the legs they talked with, came to.
type figure struct {
	customer, remote side
}

// side is one far end's.
type side struct {
	stream
	jitter, roundTrip quality // microseconds
	mos               quality
}

func (s *side) add(m *call.MediaStats) {
	s.in.packets += m.PacketsIn
	s.in.bytes += m.BytesIn
	s.in.lost += m.Lost
	s.out.packets += m.PacketsOut
	s.out.bytes += m.BytesOut
	if m.PacketsIn > 0 {
		s.jitter.add(micros(m.Jitter))
	}
	s.roundTrip.add(micros(m.RoundTrip))
	s.mos.add(m.MOS)
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// figures keeps what the media of each Voice Connector came to since the start. Safe for all goroutines.
type figures struct {
	mu sync.Mutex
	by map[string]*figure // by the Voice Connector's ID; guarded by mu
}

// manyFigures is how many Voice Connectors make it worth to look for those that exist no more.
const manyFigures = 1024

// add counts a leg of a Voice Connector that is over, and the leg that it talked with, or nil.
func (f *figures) add(dir *directory.Snapshot, id string, customer, remote *call.LegRecord) {
	f.mu.Lock()
	defer f.mu.Unlock()
	x := f.by[id]
	if x == nil {
		if f.by == nil || len(f.by) >= manyFigures {
			f.forget(dir)
		}
		x = &figure{}
		f.by[id] = x
	}
	x.customer.add(&customer.Media)
	if remote != nil {
		x.remote.add(&remote.Media)
	}
}

// forget drops what exists no more. The mutex is held.
func (f *figures) forget(dir *directory.Snapshot) {
	kept := map[string]*figure{}
	for id, x := range f.by {
		if _, ok := dir.Trunk(id); ok {
			kept[id] = x
		}
	}
	f.by = kept
}

func (f *figures) of(id string) figure {
	f.mu.Lock()
	defer f.mu.Unlock()
	if x := f.by[id]; x != nil {
		return *x
	}
	return figure{}
}

// meter collects metrics.
type meter struct {
	out    []dialect.Metric
	labels [][2]string
}

func (m *meter) put(kind dialect.MetricKind, name, help string, value float64, count uint64) {
	m.out = append(m.out, dialect.Metric{Name: "chime_" + name, Help: help, Kind: kind, Labels: m.labels, Value: value, Count: count})
}

func (m *meter) counter(name, help string, value uint64) {
	m.put(dialect.Counter, name, help, float64(value), 0)
}

// Metrics implements [dialect.Metered]: the vendor's metrics of each Voice Connector, and how many active calls each application has
// that has had any. Their names are those of CloudWatch behind "chime_".
func (d *Dialect) Metrics() []dialect.Metric {
	dir := d.cfg.Directory()
	var m meter
	var traffic map[string]dialect.Traffic
	if d.cfg.Traffic != nil {
		traffic = d.cfg.Traffic()
	}
	for id, t := range dir.Trunks() {
		vc, ok := asConnector(*t)
		if !ok {
			continue
		}
		m.labels = [][2]string{{"VoiceConnectorId", id}, {"Region", cmp.Or(vc.vendor.AwsRegion, d.cfg.Region)}}
		m.traffic(traffic[id])
		m.media(d.media.of(id))
	}
	for id, n := range d.loads.standing() {
		a, ok := dir.App(id)
		if !ok {
			continue
		}
		region := d.cfg.Region
		if s, err := ParseSettings(a.Settings); err == nil {
			region = cmp.Or(s.AwsRegion, region)
		}
		m.labels = [][2]string{{"SipMediaApplicationId", id}, {"Region", region}}
		m.put(dialect.Gauge, "SmaActiveCallCount", "Active calls of a SIP media application; a bridged one counts twice.", float64(n), 0)
	}
	return m.out
}

// traffic adds what a Voice Connector carried. Inbound is toward the customer's hosts (origination), as the vendor says it.
func (m *meter) traffic(t dialect.Traffic) {
	for _, way := range []struct {
		name, help string
		dialect.Flow
	}{{"Inbound", "Calls placed to the hosts of a Voice Connector", t.Out}, {"Outbound", "Calls of the hosts of a Voice Connector", t.In}} {
		m.counter(way.name+"CallAttempts", way.help+".", way.Attempts)
		m.counter(way.name+"CallFailures", way.help+" that were not answered.", way.Failures)
		m.counter(way.name+"CallsAnswered", way.help+" that were answered.", way.Answered)
		m.put(dialect.Gauge, way.name+"CallsActive", way.help+" that stand.", float64(way.Active), 0)
	}
	m.put(dialect.Gauge, "VoiceConnectorActiveCallCount", "Calls of a Voice Connector that stand.", float64(t.In.Active+t.Out.Active), 0)
	m.counter("Throttles", "Calls of a Voice Connector refused because of a limit.", t.Throttled)
	for class := 1; class < len(t.Codes); class++ {
		m.counter("Sip"+strconv.Itoa(class)+"xxCodes", "Responses to INVITEs of a Voice Connector.", t.Codes[class])
	}
}

// media adds what the media of calls that are over came to.
func (m *meter) media(f figure) {
	for _, s := range []struct {
		in, out, far string
		side         *side
	}{{"CustomerToVc", "VcToCustomer", "Customer", &f.customer}, {"RemoteToVc", "VcToRemote", "Remote", &f.remote}} {
		m.counter(s.in+"RtpPackets", "RTP packets of calls that are over.", s.side.in.packets)
		m.counter(s.out+"RtpPackets", "RTP packets of calls that are over.", s.side.out.packets)
		m.counter(s.in+"RtpBytes", "Bytes of RTP packets of calls that are over, with their headers.", s.side.in.wire())
		m.counter(s.out+"RtpBytes", "Bytes of RTP packets of calls that are over, with their headers.", s.side.out.wire())
		m.counter(s.in+"PacketsLost", "RTP packets that did not arrive, of calls that are over.", s.side.in.lost)
		m.summary(s.in+"Jitter", "Microseconds of jitter at the end of calls.", s.side.jitter)
		m.summary("RTTBetweenVcAnd"+s.far, "Microseconds of a round trip at the end of calls.", s.side.roundTrip)
		m.summary("MOSBetweenVcAnd"+s.far, "Estimates of what calls sounded like, 1 to 4.5.", s.side.mos)
	}
}

func (m *meter) summary(name, help string, q quality) {
	m.put(dialect.Summary, name, help, q.sum, q.count)
}

// wire gives the bytes of packets with their headers of 12.
func (m media) wire() uint64 { return m.bytes + 12*m.packets }
