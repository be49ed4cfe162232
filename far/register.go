package far

import (
	"context"
	"fmt"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// Registrar says where a phone registers, and as whom.
type Registrar struct {
	User, Password string
	Host           string              // address or name of the server, and the domain of the phone's address there
	Port           int                 // 0 means 5060, over TLS 5061
	Transport      directory.Transport // "udp", "tcp" or "tls"; empty means udp
}

// look is how often it is looked whether a registration has come about.
const look = 20 * time.Millisecond

// Register registers a phone, and waits until that is granted, or refused. It is refreshed until the phone is closed, which ends
// it. What the phone calls at the same place is called as that user.
func (p *Phone) Register(ctx context.Context, r Registrar) error {
	p.add(directory.Trunk{
		ID: place(r.Host, r.Port, r.Transport), Peers: []directory.Peer{{Host: r.Host, Port: r.Port, Transport: r.Transport}},
		Options: directory.Options{Login: directory.Login{User: r.User, Password: r.Password, Register: true, Weak: true}},
	})
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		for _, e := range p.server.Enrolments() {
			switch {
			case e.Up:
				return nil
			case e.Why != "":
				return fmt.Errorf("%s is not registered at %s: %s", r.User, r.Host, e.Why)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s is not registered at %s: %w", r.User, r.Host, ctx.Err())
		}
	}
}

// place names a place that a phone calls.
func place(host string, port int, network directory.Transport) string {
	return fmt.Sprintf("%s:%d/%s", host, port, network)
}
