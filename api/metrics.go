package api

import (
	"net/http"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/switchhook/switchhook/dialect"
)

// metrics serves what the exchange counts, and what the Go runtime and the operating system tell of this process.
func (c *Config) metrics() http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), newCounts(c))
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{})
}

// counts turns the exchange's counts into metrics when asked.
type counts struct {
	c *Config
	edgeCounts
	started, standing, ended, appsFailed, failover, unlogged, transfers, recordings, recording, rooms, parties, registered, enrolled, up *prometheus.Desc
}

// edgeCounts are those of the SIP edge.
type edgeCounts struct {
	legs, refused, dropped, banned, bans, faults, unheard, slowed, malformed, turnedAway, handshakes, certificates *prometheus.Desc
}

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("switchhook_"+name, help, labels, nil)
}

func newCounts(c *Config) *counts {
	return &counts{
		c: c, edgeCounts: newEdgeCounts(),
		started:    desc("calls_started_total", "Calls begun, those refused included."),
		standing:   desc("calls_standing", "Calls that are not over."),
		ended:      desc("calls_ended_total", "Calls that are over, by the label of their cause.", "cause"),
		appsFailed: desc("app_failures_total", "Times that an application failed to drive a call."),
		failover:   desc("app_failovers_total", "Calls handed to their rule's next application."),
		unlogged:   desc("log_lines_dropped_total", "Lines of the log left out because its reader did not keep up, or was gone."),
		transfers:  desc("transfers_total", "Transfers, by whether they reached their target: done or failed.", "result"),
		recordings: desc("recordings_total", "Recordings that are over: done when they are in their bucket, or failed.", "result"),
		recording:  desc("recordings_standing", "Recordings that go on, or are on their way to their bucket."),
		rooms:      desc("rooms_standing", "Rooms in which somebody is."),
		parties:    desc("room_parties", "Parties in all rooms."),
		registered: desc("registrations", "Contacts at which endpoints are registered."),
		enrolled:   desc("trunk_registered", "Whether we are registered at a trunk's peer.", "trunk"),
		up:         desc("trunk_peer_up", "Whether a trunk's peer answers.", "trunk", "peer"),
	}
}

func newEdgeCounts() edgeCounts {
	return edgeCounts{
		legs:         desc("legs_standing", "SIP legs that stand."),
		refused:      desc("sip_overload_refused_total", "SIP requests refused with 503 because too many others waited."),
		dropped:      desc("sip_overload_dropped_total", "SIP messages dropped because too many others waited."),
		banned:       desc("sip_sources_banned", "Sources that are banned."),
		bans:         desc("sip_bans_total", "Bans of sources since the start."),
		faults:       desc("sip_stranger_faults_total", "Faults held against sources: requests that no trunk lets in, messages that can't be read, wrong passwords."),
		unheard:      desc("sip_banned_dropped_total", "SIP messages dropped because their source is banned."),
		slowed:       desc("sip_slowed_dropped_total", "SIP messages dropped because a stranger sent too fast."),
		malformed:    desc("sip_malformed_total", "SIP messages that could not be read, whoever sent them."),
		turnedAway:   desc("calls_refused_total", "Calls refused before a record came of them (in), or not placed because of a limit (out), by SIP status.", "direction", "status"),
		handshakes:   desc("tls_refused_total", "TLS connections that came to nothing, opened by others."),
		certificates: desc("tls_certificate_end_seconds", "When a certificate of ours ends, in seconds since 1970.", "file"),
	}
}

// Describe implements [prometheus.Collector].
func (m *counts) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, ch) }

// Collect implements [prometheus.Collector].
func (m *counts) Collect(ch chan<- prometheus.Metric) {
	n := m.c.Exchange.Counts()
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter(m.started, n.Started)
	gauge(m.standing, float64(n.Standing))
	for label, v := range n.Ended {
		counter(m.ended, v, string(label))
	}
	counter(m.appsFailed, n.AppsFailed)
	counter(m.failover, n.Failovers)
	counter(m.transfers, n.Calls.Transferred, "done")
	counter(m.transfers, n.Calls.TransfersFailed, "failed")
	counter(m.recordings, n.Calls.Recorded, "done")
	counter(m.recordings, n.Calls.RecordingsFailed, "failed")
	gauge(m.recording, float64(n.Calls.Recording))
	m.edge(counter, gauge)
	m.dialects(ch)
	if m.c.Rooms != nil {
		rooms, parties := m.c.Rooms()
		gauge(m.rooms, float64(rooms))
		gauge(m.parties, float64(parties))
	}
	if m.c.LogLost != nil {
		counter(m.unlogged, uint64(m.c.LogLost()))
	}
	if m.c.Registrations != nil {
		gauge(m.registered, float64(m.c.Registrations.Registered()))
		for _, e := range m.c.Registrations.Enrolments() {
			gauge(m.enrolled, one(e.Up), e.Trunk)
		}
	}
	if m.c.Trunks == nil {
		return
	}
	for _, p := range m.c.Trunks.Health() {
		gauge(m.up, one(p.Up), p.Trunk, p.Peer)
	}
}

// dialects collects what dialects count.
func (m *counts) dialects(ch chan<- prometheus.Metric) {
	for _, d := range m.c.Dialects {
		x, ok := d.(dialect.Metered)
		if !ok {
			continue
		}
		for _, n := range x.Metrics() {
			ch <- metric(n)
		}
	}
}

// metric gives one in Prometheus's terms.
func metric(n dialect.Metric) prometheus.Metric {
	names, values := make([]string, len(n.Labels)), make([]string, len(n.Labels))
	for i, l := range n.Labels {
		names[i], values[i] = l[0], l[1]
	}
	d := desc(n.Name, n.Help, names...)
	switch n.Kind {
	case dialect.Counter:
		return prometheus.MustNewConstMetric(d, prometheus.CounterValue, n.Value, values...)
	case dialect.Summary:
		return prometheus.MustNewConstSummary(d, n.Count, n.Value, nil, values...)
	}
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, n.Value, values...)
}

// edge collects what the SIP edge counts.
func (m *counts) edge(counter func(*prometheus.Desc, uint64, ...string), gauge func(*prometheus.Desc, float64, ...string)) {
	if m.c.Legs != nil {
		gauge(m.legs, float64(m.c.Legs()))
	}
	if m.c.Overload != nil {
		refused, dropped := m.c.Overload()
		counter(m.refused, uint64(refused))
		counter(m.dropped, uint64(dropped))
	}
	if m.c.Strangers != nil {
		n := m.c.Strangers.Counts()
		gauge(m.banned, float64(n.Banned))
		counter(m.bans, n.Bans)
		counter(m.faults, n.Faults)
		counter(m.unheard, n.Dropped)
		counter(m.slowed, n.Slowed)
		counter(m.malformed, n.Malformed)
		counter(m.handshakes, n.Handshakes)
	}
	if m.c.Refused != nil {
		for _, r := range m.c.Refused() {
			counter(m.turnedAway, r.Calls, r.Direction, strconv.Itoa(r.Status))
		}
	}
	if m.c.Certificates != nil {
		for file, end := range m.c.Certificates() {
			gauge(m.certificates, float64(end.Unix()), file)
		}
	}
}

// one gives 1 for what is so.
func one(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
