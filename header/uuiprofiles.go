package header

// UUIProfiles gives the table of vendors' forms of User-to-User, a new copy at each call. The first, "isdn", is the
// standard's own. "avaya" gives Avaya's elements (FA the call's UCID, C8 an application's data) as they are.
func UUIProfiles() []UUIProfile {
	return []UUIProfile{
		{
			Name: "isdn", Header: "User-to-User", PD: PDAdd, Purpose: true, Content: true, MaxOctets: MaxISDNOctets,
			Source: "RFC 7433, RFC 7434",
		},
		{
			// Genesys takes the first octet away unless there is ;pd=.
			Name: "genesys-cloud", Header: "User-to-User", Also: []string{"x-User-to-User"}, PD: PDAdd,
			Purpose: true, Content: true, Text: true, MaxOctets: MaxISDNOctets,
			Source: "help.mypurecloud.com, UUI data formats",
		},
		{
			Name: "avaya", Header: "User-to-User", PD: PDAdd, MaxOctets: MaxISDNOctets,
			Source: "Session Manager traces; AudioCodes, SIPREC with Avaya equipment",
		},
		{
			// CVP hands the octets to ICM as ASCII: 04 says IA5 characters.
			Name: "cisco-cvp", Header: "User-to-User", PD: PDAdd, DefaultPD: 0x04, MaxOctets: MaxISDNOctets,
			Source: "Cisco Unified CVP configuration guide, How UUI is delivered",
		},
		{
			// Connect reaches SIP through a Chime SDK Voice Connector and shows the header as it stands.
			Name: "amazon-connect", Header: "User-to-User", PD: PDKeep, LowerHex: true, MaxLength: 2048,
			Source: "Amazon Connect, TransferParticipantToThirdParty; Amazon Chime SDK, Using SIP headers",
		},
		{
			Name: "bandwidth", Header: "User-to-User", PD: PDKeep, MaxLength: 350,
			Source: "Bandwidth Voice API, uui of createCall",
		},
		{
			Name: "acs", Header: "User-To-User", PD: PDKeep, LowerHex: true, MaxLength: 256,
			Source: "Azure Communication Services, custom calling context",
		},
		{
			Name: "chime", Header: "User-to-User", PD: PDKeep, LowerHex: true, MaxLength: 2048,
			Source: "Amazon Chime SDK, Using SIP headers",
		},
	}
}

// FindUUIProfile gives the profile of the name, and whether there is one. Look it up once, not for each call.
func FindUUIProfile(name string) (UUIProfile, bool) {
	for _, p := range UUIProfiles() {
		if p.Name == name {
			return p, true
		}
	}
	return UUIProfile{}, false
}
