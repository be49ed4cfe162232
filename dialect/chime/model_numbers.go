package chime

// Phone numbers and their orders.

type association struct {
	Value               string
	Name                string
	AssociatedTimestamp timestamp `json:",omitzero"`
}

type capabilities struct {
	InboundCall, OutboundCall, InboundSMS, OutboundSMS, InboundMMS, OutboundMMS bool
}

type phoneNumberModel struct {
	PhoneNumberID     string `json:"PhoneNumberId"`
	PhoneNumberArn    string
	E164PhoneNumber   string
	Country           string `json:",omitempty"`
	Type              string
	ProductType       string
	Status            string
	Capabilities      capabilities
	Associations      []association
	CallingName       string `json:",omitempty"`
	CallingNameStatus string
	CreatedTimestamp  timestamp `json:",omitzero"`
	UpdatedTimestamp  timestamp `json:",omitzero"`
	DeletionTimestamp timestamp `json:",omitzero"`
	OrderID           string    `json:"OrderId,omitempty"`
	Name              string    `json:",omitempty"`
}

type phoneNumberOut struct {
	PhoneNumber phoneNumberModel
}

// phoneNumberError tells of one number of a request for many.
type phoneNumberError struct {
	PhoneNumberID string `json:"PhoneNumberId"`
	ErrorCode     string
	ErrorMessage  string
}

type phoneNumberErrorsOut struct {
	PhoneNumberErrors []phoneNumberError
}

type orderedPhoneNumber struct {
	E164PhoneNumber string
	Status          string
}

type phoneNumberOrder struct {
	PhoneNumberOrderID  string `json:"PhoneNumberOrderId"`
	ProductType         string
	Status              string
	OrderType           string
	OrderedPhoneNumbers []orderedPhoneNumber
	CreatedTimestamp    timestamp `json:",omitzero"`
	UpdatedTimestamp    timestamp `json:",omitzero"`
}

type phoneNumberOrderOut struct {
	PhoneNumberOrder phoneNumberOrder
}
