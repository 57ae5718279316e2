package exec_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/plan"
)

// The halves of low-latency do what the whole does, in turn with it, over every driver:
// rows, sums and ledgers are the same.
func TestHalves(t *testing.T) {
	s := shape{2, 3, 24, 4, 0}
	for name, driver := range drivers {
		tables := generate(t, s, load{routing: "zipf:1", tokens: 21, masked: 0.2, ragged: true}, 3)
		c := config(t, plan.AlgLowLatency, s, tables)
		c.ScaleUp, c.ScaleOut = driver(), driver()
		cl := open(t, c, tables)
		for i := range 4 {
			cl.payload.Seed++
			cl.fill(tables)
			cl.iterate()
			whole := cl.g.Ledgers()
			cl.payload.Seed++
			cl.fill(tables)
			cl.must("notify")
			if _, err := cl.g.DispatchSend(ctx, cl.h); err != nil {
				t.Fatalf("%s, iteration %d: %v", name, i, err)
			}
			if _, err := cl.g.DispatchReceive(ctx, cl.h); err != nil {
				t.Fatalf("%s, iteration %d: %v", name, i, err)
			}
			cl.checkReceived(tables)
			cl.answer(tables)
			if _, err := cl.g.CombineSend(ctx, cl.h); err != nil {
				t.Fatal(err)
			}
			if _, err := cl.g.CombineReceive(ctx, cl.h); err != nil {
				t.Fatal(err)
			}
			cl.checkCombined(tables)
			if diff := cmp.Diff(whole, cl.g.Ledgers()); diff != "" {
				t.Errorf("%s: ledgers of the whole and of the halves differ:\n%s", name, diff)
			}
		}
	}
}

// Who receives what nobody has sent waits, and says for whom; other algorithms have no halves.
func TestHalvesThatAreNone(t *testing.T) {
	s := shape{1, 2, 4, 2, 0}
	tables := generate(t, s, loads[0], 1)
	c := config(t, plan.AlgLowLatency, s, tables)
	c.Timeout = stuckAfter
	cl := open(t, c, tables)
	cl.must("notify")
	_, err := cl.g.DispatchReceive(ctx, cl.h)
	if stuck := cl.checkStuck(err); stuck.For != "counts of messages" {
		t.Errorf("%v", err)
	}
	c = config(t, plan.AlgDirect, s, tables)
	cl = open(t, c, tables)
	cl.must("notify")
	if _, err := cl.g.DispatchSend(ctx, cl.h); err == nil || !strings.Contains(err.Error(), "which low-latency has") {
		t.Error(err)
	}
}
