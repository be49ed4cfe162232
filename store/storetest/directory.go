package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/switchhook/switchhook/directory"
)

const account, other = "111122223333", "444455556666"

func day(n int) time.Time { return time.Date(2026, 1, 1+n, 12, 30, 0, 123456000, time.UTC) }

func testAccount(id string) directory.Account { return directory.Account{ID: id, Name: "of " + id} }

func testKey(id string) directory.Key {
	return directory.Key{ID: id, Secret: "s3cret/" + id, Account: account, Kind: "aws"}
}

func testApp(id string) directory.App {
	return directory.App{
		ID: id, Account: account, Name: "App " + id, Dialect: "chime", Settings: json.RawMessage(`{"a":[1,2,{"b":"é<&"}]}`),
		Vendor: json.RawMessage(`{"Tags":[]}`), Created: day(0), Updated: day(1),
	}
}

func testNumber(e164 string) directory.Number {
	return directory.Number{E164: e164, Account: account, Trunk: "t1", Created: day(0), Updated: day(0)}
}

func testTrunk(id string) directory.Trunk {
	return directory.Trunk{
		ID: id, Account: account, Name: "Trunk " + id, Host: id + ".example.com",
		Peers: []directory.Peer{{Host: "192.0.2.7", Port: 5062, Transport: "tcp", Priority: 1, Weight: 3}, {Host: "sip.example.net"}},
		Allow: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("2001:db8::/32")},
		PSTN:  true, Keepalive: 30 * time.Second, Created: day(0), Updated: day(2),
	}
}

func testRule(id, number string) directory.Rule {
	return directory.Rule{
		ID: id, Account: account, Name: "Rule " + id, Kind: directory.ByNumber, Value: number, Disabled: true,
		Targets: []directory.Target{{App: "a1", Priority: 1, Vendor: json.RawMessage(`{"AwsRegion":"us-east-1"}`)}, {App: "a2", Priority: 2}},
		Created: day(0), Updated: day(0),
	}
}

func testEndpoint(user string) directory.Endpoint {
	return directory.Endpoint{User: user, Account: account, Name: "Endpoint " + user, Password: "s3cret", Contacts: 2, Trusted: true,
		Options: directory.Options{Audio: directory.Audio{Codecs: []string{"G722"}}}, Created: day(0), Updated: day(1)}
}

// must fails the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{}, netip.Addr{}, netip.AddrPort{})); d != "" {
		t.Errorf("%s: (-want +got)\n%s", what, d)
	}
}

func is(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error is %v, want one that is %v", what, err, want)
	}
}

// fill puts one or more of each kind.
func fill(t *testing.T, s Store) {
	t.Helper()
	ctx := t.Context()
	must(t, s.Accounts().Create(ctx, testAccount(account)))
	must(t, s.Keys().Create(ctx, testKey("k1")))
	must(t, s.Apps().Create(ctx, testApp("a1")))
	must(t, s.Apps().Create(ctx, testApp("a2")))
	must(t, s.Numbers().Create(ctx, testNumber("+12065550100")))
	must(t, s.Trunks().Create(ctx, testTrunk("t1")))
	must(t, s.Rules().Create(ctx, testRule("r1", "+12065550100")))
	must(t, s.Endpoints().Create(ctx, testEndpoint("e1")))
}

// dump gives everything of the account, and what the snapshot finds.
func dump(t *testing.T, s Store) []any {
	t.Helper()
	snap := s.Snapshot()
	key, _ := snap.Key("aws", "k1")
	rule, _ := snap.Rule(directory.ByNumber, "+12065550100")
	trunk, _ := snap.TrunkByHost("t1.example.com")
	endpoint, _ := snap.Endpoint("e1")
	return []any{
		list(t, s.Accounts(), directory.Page{}), list(t, s.Keys(), directory.Page{}), list(t, s.Apps(), directory.Page{}),
		list(t, s.Numbers(), directory.Page{}), list(t, s.Trunks(), directory.Page{}), list(t, s.Rules(), directory.Page{}),
		list(t, s.Endpoints(), directory.Page{}), key, rule, trunk, endpoint,
	}
}

func list[T any](t *testing.T, table directory.Table[T], p directory.Page) []T {
	t.Helper()
	all, err := table.List(t.Context(), account, p)
	must(t, err)
	return all
}

// crud runs one table through its life.
func crud[T any](t *testing.T, table directory.Table[T], id string, v, changed T) {
	t.Helper()
	ctx := t.Context()
	_, err := table.Get(ctx, id)
	is(t, "get before create", err, directory.ErrNotFound)
	is(t, "update before create", table.Update(ctx, v), directory.ErrNotFound)
	is(t, "delete before create", table.Delete(ctx, id), directory.ErrNotFound)
	must(t, table.Create(ctx, v))
	is(t, "create again", table.Create(ctx, v), directory.ErrConflict)
	got, err := table.Get(ctx, id)
	must(t, err)
	same(t, "get", got, v)
	same(t, "list", list(t, table, directory.Page{}), []T{v})
	must(t, table.Update(ctx, changed))
	got, err = table.Get(ctx, id)
	must(t, err)
	same(t, "get after update", got, changed)
	must(t, table.Delete(ctx, id))
	_, err = table.Get(ctx, id)
	is(t, "get after delete", err, directory.ErrNotFound)
	same(t, "list after delete", list(t, table, directory.Page{}), []T{})
}

func testTables(t *testing.T, s Store) {
	changed := func(f func(*directory.Trunk)) directory.Trunk { v := testTrunk("x"); f(&v); return v }
	crud(t, s.Accounts(), account, testAccount(account), directory.Account{ID: account, Name: "other"})
	key := testKey("x")
	key.Secret = "other"
	crud(t, s.Keys(), key.Ref(), testKey("x"), key)
	app := testApp("x")
	app.Settings = json.RawMessage(`{"z":1}`)
	crud(t, s.Apps(), "x", testApp("x"), app)
	number := testNumber("+12065550101")
	number.Trunk = ""
	crud(t, s.Numbers(), number.E164, testNumber("+12065550101"), number)
	crud(t, s.Trunks(), "x", testTrunk("x"), changed(func(v *directory.Trunk) { v.Host, v.Peers, v.Disabled = "", nil, true }))
	rule := testRule("x", "+12065550101")
	rule.Kind, rule.Value = directory.ByHost, "x.example.com"
	crud(t, s.Rules(), "x", testRule("x", "+12065550101"), rule)
	endpoint := testEndpoint("x")
	endpoint.Password, endpoint.Disabled = "other", true
	crud(t, s.Endpoints(), "x", testEndpoint("x"), endpoint)
}

func testPages(t *testing.T, s Store) {
	ctx := t.Context()
	var want []string
	for i := range 250 {
		id := fmt.Sprintf("app-%03d", (i*7)%250) // not in order
		want = append(want, id)
		must(t, s.Apps().Create(ctx, testApp(id)))
	}
	elsewhere := testApp("app-foreign")
	elsewhere.Account = other
	must(t, s.Apps().Create(ctx, elsewhere))
	slices.Sort(want)
	if n := len(list(t, s.Apps(), directory.Page{})); n != 100 {
		t.Errorf("a page without a limit has %d, want 100", n)
	}
	for _, limit := range []int{1, 99, 100, 250, 1000} {
		var got []string
		for after := ""; ; {
			page := list(t, s.Apps(), directory.Page{After: after, Limit: limit})
			if len(page) == 0 {
				break
			}
			if len(page) > limit {
				t.Fatalf("a page of %d has %d", limit, len(page))
			}
			for _, a := range page {
				got = append(got, a.ID)
			}
			after = got[len(got)-1]
		}
		same(t, fmt.Sprintf("pages of %d", limit), got, want)
	}
}

func testConflicts(t *testing.T, s Store) {
	ctx := t.Context()
	fill(t, s)
	must(t, s.Trunks().Create(ctx, testTrunk("t2")))
	must(t, s.Rules().Create(ctx, testRule("r2", "+12065550102")))

	rule := testRule("r3", "+12065550100")
	is(t, "second rule with one trigger", s.Rules().Create(ctx, rule), directory.ErrConflict)
	rule.ID = "r2"
	is(t, "rule changed to another's trigger", s.Rules().Update(ctx, rule), directory.ErrConflict)
	rule.ID, rule.Kind, rule.Value = "r3", directory.ByHost, "t1.example.com"
	must(t, s.Rules().Create(ctx, rule)) // a rule's value and a trunk's host do not conflict

	trunk := testTrunk("t3")
	trunk.Host = "t1.example.com"
	is(t, "second trunk with one host", s.Trunks().Create(ctx, trunk), directory.ErrConflict)
	trunk.ID = "t2"
	is(t, "trunk changed to another's host", s.Trunks().Update(ctx, trunk), directory.ErrConflict)
	for _, id := range []string{"t3", "t4"} {
		trunk.ID, trunk.Host = id, ""
		must(t, s.Trunks().Create(ctx, trunk)) // without a host, any number
	}

	must(t, s.Rules().Delete(ctx, "r1"))
	must(t, s.Rules().Create(ctx, testRule("r4", "+12065550100"))) // free again

	plivo := testKey("k1")
	plivo.Kind = "plivo"
	must(t, s.Keys().Create(ctx, plivo)) // public halves may be the same in different kinds
	got, _ := s.Snapshot().Key("plivo", "k1")
	same(t, "the key of the other kind", got, plivo)
}

func testInvalid(t *testing.T, s Store) {
	ctx := t.Context()
	trunk := testTrunk("t1")
	trunk.Peers[1].Host = "Not A Host"
	err := s.Trunks().Create(ctx, trunk)
	var invalid *directory.InvalidError
	if !errors.As(err, &invalid) || invalid.Field != "peers[1].host" || invalid.ID != "t1" {
		t.Errorf("create gives %v, want an InvalidError of t1's peers[1].host", err)
	}
	_, err = s.Trunks().Get(ctx, "t1")
	is(t, "get after a refused create", err, directory.ErrNotFound)
	must(t, s.Trunks().Create(ctx, testTrunk("t1")))
	if err := s.Trunks().Update(ctx, trunk); !errors.As(err, &invalid) {
		t.Errorf("update gives %v, want an InvalidError", err)
	}
}

func testCopies(t *testing.T, s Store) {
	ctx := t.Context()
	given := testTrunk("t1")
	must(t, s.Trunks().Create(ctx, given))
	given.Peers[0].Host = "changed.example.com"
	taken, err := s.Trunks().Get(ctx, "t1")
	must(t, err)
	taken.Peers[0].Host = "changed.example.com"
	again, err := s.Trunks().Get(ctx, "t1")
	must(t, err)
	same(t, "what is kept", again, testTrunk("t1"))
	seen, _ := s.Snapshot().Trunk("t1")
	same(t, "what the snapshot shows", *seen, testTrunk("t1"))
}

func testDocuments(t *testing.T, s Store) {
	doc := directory.Document{ID: "arn:aws:chime:eu-west-1:1:sma/1", Account: account, Body: json.RawMessage(`{"Tags":[{"Key":"é"}]}`), Created: day(0), Updated: day(0)}
	changed := doc
	changed.Body = json.RawMessage(`[]`)
	crud(t, s.Vendor("tags"), doc.ID, doc, changed)
	must(t, s.Vendor("tags").Create(t.Context(), doc))
	must(t, s.Vendor("orders").Create(t.Context(), changed)) // another kind is another table
	got, err := s.Vendor("tags").Get(t.Context(), doc.ID)
	must(t, err)
	same(t, "document", got, doc)
}

func testSnapshot(t *testing.T, s Store) {
	ctx := t.Context()
	before := s.Snapshot()
	fill(t, s)
	if _, ok := before.App("a1"); ok {
		t.Error("an old snapshot has changed")
	}
	now := s.Snapshot()
	for what, ok := range map[string]bool{
		"account": found(now.Account(account)), "key": found(now.Key("aws", "k1")), "app": found(now.App("a1")),
		"number": found(now.Number("+12065550100")), "trunk": found(now.Trunk("t1")), "PSTN trunk": found(now.PSTN()),
		"trunk by host": found(now.TrunkByHost("t1.example.com")), "rule": found(now.Rule(directory.ByNumber, "+12065550100")),
		"endpoint":        found(now.Endpoint("e1")),
		"trunk by source": found(now.TrunkBySource(netip.MustParseAddr("198.51.100.9"))),
	} {
		if !ok {
			t.Errorf("the snapshot does not find the %s", what)
		}
	}
	rule := testRule("r1", "+12065550107")
	must(t, s.Rules().Update(ctx, rule))
	if _, ok := s.Snapshot().Rule(directory.ByNumber, "+12065550100"); ok {
		t.Error("the snapshot finds a rule by its old trigger")
	}
	must(t, s.Rules().Delete(ctx, "r1"))
	if _, ok := s.Snapshot().Rule(directory.ByNumber, "+12065550107"); ok {
		t.Error("the snapshot finds a deleted rule")
	}
}

func found[T any](_ T, ok bool) bool { return ok }

func testPut(t *testing.T, s Store) {
	ctx := t.Context()
	fill(t, s)
	renamed := testApp("a1")
	renamed.Name = "renamed"
	must(t, s.Put(ctx, directory.Content{Apps: []directory.App{renamed, testApp("a3")}, Numbers: []directory.Number{{E164: "+12065550150"}}}))
	got, _ := s.Snapshot().App("a1")
	same(t, "replaced", got, renamed)
	stock, err := s.Numbers().List(ctx, "", directory.Page{})
	must(t, err)
	same(t, "numbers in stock", stock, []directory.Number{{E164: "+12065550150"}})

	bad := testRule("r9", "no number")
	err = s.Put(ctx, directory.Content{Apps: []directory.App{testApp("a4")}, Rules: []directory.Rule{bad}})
	var invalid *directory.InvalidError
	if !errors.As(err, &invalid) {
		t.Errorf("put gives %v, want an InvalidError", err)
	}
	if _, ok := s.Snapshot().App("a4"); ok {
		t.Error("half of a refused put is in the snapshot")
	}
	_, err = s.Apps().Get(ctx, "a4")
	is(t, "get after a refused put", err, directory.ErrNotFound)
}

// testWriters: writers at once lose nothing, each sees its own write in the snapshot at once, and of those that want
// one trigger exactly one has it.
func testWriters(t *testing.T, s Store) {
	const writers, each = 8, 25
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := map[string]int{}
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				id := fmt.Sprintf("a%d-%d", w, i)
				err := s.Apps().Create(context.Background(), testApp(id))
				if _, ok := s.Snapshot().App(id); err != nil || !ok {
					t.Errorf("create %s: %v; in the snapshot: %t", id, err, ok)
				}
				number := fmt.Sprintf("+120655501%02d", i)
				err = s.Rules().Create(context.Background(), testRule(fmt.Sprintf("r%d-%d", w, i), number))
				if err != nil && !errors.Is(err, directory.ErrConflict) {
					t.Errorf("create a rule: %v", err)
				}
				if err == nil {
					mu.Lock()
					won[number]++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if len(won) != each {
		t.Errorf("%d triggers were taken, want %d", len(won), each)
	}
	if n := len(list(t, s.Apps(), directory.Page{Limit: 1000})); n != writers*each {
		t.Errorf("%d apps are kept, want %d", n, writers*each)
	}
	for number, n := range won {
		if n != 1 {
			t.Errorf("%d rules took %s, want 1", n, number)
		}
	}
}
