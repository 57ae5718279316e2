package exec_test

import (
	"errors"
	"fmt"
	"regexp"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport"
	inject "github.com/commbench/commbench/transport/faulty"
	"github.com/commbench/commbench/transport/mem"
)

// Verbs that are late, and puts that land in another order, are no faults: results
// are right bit for bit, iteration after iteration.
func TestLateVerbs(t *testing.T) {
	late, shuffled := inject.Spec{Delay: 100 * time.Microsecond}, inject.Spec{Reorder: true}
	both := inject.Spec{Delay: 30 * time.Microsecond, Reorder: true}
	for alg, specs := range map[plan.Algorithm][]inject.Spec{
		plan.AlgTwoHop: {late, shuffled, both},
		plan.AlgDirect: {late, shuffled, both},
		// It has a signal after each put, so that there is no order to change.
		plan.AlgAllToAll:   {late},
		plan.AlgLowLatency: {late, shuffled, both},
		plan.AlgPXN:        {late, shuffled, both},
	} {
		for _, scaleUp := range []bool{false, true} { // in the scale-out domain only, or in both
			for _, spec := range specs {
				t.Run(fmt.Sprintf("%s/scale-up=%v/%v", alg, scaleUp, spec), func(t *testing.T) {
					t.Parallel()
					testLateVerbs(t, alg, scaleUp, spec)
				})
			}
		}
	}
}

func testLateVerbs(t *testing.T, alg plan.Algorithm, scaleUp bool, spec inject.Spec) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, load{routing: "zipf:1", tokens: 40, masked: 0.1, ragged: true}, 5)
	inside := mem.New()
	d := inject.New(inside, spec)
	c := config(t, alg, s, tables)
	c.ScaleUp, c.ScaleOut, c.Hidden = inside, d, 8
	if scaleUp {
		c.ScaleUp = d
	}
	cl := open(t, c, tables)
	for range 4 {
		cl.payload.Seed++ // what lies there from before is wrong now
		cl.fill(tables)
		cl.iterate()
	}
	if got := d.Injected(); spec.Delay > 0 && got.Delayed == 0 || spec.Reorder && got.Reordered == 0 {
		t.Errorf("injected %+v", got)
	}
}

// trap injects into what its verbs match, once it is set. nth is the only verb that
// is hit, counted from 1, or 0 for all.
type trap struct {
	*inject.Driver
	kinds []inject.Kind
	set   atomic.Bool
	seen  atomic.Int64
	nth   atomic.Int64
}

// trapped is a group over a trap for both domains, as small as that of faulty. It has
// run one iteration already, so that what is lost leaves something there that is
// whole, but of another routing and other tokens.
func trapped(t *testing.T, alg plan.Algorithm, spec inject.Spec, change func(*exec.Config), kinds ...inject.Kind) (*cluster, *trap) {
	t.Helper()
	d := &trap{kinds: kinds}
	spec.Match = func(v inject.Verb) bool {
		for _, k := range d.kinds {
			if k == v.Kind && d.set.Load() {
				n, nth := d.seen.Add(1), d.nth.Load()
				return nth == 0 || n == nth
			}
		}
		return false
	}
	d.Driver = inject.New(mem.New(), spec)
	s := shape{2, 2, 8, 3, 0}
	before := generate(t, s, load{routing: "uniform", tokens: 12}, 5)
	c := config(t, alg, s, before)
	// One worker: plans that disagree have two ranks put to one place, which is no race
	// that anybody is to blame for.
	c.ScaleUp, c.ScaleOut, c.Hidden, c.Timeout, c.Workers = d, d, 8, stuckAfter, 1
	c.Limits = map[plan.Algorithm]exec.Limits{alg: {RecvRows: 150, ExpandedRows: 300, PackRows: 100, ExchangeRows: 300}}
	if change != nil {
		change(&c)
	}
	cl := open(t, c, before)
	cl.iterate()
	cl.payload.Seed++
	cl.tables = generate(t, s, load{routing: "zipf:1", tokens: 12}, 6)
	cl.fill(cl.tables)
	return cl, d
}

// count is how many verbs of a trap's kinds a phase has.
func (d *trap) count(cl *cluster, phase string) int64 {
	d.seen.Store(0)
	d.nth.Store(-1)
	d.set.Store(true)
	cl.must(phase)
	d.set.Store(false)
	return d.seen.Load()
}

// note keeps what a check finds.
type note struct {
	testing.TB
	found string
}

func (n *note) Helper() {}
func (n *note) Fatalf(format string, args ...any) {
	n.found = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// finds is what the check of a phase finds wrong, or "".
func (c *cluster) finds(phase string) string {
	n := &note{TB: c.t}
	looking := *c
	looking.t = n
	done := make(chan struct{})
	go func() {
		defer close(done)
		looking.check(phase)
	}()
	<-done
	return n.found
}

// ends runs what is left of an iteration from the phase on, and returns the first
// error, or what a check finds.
func (c *cluster) ends(from string) (wrong string, err error) {
	begun := false
	for _, p := range phases(c.alg) {
		if begun = begun || p == from; !begun {
			continue
		}
		if p == "combine" {
			c.answer(c.tables)
		}
		if err := c.phase(ctx, p); err != nil {
			return "", err
		}
		if wrong := c.finds(p); wrong != "" {
			return wrong, nil
		}
	}
	return "", nil
}

// Whichever put is lost, somebody notices: who takes a note, who awaits what the plan
// says, or who compares the rows.
func TestLostPut(t *testing.T) {
	streams := func(c *exec.Config) { c.StreamAbove = 1 }
	for _, c := range []struct {
		name, phase string
		algorithms  []plan.Algorithm
		kind        inject.Kind
		change      func(*exec.Config)
	}{
		{"notes", "notify", plan.Algorithms, inject.Put, nil},
		{"rows", "dispatch", plan.Algorithms, inject.Put, nil},
		{"streamed rows", "dispatch", plan.Algorithms, inject.Stream, streams},
		{"outputs", "combine", plan.Algorithms, inject.Put, nil},
		{"streamed outputs", "combine", []plan.Algorithm{plan.AlgAllToAll}, inject.Stream, streams},
		{"mirrored outputs", "combine", []plan.Algorithm{plan.AlgTwoHop, plan.AlgDirect}, inject.Put, unmapped},
	} {
		for _, alg := range c.algorithms {
			for _, at := range []float64{0, 0.4, 1} {
				t.Run(fmt.Sprintf("%s/%s/%v", alg, c.name, at), func(t *testing.T) {
					t.Parallel()
					cl, d := trapped(t, alg, inject.Spec{Drop: 1}, c.change, c.kind)
					cl.until(c.phase)
					nth := 1 + int64(at*float64(d.count(cl, c.phase)-1))
					// Again, with other tokens and another routing.
					cl.until("")
					cl.payload.Seed++
					cl.tables = generate(t, shape{2, 2, 8, 3, 0}, load{routing: "zipf:1.2", tokens: 12}, 7)
					cl.fill(cl.tables)
					cl.until(c.phase)
					d.seen.Store(0)
					d.nth.Store(nth)
					d.set.Store(true)
					wrong, err := cl.ends(c.phase)
					if got := d.Injected().Dropped; got != 1 {
						t.Fatalf("%d puts were lost", got)
					}
					if wrong == "" && err == nil {
						t.Error("a put was lost and all is well")
					}
				})
			}
		}
	}
}

// A channel that is cut ends the run with an error that says which, whether the verb
// that finds out is a put or a signal.
func TestCutChannel(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, phase := range []string{"notify", "dispatch", "combine"} {
			for _, kind := range []inject.Kind{inject.Put, inject.Signal} {
				t.Run(fmt.Sprintf("%s/%s/%s", alg, phase, kind), func(t *testing.T) {
					t.Parallel()
					cl, d := trapped(t, alg, inject.Spec{Cut: 2}, nil, kind)
					cl.until(phase)
					d.set.Store(true)
					err := cl.phase(ctx, phase)
					if !errors.Is(err, inject.ErrCut) || !errors.Is(err, transport.ErrLost) {
						t.Fatalf("%v, want %v", err, inject.ErrCut)
					}
					want := fmt.Sprintf(`^%s: rank \d, channel -?\d, role [a-z ]+: %s: world "scale-(out|up of node \d)", rank \d, to rank \d on channel \d: cut`, phase, kind)
					if !regexp.MustCompile(want).MatchString(err.Error()) {
						t.Errorf("%q, want what matches %q", err, want)
					}
					if got := d.Injected(); got.Cut != 1 {
						t.Errorf("injected %+v", got)
					}
					cl.checkBroken(inject.ErrCut)
				})
			}
		}
	}
}

// Over a transport that loses some verbs and puts others out of order every run ends.
func TestLossyTransport(t *testing.T) {
	var all, lossless atomic.Int64
	t.Run("runs", func(t *testing.T) {
		for _, alg := range plan.Algorithms {
			for seed := range uint64(8) {
				t.Run(fmt.Sprintf("%s/%d", alg, seed), func(t *testing.T) {
					t.Parallel()
					cl, d := trapped(t, alg, inject.Spec{Drop: 0.01, Reorder: true, Seed: seed}, nil, inject.Put, inject.Signal)
					d.set.Store(true)
					wrong, err := cl.ends("notify")
					lost := d.Injected().Dropped
					all.Add(1)
					if lost == 0 {
						lossless.Add(1)
						if wrong != "" || err != nil {
							t.Errorf("nothing was lost: %s, %v", wrong, err)
						}
					}
					stuck, bad := (*exec.StuckError)(nil), (*plan.NoteError)(nil)
					if err != nil && !errors.As(err, &stuck) && !errors.As(err, &bad) && !errors.Is(err, transport.ErrBounds) {
						t.Errorf("%d verbs were lost: %v", lost, err)
					}
				})
			}
		}
	})
	if all.Load() == lossless.Load() {
		t.Error("nothing was ever lost")
	}
}
