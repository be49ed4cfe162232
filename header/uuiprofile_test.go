package header_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/switchhook/switchhook/header"
)

func profile(t testing.TB, name string) header.UUIProfile {
	t.Helper()
	p, ok := header.FindUUIProfile(name)
	if !ok {
		t.Fatalf("no profile %s", name)
	}
	return p
}

func TestProfileWrites(t *testing.T) {
	abc, none := []byte("\xabc"), header.NoPD
	tests := []struct {
		profile string
		pd      int
		data    []byte
		want    string // "" for a payload that is refused
	}{
		{"isdn", none, abc, "User-to-User: 00AB63;encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		{"isdn", 4, abc, "User-to-User: 04AB63;encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		{"isdn", none, nil, "User-to-User: 00;encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		{"isdn", 256, abc, ""},
		{"isdn", -2, abc, ""},
		{"isdn", none, make([]byte, 128), "User-to-User: " + strings.Repeat("00", 129) + ";encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		{"isdn", none, make([]byte, 129), ""},
		{"genesys-cloud", none, abc, "User-to-User: 00AB63;encoding=hex;purpose=isdn-uui;content=isdn-uui"},
		{"avaya", none, abc, "User-to-User: 00AB63;encoding=hex"},
		{"cisco-cvp", none, abc, "User-to-User: 04AB63;encoding=hex"},
		{"amazon-connect", none, abc, "User-to-User: ab63;encoding=hex"},
		{"bandwidth", none, abc, "User-to-User: AB63;encoding=hex"},
		{"bandwidth", none, make([]byte, 170), ""},
		{"acs", none, abc, "User-To-User: ab63;encoding=hex"},
		{"acs", none, make([]byte, 129), ""},
		{"chime", none, []byte("amazon_chime_connect_integration"),
			"User-to-User: 616d617a6f6e5f6368696d655f636f6e6e6563745f696e746567726174696f6e;encoding=hex"},
		{"chime", 0, abc, "User-to-User: 00ab63;encoding=hex"},
		{"chime", none, nil, ""},
	}
	for _, tt := range tests {
		f, err := profile(t, tt.profile).Write(header.Payload{PD: tt.pd, Data: tt.data})
		got := f.Name + ": " + f.Value
		if err != nil {
			got = ""
		}
		if got != tt.want {
			t.Errorf("%s %d %x: %s %v\nwant %s", tt.profile, tt.pd, tt.data, got, err, tt.want)
		}
	}
}

func TestProfileReads(t *testing.T) {
	const u = "User-to-User: "
	tests := []struct {
		profile string
		in      []string
		pd      int
		data    string
		why     header.Undecoded
	}{
		{"genesys-cloud", []string{u + "0031;encoding=hex"}, 0, "1", ""},
		{"genesys-cloud", []string{u + "3230385a48;pd=00;encoding=hex;purpose=isdn-uui;content=isdn-uui"}, 0, "208ZH", ""},
		{"genesys-cloud", []string{"x-user-to-user: asciidata;encoding=ascii"}, -1, "asciidata", ""},
		{"genesys-cloud", []string{"X-User-to-User: a: b;c=d;encoding=ascii"}, -1, "a: b;c=d", ""},
		{"genesys-cloud", []string{"X-User-to-User: 3132;encoding=hex"}, -1, "12", ""},
		{"genesys-cloud", []string{"X-User-to-User: 3132;encoding=hex", u + "0033"}, 0, "3", ""},
		{"genesys-cloud", []string{u + "0031", u + "0032"}, -1, "", header.UndecodedAmbiguous},
		{"isdn", []string{u + "0031, 56;purpose=foo"}, 0, "1", ""},
		{"isdn", []string{u + "56;purpose=foo, 57;purpose=bar"}, -1, "", header.UndecodedMalformed},
		{"isdn", []string{u + "123456789;encoding=hex"}, -1, "", header.UndecodedOdd},
		{"isdn", []string{u + "0000001.This is a test;encoding=text"}, -1, "", header.UndecodedMalformed},
		{"isdn", []string{u + `"";encoding=hex`}, -1, "", header.UndecodedMalformed},
		{"avaya", []string{u + "00FA080001247C5E46F6E6;encoding=hex"}, 0, "\xfa\x08\x00\x01\x24\x7c\x5e\x46\xf6\xe6", ""},
		{"chime", []string{u + "616263;encoding=hex"}, -1, "abc", ""},
	}
	for _, tt := range tests {
		got, ok, err := profile(t, tt.profile).Read(rows(tt.in...))
		var why header.Undecoded
		errors.As(err, &why)
		if !ok || got.PD != tt.pd || string(got.Data) != tt.data || why != tt.why {
			t.Errorf("%s %v: %d %q %v %v", tt.profile, tt.in, got.PD, got.Data, ok, err)
		}
	}
	if _, ok, err := profile(t, "isdn").Read(rows("X-User-to-User: 00")); ok || err != nil {
		t.Error("found what is not there", err)
	}
}

func TestProfilesReadWhatTheyWrite(t *testing.T) {
	for _, p := range header.UUIProfiles() {
		if err := p.Check(); err != nil {
			t.Error(err)
		}
		for _, pd := range []int{header.NoPD, 0, 4, 255} {
			f, err := p.Write(header.Payload{PD: pd, Data: []byte("order 7")})
			if err != nil {
				t.Errorf("%s: %v", p.Name, err)
				continue
			}
			got, ok, err := p.Read(header.List{f})
			want := "order 7"
			if p.PD == header.PDKeep && pd != header.NoPD {
				want = string(rune(pd)) + want // it is data there
				if pd == 255 {
					want = "\xfforder 7"
				}
			}
			if !ok || err != nil || string(got.Data) != want {
				t.Errorf("%s, %d: %s is read %q, %v", p.Name, pd, f.Value, got.Data, err)
			}
		}
	}
	for _, mode := range []header.PDMode{header.PDStrip, header.PDParam} {
		p := header.UUIProfile{Name: "made", Header: "X-Uui", PD: mode, DefaultPD: 4}
		f, err := p.Write(header.Payload{PD: header.NoPD, Data: []byte("a")})
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := p.Read(header.List{f})
		if err != nil || string(got.Data) != "a" || (mode == header.PDParam) != (got.PD == 4) {
			t.Errorf("%s: %s is read %d %q %v", mode, f.Value, got.PD, got.Data, err)
		}
	}
	for _, p := range []header.UUIProfile{{}, {PD: header.PDAdd}, {PD: header.PDAdd, Header: "X", Also: []string{"a b"}}, {PD: header.PDAdd, Header: "X", MaxOctets: -1}} {
		if p.Check() == nil {
			t.Errorf("%+v passes", p)
		}
	}
}

func TestPayloadAsJSON(t *testing.T) {
	for _, p := range []header.Payload{{PD: header.NoPD, Data: []byte("a")}, {PD: 0, Data: []byte{}}, {PD: 4, Data: []byte{0xab}}} {
		text, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back header.Payload
		if err := json.Unmarshal(text, &back); err != nil || !cmp.Equal(p, back) {
			t.Errorf("%s: %+v %v", text, back, err)
		}
	}
	for _, text := range []string{`{"dataHex":"0"}`, `{"dataHex":"zz"}`, `[]`} {
		var p header.Payload
		if err := json.Unmarshal([]byte(text), &p); err == nil {
			t.Errorf("%s gives %+v", text, p)
		}
	}
}
