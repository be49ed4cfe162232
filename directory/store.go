package directory

import (
	"context"
	"encoding/json"
	"errors"
	"time"
)

// Errors of a store.
var (
	ErrNotFound = errors.New("not found")
	ErrConflict = errors.New("already exists")
)

// Kind names a kind of thing kept.
type Kind string

// The kinds kept.
const (
	KindAccount Kind = "account"
	KindKey     Kind = "key"
	KindApp     Kind = "app"
	KindNumber  Kind = "number"
	KindTrunk   Kind = "trunk"
	KindRule    Kind = "rule"

	// KindEndpoint is a telephone that registers here.
	KindEndpoint Kind = "endpoint"

	// KindDocument is a vendor's own thing.
	KindDocument Kind = "document"
)

// Page asks for one page of a list, in order of ID.
type Page struct {
	After string // the ID after which it begins; empty for the first page
	Limit int    // at most so many; 0 means 100
}

// Store keeps the directory. Reads see every write that returned before them. Values given and taken are copies.
// Invalid values are refused with an *[InvalidError].
type Store interface {
	Accounts() Table[Account]
	Keys() Table[Key]
	Apps() Table[App]
	Numbers() Table[Number]
	Trunks() Table[Trunk]
	Rules() Table[Rule]
	Endpoints() Table[Endpoint]
	// Vendor keeps a vendor's own things that have no meaning for calls (orders, tags, logging settings), by kind.
	Vendor(kind string) Table[Document]
	// Snapshot gives the directory as it is now, for look-ups on a call's way. It costs nothing.
	Snapshot() *Snapshot
}

// Table keeps the things of one kind by ID (for Number: E164, for Endpoint: User, for Key: its [Key.Ref]).
type Table[T any] interface {
	// Get gives one; ErrNotFound.
	Get(ctx context.Context, id string) (T, error)
	// List gives a page of an account's things in order of ID (of their bytes). With an empty account it gives the
	// numbers that are in stock; every other thing has an account.
	List(ctx context.Context, account string, p Page) ([]T, error)
	// Create keeps a new one; ErrConflict when the ID, or a value that must be unique, is taken. Invalid values are refused.
	Create(ctx context.Context, v T) error
	// Update replaces one; ErrNotFound, ErrConflict.
	Update(ctx context.Context, v T) error
	// Delete removes one; ErrNotFound.
	Delete(ctx context.Context, id string) error
}

// Document is a vendor's own thing: opaque JSON with an ID.
type Document struct {
	ID      string          `json:"id"`
	Account string          `json:"account"`
	Body    json.RawMessage `json:"body"`
	Created time.Time       `json:"created"`
	Updated time.Time       `json:"updated"`
}
