package header_test

import (
	"fmt"

	"github.com/switchhook/switchhook/header"
)

// A trunk's policy decides which rows of an INVITE go on, and tells why.
func ExamplePolicy() {
	policy := header.Untrusted("User-to-User", "X-Account-*")
	policy.Rules = append(policy.Rules, header.Rule{Match: "X-Ticket", Do: header.Rename, To: "X-Case"})
	trunk, err := policy.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	in := header.List{
		{Name: "Via", Value: "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK7"},
		{Name: "User-to-User", Value: "00616263;encoding=hex"},
		{Name: "X-Ticket", Value: "8471"},
		{Name: "X-Colour", Value: "red"},
		{Name: "P-Asserted-Identity", Value: "<sip:+15551234567@192.0.2.1>"},
	}
	out, changes, err := trunk.Apply(header.Message{Kind: header.Invite}, in)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range out {
		fmt.Println(f.Name, "=", f.Value)
	}
	for _, c := range changes {
		fmt.Printf("%s %s (%s: %s)\n", c.Action, c.Name, c.Reason, c.Detail)
	}
	// Output:
	// User-to-User = 00616263;encoding=hex
	// X-Case = 8471
	// kept User-to-User (rule: rule 3: keep User-to-User)
	// renamed X-Ticket (rule: rule 5: rename X-Ticket)
	// dropped X-Colour (unknown: no rule names it)
	// dropped P-Asserted-Identity (untrusted: the peer is outside the trust domain)
}

// User-to-User is looked at beside the row, which stays as it came.
func ExampleFindUserToUser() {
	l := header.List{{Name: "User-to-User", Value: "04746573742031;encoding=hex"}}
	for _, u := range header.FindUserToUser(l) {
		octets, err := u.Decode()
		pd, _, _ := u.PD()
		fmt.Printf("%s: %q, discriminator %02X, %v\n", u.Purpose(), octets, pd, err)
	}
	// Output:
	// isdn-uui: "\x04test 1", discriminator 04, <nil>
}

// What one vendor sent is written as another expects it.
func ExampleUUIProfile() {
	chime, _ := header.FindUUIProfile("chime")
	genesys, _ := header.FindUUIProfile("genesys-cloud")
	payload, _, err := chime.Read(header.List{{Name: "User-to-User", Value: "6f726465722037;encoding=hex"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	row, err := genesys.Write(payload)
	fmt.Println(row.Name, "=", row.Value, err)
	// Output:
	// User-to-User = 006F726465722037;encoding=hex;purpose=isdn-uui;content=isdn-uui <nil>
}

// A called party forwards the call: the new entry stands above the others.
func ExampleAddDiversion() {
	l := header.List{{Name: "Diversion", Value: "<sip:+15550001111@h>;reason=no-answer"}}
	l, err := header.AddDiversion(l, header.NewDiversion("sip:+15550002222@h", header.DivertedUserBusy))
	for _, f := range l {
		fmt.Println(f.Value)
	}
	fmt.Println(err)
	// Output:
	// <sip:+15550002222@h>;reason=user-busy;counter=1
	// <sip:+15550001111@h>;reason=no-answer
	// <nil>
}
