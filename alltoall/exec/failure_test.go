package exec_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/transport/drivertest"
)

// stuckAfter is long enough for a machine that is busy with other things.
const stuckAfter = 250 * time.Millisecond

// faulty is a group over a spy, as small as every kind of traffic allows: two
// nodes, so that tokens cross, and two ranks on each.
func faulty(t *testing.T, alg plan.Algorithm, change func(*exec.Config)) (*cluster, *spy) {
	t.Helper()
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 12}, 5)
	c, d := config(t, alg, s, tables), newSpy()
	c.ScaleUp, c.ScaleOut, c.Hidden, c.Timeout = d, d, 8, stuckAfter
	if change != nil {
		change(&c)
	}
	cl := open(t, c, tables)
	return cl, d
}

// unmapped has nothing but verbs to reach a rank's memory with.
func unmapped(c *exec.Config) {
	d := drivertest.Bare(c.ScaleUp)
	c.ScaleUp, c.ScaleOut = d, d
}

// until runs the phases of an iteration up to the named one.
func (c *cluster) until(name string) {
	c.t.Helper()
	for _, p := range phases(c.alg) {
		if p == "combine" {
			c.answer(c.tables)
		}
		if p == name {
			return
		}
		c.must(p)
	}
}

var stuckText = regexp.MustCompile(`^(notify|dispatch|combine)( send| receive)?: nothing moved for 250ms: rank \d(, channel \d)?, role [a-z ]+, awaits [a-z ]+ from rank \d: awaited \d+, seen \d+; \d+ other roles wait too; look at that peer first, or raise --timeout$`)

// checkStuck checks that the error says what is awaited, and that the group is
// of no use any more.
func (c *cluster) checkStuck(err error) *exec.StuckError {
	c.t.Helper()
	stuck := (*exec.StuckError)(nil)
	if !errors.As(err, &stuck) {
		c.t.Fatalf("%v, want a *StuckError", err)
	}
	if !stuckText.MatchString(err.Error()) {
		c.t.Errorf("%q, want what matches %v", err, stuckText)
	}
	if stuck.Seen >= stuck.Awaited || stuck.Rank < 0 || stuck.Peer < 0 || stuck.Timeout != stuckAfter {
		c.t.Errorf("%+v: want a rank that awaits more than it sees", stuck)
	}
	c.checkBroken(stuck)
	return stuck
}

// checkBroken checks that nothing runs after the cause.
func (c *cluster) checkBroken(cause error) {
	c.t.Helper()
	for _, p := range phases(c.alg) {
		if err := c.phase(ctx, p); !errors.Is(err, cause) && p == "notify" || err == nil {
			c.t.Errorf("%s after a failure: %v, want %v again", p, err, cause)
		}
	}
	if err := c.g.Close(); err != nil {
		c.t.Errorf("Close: %v", err)
	}
}

// Whichever signal is lost, the run ends: with a *StuckError, or well if it was
// a credit that no stream was long enough to wait for.
func TestLostSignal(t *testing.T) { testLostSignal(t, nil) }

func TestLostSignalWithoutMappedMemory(t *testing.T) { testLostSignal(t, unmapped) }

func testLostSignal(t *testing.T, change func(*exec.Config)) {
	for _, alg := range plan.Algorithms {
		for _, phase := range []string{"notify", "dispatch", "combine"} {
			for _, at := range []float64{0, 0.4, 1} {
				t.Run(fmt.Sprintf("%s/%s/%v", alg, phase, at), func(t *testing.T) {
					t.Parallel()
					c, d := faulty(t, alg, change)
					var signals, lost atomic.Int64
					d.signal = func(verb) bool { signals.Add(1); return false }
					c.until(phase)
					signals.Store(0)
					c.must(phase)
					nth := 1 + int64(at*float64(signals.Load()-1))
					d.signal = nil
					c.until("")

					c.until(phase)
					signals.Store(0)
					credit := false
					d.signal = func(v verb) bool {
						if signals.Add(1) != nth {
							return false
						}
						credit = strings.HasSuffix(c.g.Word(v.scaleOut, v.word), "credit")
						lost.Add(1)
						return true
					}
					start := time.Now()
					err := c.phase(ctx, phase)
					if lost.Load() != 1 {
						t.Fatalf("%d signals were lost", lost.Load())
					}
					if took := time.Since(start); took > 10*time.Second {
						t.Errorf("it took %v", took)
					}
					if err == nil && credit {
						if phase == "combine" {
							c.checkCombined(c.tables)
						} else {
							c.checkReceived(c.tables)
						}
						return
					}
					c.checkStuck(err)
				})
			}
		}
	}
}

// Of every kind of signal one is lost (of credits all, so that the stream runs
// dry): the error names the role that waits, and for whom.
func TestStuckErrorNamesWhoWaits(t *testing.T) {
	const oneChunk, short = 100, 1
	const all = -1 // whoever else waits for that rank may be named
	for _, c := range []struct {
		alg      plan.Algorithm
		phase    string
		word     string
		from, to int
		chunk    int
		rounds   int
		want     string // role, what it awaits
	}{
		{plan.AlgTwoHop, "notify", "answer", 1, 0, oneChunk, 1, "notifier awaits a note"},
		{plan.AlgTwoHop, "dispatch", "tail", 0, 2, oneChunk, 1, "forwarder awaits tokens in the ring"},
		{plan.AlgTwoHop, "dispatch", "credit", 2, 0, short, 1, "sender awaits room in the ring"},
		{plan.AlgTwoHop, "dispatch", "arrived", 1, 0, oneChunk, 1, "receiver awaits rows"},
		{plan.AlgTwoHop, "combine", "ready", 1, 0, oneChunk, 1, "node reducer awaits outputs to be ready"},
		{plan.AlgTwoHop, "combine", "tail", 2, 0, oneChunk, 1, "home reducer awaits partial sums"},
		{plan.AlgTwoHop, "combine", "credit", 0, 2, short, 1, "node reducer awaits room in the ring"},
		{plan.AlgDirect, "notify", "answer", 3, 0, oneChunk, 1, "notifier awaits a note"},
		{plan.AlgDirect, "dispatch", "arrived", 3, 0, oneChunk, 1, "receiver awaits rows"},
		{plan.AlgDirect, "combine", "ready", 1, 0, oneChunk, 1, "home reducer awaits outputs to be ready"},
		{plan.AlgDirect, "combine", "tail", 3, 0, oneChunk, 1, "home reducer awaits outputs"},
		{plan.AlgDirect, "combine", "credit", 0, all, short, 1, "pusher awaits room in the ring"},
		{plan.AlgLowLatency, "dispatch", "counts", 3, 0, oneChunk, 1, "receiver awaits counts of messages"},
		{plan.AlgLowLatency, "combine", "back", 1, 2, oneChunk, 1, "home reducer awaits outputs"},
		{plan.AlgPXN, "dispatch", "tail", 0, 1, oneChunk, 1, "forwarder awaits tokens in the ring"},
		{plan.AlgPXN, "dispatch", "arrived", 2, 0, oneChunk, 1, "receiver awaits rows"},
		{plan.AlgPXN, "dispatch", "credit", 1, 0, short, 1, "sender awaits room in the ring"},
		{plan.AlgPXN, "combine", "ready", 1, 0, oneChunk, 1, "home reducer awaits outputs to be ready"},
		{plan.AlgPXN, "combine", "tail", 3, 2, oneChunk, 1, "returner awaits outputs in the ring"},
		{plan.AlgPXN, "combine", "credit", 3, 2, short, 1, "pusher awaits room in the ring"},
		{plan.AlgAllToAll, "dispatch", "landed", 1, 0, oneChunk, 1, "exchanger awaits rows"},
		{plan.AlgAllToAll, "dispatch", "landed", 3, 2, oneChunk, 1, "exchanger awaits rows"},
		{plan.AlgAllToAll, "dispatch", "credit", 2, 0, oneChunk, 2, "exchanger awaits its buffer to be free"},
		{plan.AlgAllToAll, "combine", "landed", 3, 0, oneChunk, 1, "exchanger awaits rows"},
		{plan.AlgAllToAll, "combine", "credit", 3, 0, oneChunk, 2, "exchanger awaits its buffer to be free"},
	} {
		t.Run(fmt.Sprintf("%s/%s/%s", c.alg, c.phase, c.word), func(t *testing.T) {
			t.Parallel()
			cl, d := faulty(t, c.alg, func(cfg *exec.Config) { cfg.Channels, cfg.Chunk, cfg.Rounds = 1, c.chunk, c.rounds })
			cl.until(c.phase)
			var lost atomic.Int64
			d.signal = func(v verb) bool {
				return v.from == c.from && (v.to == c.to || c.to == all) && cl.g.Word(v.scaleOut, v.word) == c.word &&
					(lost.Add(1) == 1 || c.word == "credit")
			}
			stuck := cl.checkStuck(cl.phase(ctx, c.phase))
			if lost.Load() == 0 {
				t.Error("no signal was lost")
			}
			if got := stuck.Role + " awaits " + stuck.For; got != c.want || stuck.Rank != c.to && c.to != all || stuck.Peer != c.from {
				t.Errorf("%s, rank %d from rank %d; want %s, rank %d from rank %d", got, stuck.Rank, stuck.Peer, c.want, c.to, c.from)
			}
		})
	}
}

// A rank whose outputs were not announced is named, also where they were put before.
func TestStuckErrorWithoutMappedMemory(t *testing.T) {
	for alg, role := range map[plan.Algorithm]string{plan.AlgTwoHop: "node reducer", plan.AlgDirect: "home reducer"} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			cl, d := faulty(t, alg, func(cfg *exec.Config) { cfg.Channels, cfg.Chunk = 1, 100; unmapped(cfg) })
			cl.until("combine")
			d.signal = func(v verb) bool { return v.from == 1 && v.to == 0 && cl.g.Word(v.scaleOut, v.word) == "ready" }
			if stuck := cl.checkStuck(cl.phase(ctx, "combine")); stuck.Role != role || stuck.For != "outputs to be ready" || stuck.Rank != 0 || stuck.Peer != 1 {
				t.Errorf("%v", stuck)
			}
		})
	}
}

// Where no token crosses, home reducers alone wait for their node.
func TestStuckErrorOfOneNode(t *testing.T) {
	s := shape{1, 2, 4, 2, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 4}, 1)
	for _, alg := range []plan.Algorithm{plan.AlgTwoHop, plan.AlgDirect} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			c, d := config(t, alg, s, tables), newSpy()
			c.ScaleUp, c.ScaleOut, c.Timeout = d, d, stuckAfter
			cl := open(t, c, tables)
			cl.until("combine")
			d.signal = func(v verb) bool { return v.from == 1 && v.to == 0 && cl.g.Word(v.scaleOut, v.word) == "ready" }
			if stuck := cl.checkStuck(cl.phase(ctx, "combine")); stuck.Role != "home reducer" || stuck.For != "outputs to be ready" || stuck.Rank != 0 || stuck.Peer != 1 {
				t.Errorf("%v", stuck)
			}
		})
	}
}

// However many workers there are for the few roles that wait, and whichever of
// them finds that nothing moves, one of those roles is named.
func TestStuckErrorWithMoreWorkersThanRoles(t *testing.T) {
	s := shape{2, 1, 2, 2, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 4}, 1)
	for i := range 8 {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			c, d := config(t, plan.AlgTwoHop, s, tables), newSpy()
			c.ScaleUp, c.ScaleOut, c.Channels, c.Workers, c.Timeout = d, d, 1, 16, stuckAfter
			c.Chunk = 4 // so that senders are done, and none waits for room
			cl := open(t, c, tables)
			cl.must("notify")
			d.signal = func(v verb) bool { return cl.g.Word(v.scaleOut, v.word) == "tail" }
			if stuck := cl.checkStuck(cl.phase(ctx, "dispatch")); stuck.Role != "forwarder" {
				t.Errorf("role %s is named, want the forwarder", stuck.Role)
			}
		})
	}
}

var errBoom = errors.New("the cable is out")

func TestFailedPut(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, phase := range []string{"notify", "dispatch", "combine"} {
			t.Run(fmt.Sprintf("%s/%s", alg, phase), func(t *testing.T) {
				t.Parallel()
				c, d := faulty(t, alg, nil)
				c.until(phase)
				var puts atomic.Int64
				var failed atomic.Pointer[verb]
				d.put = func(v verb) error {
					if puts.Add(1) != 5 {
						return nil
					}
					failed.Store(&v)
					return errBoom
				}
				err := c.phase(ctx, phase)
				if !errors.Is(err, errBoom) {
					t.Fatalf("%v, want %v", err, errBoom)
				}
				v := failed.Load()
				channel := v.channel
				if channel == c.g.Config().Channels { // of roles that have no channel
					channel = -1
				}
				want := fmt.Sprintf(`^%s: rank %d, channel %d, role [a-z ]+: put: world "scale-.*: the cable is out$`, phase, v.from, channel)
				if !regexp.MustCompile(want).MatchString(err.Error()) {
					t.Errorf("%q, want what matches %q", err, want)
				}
				c.checkBroken(errBoom)
			})
		}
	}
}

// An output that cannot be put to who adds it up ends the run, and nobody is told
// that it is there.
func TestFailedMirror(t *testing.T) {
	for _, alg := range []plan.Algorithm{plan.AlgTwoHop, plan.AlgDirect} {
		t.Run(string(alg), func(t *testing.T) {
			c, d := faulty(t, alg, unmapped)
			c.until("combine")
			var told atomic.Bool
			d.put = func(v verb) error {
				if v.from == 3 && !v.scaleOut {
					return errBoom
				}
				return nil
			}
			d.signal = func(v verb) bool {
				if v.from == 3 && v.to == 2 && c.g.Word(v.scaleOut, v.word) == "ready" {
					told.Store(true)
				}
				return false
			}
			err := c.phase(ctx, "combine")
			const want = `combine: rank 3, channel -1, role announcer: put: world "scale-up of node 1", rank 1, to rank 0 on channel 3: the cable is out`
			if !errors.Is(err, errBoom) || err.Error() != want {
				t.Errorf("%v, want %q", err, want)
			}
			if told.Load() {
				t.Error("rank 2 was told that the outputs are ready")
			}
			c.checkBroken(errBoom)
		})
	}
}

func TestCancelledInTheMiddle(t *testing.T) {
	errCause := errors.New("the user has had enough")
	for _, alg := range plan.Algorithms {
		for _, phase := range []string{"notify", "dispatch", "combine"} {
			t.Run(fmt.Sprintf("%s/%s", alg, phase), func(t *testing.T) {
				t.Parallel()
				c, d := faulty(t, alg, func(cfg *exec.Config) { cfg.Timeout = time.Minute })
				c.until(phase)
				ctx, cancel := context.WithCancelCause(ctx)
				defer cancel(nil)
				var puts atomic.Int64
				d.put = func(verb) error {
					if puts.Add(1) == 3 {
						cancel(errCause)
					}
					return nil
				}
				start := time.Now()
				if err := c.phase(ctx, phase); !errors.Is(err, errCause) {
					t.Errorf("%v, want %v", err, errCause)
				}
				if took := time.Since(start); took > 10*time.Second {
					t.Errorf("it took %v", took)
				}
				c.checkBroken(errCause)
			})
		}
	}
}

// Roles that could all go on are stopped as well.
func TestCancelledRunStops(t *testing.T) {
	s := shape{2, 1, 4, 2, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 400}, 1)
	for _, alg := range plan.Algorithms {
		c, d := config(t, alg, s, tables), newSpy()
		c.ScaleUp, c.ScaleOut, c.Hidden, c.Channels, c.Chunk, c.Rounds, c.Workers = d, d, 8, 1, 1, 400, 1
		cl := open(t, c, tables)
		cl.must("notify")
		ctx, cancel := context.WithCancel(ctx)
		var puts atomic.Int64
		d.put = func(verb) error {
			if puts.Add(1) == 10 {
				cancel()
			}
			return nil
		}
		if err := cl.phase(ctx, "dispatch"); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, want %v", alg, err, context.Canceled)
		}
		if n := puts.Load(); n > 50 {
			t.Errorf("%s: %d puts were made after the tenth had cancelled", alg, n-10)
		}
	}
}

// A run that waits, and would for a minute, is cancelled as promptly.
func TestCancelledWhileStuck(t *testing.T) {
	c, d := faulty(t, plan.AlgTwoHop, func(cfg *exec.Config) { cfg.Timeout = time.Minute })
	c.until("dispatch")
	d.signal = func(verb) bool { return true }
	ctx, cancel := context.WithCancel(ctx)
	timer := time.AfterFunc(20*time.Millisecond, cancel)
	defer timer.Stop()
	start := time.Now()
	if err := c.phase(ctx, "dispatch"); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
	c.checkBroken(context.Canceled)
}

func TestCancelledBefore(t *testing.T) {
	c, _ := faulty(t, plan.AlgDirect, nil)
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := c.g.Notify(ctx, c.h, c.tables); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want %v", err, context.Canceled)
	}
}

func TestUseAfterClose(t *testing.T) {
	for _, alg := range plan.Algorithms {
		c, _ := faulty(t, alg, nil)
		c.until("")
		if err := c.g.Close(); err != nil {
			t.Fatal(err)
		}
		if err := c.g.Close(); err != nil {
			t.Errorf("the second Close: %v", err)
		}
		for _, p := range phases(alg) {
			if err := c.phase(ctx, p); !errors.Is(err, exec.ErrClosed) {
				t.Errorf("%s: %s after Close: %v, want %v", alg, p, err, exec.ErrClosed)
			}
		}
	}
}

func TestRoutingThatDoesNotFit(t *testing.T) {
	good := func(tokens, topK int) routing.Table {
		table := routing.Table{Tokens: tokens, TopK: topK, Experts: make([]int32, tokens*topK), Weights: make([]float32, tokens*topK)}
		for i := range table.Experts {
			table.Experts[i] = int32(i % topK)
		}
		return table
	}
	for name, tables := range map[string][]routing.Table{
		"no tables":       nil,
		"a table too few": {good(1, 3), good(1, 3), good(1, 3)},
		"zero tables":     make([]routing.Table, 4),
		"too many tokens": {good(1, 3), good(13, 3), good(1, 3), good(1, 3)},
		"another top-k":   {good(1, 3), good(1, 3), good(1, 3), good(1, 2)},
		"no choices":      {good(1, 3), {Tokens: 2, TopK: 3}, good(1, 3), good(1, 3)},
		"negative tokens": {good(1, 3), {Tokens: -2, TopK: 3}, good(1, 3), good(1, 3)},
	} {
		t.Run(name, func(t *testing.T) {
			c, _ := faulty(t, plan.AlgTwoHop, nil)
			if _, _, err := c.g.Notify(ctx, c.h, tables); err == nil {
				t.Fatal("it was planned")
			}
			if _, err := c.g.Dispatch(ctx, c.h); err == nil {
				t.Error("and dispatched")
			}
			// Nothing was begun, so nothing is broken.
			c.iterate()
		})
	}
}

// A routing that needs more rows than the group was opened for is refused before
// a byte is put, and leaves the group as it was.
func TestLimitsTooSmall(t *testing.T) {
	s := shape{2, 2, 8, 3, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 12}, 5)
	small := generate(t, s, load{routing: "uniform", tokens: 3}, 6)
	for _, test := range []struct {
		alg    plan.Algorithm
		name   string
		shrink func(*exec.Limits)
		want   string
	}{
		{plan.AlgTwoHop, "receive", func(l *exec.Limits) { l.RecvRows-- }, `rank \d.* receive.* \d+ rows.* \d+`},
		{plan.AlgDirect, "receive", func(l *exec.Limits) { l.RecvRows-- }, `rank \d.* receive.* \d+ rows.* \d+`},
		{plan.AlgAllToAll, "receive", func(l *exec.Limits) { l.RecvRows-- }, `rank \d.* receive.* \d+ rows.* \d+`},
		{plan.AlgTwoHop, "expanded", func(l *exec.Limits) { l.ExpandedRows-- }, `rank \d.* expanded.* \d+ rows.* \d+`},
		{plan.AlgAllToAll, "pack", func(l *exec.Limits) { l.PackRows-- }, `rank \d.* pack.* \d+ rows.* \d+`},
		{plan.AlgAllToAll, "exchange", func(l *exec.Limits) { l.ExchangeRows-- }, `rank \d.* exchange.* \d+ rows.* \d+`},
	} {
		t.Run(fmt.Sprintf("%s/%s", test.alg, test.name), func(t *testing.T) {
			d := newSpy()
			c := config(t, test.alg, s, tables)
			c.ScaleUp, c.ScaleOut = d, d
			if _, err := c.Size(tables); err != nil {
				t.Fatal(err)
			}
			l := c.Limits[test.alg]
			test.shrink(&l)
			c.Limits[test.alg] = l
			cl := open(t, c, tables)
			_, _, err := cl.g.Notify(ctx, cl.h, tables)
			if err == nil || !regexp.MustCompile(test.want).MatchString(err.Error()) {
				t.Fatalf("%v, want what matches %q", err, test.want)
			}
			d.put = func(verb) error { return errBoom }
			for _, p := range phases(test.alg)[1:] {
				if err := cl.phase(ctx, p); err == nil || errors.Is(err, errBoom) {
					t.Errorf("%s of a plan that was refused: %v", p, err)
				}
			}
			d.put = nil
			cl.tables = small
			cl.fill(small)
			cl.iterate()
		})
	}
}

func TestNotOpenedFor(t *testing.T) {
	s := shape{1, 2, 4, 2, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 4}, 1)
	base := config(t, plan.AlgTwoHop, s, tables)
	for name, test := range map[string]struct {
		change func(*exec.Config)
		refuse []string
	}{
		"dispatch only":    {func(c *exec.Config) { c.Combine, c.Expand = false, false }, []string{"expand", "combine"}},
		"combine only":     {func(c *exec.Config) { c.Dispatch = false }, []string{"dispatch", "expand"}},
		"not for expanded": {func(c *exec.Config) { c.Expand = false }, []string{"expand"}},
		"expanded by now":  {func(c *exec.Config) { c.Algorithms = []plan.Algorithm{plan.AlgAllToAll} }, []string{"expand"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := base
			test.change(&c)
			d := newSpy() // a group of its own
			c.ScaleUp, c.ScaleOut = d, d
			if _, err := c.Size(tables); err != nil {
				t.Fatal(err)
			}
			g, err := exec.Open(context.Background(), c)
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			cl := &cluster{t: t, g: g, alg: c.Algorithms[0], tables: tables}
			if cl.h, err = g.NewHandle(cl.alg); err != nil {
				t.Fatal(err)
			}
			cl.must("notify")
			for _, p := range test.refuse {
				if err := cl.phase(ctx, p); err == nil {
					t.Errorf("%s ran", p)
				}
			}
			if _, err := g.NewHandle(plan.AlgDirect); err == nil {
				t.Error("a handle for another algorithm was made")
			}
		})
	}
}

func TestDispatchNeedsAPlan(t *testing.T) {
	c, _ := faulty(t, plan.AlgTwoHop, nil)
	for _, p := range phases(c.alg)[1:] {
		if err := c.phase(ctx, p); err == nil {
			t.Errorf("%s without a plan ran", p)
		}
	}
	c.until("")
}

func TestOpenRefuses(t *testing.T) {
	s := shape{1, 2, 4, 2, 0}
	tables := generate(t, s, load{routing: "uniform", tokens: 4}, 1)
	good := config(t, plan.AlgTwoHop, s, tables)
	if _, err := good.Size(tables); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*exec.Config){
		"no algorithm":         func(c *exec.Config) { c.Algorithms = nil },
		"an unknown algorithm": func(c *exec.Config) { c.Algorithms = []plan.Algorithm{"ring"} },
		"no operation":         func(c *exec.Config) { c.Dispatch, c.Combine = false, false },
		"no hidden":            func(c *exec.Config) { c.Hidden = 0 },
		"no top-k":             func(c *exec.Config) { c.TopK = 0 },
		"negative tokens":      func(c *exec.Config) { c.MaxTokens = -1 },
		"no channel":           func(c *exec.Config) { c.Channels = 0 },
		"no chunk":             func(c *exec.Config) { c.Chunk = 0 },
		"no round":             func(c *exec.Config) { c.Rounds = 0 },
		"no worker":            func(c *exec.Config) { c.Workers = 0 },
		"three biases":         func(c *exec.Config) { c.Bias = 3 },
		"no scale-up":          func(c *exec.Config) { c.ScaleUp = nil },
		"no scale-out":         func(c *exec.Config) { c.ScaleOut = nil },
	} {
		t.Run(name, func(t *testing.T) {
			c := good
			change(&c)
			if g, err := exec.Open(context.Background(), c); err == nil {
				g.Close()
				t.Error("it was opened")
			}
		})
	}
}
