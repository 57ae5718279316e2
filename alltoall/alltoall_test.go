package alltoall_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/alltoall"
	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench/workload"
	"github.com/commbench/commbench/transport/shm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var ctx = context.Background()

func place(t testing.TB, nodes, gpus, experts int) topo.Placement {
	t.Helper()
	c, err := topo.New(nodes, gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(c, experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// layer is a group, what was asked of it, and the bytes that it moves.
type layer struct {
	t testing.TB
	*alltoall.Group
	alltoall.Config
	alg     plan.Algorithm
	bias    int
	payload workload.Payload
}

func open(t testing.TB, c alltoall.Config, o *alltoall.Options) *layer {
	t.Helper()
	g, err := alltoall.Open(c, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	l := &layer{t: t, Group: g, Config: c, alg: plan.AlgTwoHop, payload: workload.Payload{Seed: 1, DType: c.DType, Hidden: c.Hidden, TopK: c.TopK}}
	if o != nil {
		l.bias = o.Bias
		if o.Algorithm != "" {
			l.alg = o.Algorithm
		}
	}
	return l
}

func (l *layer) fill(tables []routing.Table) {
	for r := range tables {
		for i := range tables[r].Tokens {
			experts, weights := tables[r].Row(i)
			l.payload.Token(l.Token(r, i), r, i, experts, weights)
			for b := range l.bias {
				l.payload.Bias(l.Bias(r, i, b), r, i, b)
			}
		}
	}
}

func (l *layer) dispatch(tables []routing.Table) *alltoall.Handle {
	l.t.Helper()
	l.fill(tables)
	h, err := l.Dispatch(ctx, tables)
	if err != nil {
		l.t.Fatal(err)
	}
	l.checkReceived(h, tables)
	return h
}

// checkReceived checks every row that every rank received.
func (l *layer) checkReceived(h *alltoall.Handle, tables []routing.Table) {
	l.t.Helper()
	want := ref.Received(l.Place, tables)
	if l.alg.ByExpert() {
		want = ref.ByExpert(l.Place, tables, 1)
	}
	row, full := l.alg.DispatchRow(l.DType, l.Hidden, l.TopK), plan.DispatchRow(l.DType, l.Hidden, l.TopK).Size()
	token := make([]byte, max(full, row.Size()))
	for to := range want {
		if h.Rows(to) != len(want[to]) {
			l.t.Fatalf("rank %d received %d rows, want %d", to, h.Rows(to), len(want[to]))
		}
		for k, c := range want[to] {
			experts, weights := tables[c.Rank].Row(c.Token)
			l.payload.Token(token[:full], c.Rank, c.Token, experts, weights)
			if l.alg == plan.AlgLowLatency {
				clear(token[row.Bytes():])
				binary.LittleEndian.PutUint32(token[row.Bytes():], uint32(c.Token))
			} else if c.Choice >= 0 {
				workload.PutChoices(token[row.Bytes():row.Size()], experts[c.Choice:c.Choice+1], weights[c.Choice:c.Choice+1])
			}
			if !bytes.Equal(h.Received(to, k), token[:row.Size()]) {
				l.t.Fatalf("rank %d: row %d is not token %d of rank %d", to, k, c.Token, c.Rank)
			}
		}
	}
}

// combine writes outputs of all ranks that tell their copies apart, combines
// them and checks every token.
func (l *layer) combine(h *alltoall.Handle, tables []routing.Table) {
	l.t.Helper()
	rows := ref.Received(l.Place, tables)
	if l.alg.ByExpert() {
		rows = ref.ByExpert(l.Place, tables, 1)
	}
	for to := range rows {
		for k, c := range rows[to] {
			l.output(h.Output(to, k), tables, c, to)
		}
	}
	if err := h.Combine(ctx); err != nil {
		l.t.Fatal(err)
	}
	for r := range tables {
		for i := range tables[r].Tokens {
			l.checkCombined(tables, r, i)
		}
	}
}

// output writes the output for a copy that came to a rank.
func (l *layer) output(dst []byte, tables []routing.Table, c ref.Copy, to int) {
	experts, weights := tables[c.Rank].Row(c.Token)
	if c.Choice >= 0 {
		l.payload.OutputByExpert(dst, c.Rank, c.Token, int(experts[c.Choice]))
		if len(dst) > 2*l.Hidden { // by low-latency weights stay at home
			putFloat(dst[2*l.Hidden:], weights[c.Choice])
		}
		return
	}
	l.payload.Output(dst, c.Rank, c.Token, to)
	for j, e := range experts {
		w := float32(0)
		if e >= 0 && l.Place.RankOf(int(e)) == to {
			w = weights[j]
		}
		putFloat(dst[2*l.Hidden+4*j:], w)
	}
}

func (l *layer) checkCombined(tables []routing.Table, r, i int) {
	l.t.Helper()
	experts, weights := tables[r].Row(i)
	out := func(to, choice int) ref.Output {
		choices := l.TopK
		if choice >= 0 {
			choices = 1
		}
		y := make([]byte, plan.CombineRow(l.Hidden, choices).Size())
		l.output(y, tables, ref.Copy{Rank: r, Token: i, Choice: choice}, to)
		o := ref.Output{Values: values(y[:2*l.Hidden])}
		for j := range choices {
			o.Weights = append(o.Weights, math.Float32frombits(binary.LittleEndian.Uint32(y[2*l.Hidden+4*j:])))
		}
		return o
	}
	var bias [][]uint16
	for b := range l.bias {
		row := make([]byte, 2*l.Hidden)
		l.payload.Bias(row, r, i, b)
		bias = append(bias, values(row))
	}
	var want ref.Output
	switch l.alg {
	case plan.AlgTwoHop:
		want = ref.CombineTwoHop(l.Place, r, experts, l.Hidden, out, bias)
	case plan.AlgDirect, plan.AlgPXN:
		want = ref.CombineDirect(l.Place, experts, l.Hidden, out, bias)
	case plan.AlgLowLatency:
		want = ref.CombineLowLatency(experts, weights, l.Hidden, out, bias)
	default:
		want = ref.CombineAllToAll(experts, l.Hidden, out, bias)
	}
	row := make([]byte, plan.CombineRow(l.Hidden, l.TopK).Size())
	for j, v := range want.Values {
		binary.LittleEndian.PutUint16(row[2*j:], v)
	}
	for j, w := range want.Weights {
		putFloat(row[2*l.Hidden+4*j:], w)
	}
	if !bytes.Equal(l.Combined(r, i), row) {
		l.t.Fatalf("rank %d: combined token %d is not what the reference says", r, i)
	}
}

func values(row []byte) []uint16 {
	v := make([]uint16, len(row)/2)
	for i := range v {
		v[i] = binary.LittleEndian.Uint16(row[2*i:])
	}
	return v
}

func putFloat(dst []byte, v float32) { binary.LittleEndian.PutUint32(dst, math.Float32bits(v)) }

func generate(t testing.TB, pattern string, s routing.Spec) []routing.Table {
	t.Helper()
	src, err := routing.Open(pattern)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := src.Generate(s)
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

func TestEveryAlgorithm(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, dtype := range []plan.DType{plan.FP8, plan.BF16} {
			for _, shape := range [][4]int{{1, 1, 8, 3}, {1, 4, 16, 4}, {3, 2, 12, 4}, {2, 10, 40, 6}} {
				t.Run(fmt.Sprintf("%s/%v/%dx%d", alg, dtype, shape[0], shape[1]), func(t *testing.T) {
					p := place(t, shape[0], shape[1], shape[2])
					c := alltoall.Config{Place: p, TopK: shape[3], MaxTokens: 20, Hidden: 130, DType: dtype}
					l := open(t, c, &alltoall.Options{Algorithm: alg, Bias: 1, Channels: 3, Chunk: 2})
					for seed, s := range []routing.Spec{{Tokens: 20}, {Tokens: 13, Masked: 0.3}, {Tokens: 20, Ragged: true, EmptyRanks: 1}, {Tokens: 0}} {
						s.Placement, s.TopK, s.Seed = p, c.TopK, uint64(seed)
						tables := generate(t, "zipf:1", s)
						l.combine(l.dispatch(tables), tables)
					}
				})
			}
		}
	}
}

// Nil options are the defaults: two-hop over mem.
func TestDefaults(t *testing.T) {
	p := place(t, 2, 2, 8)
	l := open(t, alltoall.Config{Place: p, TopK: 3, MaxTokens: 25, Hidden: 16}, nil)
	tables := generate(t, "uniform", routing.Spec{Placement: p, TopK: 3, Tokens: 25})
	l.combine(l.dispatch(tables), tables)
}

func TestOtherDrivers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skipf("shm needs Linux, this is %s", runtime.GOOS)
	}
	p := place(t, 2, 2, 8)
	tables := generate(t, "uniform", routing.Spec{Placement: p, TopK: 3, Tokens: 25})
	for _, alg := range plan.Algorithms {
		l := open(t, alltoall.Config{Place: p, TopK: 3, MaxTokens: 25, Hidden: 16}, &alltoall.Options{Algorithm: alg, ScaleUp: shm.New()})
		l.combine(l.dispatch(tables), tables)
	}
}

// hot is routing in which every choice of every token that can be is on one rank.
func hot(p topo.Placement, tokens, topK, rank int) []routing.Table {
	tables := make([]routing.Table, p.Ranks())
	for r := range tables {
		tables[r] = routing.Table{Tokens: tokens, TopK: topK, Experts: make([]int32, tokens*topK), Weights: make([]float32, tokens*topK)}
		for i := range tables[r].Experts {
			e := (p.FirstExpert(rank) + i%topK) % p.Experts
			tables[r].Experts[i], tables[r].Weights[i] = int32(e), float32(i)
		}
	}
	return tables
}

// The default limits are enough for the worst routing there is: all tokens of
// all ranks to one rank.
func TestWorstCaseFits(t *testing.T) {
	for _, alg := range plan.Algorithms {
		for _, topK := range []int{1, 3, 4, 7} { // a rank has 4 experts
			for _, tokens := range []int{1, 7, 30} {
				for _, o := range []alltoall.Options{{}, {Channels: 1, Chunk: 100}, {Channels: 4, Chunk: 3}, {Channels: 31, Chunk: 1}} {
					p := place(t, 2, 3, 24)
					o.Algorithm = alg
					l := open(t, alltoall.Config{Place: p, TopK: topK, MaxTokens: tokens, Hidden: 8}, &o)
					for _, rank := range []int{0, 5} {
						tables := hot(p, tokens, topK, rank)
						l.combine(l.dispatch(tables), tables)
					}
				}
			}
		}
	}
}

func TestMaxReceived(t *testing.T) {
	p := place(t, 2, 3, 24)
	few := generate(t, "balanced", routing.Spec{Placement: p, TopK: 2, Tokens: 6})
	for _, alg := range plan.Algorithms {
		l := open(t, alltoall.Config{Place: p, TopK: 2, MaxTokens: 30, Hidden: 8}, &alltoall.Options{Algorithm: alg, MaxReceived: 20})
		l.combine(l.dispatch(few), few)
		h, err := l.Dispatch(ctx, hot(p, 30, 2, 1))
		if err == nil || !strings.Contains(err.Error(), "rank 1") || !strings.Contains(err.Error(), "larger limits") {
			t.Errorf("%s: %v, want an error that says whose limit is too small", alg, err)
		}
		if h != nil {
			t.Errorf("%s: a handle came with the error", alg)
		}
		l.combine(l.dispatch(few), few) // nothing had moved
	}
}

// A handle dispatches the tokens of the moment along its plan.
func TestCachedDispatch(t *testing.T) {
	p := place(t, 2, 2, 8)
	tables := generate(t, "uniform", routing.Spec{Placement: p, TopK: 3, Tokens: 25})
	for _, alg := range plan.Algorithms {
		l := open(t, alltoall.Config{Place: p, TopK: 3, MaxTokens: 25, Hidden: 16}, &alltoall.Options{Algorithm: alg})
		h := l.dispatch(tables)
		for seed := range uint64(3) {
			l.payload.Seed = seed + 10
			l.fill(tables)
			if err := h.Dispatch(ctx); err != nil {
				t.Fatal(err)
			}
			l.checkReceived(h, tables)
			l.combine(h, tables)
		}
	}
}

// Handles of one group keep their own routing.
func TestHandlesTakeTurns(t *testing.T) {
	p := place(t, 2, 2, 8)
	for _, alg := range plan.Algorithms {
		l := open(t, alltoall.Config{Place: p, TopK: 3, MaxTokens: 25, Hidden: 16}, &alltoall.Options{Algorithm: alg})
		var tables [2][]routing.Table
		var handles [2]*alltoall.Handle
		for i := range handles {
			tables[i] = generate(t, "zipf:1", routing.Spec{Placement: p, TopK: 3, Tokens: 25 - 10*i, Seed: uint64(i)})
			handles[i] = l.dispatch(tables[i])
		}
		for i := range 4 {
			l.fill(tables[i%2])
			if err := handles[i%2].Dispatch(ctx); err != nil {
				t.Fatal(err)
			}
			l.checkReceived(handles[i%2], tables[i%2])
			l.combine(handles[i%2], tables[i%2])
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := alltoall.Config{Place: place(t, 2, 2, 8), TopK: 2, MaxTokens: 4, Hidden: 8}
	for name, change := range map[string]func(*alltoall.Config, *alltoall.Options){
		"no placement":         func(c *alltoall.Config, o *alltoall.Options) { c.Place = topo.Placement{} },
		"no top-k":             func(c *alltoall.Config, o *alltoall.Options) { c.TopK = 0 },
		"no hidden":            func(c *alltoall.Config, o *alltoall.Options) { c.Hidden = 0 },
		"negative tokens":      func(c *alltoall.Config, o *alltoall.Options) { c.MaxTokens = -1 },
		"rows beyond 32 bits":  func(c *alltoall.Config, o *alltoall.Options) { c.MaxTokens = 1 << 30 },
		"an unknown algorithm": func(c *alltoall.Config, o *alltoall.Options) { o.Algorithm = "ring" },
		"three biases":         func(c *alltoall.Config, o *alltoall.Options) { o.Bias = 3 },
		"negative channels":    func(c *alltoall.Config, o *alltoall.Options) { o.Channels = -1 },
		"negative chunk":       func(c *alltoall.Config, o *alltoall.Options) { o.Chunk = -1 },
		"negative workers":     func(c *alltoall.Config, o *alltoall.Options) { o.Workers = -1 },
		"negative timeout":     func(c *alltoall.Config, o *alltoall.Options) { o.Timeout = -time.Second },
	} {
		t.Run(name, func(t *testing.T) {
			c, o := good, alltoall.Options{}
			change(&c, &o)
			if g, err := alltoall.Open(c, &o); err == nil {
				g.Close()
				t.Error("it was opened")
			}
		})
	}
}

func TestDispatchRefuses(t *testing.T) {
	p := place(t, 2, 2, 8)
	l := open(t, alltoall.Config{Place: p, TopK: 2, MaxTokens: 4, Hidden: 8}, nil)
	good := func() []routing.Table { return hot(p, 4, 2, 1) }
	for name, tables := range map[string][]routing.Table{
		"no tables":       nil,
		"a table too few": good()[:3],
		"zero tables":     make([]routing.Table, 4),
		"too many tokens": hot(p, 5, 2, 1),
		"another top-k":   hot(p, 4, 3, 1),
		"expert too high": func() []routing.Table { g := good(); g[2].Experts[3] = 8; return g }(),
		"expert negative": func() []routing.Table { g := good(); g[2].Experts[3] = -2; return g }(),
		"expert twice":    func() []routing.Table { g := good(); g[2].Experts[3] = g[2].Experts[2]; return g }(),
		"weight missing":  func() []routing.Table { g := good(); g[2].Weights = nil; return g }(),
		"weight infinite": func() []routing.Table { g := good(); g[2].Weights[0] = float32(math.Inf(1)); return g }(),
	} {
		t.Run(name, func(t *testing.T) {
			if h, err := l.Dispatch(ctx, tables); err == nil || h != nil {
				t.Errorf("handle %v, error %v", h, err)
			}
			l.combine(l.dispatch(good()), good()) // the group is as good as before
		})
	}
}

func TestCancelled(t *testing.T) {
	p := place(t, 2, 2, 8)
	l := open(t, alltoall.Config{Place: p, TopK: 2, MaxTokens: 4, Hidden: 8}, nil)
	h := l.dispatch(hot(p, 4, 2, 1))
	ctx, cancel := context.WithCancelCause(ctx)
	cause := errors.New("enough")
	cancel(cause)
	if err := h.Dispatch(ctx); !errors.Is(err, cause) {
		t.Errorf("Dispatch: %v, want %v", err, cause)
	}
	// After a failure a group can only be closed.
	if err := h.Combine(context.Background()); !errors.Is(err, cause) {
		t.Errorf("Combine after it: %v, want %v", err, cause)
	}
	if _, err := l.Dispatch(context.Background(), hot(p, 4, 2, 1)); !errors.Is(err, cause) {
		t.Errorf("another Dispatch after it: %v, want %v", err, cause)
	}
}

func TestUseAfterClose(t *testing.T) {
	p := place(t, 2, 2, 8)
	l := open(t, alltoall.Config{Place: p, TopK: 2, MaxTokens: 4, Hidden: 8}, nil)
	tables := hot(p, 4, 2, 1)
	h := l.dispatch(tables)
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Dispatch(ctx, tables); !errors.Is(err, exec.ErrClosed) {
		t.Errorf("Dispatch: %v, want %v", err, exec.ErrClosed)
	}
	if err := h.Dispatch(ctx); !errors.Is(err, exec.ErrClosed) {
		t.Errorf("cached Dispatch: %v, want %v", err, exec.ErrClosed)
	}
	if err := h.Combine(ctx); !errors.Is(err, exec.ErrClosed) {
		t.Errorf("Combine: %v, want %v", err, exec.ErrClosed)
	}
}
