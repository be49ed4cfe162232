package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

// adminKey lets the soak record calls and put them into rooms; old records are deleted, for hours of calls would fill the disk.
const adminKey = "keys: [{kind: admin, id: admin, secret: bench-secret}]\nrecords: {keep: 10m}\n"

// admin asks our own API; in and out may be nil.
func admin(method, path string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return err
		}
	}
	req, err := http.NewRequest(method, "http://127.0.0.1:15081/api/"+path, &body)
	if err != nil {
		return err
	}
	req.SetBasicAuth("admin", "bench-secret")
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s %s: %s", method, path, resp.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(out)
}

type object = map[string]any

// record calls, has the call recorded, puts both legs into a room, speaks for a second, and hangs up.
func (s *soaker) record() error {
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return err
	}
	defer c.Close()
	s.mu.Lock()
	s.recorded++
	from := fmt.Sprintf("+1415%07d", s.recorded)
	s.mu.Unlock()
	d := s.far.newDialog(from, dialled)
	defer d.forget()
	d.sound = c.LocalAddr().(*net.UDPAddr).Port
	if _, err := d.call(); err != nil {
		return err
	}
	if err := s.studio(d, from, c); err != nil {
		d.bye()
		return err
	}
	return d.bye()
}

// studio does what the operator of a call that stands may.
func (s *soaker) studio(d *dialog, from string, c *net.UDPConn) error {
	var live struct{ Calls []struct{ ID, From string } }
	if err := admin(http.MethodGet, "live", nil, &live); err != nil {
		return err
	}
	id := ""
	for _, one := range live.Calls {
		if one.From == from {
			id = one.ID
		}
	}
	var legs struct{ Legs []struct{ ID string } }
	if err := admin(http.MethodGet, "live/"+id, nil, &legs); err != nil {
		return err
	}
	for i, l := range legs.Legs {
		if i == 0 {
			if err := admin(http.MethodPost, "calls/"+id+"/recordings", object{"leg": l.ID, "key": "soak/" + id + ".wav", "tracks": "apart"}, nil); err != nil {
				return err
			}
		}
		if err := admin(http.MethodPost, fmt.Sprintf("calls/%s/legs/%s/room", id, l.ID), object{"room": "soak", "silent": true}, nil); err != nil {
			return err
		}
	}
	packet := make([]byte, 12+payload)
	say(packet[12:], true)
	to := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: d.theirs}
	for i := range 50 {
		packet[0], packet[3], packet[11] = 0x80, byte(i), 7
		packet[6], packet[7] = byte(i*payload>>8), byte(i*payload)
		c.WriteToUDP(packet, to)
		time.Sleep(interval)
	}
	return nil
}
