package chime

import (
	"net/http"
	"time"

	"github.com/switchhook/switchhook/directory"
)

// The deletion queue: what an account deletes is its own no more, and nobody else's for a while.
var queueOperations = []operation{
	{"DeletePhoneNumber", "DELETE", "/phone-numbers/{id}", "", http.StatusNoContent, bare((*control).deleteNumber)},
	{"RestorePhoneNumber", "POST", "/phone-numbers/{id}", "operation=restore", http.StatusOK, bare((*control).restoreNumber)},
}

// queueTime is how long a deleted number can be restored; then it is in stock, for anybody to order.
const queueTime = 7 * 24 * time.Hour

// stateDeleting is the status of a number in the deletion queue.
const stateDeleting = "DeleteInProgress"

// released tells of a number in the deletion queue. It has no account meanwhile: no call is its.
type released struct {
	Account string // whose it was
	At      time.Time
}

// inStock tells whether a number can be ordered.
func (c *control) inStock(n directory.Number) bool {
	r := vendorOf(n).Released
	return n.Account == "" && (r == nil || c.now().Sub(r.At) >= queueTime)
}

// isQueued tells whether a number is in the deletion queue of an account.
func (c *control) isQueued(n directory.Number, account string) bool {
	r := vendorOf(n).Released
	return n.Account == "" && r != nil && r.Account == account && !c.inStock(n)
}

// findQueued gives a number of the account's deletion queue.
func (c *control) findQueued(r *request, id string) (directory.Number, bool) {
	e164, ok := phoneNumber(id)
	if !ok {
		return directory.Number{}, false
	}
	n, err := c.cfg.Store.Numbers().Get(r, e164)
	return n, err == nil && c.isQueued(n, r.account)
}

func (c *control) deleteNumber(r *request) (nothing, error) {
	return nothing{}, c.change(func() error { return c.release(r, r.path("id")) })
}

// release moves a number into the deletion queue.
func (c *control) release(r *request, id string) error {
	n, err := c.findNumber(r, id)
	if err != nil {
		return err
	}
	for _, a := range c.associations(n) {
		e := badRequest("PhoneNumber %s is associated (%s %s): end that first", n.E164, a.Name, a.Value)
		e.Code = "PhoneNumberAssociationsExist"
		return e
	}
	vendor := vendorOf(n)
	vendor.Released = &released{r.account, c.now()}
	n.Account = ""
	_, err = c.saveNumber(r, n, vendor)
	return err
}

// restoreNumber takes a number out of the deletion queue: with its names and tags, as it was deleted.
func (c *control) restoreNumber(r *request) (out phoneNumberOut, err error) {
	err = c.change(func() error {
		n, ok := c.findQueued(r, r.path("id"))
		if !ok {
			n, err := c.findNumber(r, r.path("id"))
			if err != nil {
				return err
			}
			return badRequest("PhoneNumber %s is not in the deletion queue: it has not been deleted", n.E164)
		}
		if err := c.mayHaveNumbers(r, 1); err != nil {
			return err
		}
		vendor := vendorOf(n)
		vendor.Released = nil
		n.Account = r.account
		if n, err = c.saveNumber(r, n, vendor); err != nil {
			return err
		}
		out.PhoneNumber = c.numberModel(n)
		return nil
	})
	return out, err
}
