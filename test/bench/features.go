package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/icholy/digest"
)

// farPort is where the phones of this program are.
const farPort = 15072

// startWith starts the program with more at the end of its configuration.
func (b *bench) startWith(more string) (*process, error) {
	text, err := os.ReadFile(filepath.Join(b.root, "test/bench/switchhook.yaml"))
	if err != nil {
		return nil, err
	}
	file := filepath.Join(b.dir, "with.yaml")
	if err := os.WriteFile(file, append(text, more...), 0o600); err != nil {
		return nil, err
	}
	return b.startProgramAs(file)
}

// endpoints declares telephones that may register.
func endpoints(n int) string {
	var b strings.Builder
	b.WriteString("endpoints:\n")
	for i := range n {
		fmt.Fprintf(&b, "  - {user: phone%d, password: secret-of-phone-%d}\n", i, i)
	}
	return b.String()
}

// registrations measures how many telephones register each second, each asked for its password; what
// they cost in memory tells BenchmarkRegister of sip/registrar.
//
// It ends before the transactions, which answer repeated messages for 32 s, are as many as the program keeps (262,144): with passwords
// asked for each time, 4,096 registrations a second can go on for ever over UDP.
func (b *bench) registrations() error {
	n, length := 10000, 7*time.Second
	if b.quick {
		n, length = 500, 2*time.Second
	}
	p, err := b.startWith(endpoints(n))
	if err != nil {
		return err
	}
	defer p.stop()
	far, err := newPhones(farPort)
	if err != nil {
		return err
	}
	defer far.close()
	const workers = 32
	next := make([]int, workers)
	one := func(w int) error {
		i := (next[w]*workers + w) % n
		next[w]++
		return far.register(i)
	}
	// each telephone once, one after the other; then many at once, over and over
	begin := time.Now()
	for i := range n {
		if err := far.register(i); err != nil {
			return fmt.Errorf("telephone %d: %w", i, err)
		}
	}
	once := time.Since(begin)
	time.Sleep(min(settle, 30*length)) // transactions are gone
	cpu := p.cpu()
	done, failed, first := together(workers, length, one)
	used := p.cpu() - cpu
	if done == 0 {
		return fmt.Errorf("nothing was registered: %w", first)
	}
	b.report(result{What: "registrations", System: "switchhook", Value: map[string]float64{
		"telephones": float64(n), "perSecond": float64(done) / length.Seconds(), "failed": float64(failed), "cpuSecondsPer1000": used * 1000 / float64(done),
		"coreBusy": used / length.Seconds(), "secondsOneByOne": once.Seconds(),
	}})
	return nil
}

// register registers a telephone: once without, once with what proves who it is.
func (p *phones) register(i int) error {
	user := fmt.Sprint("phone", i)
	d := p.newDialog(user, "")
	defer d.forget()
	d.to = fmt.Sprintf("<sip:%s@127.0.0.1>", user)
	d.send("REGISTER", "", "Expires: 3600")
	challenge, err := d.await("SIP/2.0 401")
	if err != nil {
		return err
	}
	_, text, _ := strings.Cut(row(challenge, "WWW-Authenticate"), ": ")
	c, err := digest.ParseChallenge(text)
	if err != nil {
		return fmt.Errorf("challenge: %w", err)
	}
	proof, err := digest.Digest(c, digest.Options{Method: "REGISTER", URI: d.target, Username: user, Password: fmt.Sprint("secret-of-phone-", i), Count: 1})
	if err != nil {
		return fmt.Errorf("proof: %w", err)
	}
	d.send("REGISTER", "", "Expires: 3600", "Authorization: "+proof.String())
	_, err = d.await("SIP/2.0 200")
	return err
}

// transfers measures how many calls a second the callers transfer to somebody else, from INVITE to the BYE of who transferred. The
// transferred calls stand on, two sockets each, so that it ends before descriptors do (20,000 where root may not have more).
func (b *bench) transfers() error {
	length := 3 * time.Second
	if b.quick {
		length = 2 * time.Second
	}
	fn, err := startFunction(functionAddr)
	if err != nil {
		return err
	}
	defer fn.server.Close()
	p, err := b.startProgram()
	if err != nil {
		return err
	}
	defer p.stop()
	callee, err := newPhones(calleePort)
	if err != nil {
		return err
	}
	defer callee.close()
	far, err := newPhones(farPort)
	if err != nil {
		return err
	}
	defer far.close()
	if err := far.transfer(); err != nil {
		return err
	}
	cpu := p.cpu()
	done, failed, first := together(8, length, func(int) error { return far.transfer() })
	used := p.cpu() - cpu
	if done == 0 {
		return errors.Join(errors.New("nothing was transferred"), first)
	}
	b.report(result{What: "transfers", System: "switchhook", Value: map[string]float64{
		"perSecond": float64(done) / length.Seconds(), "failed": float64(failed), "cpuSecondsPer1000": used * 1000 / float64(done), "coreBusy": used / length.Seconds(),
	}})
	return nil
}

// transfer calls, sends the callee to somebody else, hears that it went well, and hangs up.
func (p *phones) transfer() error {
	d := p.newDialog("+12065550142", dialled)
	defer d.forget()
	if _, err := d.call(); err != nil {
		return err
	}
	d.send("REFER", "", fmt.Sprintf("Refer-To: <sip:+12065559998@127.0.0.1:%d?User-to-User=00c0ffee20000000000%%3Bencoding%%3Dhex>", ourPort))
	if _, err := d.await("SIP/2.0 202"); err != nil {
		return fmt.Errorf("REFER: %w", err)
	}
	for {
		m, err := d.await("NOTIFY", "BYE")
		if err != nil {
			return fmt.Errorf("after the REFER: %w", err)
		}
		if strings.HasPrefix(m, "BYE") {
			return nil
		}
		switch {
		case strings.Contains(m, "\r\nSIP/2.0 2"):
			return d.bye()
		case strings.Contains(m, "\r\nSIP/2.0 1"):
		default:
			d.bye()
			return fmt.Errorf("the transfer failed:\n%s", m)
		}
	}
}
