package chime

import (
	"errors"
	"net/http"
	"time"

	"github.com/switchhook/switchhook/directory"
)

var associationOperations = []operation{
	{"AssociatePhoneNumbersWithVoiceConnector", "POST", "/voice-connectors/{id}", "operation=associate-phone-numbers", http.StatusOK, with((*control).associate)},
	{"DisassociatePhoneNumbersFromVoiceConnector", "POST", "/voice-connectors/{id}", "operation=disassociate-phone-numbers", http.StatusOK, with((*control).disassociate)},
	{"AssociatePhoneNumbersWithVoiceConnectorGroup", "POST", "/voice-connector-groups/{id}", "operation=associate-phone-numbers", http.StatusOK, with((*control).associateGroup)},
	{"DisassociatePhoneNumbersFromVoiceConnectorGroup", "POST", "/voice-connector-groups/{id}", "operation=disassociate-phone-numbers", http.StatusOK, with((*control).disassociateGroup)},
}

type associateIn struct {
	E164PhoneNumbers []string
	ForceAssociate   *bool
}

// owner is what numbers are associated with: a Voice Connector, or a group of them.
type owner struct{ what, id string }

// connectorOwner finds the Voice Connector of the path.
func (c *control) connectorOwner(r *request) (owner, error) {
	vc, err := c.findConnector(r, r.path("id"))
	return owner{"VoiceConnector", vc.ID}, err
}

// groupOwner finds the Voice Connector group of the path.
func (c *control) groupOwner(r *request) (owner, error) {
	g, err := c.findGroup(r, r.path("id"))
	return owner{"VoiceConnectorGroup", g.ID}, err
}

func (c *control) associate(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.associateWith(r, in, c.connectorOwner)
}

func (c *control) associateGroup(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.associateWith(r, in, c.groupOwner)
}

func (c *control) disassociate(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.disassociateFrom(r, in, c.connectorOwner)
}

func (c *control) disassociateGroup(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.disassociateFrom(r, in, c.groupOwner)
}

func (c *control) associateWith(r *request, in associateIn, find func(*request) (owner, error)) (phoneNumberErrorsOut, error) {
	return c.eachNumber(r, in, find, func(to owner, n directory.Number) (directory.Number, numberVendor, error) {
		vendor := vendorOf(n)
		switch {
		case n.Trunk == to.id:
		case n.Trunk != "" && !isTrue(in.ForceAssociate):
			e := conflict("It is associated with %s %s: disassociate it first, or set ForceAssociate", c.trunkWord(n.Trunk), n.Trunk)
			e.Code = "PhoneNumberAssociationsExist"
			return n, vendor, e
		case vendor.ProductType == forDialIn:
			return n, vendor, badRequest("Its ProductType is %s: change it to %s with UpdatePhoneNumber first", forDialIn, forConnector)
		default:
			vendor.ProductType, vendor.Associated = forConnector, c.now()
		}
		n.Trunk = to.id
		return n, vendor, nil
	})
}

func (c *control) disassociateFrom(r *request, in associateIn, find func(*request) (owner, error)) (phoneNumberErrorsOut, error) {
	return c.eachNumber(r, in, find, func(from owner, n directory.Number) (directory.Number, numberVendor, error) {
		vendor := vendorOf(n)
		if n.Trunk != from.id {
			return n, vendor, badRequest("It is not associated with %s %s", from.what, from.id)
		}
		n.Trunk, vendor.Associated = "", time.Time{}
		return n, vendor, nil
	})
}

// trunkWord says what a number's trunk is in the vendor's words.
func (c *control) trunkWord(id string) string {
	if t, ok := c.cfg.Store.Snapshot().Trunk(id); ok {
		if _, ok := asGroup(*t); ok {
			return "VoiceConnectorGroup"
		}
	}
	return "VoiceConnector"
}

// eachNumber changes numbers one by one; what fails for one is told beside the others.
func (c *control) eachNumber(r *request, in associateIn, find func(*request) (owner, error), f func(owner, directory.Number) (directory.Number, numberVendor, error)) (phoneNumberErrorsOut, error) {
	out := phoneNumberErrorsOut{PhoneNumberErrors: []phoneNumberError{}}
	var v checks
	numbers := v.numbers("E164PhoneNumbers", in.E164PhoneNumbers, maxNumbers)
	if err := v.result(); err != nil {
		return out, err
	}
	return out, c.change(func() error {
		of, err := find(r)
		if err != nil {
			return err
		}
		for _, e164 := range numbers {
			n, err := c.findNumber(r, e164)
			var vendor numberVendor
			if err == nil {
				n, vendor, err = f(of, n)
			}
			if err == nil {
				_, err = c.saveNumber(r, n, vendor)
			}
			var api *apiError
			if errors.As(err, &api) {
				out.PhoneNumberErrors = append(out.PhoneNumberErrors, phoneNumberError{escapedNumber(e164), api.Code, api.Message})
			} else if err != nil {
				return err
			}
		}
		return nil
	})
}
