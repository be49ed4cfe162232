package header_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/switchhook/switchhook/header"
)

// The discriminator is added, taken away or moved as the trunk says, and what can't be decoded passes as it came.
func TestDiscriminator(t *testing.T) {
	for _, c := range []struct {
		do        header.Discriminator
		was, want string
	}{
		{"keep", "6f7264;encoding=hex", "6f7264;encoding=hex"},
		{"add:00", "6f7264;encoding=hex", "006f7264;encoding=hex"},
		{"add:04", `"6f7264";encoding=hex`, "046f7264;encoding=hex"},
		{"add:00", "3230;pd=04;encoding=hex;purpose=isdn-uui", "043230;encoding=hex;purpose=isdn-uui"},
		{"strip", "006f7264;encoding=hex", "6f7264;encoding=hex"},
		{"strip", "6f7264;encoding=hex;pd=00", "6f7264;encoding=hex"},
		{"strip", "00;encoding=hex", "00;encoding=hex"}, // the octet that asks for the service stays
		{"param", "006f7264;encoding=hex;content=isdn-uui", "6f7264;pd=00;encoding=hex;content=isdn-uui"},
		{"param", "6f7264;pd=00;encoding=hex", "6f7264;pd=00;encoding=hex"},
		{"add:00", "123456789;encoding=hex", "123456789;encoding=hex"},
		{"strip", "00C8426613D31%3Bencoding%3Dhex", "00C8426613D31%3Bencoding%3Dhex"},
		{"add:00", "56a3;encoding=hex;purpose=foo", "56a3;encoding=hex;purpose=foo"},
		{"strip", "0056;encoding=hex, 0057;purpose=foo;encoding=hex", "56;encoding=hex, 0057;purpose=foo;encoding=hex"},
		{"param", "hello world;encoding=ascii", "hello world;encoding=ascii"},
	} {
		p, err := header.Policy{Discriminator: c.do, Rules: []header.Rule{{Match: "*", Do: header.Keep}}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		out, changes, err := p.Apply(header.Message{Kind: header.Invite}, header.List{{Name: "User-to-User", Value: c.was}})
		if err != nil || len(out) != 1 || len(changes) != 1 || out[0].Value != c.want {
			t.Errorf("%s %s: %v, %v, want %s", c.do, c.was, out, err, c.want)
			continue
		}
		told := changes[0].Action == header.Rewritten && changes[0].Reason == header.BecauseDiscriminator && changes[0].NewValue == c.want
		if told != (c.was != c.want) {
			t.Errorf("%s %s is told as %+v", c.do, c.was, changes[0])
		}
	}
	for _, d := range []header.Discriminator{"add", "add:", "add:0", "add:zz", "add:0000", "drop"} {
		if _, err := (header.Policy{Discriminator: d}).Compile(); err == nil {
			t.Errorf("%q compiles", d)
		}
	}
}

// What is added is taken away again, whatever the octets.
func TestDiscriminatorAddedAndStripped(t *testing.T) {
	compile := func(d header.Discriminator) *header.Compiled {
		p, err := header.Policy{Discriminator: d, Rules: []header.Rule{{Match: "User-to-User", Do: header.Keep}}}.Compile()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	add, strip := compile("add:7F"), compile("strip")
	rapid.Check(t, func(t *rapid.T) {
		octets := rapid.SliceOfN(rapid.Byte(), 1, header.MaxISDNOctets-1).Draw(t, "octets")
		u, err := header.NewUserToUser(octets)
		if err != nil {
			t.Fatal(err)
		}
		rows := header.List{{Name: "User-to-User", Value: u.String()}}
		there, _, err := add.Apply(header.Message{Kind: header.Invite}, rows)
		if err != nil || there[0].Value != "7F"+u.String() {
			t.Fatalf("%v, %v", there, err)
		}
		if back, _, err := strip.Apply(header.Message{Kind: header.Invite}, there); err != nil || back[0] != rows[0] {
			t.Fatalf("%v, %v, want %v", back, err, rows)
		}
	})
}
