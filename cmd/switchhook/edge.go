package main

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/switchhook/switchhook/sip"
	"github.com/switchhook/switchhook/sip/guard"
)

// tlsConfig names the files of our certificate.
type tlsConfig struct {
	Cert string `json:"cert"` // the certificate and what leads from it to its authority (PEM)
	Key  string `json:"key"`  // its private key (PEM)
}

// guardConfig bounds what strangers may send: sources that no trunk knows. Zero values mean what package guard says.
type guardConfig struct {
	Rate   float64        `json:"rate"`   // messages a second from one of them; -1: no limit
	Burst  float64        `json:"burst"`  // as many at once
	Faults float64        `json:"faults"` // so many within the window and it is banned; -1: none is
	Window time.Duration  `json:"window"`
	Ban    time.Duration  `json:"ban"`   // how long
	Allow  []netip.Prefix `json:"allow"` // networks that this is not for
}

func (g guardConfig) guard() guard.Config {
	return guard.Config{Rate: g.Rate, Burst: g.Burst, Faults: g.Faults, Window: g.Window, Ban: g.Ban, Allow: g.Allow}
}

// dns gives the name servers to ask.
func (c config) dns() ([]netip.AddrPort, error) {
	var out []netip.AddrPort
	for i, text := range c.SIP.DNS {
		at, err := netip.ParseAddrPort(text)
		if a, bare := netip.ParseAddr(text); bare == nil {
			at, err = netip.AddrPortFrom(a, 53), nil
		}
		if err != nil || at.Port() == 0 {
			return nil, c.text.at(fmt.Sprintf("$.sip.dns[%d]", i), fmt.Errorf("sip.dns: %q is not like 192.0.2.53 or [2001:db8::53]:53", text))
		}
		out = append(out, at)
	}
	return out, nil
}

// strangers notes what is wrong with how the SIP edge proves itself, finds others and bears strangers.
func (c config) strangers(m *mistakes) {
	if _, err := c.dns(); err != nil {
		m.errs = append(m.errs, err)
	}
	if t := c.SIP.TLS; t.Cert != "" || t.Key != "" {
		if t.Cert == "" || t.Key == "" {
			m.note("$.sip.tls", errors.New("sip.tls: a certificate and its key go together: cert and key name their files"))
		} else if err := sip.CheckCertificate(t.Cert, t.Key); err != nil {
			m.note("$.sip.tls", fmt.Errorf("sip.tls: %w", err))
		}
	}
	g := c.SIP.Guard
	for name, v := range map[string]float64{"rate": g.Rate, "burst": g.Burst, "faults": g.Faults} {
		if v < 0 && (v != -1 || name == "burst") || v > 1e9 {
			m.note("$.sip.guard."+name, fmt.Errorf("sip.guard.%s: %v is not above 0, nor -1 for none", name, v))
		}
	}
	for name, d := range map[string]time.Duration{"window": g.Window, "ban": g.Ban} {
		if d < 0 || d > 0 && d < time.Second {
			m.note("$.sip.guard."+name, fmt.Errorf("sip.guard.%s: %s is not 1s or more", name, d))
		}
	}
}
