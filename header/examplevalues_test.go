package header_test

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/switchhook/switchhook/header"
)

// A list keeps rows as they came: in order, names as written, those of one name apart.
func ExampleList() {
	l := header.List{{Name: "X-Account-Id", Value: "4711"}, {Name: "Diversion", Value: "<sip:a@h>"}, {Name: "diversion", Value: "<sip:b@h>"}}
	id, _ := l.Get("x-account-id")
	fmt.Println(id, l.Count("Diversion"))
	for v := range l.Values("Diversion") {
		fmt.Println(v)
	}
	fmt.Println(len(l.Without("Diversion").With("X-Ticket", "8")), len(l))
	// Output:
	// 4711 2
	// <sip:a@h>
	// <sip:b@h>
	// 2 3
}

// What an application asks for is refused where another reader could take it for something else, and never mended.
func ExampleCheck() {
	for _, value := range []string{"blue", "blue\r\nP-Asserted-Identity: <tel:+1>", "100 %"} {
		err := header.Check("X-Colour", value)
		var bad *header.CheckError
		if errors.As(err, &bad) {
			fmt.Println(bad.Fault, bad.At)
			continue
		}
		fmt.Println("fine")
	}
	// Output:
	// fine
	// control-byte 4
	// fine
}

// A value is a view beside the row: JSON shows what it says, or why that can't be known.
func ExampleUserToUser() {
	for _, row := range []string{"04616263;encoding=hex", "123;encoding=hex"} {
		for _, u := range header.ParseUserToUser(row) {
			text, err := json.Marshal(u)
			if err != nil {
				fmt.Println(err)
			}
			fmt.Println(string(text))
		}
	}
	// Output:
	// {"raw":"04616263;encoding=hex","valid":true,"purpose":"isdn-uui","content":"isdn-uui","encoding":"hex","pd":4,"dataHex":"04616263"}
	// {"raw":"123;encoding=hex","valid":true,"purpose":"isdn-uui","content":"isdn-uui","encoding":"hex","undecoded":"odd-digits"}
}

// Octets are written in the standard's form, and refused where isdn-uui can't carry them.
func ExampleNewUserToUser() {
	u, err := header.NewUserToUser([]byte("\x04order 7"), header.Param{Name: "purpose", Value: "isdn-uui"})
	fmt.Println(u, err)
	_, err = header.NewUserToUser(make([]byte, 200))
	fmt.Println(err != nil)
	// Output:
	// 046F726465722037;encoding=hex;purpose=isdn-uui <nil>
	// true
}

// The top-most entry is the most recent diversion.
func ExampleFindDiversions() {
	l := header.List{{Name: "Diversion", Value: `"Desk"<sip:+15550002222@h>;reason=USER-BUSY, <tel:+15550001111>;reason=no-answer;counter=2`}}
	all, err := header.FindDiversions(l)
	for _, d := range all {
		fmt.Println(d.URI, d.Reason(), d.Counter())
	}
	fmt.Println(err)
	// Output:
	// sip:+15550002222@h user-busy 1
	// tel:+15550001111 no-answer 2
	// <nil>
}

// Diversions of one form are told in the other, as RFC 7544 maps them.
func ExampleHistoryFromDiversions() {
	ds, err := header.ParseDiversions("<sip:b@h>;reason=user-busy,<sip:a@h>;reason=no-answer")
	if err != nil {
		fmt.Println(err)
		return
	}
	hs := header.HistoryFromDiversions(ds, "sip:c@h", nil)
	for _, h := range hs {
		fmt.Println(h)
	}
	back, all := header.DiversionsFromHistory(hs)
	for _, d := range back {
		fmt.Println(d)
	}
	fmt.Println(all)
	// Output:
	// <sip:a@h>;index=1
	// <sip:b@h;cause=408>;index=1.1;mp=1
	// <sip:c@h;cause=486>;index=1.1.1;mp=1.1
	// <sip:b@h>;reason=user-busy;counter=1;privacy=off
	// <sip:a@h>;reason=no-answer;counter=1;privacy=off
	// true
}

// A Reason has one value for each protocol.
func ExampleFindReason() {
	l := header.List{{Name: "Reason", Value: `SIP;cause=486, Q.850;cause=17;text="User busy"`}}
	r, ok := header.FindReason(l, "Q.850")
	cause, _ := r.Cause()
	fmt.Println(cause, r.Text(), ok)
	// Output:
	// 17 User busy true
}

// Headers that a URI carries are decoded once, and only those that may come that way are honoured.
func ExampleURI_Embedded() {
	u, err := header.ParseURI("sip:+15550001111@h?User-to-User=00616263%3Bencoding%3Dhex&From=x")
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, err := u.Embedded()
	if err != nil {
		fmt.Println(err)
		return
	}
	kept, changes := header.Honoured(rows)
	for _, f := range kept {
		fmt.Println("kept", f.Name, f.Value)
	}
	for _, c := range changes {
		fmt.Println(c.Action, c.Name)
	}
	// Output:
	// kept User-to-User 00616263;encoding=hex
	// added User-to-User
	// dropped From
}

// A peer that takes the first octet away is sent one more.
func ExampleDiscriminator() {
	toward := header.Trusted()
	toward.Direction, toward.Discriminator = header.Out, "add:00"
	trunk, err := toward.Compile()
	if err != nil {
		fmt.Println(err)
		return
	}
	rows, changes, err := trunk.Apply(header.Message{Kind: header.Invite}, header.List{{Name: "User-to-User", Value: "6f72646572;encoding=hex"}})
	fmt.Println(rows[0].Value, changes[0].Reason, err)
	// Output:
	// 006f72646572;encoding=hex uui-discriminator <nil>
}

// A change of target brings context of its own, which takes the place of what was there; diversions add up.
func ExampleInherit() {
	had := header.List{{Name: "User-to-User", Value: "00aa;encoding=hex"}, {Name: "X-Account-Id", Value: "4711"}, {Name: "Diversion", Value: "<sip:a@h>"}}
	for _, f := range header.Inherit(had, header.List{{Name: "Diversion", Value: "<sip:b@h>"}, {Name: "User-to-User", Value: "00bb;encoding=hex"}}) {
		fmt.Println(f.Name, "=", f.Value)
	}
	// Output:
	// Diversion = <sip:b@h>
	// X-Account-Id = 4711
	// Diversion = <sip:a@h>
	// User-to-User = 00bb;encoding=hex
}
