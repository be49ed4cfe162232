package exchange_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchhook/switchhook/call"
	"github.com/switchhook/switchhook/dialect"
	"github.com/switchhook/switchhook/dialect/chime"
	"github.com/switchhook/switchhook/directory"
	"github.com/switchhook/switchhook/engine"
	"github.com/switchhook/switchhook/exchange"
	"github.com/switchhook/switchhook/header"
	"github.com/switchhook/switchhook/invoke"
)

// longFunction is a function that keeps a call busy: it bridges the caller, takes the callee away again, lets the caller wait, and so
// on. It is every function of the house.
type longFunction struct {
	told    int
	begun   time.Time
	late    time.Duration // from the first event to the last but the caller's hang-up
	heap    []uint64      // bytes in use at each of its looks
	threads []int         // goroutines at each of its looks
	faults  []string      // events that tell of something wrong
	leave   func()        // the caller hangs up
}

// trips is how often the function of one call may be told something: the vendor's bound, which is also the default here.
const trips = 1000

func (f *longFunction) Function(string) (invoke.Function, error) { return f, nil }

func (f *longFunction) Declared(string) bool { return true }

// Invoke answers an event. It looks at the memory half way, when all that is bounded is full, and at the end.
func (f *longFunction) Invoke(_ context.Context, payload []byte) ([]byte, error) {
	var ev struct {
		InvocationEventType string
		ActionData          struct{ Type string }
	}
	if err := json.Unmarshal(payload, &ev); err != nil {
		return nil, err
	}
	if f.told++; f.told == 1 {
		f.begun = time.Now()
	}
	f.late = time.Since(f.begun)
	if f.told == 10 || f.told == trips/2 || f.told == trips-5 {
		f.look()
	}
	what := ev.InvocationEventType + " " + ev.ActionData.Type
	attributes := fmt.Sprintf(`{"trip":%d,"notes":%q}`, f.told, strings.Repeat("n", 16<<10))
	actions := ""
	switch what {
	case "NEW_INBOUND_CALL ", "ACTION_SUCCESSFUL Hangup":
		actions = `{"Type":"Pause","Parameters":{"DurationInMilliseconds":"29000"}}`
	case "ACTION_SUCCESSFUL Pause":
		actions = `{"Type":"CallAndBridge","Parameters":{"CallerIdNumber":"+12065550100","Endpoints":[{"BridgeEndpointType":"PSTN","Uri":"+14155550199"}],"SipHeaders":{"X-Account":"4711","User-to-User":"00c0ffee;encoding=hex"}}}`
	case "ACTION_SUCCESSFUL CallAndBridge":
		actions = `{"Type":"Hangup","Parameters":{"ParticipantTag":"LEG-B","SipResponseCode":"0"}}`
	case "HANGUP Hangup":
	default:
		f.faults = append(f.faults, string(payload))
	}
	if f.told == trips-3 || len(f.faults) > 0 { // HANGUP is the last that it is told
		f.leave()
		actions = ""
	}
	return fmt.Appendf(nil, `{"SchemaVersion":"1.0","Actions":[%s],"TransactionAttributes":%s}`, actions, attributes), nil
}

func (f *longFunction) look() {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what the first one only took out of pools
	runtime.ReadMemStats(&m)
	f.heap, f.threads = append(f.heap, m.HeapAlloc), append(f.threads, runtime.NumGoroutine())
}

// A call of two hours whose function is told something a thousand times, and that had 250 callees, needs no more memory at its end
// than half way, and no more goroutines.
func TestLongCallHoldsItsMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &longFunction{}
		content := directory.Content{
			Trunks:  []directory.Trunk{{ID: "carrier", PSTN: true, Peers: []directory.Peer{{Host: "192.0.2.1"}}}},
			Numbers: []directory.Number{{E164: "+12065550100", Account: account}},
			Apps:    []directory.App{{ID: "long", Account: account, Dialect: "chime", Settings: json.RawMessage(`{"LambdaArn":"long"}`)}},
			Rules:   []directory.Rule{{ID: "all", Account: account, Kind: directory.ByHost, Value: "long.example", Targets: []directory.Target{{App: "long"}}}},
		}
		snapshot := directory.NewSnapshot(content)
		current := func() *directory.Snapshot { return snapshot }
		trunks, over := make(chan string, trips), make(chan call.Finished, 1)
		logger := slog.New(slog.DiscardHandler)
		dialects := map[string]dialect.Dialect{"chime": chime.New(chime.Config{Functions: f, Directory: current, Logger: logger, Limits: chime.Limits{LogBody: 16 << 10}})}
		eng := engine.New(engine.Config{Dialer: exchange.Outbound(current, dialects, fakeDialer{trunks, new(atomic.Pointer[call.Dial])}), Record: func(f call.Finished) { over <- f }, Log: true})
		x := exchange.New(exchange.Config{Engine: eng, Directory: current, Logger: logger, Dialects: dialects})
		var caller *fakeLeg
		x.Receive(call.Attempt{From: "+12065550142", To: "+12065550100", Host: "long.example", Headers: header.List{{Name: "X-Account", Value: "4711"}}},
			func(_ call.LegID, r call.Report) engine.Leg {
				caller = newLeg(r)
				f.leave = func() { caller.end(call.Cause{By: call.ByPeer, Label: call.LabelNormal}) }
				return caller
			})
		finished := <-over
		eng.Wait()
		if f.told != trips-2 || len(f.faults) > 0 || finished.Record.Cause.Label != call.LabelNormal {
			t.Fatalf("the function was told %d events, %q; the call ended with %s", f.told, f.faults, finished.Record.Cause)
		}
		if n := len(trunks); f.late < 2*time.Hour || n < trips/4-2 {
			t.Errorf("the call took %v and had %d callees", f.late, n)
		}
		const most, more = 4 << 20, 256 << 10
		t.Logf("bytes %d, goroutines %d", f.heap, f.threads)
		if grown := int64(f.heap[2]) - int64(f.heap[1]); grown > more {
			t.Errorf("the second half of the call took %d bytes more", grown)
		}
		if grown := int64(f.heap[2]) - int64(f.heap[0]); grown > most {
			t.Errorf("the call took %d bytes more than at its beginning", grown)
		}
		if f.threads[1] != f.threads[0] || f.threads[2] != f.threads[0] {
			t.Errorf("goroutines: %d", f.threads)
		}
	})
}
