package chime

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/switchhook/switchhook/directory"
)

var orderOperations = []operation{
	{"CreatePhoneNumberOrder", "POST", "/phone-number-orders", "", http.StatusCreated, with((*control).createOrder)},
	{"GetPhoneNumberOrder", "GET", "/phone-number-orders/{id}", "", http.StatusOK, bare((*control).getOrder)},
	{"ListPhoneNumberOrders", "GET", "/phone-number-orders", "", http.StatusOK, bare((*control).listOrders)},
}

// States of an order and of its numbers.
const (
	stateProcessing = "Processing"
	stateSuccessful = "Successful"
	statePartial    = "Partial"
	stateFailed     = "Failed"
	stateAcquired   = "Acquired"
)

// order is what an order's document holds.
type order struct {
	ProductType         string
	Status              string
	OrderedPhoneNumbers []orderedPhoneNumber
}

type orderIn struct {
	ProductType      string
	E164PhoneNumbers []string
	Name             *string
}

func (c *control) orders() directory.Table[directory.Document] {
	return c.cfg.Store.Vendor("chime-order")
}

// createOrder takes numbers out of stock. It is done when it returns; what it returns says "Processing", as the
// vendor's does and its clients expect, and the first look at the order says how it ended.
func (c *control) createOrder(r *request, in orderIn) (phoneNumberOrderOut, error) {
	var v checks
	v.oneOf("ProductType", in.ProductType, forConnector, forDialIn)
	numbers := v.numbers("E164PhoneNumbers", in.E164PhoneNumbers, maxNumbers)
	for i, n := range numbers {
		if slices.Contains(numbers[:i], n) {
			v.fail("E164PhoneNumbers: %s is there twice", n)
		}
	}
	v.numberName("Name", in.Name)
	if err := v.result(); err != nil {
		return phoneNumberOrderOut{}, err
	}
	now := c.now()
	doc := directory.Document{ID: newID(), Account: r.account, Created: now, Updated: now}
	o := order{ProductType: in.ProductType}
	vendor := numberVendor{ProductType: in.ProductType, OrderID: doc.ID}
	if in.Name != nil {
		vendor.Name = *in.Name
	}
	err := c.change(func() error {
		if err := c.mayHaveNumbers(r, len(numbers)); err != nil {
			return err
		}
		for _, e164 := range numbers {
			state, err := c.takeNumber(r, e164, vendor)
			if err != nil {
				return err
			}
			o.OrderedPhoneNumbers = append(o.OrderedPhoneNumbers, orderedPhoneNumber{e164, state})
		}
		o.Status = o.outcome()
		body, err := json.Marshal(o)
		if err != nil {
			return err
		}
		doc.Body = body
		return c.orders().Create(r, doc)
	})
	o.Status = stateProcessing
	for i := range o.OrderedPhoneNumbers {
		o.OrderedPhoneNumbers[i].Status = stateProcessing
	}
	return phoneNumberOrderOut{o.model(doc)}, err
}

// takeNumber gives a number that is in stock to the account, and says what became of it.
func (c *control) takeNumber(r *request, e164 string, vendor numberVendor) (string, error) {
	n, err := c.cfg.Store.Numbers().Get(r, e164)
	if errors.Is(err, directory.ErrNotFound) || err == nil && !c.inStock(n) {
		return stateFailed, nil // not ours to give
	}
	if err != nil {
		return "", err
	}
	if before := vendorOf(n).Released; before != nil {
		if err := c.putTags(r, c.arn("phone-number", before.Account, c.cfg.Region, n.E164[1:]), nil); err != nil {
			return "", err
		}
	}
	n.Account, n.Created = r.account, c.now()
	_, err = c.saveNumber(r, n, vendor)
	return stateAcquired, err
}

// outcome says how the order ended.
func (o order) outcome() string {
	failed := 0
	for _, n := range o.OrderedPhoneNumbers {
		if n.Status == stateFailed {
			failed++
		}
	}
	switch failed {
	case 0:
		return stateSuccessful
	case len(o.OrderedPhoneNumbers):
		return stateFailed
	}
	return statePartial
}

func (c *control) getOrder(r *request) (phoneNumberOrderOut, error) {
	id := r.path("id")
	doc, err := c.orders().Get(r, id)
	if errors.Is(err, directory.ErrNotFound) || err == nil && doc.Account != r.account {
		return phoneNumberOrderOut{}, notFound("PhoneNumberOrder", id)
	}
	if err != nil {
		return phoneNumberOrderOut{}, err
	}
	var o order
	err = json.Unmarshal(doc.Body, &o)
	return phoneNumberOrderOut{o.model(doc)}, err
}

func (c *control) listOrders(r *request) (any, error) {
	list, token, err := pageOf(r, "orders", 100, c.orders(), r.account, func(d directory.Document) string { return d.ID }, nil)
	out := struct {
		PhoneNumberOrders []phoneNumberOrder
		NextToken         string `json:",omitempty"`
	}{make([]phoneNumberOrder, 0, len(list)), token}
	for _, doc := range list {
		var o order
		err = errors.Join(err, json.Unmarshal(doc.Body, &o))
		out.PhoneNumberOrders = append(out.PhoneNumberOrders, o.model(doc))
	}
	return out, err
}

func (o order) model(doc directory.Document) phoneNumberOrder {
	return phoneNumberOrder{
		PhoneNumberOrderID: doc.ID, ProductType: o.ProductType, Status: o.Status, OrderType: "New", OrderedPhoneNumbers: o.OrderedPhoneNumbers,
		CreatedTimestamp: timestamp(doc.Created), UpdatedTimestamp: timestamp(doc.Updated),
	}
}
