package faulty_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
)

// program issues verbs, as the seed decides, and returns them.
func program(t *testing.T, c *transport.Channel, seed uint64) (issued []string) {
	t.Helper()
	chance := rand.New(rand.NewPCG(seed, 0))
	for i := range 300 {
		switch n := chance.IntN(24); n {
		case 0:
			must(t, c.Fence())
			issued = append(issued, "fence")
		case 1:
			must(t, c.Flush())
			issued = append(issued, "flush")
		case 2:
			must(t, c.Signal(0, uint64(i)))
			issued = append(issued, fmt.Sprintf("signal %d", i))
		case 3:
			must(t, c.PutSignal(0, i, []byte{1}, 0, uint64(i)))
			issued = append(issued, fmt.Sprintf("put-signal %d %d", i, i))
		default:
			must(t, c.Put(0, i, []byte{1}))
			issued = append(issued, fmt.Sprintf("put %d", i))
		}
	}
	must(t, c.Flush())
	return append(issued, "flush")
}

// sorted is the verbs with the puts between any two that order them in one order. A
// put-signal is a put and a signal.
func sorted(verbs []string) (all []string) {
	var puts []string
	for _, v := range verbs {
		if both, ok := strings.CutPrefix(v, "put-signal "); ok {
			at, add, _ := strings.Cut(both, " ")
			puts, v = append(puts, "put "+at), "signal "+add
		} else if strings.HasPrefix(v, "put") {
			puts = append(puts, v)
			continue
		}
		slices.Sort(puts)
		all = append(append(all, puts...), v)
		puts = nil
	}
	return all
}

// Puts change places between verbs that order them, and nothing else changes.
func TestReorder(t *testing.T) {
	for _, spec := range []faulty.Spec{{Reorder: true}, {Reorder: true, Delay: 50 * time.Microsecond}} {
		t.Run(spec.String(), func(t *testing.T) {
			orders := map[string]bool{}
			for seed := range uint64(30) {
				spec.Seed = seed
				var first []string
				for range 2 {
					inside := newWitness()
					d := faulty.New(inside, spec)
					c, _ := channel(t, d, patience)
					issued := program(t, c, seed/2) // so that there are two seeds for each
					got := inside.take()
					if !slices.Equal(sorted(got), sorted(issued)) {
						t.Fatalf("seed %d: verbs %q arrived as %q", seed, issued, got)
					}
					if changed := !slices.Equal(got, issued); !changed || d.Injected().Reordered == 0 {
						t.Errorf("seed %d: order changed: %v; injected %+v", seed, changed, d.Injected())
					}
					if first == nil {
						first = got
					}
					if !slices.Equal(got, first) {
						t.Errorf("seed %d: the order is another the second time", seed)
					}
				}
				orders[fmt.Sprint(first)] = true
			}
			if len(orders) != 30 {
				t.Errorf("30 seeds and programs make %d orders", len(orders))
			}
		})
	}
}

// Many puts in a row are not held for ever, and those that do not match not at all.
func TestReorderHoldsAFew(t *testing.T) {
	inside := newWitness()
	d := faulty.New(inside, faulty.Spec{Reorder: true, Match: func(v faulty.Verb) bool { return v.Channel == 0 }})
	w := worlds(t, d, patience)
	c, other := open(t, w[0], 1, 0), open(t, w[0], 1, 1)
	for i := range 63 {
		must(t, c.Put(0, i, []byte{1}))
	}
	if got := inside.take(); got != nil {
		t.Errorf("%q arrived at once", got)
	}
	must(t, c.Put(0, 63, []byte{1}))
	if got := inside.take(); len(got) != 64 || slices.IsSorted(got) {
		t.Errorf("of 64 puts %d arrived: %q", len(got), got)
	}
	must(t, errors.Join(c.Put(0, 1, []byte{1}), other.Put(0, 2, []byte{1}), other.PutSignal(0, 3, []byte{1}, 0, 1)))
	if got, want := inside.take(), []string{"put 2", "put-signal 3 1"}; !slices.Equal(got, want) {
		t.Errorf("%q arrived, want %q", got, want)
	}
	must(t, c.PutSignal(0, 4, []byte{1}, 0, 1))
	if got := inside.take(); len(got) != 3 || got[2] != "signal 1" {
		t.Errorf("%q arrived, want two puts and a signal", got)
	}
}

func TestDelayKeepsOrder(t *testing.T) {
	inside := newWitness()
	d := faulty.New(inside, faulty.Spec{Delay: 100 * time.Microsecond})
	c, _ := channel(t, d, patience)
	issued := program(t, c, 1)
	if got := inside.take(); !slices.Equal(got, issued) {
		t.Errorf("verbs %q arrived as %q", issued, got)
	}
	verbs := slices.DeleteFunc(issued, func(v string) bool { return v == "fence" || v == "flush" })
	if got := d.Injected(); got.Delayed != int64(len(verbs)) || got.Verbs != got.Delayed {
		t.Errorf("injected %+v, of %d verbs", got, len(verbs))
	}
}

// hour is a delay that does not end: what its seed draws is long.
var hour = faulty.Spec{Delay: time.Hour}

// Puts return before their sources are read.
func TestSourcesAreReadLate(t *testing.T) {
	c, peer := channel(t, faulty.New(mem.New(), faulty.Spec{Reorder: true}), patience)
	src := []byte{1}
	must(t, c.Put(0, 0, src))
	src[0] = 2
	must(t, c.Flush())
	if got := peer.Segment(0)[0]; got != 2 {
		t.Errorf("%d arrived, and not what the source was at the flush", got)
	}
}

func TestFlushTimesOut(t *testing.T) {
	d := faulty.New(mem.New(), hour)
	c, peer := channel(t, d, 5*time.Millisecond)
	must(t, c.Signal(0, 1))
	for range 2 {
		if err := c.Flush(); !errors.Is(err, transport.ErrTimeout) {
			t.Errorf("a flush of what takes an hour: %v", err)
		}
	}
	if peer.Load(0) != 0 {
		t.Error("the signal came at once")
	}
}

func TestFullQueueTimesOut(t *testing.T) {
	d := faulty.New(mem.New(), hour)
	c, _ := channel(t, d, 5*time.Millisecond)
	for n := 0; ; n++ {
		err := c.Signal(0, 1)
		if err == nil && n < 1000 {
			continue
		}
		if !errors.Is(err, transport.ErrTimeout) || n < 64 || n > 65 { // one may be out of the queue
			t.Errorf("verb %d: %v", n, err)
		}
		return
	}
}

// Those that wait when the endpoint is closed are lost, and do not keep it open.
func TestCloseLoses(t *testing.T) {
	d := faulty.New(mem.New(), hour)
	w := worlds(t, d, patience)
	for i := range 10 {
		c := open(t, w[0], 1, i)
		must(t, errors.Join(c.Put(0, 0, []byte{1}), c.Signal(0, 1)))
	}
	start := time.Now()
	must(t, w[0].Close())
	if took := time.Since(start); took > patience {
		t.Errorf("Close took %v", took)
	}
	if w[1].Load(0) != 0 {
		t.Error("a signal came")
	}
}

// What goes wrong later comes with a later verb.
func TestLateError(t *testing.T) {
	boom := errors.New("the cable is out")
	for _, spec := range []faulty.Spec{{Reorder: true}, {Delay: time.Microsecond}, {Reorder: true, Delay: time.Microsecond}} {
		inside := newWitness()
		inside.put = func() error { return boom }
		c, peer := channel(t, faulty.New(inside, spec), patience)
		must(t, c.Put(0, 0, []byte{1}))
		err := c.Flush()
		if !errors.Is(err, boom) {
			t.Errorf("%v: flush: %v", spec, err)
		}
		if err := c.Signal(0, 1); !errors.Is(err, boom) || peer.Load(0) != 0 {
			t.Errorf("%v: signal after a failure: %v", spec, err)
		}
	}
	// Without a flush, some verb has it: they all do when the queue is full.
	inside := newWitness()
	inside.put = func() error { return boom }
	c, _ := channel(t, faulty.New(inside, faulty.Spec{Delay: time.Microsecond}), patience)
	for n := 0; ; n++ {
		if err := c.Put(0, 0, []byte{1}); err != nil || n > 100 {
			if !errors.Is(err, boom) {
				t.Errorf("verb %d: %v", n, err)
			}
			return
		}
	}
}
