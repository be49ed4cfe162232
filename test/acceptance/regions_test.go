package acceptance_test

import (
	"fmt"
	"slices"
	"testing"
)

// regions has an application in each of some regions, and a rule that sends a number's calls to them in this order.
type regions struct {
	s         *server
	names     []string
	functions []*function
	apps      []string
	rule      string
}

// Applications in several regions fail over in the order of their priorities, whatever order the rule was given them in: one whose
// function throws, one whose region is gone, then the one that answers. It learns its own region, and is told from the beginning.
func TestRegionsFailOver(t *testing.T) {
	t.Parallel()
	r := newRegions(t, "us-east-1", "eu-west-1", "ap-northeast-1")
	r.call(t, 0)
	r.throw(0)
	r.call(t, 0, 1)
	r.functions[1].server.CloseClientConnections()
	r.functions[1].server.Close()
	transactions := r.call(t, 0, 2)
	if transactions[0] != transactions[1] {
		t.Errorf("the applications were told of one call by two names, %q", transactions)
	}
	r.throw(2)
	startSIPp(t, refused(480), r.s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	r.work(0)
	r.call(t, 0)
	r.s.idle(t)
}

func newRegions(t *testing.T, names ...string) *regions {
	t.Helper()
	r := &regions{names: names}
	yaml := "numbers: [\"+12065550100\"]\nfunctions:\n"
	for i := range names {
		f := startFunction(t, func(event) string { return actions("Hangup", object{"SipResponseCode": "486"}) })
		r.functions = append(r.functions, f)
		yaml += fmt.Sprintf("  - {name: f%d, url: %q}\n", i, f.URL)
	}
	r.s = start(t, yaml, "--dev")
	c := newGoClient(t, r.s)
	do := func(operation, path string, input object) string {
		got := c.ask(t, asked{Operation: operation, Input: input})
		v, err := at(got.Output, path)
		if got.Error != "" || err != nil {
			t.Fatalf("%s: %+v %v", operation, got, err)
		}
		return fmt.Sprint(v)
	}
	var targets []object
	for i, region := range names {
		r.apps = append(r.apps, do("CreateSipMediaApplication", "SipMediaApplication.SipMediaApplicationId", object{"AwsRegion": region, "Name": region,
			"Endpoints": []object{{"LambdaArn": fmt.Sprintf("arn:aws:lambda:%s:111122223333:function:f%d", region, i)}}}))
		targets = append(targets, object{"SipMediaApplicationId": r.apps[i], "Priority": i + 1, "AwsRegion": region})
	}
	slices.Reverse(targets)
	r.rule = do("CreateSipRule", "SipRule.SipRuleId", object{"Name": "everywhere", "TriggerType": "ToPhoneNumber", "TriggerValue": "+12065550100", "TargetApplications": targets})
	return r
}

// throw lets a region's function throw from now on, as those do that want another region to have the call; work ends it.
func (r *regions) throw(i int) { r.functions[i].fails.Store(true) }
func (r *regions) work(i int)  { r.functions[i].fails.Store(false) }

// call places a call, which the last of some regions refuses as busy after those before it failed. It gives the transactions that
// each of them was told of.
func (r *regions) call(t *testing.T, tried ...int) []string {
	t.Helper()
	before := make([]int, len(r.functions))
	for i, f := range r.functions {
		before[i] = len(f.seen("NEW_INBOUND_CALL"))
	}
	startSIPp(t, refused(486), r.s.SIP, freePort(t), "-s", "+12065550100").wait(t)
	var transactions []string
	for i, f := range r.functions {
		events := f.seen("NEW_INBOUND_CALL")[before[i]:]
		if !slices.Contains(tried, i) {
			if len(events) > 0 {
				t.Errorf("%s was told of a call that is not its", r.names[i])
			}
			continue
		}
		if len(events) != 1 {
			t.Fatalf("%s was told %d times", r.names[i], len(events))
		}
		transactions = append(transactions, events[0].CallDetails.TransactionId)
		if d := events[0].CallDetails; events[0].Sequence != 1 || d.AwsRegion != r.names[i] || d.SipMediaApplicationId != r.apps[i] || d.SipRuleId != r.rule {
			t.Errorf("%s was told %s", r.names[i], events[0].raw)
		}
	}
	return transactions
}
