package chime

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/switchhook/switchhook/directory"
)

var numberOperations = []operation{
	{"SearchAvailablePhoneNumbers", "GET", "/search", "type=phone-numbers", http.StatusOK, bare((*control).searchNumbers)},
	{"GetPhoneNumber", "GET", "/phone-numbers/{id}", "", http.StatusOK, bare((*control).getNumber)},
	{"ListPhoneNumbers", "GET", "/phone-numbers", "", http.StatusOK, bare((*control).listNumbers)},
	{"UpdatePhoneNumber", "POST", "/phone-numbers/{id}", "", http.StatusOK, with((*control).updateNumber)},
}

// maxNumbers bounds the numbers of one request.
const maxNumbers = 100

// numberVendor is what directory.Number.Vendor holds.
type numberVendor struct {
	ProductType string    `json:",omitempty"`
	Name        string    `json:",omitempty"`
	CallingName string    `json:",omitempty"`
	OrderID     string    `json:"OrderId,omitempty"`
	Associated  time.Time `json:",omitzero"`  // with its trunk
	Released    *released `json:",omitempty"` // of a number without an account: it is in the deletion queue
}

func numberID(n directory.Number) string { return n.E164 }

// vendorOf reads a number's vendor part; a number that the operator declared has none.
func vendorOf(n directory.Number) numberVendor {
	var v numberVendor
	_ = json.Unmarshal(n.Vendor, &v)
	return v
}

func (c *control) searchNumbers(r *request) (any, error) {
	var v checks
	area, free, kind, in := r.query.Get("area-code"), r.query.Get("toll-free-prefix"), r.query.Get("phone-number-type"), r.query.Get("country")
	if area != "" && (len(area) != 3 || strings.Trim(area, "0123456789") != "") {
		v.fail("AreaCode: %s must have three digits", quote(area))
	}
	if free != "" && !tollFree.MatchString(free) {
		v.fail("TollFreePrefix: %s is none of 800, 833, 844, 855, 866, 877, 888", quote(free))
	}
	if kind != "" {
		v.oneOf("PhoneNumberType", kind, "Local", "TollFree")
	}
	if in != "" && !country.MatchString(in) {
		v.fail("Country: %s must be two capital letters, as US", quote(in))
	}
	if err := v.result(); err != nil {
		return nil, err
	}
	// City and State are passed over: nothing here knows where in a country a number is.
	stock, token, err := pageOf(r, "stock", 500, c.cfg.Store.Numbers(), "", numberID, func(n directory.Number) bool {
		return c.inStock(n) && (area == "" || strings.HasPrefix(n.E164, "+1"+area)) && (free == "" || strings.HasPrefix(n.E164, "+1"+free)) &&
			(kind == "" || typeOf(n.E164) == kind) && (in == "" || countryOf(n.E164) == in)
	})
	out := struct {
		E164PhoneNumbers []string
		NextToken        string `json:",omitempty"`
	}{make([]string, 0, len(stock)), token}
	for _, n := range stock {
		out.E164PhoneNumbers = append(out.E164PhoneNumbers, n.E164)
	}
	return out, err
}

// getNumber shows a number of the account, in its inventory or in its deletion queue.
func (c *control) getNumber(r *request) (phoneNumberOut, error) {
	n, err := c.findNumber(r, r.path("id"))
	if err != nil {
		if queued, ok := c.findQueued(r, r.path("id")); ok {
			n, err = queued, nil
		}
	}
	return phoneNumberOut{c.numberModel(n)}, err
}

func (c *control) listNumbers(r *request) (any, error) {
	var v checks
	status, product, name, value := r.query.Get("status"), r.query.Get("product-type"), r.query.Get("filter-name"), r.query.Get("filter-value")
	if product != "" {
		v.oneOf("ProductType", product, forConnector, forDialIn)
	}
	if name != "" {
		v.oneOf("FilterName", name, "VoiceConnectorId", "VoiceConnectorGroupId", "SipRuleId")
	}
	if (name == "") != (value == "") {
		v.fail("FilterName and FilterValue: give both or neither")
	}
	if err := v.result(); err != nil {
		return nil, err
	}
	if err := c.findUser(r, name, value); err != nil {
		return nil, err
	}
	account, list, of := r.account, "numbers", func(directory.Number) bool { return true }
	if status == stateDeleting { // those in the deletion queue have no account
		account, list, of = "", "queue", func(n directory.Number) bool { return c.isQueued(n, r.account) }
	}
	found, token, err := pageOf(r, list, 100, c.cfg.Store.Numbers(), account, numberID, func(n directory.Number) bool {
		if !of(n) {
			return false
		}
		m := c.numberModel(n)
		if status != "" && m.Status != status || product != "" && m.ProductType != product {
			return false
		}
		for _, a := range m.Associations {
			if a.Name == name && a.Value == value {
				return true
			}
		}
		return name == ""
	})
	out := struct {
		PhoneNumbers []phoneNumberModel
		NextToken    string `json:",omitempty"`
	}{make([]phoneNumberModel, 0, len(found)), token}
	for _, n := range found {
		out.PhoneNumbers = append(out.PhoneNumbers, c.numberModel(n))
	}
	return out, err
}

// findUser tells whether the account has what its numbers are listed by: what uses them.
func (c *control) findUser(r *request, filter, id string) (err error) {
	switch filter {
	case "VoiceConnectorId":
		_, err = c.findConnector(r, id)
	case "VoiceConnectorGroupId":
		_, err = c.findGroup(r, id)
	case "SipRuleId":
		_, err = c.findRule(r, id)
	}
	return err
}

type numberIn struct {
	ProductType, CallingName, Name *string
}

// check tells whether one attribute is given, and whether it is good.
func (in numberIn) check() error {
	var v checks
	given := 0
	for _, p := range []*string{in.ProductType, in.CallingName, in.Name} {
		if p != nil {
			given++
		}
	}
	if given != 1 {
		v.fail("Give one of ProductType, CallingName and Name; %d are given", given)
	}
	if in.ProductType != nil {
		v.oneOf("ProductType", *in.ProductType, forConnector, forDialIn)
	}
	v.callingName("CallingName", in.CallingName)
	v.numberName("Name", in.Name)
	return v.result()
}

func (c *control) updateNumber(r *request, in numberIn) (out phoneNumberOut, err error) {
	if err := in.check(); err != nil {
		return out, err
	}
	err = c.change(func() error {
		n, err := c.setNumber(r, r.path("id"), in)
		out.PhoneNumber = c.numberModel(n)
		return err
	})
	return out, err
}

// setNumber changes one attribute of a number.
func (c *control) setNumber(r *request, id string, in numberIn) (directory.Number, error) {
	n, err := c.findNumber(r, id)
	if err != nil {
		return n, err
	}
	vendor := vendorOf(n)
	switch {
	case in.CallingName != nil:
		vendor.CallingName = *in.CallingName
	case in.Name != nil:
		vendor.Name = *in.Name
	case *in.ProductType == forDialIn && n.Trunk != "":
		return n, conflict("PhoneNumber %s is associated with %s %s: disassociate it first", n.E164, c.trunkWord(n.Trunk), n.Trunk)
	default:
		vendor.ProductType = *in.ProductType
	}
	return c.saveNumber(r, n, vendor)
}

// findNumber gives a number of the account by its PhoneNumberId, in any spelling.
func (c *control) findNumber(r *request, id string) (directory.Number, error) {
	e164, ok := phoneNumber(id)
	if !ok {
		return directory.Number{}, badRequest("PhoneNumberId: %s is no E.164 number: write it like +12065550100", quote(id))
	}
	n, err := c.cfg.Store.Numbers().Get(r, e164)
	if errors.Is(err, directory.ErrNotFound) || err == nil && n.Account != r.account {
		return directory.Number{}, notFound("PhoneNumber", e164)
	}
	return n, err
}

func (c *control) saveNumber(r *request, n directory.Number, vendor numberVendor) (directory.Number, error) {
	raw, err := json.Marshal(vendor)
	if err != nil {
		return n, err
	}
	n.Vendor, n.Updated = raw, c.now()
	if n.Created.IsZero() {
		n.Created = n.Updated
	}
	return n, c.cfg.Store.Numbers().Update(r, n)
}

// escapedNumber gives the PhoneNumberId: the vendor's is the number with its plus sign escaped, as text.
func escapedNumber(e164 string) string { return strings.Replace(e164, "+", "%2B", 1) }

func (c *control) numberArn(n directory.Number) string {
	return c.arn("phone-number", n.Account, c.cfg.Region, n.E164[1:])
}

// associations gives what a number is used by: its trunk and the rule that it triggers.
func (c *control) associations(n directory.Number) []association {
	list := []association{}
	if n.Trunk != "" {
		list = append(list, association{n.Trunk, c.trunkWord(n.Trunk) + "Id", timestamp(vendorOf(n).Associated)})
	}
	if rule, ok := c.cfg.Store.Snapshot().Rule(directory.ByNumber, n.E164); ok {
		list = append(list, association{rule.ID, "SipRuleId", timestamp(rule.Created)})
	}
	return list
}

func (c *control) numberModel(n directory.Number) phoneNumberModel {
	if n.E164 == "" {
		return phoneNumberModel{}
	}
	vendor := vendorOf(n)
	queued := n.Account == "" && vendor.Released != nil
	if queued {
		n.Account = vendor.Released.Account // whose queue it is in
	}
	if vendor.ProductType == "" {
		vendor.ProductType = forDialIn
		if n.Trunk != "" {
			vendor.ProductType = forConnector
		}
	}
	m := phoneNumberModel{
		PhoneNumberID: escapedNumber(n.E164), PhoneNumberArn: c.numberArn(n), E164PhoneNumber: n.E164, Country: countryOf(n.E164),
		Type: typeOf(n.E164), ProductType: vendor.ProductType, Status: "Unassigned", Capabilities: capabilities{InboundCall: true, OutboundCall: true},
		Associations: c.associations(n), CallingName: vendor.CallingName, CallingNameStatus: "Unassigned",
		CreatedTimestamp: timestamp(n.Created), UpdatedTimestamp: timestamp(n.Updated), OrderID: vendor.OrderID, Name: vendor.Name,
	}
	if len(m.Associations) > 0 {
		m.Status = "Assigned"
	}
	if vendor.CallingName != "" {
		m.CallingNameStatus = "UpdateSucceeded"
	}
	if queued {
		m.Status, m.DeletionTimestamp = stateDeleting, timestamp(vendor.Released.At)
	}
	return m
}

func typeOf(e164 string) string {
	if len(e164) == 12 && strings.HasPrefix(e164, "+1") && tollFree.MatchString(e164[2:5]) {
		return "TollFree"
	}
	return "Local"
}

// countries gives the country of a calling code, for those that the vendor sells numbers in. Of the countries that
// share +1, the largest.
var countries = map[string]string{
	"1": "US", "31": "NL", "32": "BE", "33": "FR", "34": "ES", "39": "IT", "41": "CH", "43": "AT", "44": "GB", "45": "DK", "46": "SE",
	"47": "NO", "48": "PL", "49": "DE", "52": "MX", "55": "BR", "57": "CO", "61": "AU", "64": "NZ", "65": "SG", "81": "JP", "82": "KR",
	"351": "PT", "353": "IE", "358": "FI", "359": "BG", "372": "EE", "852": "HK", "972": "IL",
}

// countryOf gives a number's country, "" when it is not known.
func countryOf(e164 string) string {
	for n := 1; n <= 3 && n < len(e164); n++ {
		if c, ok := countries[e164[1:1+n]]; ok {
			return c
		}
	}
	return ""
}
