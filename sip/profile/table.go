package profile

import (
	"time"

	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/header"
)

// All gives the table of kinds of peers, a new copy at each call. Only what was seen on the wire or stands in the
// maker's documents is set; what suits every peer is in no profile.
func All() []Profile { return append(equipment(), services()...) }

// equipment is what people run themselves.
func equipment() []Profile {
	return []Profile{
		{
			Name: "cisco-cucm", Peer: "Cisco Unified Communications Manager",
			Options: directory.Options{Signalling: directory.Signalling{Session: 30 * time.Minute}},
			In:      header.Policy{Rules: []header.Rule{{Match: "Cisco-Guid", Do: header.Keep}}},
			Why:     "it asks for sessions of no less than 30 min; Cisco-Guid names the call in its own records",
			Source:  "INVITE without offer and 180 of a 10.5",
		},
		{
			Name: "cisco-cvp", Peer: "Cisco Unified Customer Voice Portal",
			Options: directory.Options{Signalling: directory.Signalling{Session: 30 * time.Minute}},
			In: header.Policy{Rules: []header.Rule{
				{Match: "History-Info", Do: header.Drop}, {Match: "Cisco-Guid", Do: header.Keep}, {Match: "Cisco-Gucid", Do: header.Keep},
			}},
			Out: header.Policy{Diversion: header.FormDiversion},
			UUI: "cisco-cvp",
			Why: `its History-Info holds garbage ("<sip:\u95>") while its Diversion is sound; Cisco-Gucid names the call in its records`,

			Source: "INVITE of a CVP 10.5; Unified CVP configuration guide",
		},
		{
			Name: "avaya-sm", Peer: "Avaya Session Manager and Communication Manager",
			Options: directory.Options{Signalling: directory.Signalling{Session: 30 * time.Minute, Oversize: directory.OversizeTCP}},
			In:      header.Policy{Rules: []header.Rule{{Match: "Av-Global-Session-ID", Do: header.Keep}}},
			Out:     header.Policy{Diversion: header.FormHistory},
			UUI:     "avaya",
			Why: "its own INVITEs have 3.5 KB and it listens on TCP; it tells of diversions as History-Info; " +
				"Av-Global-Session-ID names the call in its records",
			Source: "INVITE with User-to-User and History-Info; 200 of a 7.1",
		},
		{
			Name: "eltex", Peer: "Eltex SMG gateway",
			Options: directory.Options{Signalling: directory.Signalling{Session: 30 * time.Minute}},
			Out:     header.Policy{Diversion: header.FormDiversion},
			Why:     "it tells of diversions as Diversion, one row for each, with tel addresses",
			Source:  "INVITE of an SMG 3.19 with two rows",
		},
		{
			Name: "samsung-ue", Peer: "Samsung telephone, IPv6",
			Options: directory.Options{Signalling: directory.Signalling{Oversize: directory.OversizeTCP}},
			In:      header.Policy{Rules: []header.Rule{{Match: "P-Access-Network-Info", Do: header.Drop}}},
			Out:     header.Policy{Diversion: header.FormHistory},
			Why:     "History-Info without rc or mp; the number bears a phone-context; P-Access-Network-Info tells where it is",
			Source:  "its VoLTE INVITE over TCP and IPv6",
		},
		{
			Name: "audiocodes", Peer: "AudioCodes SBC and gateway",
			In:     header.Policy{Rules: []header.Rule{{Match: "X-UserToUser", Do: header.Keep}, {Match: "X-User-to-User", Do: header.Keep}}},
			Out:    header.Policy{Rules: []header.Rule{{Match: "X-UserToUser", Do: header.Keep}, {Match: "X-User-to-User", Do: header.Keep}}},
			Why:    "it bears User-to-User as text, without a discriminator, in headers of two names of its own",
			Source: "AudioCodes SBC, SIPREC with Avaya equipment",
		},
		{
			Name: "freeswitch", Peer: "FreeSWITCH",
			Options: directory.Options{Transfer: directory.Transfer{Strategy: "both"}},
			Why:     "of a REFER it copies the rows of the REFER itself and not those of the Refer-To, which other receivers read",
			Source:  "its REFER with User-to-User in both places",
		},
		{
			Name: "asterisk", Peer: "Asterisk (PJSIP)",
			Options: directory.Options{Signalling: directory.Signalling{Budget: 4000}},
			Out:     header.Policy{Diversion: header.FormDiversion},
			Why:     "it reads packets of up to 4000 bytes, and tells of diversions as Diversion, in 181 too",
			Source:  "PJSIP, PJSIP_MAX_PKT_LEN; Asterisk's tests of Diversion",
		},
	}
}

// services are what others run.
func services() []Profile {
	return []Profile{
		{
			Name: "twilio", Peer: "Twilio Elastic SIP Trunking",
			Options: directory.Options{Login: directory.Login{Weak: true}},
			Out:     header.Policy{Rules: []header.Rule{{Match: "X-Twilio-*", Do: header.Drop}}},
			Why:     "its digest challenge names no algorithm, which means MD5; the names X-Twilio-* are its own to set",
			Source:  "a trunk's INVITE and 407; Twilio, custom SIP headers",
		},
		{
			Name: "telnyx", Peer: "Telnyx",
			Out: header.Policy{Diversion: header.FormDiversion, Rules: []header.Rule{
				{Match: "Diversion", Do: header.RewriteHost, To: "sip.telnyx.com"}}},
			Why:    "it refuses diverted calls whose Diversion does not name a number of the account at sip.telnyx.com",
			Source: "Telnyx, transfer of calls",
		},
		{
			Name: "genesys-cloud", Peer: "Genesys Cloud",
			Options: directory.Options{Transfer: directory.Transfer{Strategy: "refer-to"}},
			Out:     header.Policy{Discriminator: header.DiscriminatorAdd + "00"},
			UUI:     "genesys-cloud",
			Why: "it takes the first octet of User-to-User away unless ;pd= is there: one is put before, so that no octet of the " +
				"application is lost (discriminator: keep, strip or param say otherwise); of a REFER it reads the Refer-To alone",
			Source: "Genesys Cloud, UUI data formats",
		},
		{
			Name: "ims", Peer: "IMS core (VoLTE, fixed)",
			Options: directory.Options{Signalling: directory.Signalling{Oversize: directory.OversizeTCP}},
			In:      header.Policy{Rules: []header.Rule{{Match: "P-Access-Network-Info", Do: header.Drop}}},
			Out:     header.Policy{Diversion: header.FormHistory},
			Why:     "diversions are History-Info there; P-Access-Network-Info tells in which cell a person stands; INVITEs exceed 1300 bytes",
			Source:  "a VoLTE INVITE; 3GPP TS 24.229 and 24.604; RFC 7315",
		},
	}
}
