package chime

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// Settings of an account, and what does not depend on one.
var settingsOperations = []operation{
	{"GetGlobalSettings", "GET", "/settings", "", http.StatusOK, bare((*control).getSettings)},
	{"UpdateGlobalSettings", "PUT", "/settings", "", http.StatusNoContent, with((*control).updateSettings)},
	{"GetPhoneNumberSettings", "GET", "/settings/phone-number", "", http.StatusOK, bare((*control).getNumberSettings)},
	{"UpdatePhoneNumberSettings", "PUT", "/settings/phone-number", "", http.StatusNoContent, with((*control).updateNumberSettings)},
	{"ListSupportedPhoneNumberCountries", "GET", "/phone-number-countries", "", http.StatusOK, bare((*control).listCountries)},
	{"ListAvailableVoiceConnectorRegions", "GET", "/voice-connector-regions", "", http.StatusOK, bare((*control).listRegions)},
	{"ValidateE911Address", "POST", "/emergency-calling/address", "", http.StatusAccepted, with((*control).validateAddress)},
}

// bucketName is the vendor's pattern, but for the names that it excludes: those that begin with xn-- or end with -s3alias.
var bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)

// accountSettings is what an account's document holds.
type accountSettings struct {
	Global             settingsBody
	CallingName        string    `json:",omitempty"`
	CallingNameUpdated time.Time `json:",omitzero"`
}

func (d *Dialect) settingsTable() directory.Table[directory.Document] {
	return d.cfg.Store.Vendor("chime-settings")
}

// settingsOf gives an account's settings; zero ones when none were put.
func (d *Dialect) settingsOf(ctx context.Context, account string) (s accountSettings, err error) {
	doc, err := d.settingsTable().Get(ctx, account)
	if errors.Is(err, directory.ErrNotFound) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(doc.Body, &s)
	}
	return s, err
}

// CdrBucket gives the bucket that an account's call detail records go into, as UpdateGlobalSettings was given it; empty when there
// is none.
func (d *Dialect) CdrBucket(ctx context.Context, account string) (string, error) {
	s, err := d.settingsOf(ctx, account)
	if v := s.Global.VoiceConnector; err == nil && v != nil && v.CdrBucket != nil {
		return *v.CdrBucket, nil
	}
	return "", err
}

// changeSettings changes the settings of the asking account as one step.
func (c *control) changeSettings(r *request, f func(*accountSettings)) error {
	return c.change(func() error {
		s, err := c.settingsOf(r, r.account)
		if err != nil {
			return err
		}
		f(&s)
		body, err := json.Marshal(s)
		if err != nil {
			return err
		}
		doc := directory.Document{ID: r.account, Account: r.account, Body: body, Created: c.now(), Updated: c.now()}
		if err := c.settingsTable().Update(r, doc); !errors.Is(err, directory.ErrNotFound) {
			return err
		}
		return c.settingsTable().Create(r, doc)
	})
}

func (c *control) getSettings(r *request) (settingsBody, error) {
	s, err := c.settingsOf(r, r.account)
	if s.Global.VoiceConnector == nil {
		s.Global.VoiceConnector = &callRecordSettings{}
	}
	return s.Global, err
}

// updateSettings replaces the settings that are given and keeps the others.
func (c *control) updateSettings(r *request, in settingsBody) (nothing, error) {
	var v checks
	v.bucket("VoiceConnector.CdrBucket", in.VoiceConnector)
	v.bucket("BusinessCalling.CdrBucket", in.BusinessCalling)
	if err := v.result(); err != nil {
		return nothing{}, err
	}
	defer c.cdrs.forget(r.account)
	return nothing{}, c.changeSettings(r, func(s *accountSettings) {
		if in.VoiceConnector != nil {
			s.Global.VoiceConnector = in.VoiceConnector
		}
		if in.BusinessCalling != nil {
			s.Global.BusinessCalling = in.BusinessCalling
		}
	})
}

func (c *checks) bucket(member string, s *callRecordSettings) {
	if s == nil || s.CdrBucket == nil {
		return
	}
	if v := *s.CdrBucket; !bucketName.MatchString(v) || strings.HasPrefix(v, "xn--") || strings.HasSuffix(v, "-s3alias") {
		c.fail("%s: %s is no bucket's name: 3 to 63 small letters, digits and hyphens", member, quote(v))
	}
}

func (c *control) getNumberSettings(r *request) (phoneNumberSettings, error) {
	s, err := c.settingsOf(r, r.account)
	return phoneNumberSettings{s.CallingName, timestamp(s.CallingNameUpdated)}, err
}

func (c *control) updateNumberSettings(r *request, in numberIn) (nothing, error) {
	var v checks
	if in.CallingName == nil {
		v.fail("CallingName: it is required; an empty one takes it away")
	}
	v.callingName("CallingName", in.CallingName)
	if err := v.result(); err != nil {
		return nothing{}, err
	}
	return nothing{}, c.changeSettings(r, func(s *accountSettings) { s.CallingName, s.CallingNameUpdated = *in.CallingName, c.now() })
}

// listCountries gives the countries that a number can be told to be of: whether the operator has numbers there, a search says.
func (c *control) listCountries(r *request) (any, error) {
	var v checks
	v.oneOf("ProductType", r.query.Get("product-type"), forConnector, forDialIn)
	if err := v.result(); err != nil {
		return nil, err
	}
	out := struct{ PhoneNumberCountries []phoneNumberCountry }{[]phoneNumberCountry{}}
	for _, code := range slices.Sorted(maps.Values(countries)) {
		types := []string{"Local"}
		if code == "US" {
			types = append(types, "TollFree")
		}
		out.PhoneNumberCountries = append(out.PhoneNumberCountries, phoneNumberCountry{code, types})
	}
	return out, nil
}

func (c *control) listRegions(*request) (any, error) {
	return struct{ VoiceConnectorRegions []string }{connectorRegions}, nil
}

// maxAddress bounds each part of an address.
const maxAddress = 256

// validateAddress looks at an address's form alone: nothing here knows which addresses there are. Result 0, the vendor's word for an
// address that it found, says no more than that all its parts are there.
func (c *control) validateAddress(r *request, in addressIn) (out addressOut, err error) {
	var v checks
	for _, part := range []struct {
		member string
		value  *string
	}{{"AwsAccountId", in.AwsAccountID}, {"StreetNumber", in.StreetNumber}, {"StreetInfo", in.StreetInfo}, {"City", in.City},
		{"State", in.State}, {"Country", in.Country}, {"PostalCode", in.PostalCode}} {
		if part.value == nil || strings.TrimSpace(*part.value) == "" || len(*part.value) > maxAddress {
			v.fail("%s: it is required, with 1 to %d bytes", part.member, maxAddress)
		}
	}
	if err := v.result(); err != nil {
		return out, err
	}
	if !country.MatchString(*in.Country) {
		return out, badRequest("Country: %s must be two capital letters, as US", quote(*in.Country))
	}
	if *in.AwsAccountID != r.account {
		return out, badRequest("AwsAccountId: %s is not the account of this key", quote(*in.AwsAccountID))
	}
	return addressOut{
		AddressExternalID:    newID(),
		Address:              address{*in.StreetInfo, *in.StreetNumber, *in.City, *in.State, *in.PostalCode, *in.Country},
		CandidateAddressList: []json.RawMessage{},
	}, nil
}
