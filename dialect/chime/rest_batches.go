package chime

import (
	"errors"
	"net/http"
)

// What is done to many numbers at once: what fails for one is told beside the others.
var batchOperations = []operation{
	{"BatchUpdatePhoneNumber", "POST", "/phone-numbers", "operation=batch-update", http.StatusOK, with((*control).updateNumbers)},
	{"BatchDeletePhoneNumber", "POST", "/phone-numbers", "operation=batch-delete", http.StatusOK, with((*control).deleteNumbers)},
}

type numberUpdate struct {
	PhoneNumberID string `json:"PhoneNumberId"`
	numberIn
}

type batchIn struct {
	UpdatePhoneNumberRequestItems []numberUpdate
	PhoneNumberIDs                []string `json:"PhoneNumberIds"`
}

func (c *control) updateNumbers(r *request, in batchIn) (phoneNumberErrorsOut, error) {
	ids := make([]string, len(in.UpdatePhoneNumberRequestItems))
	for i, item := range in.UpdatePhoneNumberRequestItems {
		ids[i] = item.PhoneNumberID
	}
	return c.batch("UpdatePhoneNumberRequestItems", ids, func(i int) error {
		item := in.UpdatePhoneNumberRequestItems[i]
		if err := item.check(); err != nil {
			return err
		}
		_, err := c.setNumber(r, item.PhoneNumberID, item.numberIn)
		return err
	})
}

func (c *control) deleteNumbers(r *request, in batchIn) (phoneNumberErrorsOut, error) {
	return c.batch("PhoneNumberIds", in.PhoneNumberIDs, func(i int) error { return c.release(r, in.PhoneNumberIDs[i]) })
}

// batch does something for each number as one step. No number may be there twice.
func (c *control) batch(member string, ids []string, f func(i int) error) (phoneNumberErrorsOut, error) {
	out := phoneNumberErrorsOut{PhoneNumberErrors: []phoneNumberError{}}
	if len(ids) == 0 || len(ids) > maxNumbers {
		return out, badRequest("%s: there are %d; 1 to %d are possible", member, len(ids), maxNumbers)
	}
	seen := map[string]bool{}
	for _, id := range ids {
		e164, _ := phoneNumber(id)
		if seen[e164] {
			return out, badRequest("%s: %s is there twice", member, quote(id))
		}
		seen[e164] = true
	}
	err := c.change(func() error {
		for i, id := range ids {
			err := f(i)
			var api *apiError
			switch {
			case errors.As(err, &api):
				if e164, ok := phoneNumber(id); ok {
					id = escapedNumber(e164)
				}
				out.PhoneNumberErrors = append(out.PhoneNumberErrors, phoneNumberError{id, api.Code, api.Message})
			case err != nil:
				return err
			}
		}
		return nil
	})
	return out, err
}
