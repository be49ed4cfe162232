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
}

type associateIn struct {
	E164PhoneNumbers []string
	ForceAssociate   *bool
}

func (c *control) associate(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.eachNumber(r, in, func(vc connector, n directory.Number) (directory.Number, numberVendor, error) {
		vendor := vendorOf(n)
		switch {
		case n.Trunk == vc.ID:
		case n.Trunk != "" && !isTrue(in.ForceAssociate):
			e := conflict("It is associated with VoiceConnector %s: disassociate it first, or set ForceAssociate", n.Trunk)
			e.Code = "PhoneNumberAssociationsExist"
			return n, vendor, e
		case vendor.ProductType == forDialIn:
			return n, vendor, badRequest("Its ProductType is %s: change it to %s with UpdatePhoneNumber first", forDialIn, forConnector)
		default:
			vendor.ProductType, vendor.Associated = forConnector, c.now()
		}
		n.Trunk = vc.ID
		return n, vendor, nil
	})
}

func (c *control) disassociate(r *request, in associateIn) (phoneNumberErrorsOut, error) {
	return c.eachNumber(r, in, func(vc connector, n directory.Number) (directory.Number, numberVendor, error) {
		vendor := vendorOf(n)
		if n.Trunk != vc.ID {
			return n, vendor, badRequest("It is not associated with VoiceConnector %s", vc.ID)
		}
		n.Trunk, vendor.Associated = "", time.Time{}
		return n, vendor, nil
	})
}

// eachNumber changes numbers one by one; what fails for one is told beside the others.
func (c *control) eachNumber(r *request, in associateIn, f func(connector, directory.Number) (directory.Number, numberVendor, error)) (phoneNumberErrorsOut, error) {
	out := phoneNumberErrorsOut{PhoneNumberErrors: []phoneNumberError{}}
	var v checks
	numbers := v.numbers("E164PhoneNumbers", in.E164PhoneNumbers, maxNumbers)
	if err := v.result(); err != nil {
		return out, err
	}
	return out, c.change(func() error {
		vc, err := c.findConnector(r, r.path("id"))
		if err != nil {
			return err
		}
		for _, e164 := range numbers {
			n, err := c.findNumber(r, e164)
			var vendor numberVendor
			if err == nil {
				n, vendor, err = f(vc, n)
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
