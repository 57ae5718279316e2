package exec_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math"
	"runtime"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/ref"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench/workload"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/mem"
	"github.com/commbench/commbench/transport/shm"
)

func TestMain(m *testing.M) {
	// Parallel tests here do nothing but wait until a run is given up.
	flag.Parse()
	if err := flag.Set("test.parallel", "8"); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

var ctx = context.Background()

// shape is a cluster and what is asked of its gate.
type shape struct{ nodes, gpus, experts, topK, groups int }

// load is what a shape has to carry.
type load struct {
	name    string
	routing string
	tokens  int
	masked  float64
	ragged  bool
	empty   int
}

// drivers are those of this system, and one that does not map memory.
var drivers = func() map[string]func() driver.Driver {
	all := map[string]func() driver.Driver{
		"mem":      func() driver.Driver { return mem.New() },
		"unmapped": newUnmapped,
	}
	if runtime.GOOS == "linux" {
		all["shm"] = func() driver.Driver { return shm.New() }
	}
	return all
}()

func place(t testing.TB, s shape) topo.Placement {
	t.Helper()
	c, err := topo.New(s.nodes, s.gpus)
	if err != nil {
		t.Fatal(err)
	}
	p, err := topo.Place(c, s.experts)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func generate(t testing.TB, s shape, l load, seed uint64) []routing.Table {
	t.Helper()
	src, err := routing.Open(l.routing)
	if err != nil {
		t.Fatal(err)
	}
	tables, err := src.Generate(routing.Spec{Placement: place(t, s), Tokens: l.tokens, TopK: s.topK, Groups: s.groups, Seed: seed,
		Masked: l.masked, Ragged: l.ragged, EmptyRanks: l.empty})
	if err != nil {
		t.Fatal(err)
	}
	return tables
}

// config is a group for everything over mem, whose limits are those of the
// tables. Tests change what they are about.
func config(t testing.TB, alg plan.Algorithm, s shape, tables []routing.Table) exec.Config {
	t.Helper()
	d := mem.New()
	c := exec.Config{
		Place: place(t, s), Algorithms: []plan.Algorithm{alg}, Dispatch: true, Combine: true, Expand: true, Alignment: 4,
		TopK: s.topK, Hidden: 40, DType: plan.FP8, Channels: 3, Chunk: 2, Rounds: 2,
		ScaleUp: d, ScaleOut: d, Workers: 2, Timeout: 20 * time.Second,
	}
	for _, table := range tables {
		c.MaxTokens = max(c.MaxTokens, table.Tokens)
	}
	return c
}

// cluster is an open group with a routing.
type cluster struct {
	t       testing.TB
	g       *exec.Group
	alg     plan.Algorithm
	tables  []routing.Table
	payload workload.Payload
	h       *exec.Handle
}

// open opens a group, sizes it for the tables unless it has limits, and gives it
// tokens. The test closes it.
func open(t testing.TB, c exec.Config, tables []routing.Table) *cluster {
	t.Helper()
	if c.Limits == nil {
		if _, err := c.Size(tables); err != nil {
			t.Fatal(err)
		}
	}
	g, err := exec.Open(context.Background(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	alg := c.Algorithms[0]
	h, err := g.NewHandle(alg)
	if err != nil {
		t.Fatal(err)
	}
	cl := &cluster{t: t, g: g, alg: alg, tables: tables, h: h, payload: workload.Payload{Seed: 1, DType: c.DType, Hidden: c.Hidden, TopK: c.TopK}}
	cl.fill(tables)
	return cl
}

// fill writes the tokens of the routing.
func (c *cluster) fill(tables []routing.Table) {
	for r := range tables {
		for i := range tables[r].Tokens {
			experts, weights := tables[r].Row(i)
			c.payload.Token(c.g.X(r).At(i), r, i, experts, weights)
		}
	}
}

// rows are the rows that every rank should receive.
func (c *cluster) rows(tables []routing.Table) [][]ref.Copy {
	if c.alg.ByExpert() {
		return ref.ByExpert(c.g.Config().Place, tables, c.g.Config().Alignment)
	}
	return ref.Received(c.g.Config().Place, tables)
}

// answer writes the outputs of all experts, which tell their copies apart.
func (c *cluster) answer(tables []routing.Table) {
	for to, rows := range c.rows(tables) {
		y := c.g.Y(to, c.alg)
		for k, row := range rows {
			if row == ref.Padding {
				continue
			}
			experts, weights := tables[row.Rank].Row(row.Token)
			dst := y.At(k)
			if row.Choice >= 0 {
				c.payload.OutputByExpert(dst, row.Rank, row.Token, int(experts[row.Choice]))
				if y.Row.Choices > 0 {
					binary.LittleEndian.PutUint32(dst[y.Row.Payload:], math.Float32bits(weights[row.Choice]))
				}
				continue
			}
			c.payload.Output(dst, row.Rank, row.Token, to)
			for j, e := range experts {
				w := float32(0)
				if e >= 0 && c.g.Config().Place.RankOf(int(e)) == to {
					w = weights[j]
				}
				binary.LittleEndian.PutUint32(dst[y.Row.Payload+4*j:], math.Float32bits(w))
			}
		}
	}
}

// phase runs one phase of an iteration; answers are written before a combine.
func (c *cluster) phase(ctx context.Context, name string) error {
	var err error
	switch name {
	case "notify":
		_, _, err = c.g.Notify(ctx, c.h, c.tables)
	case "dispatch":
		_, err = c.g.Dispatch(ctx, c.h)
	case "expand":
		_, err = c.g.Expand(ctx, c.h)
	case "combine":
		_, err = c.g.Combine(ctx, c.h)
	}
	return err
}

// must runs phases that succeed.
func (c *cluster) must(names ...string) {
	c.t.Helper()
	for _, name := range names {
		if err := c.phase(ctx, name); err != nil {
			c.t.Fatalf("%s: %v", name, err)
		}
	}
}

// phases are those of an iteration of the algorithm, in order.
func phases(alg plan.Algorithm) []string {
	if alg.ByExpert() {
		return []string{"notify", "dispatch", "combine"}
	}
	return []string{"notify", "dispatch", "expand", "combine"}
}

// iterate runs a whole iteration, and checks what it moved.
func (c *cluster) iterate() {
	c.t.Helper()
	for _, p := range phases(c.alg) {
		if p == "combine" {
			c.answer(c.tables)
		}
		c.must(p)
		c.check(p)
	}
}

// check checks what a phase has brought.
func (c *cluster) check(phase string) {
	c.t.Helper()
	switch phase {
	case "dispatch":
		c.checkReceived(c.tables)
	case "combine":
		c.checkCombined(c.tables)
	}
}

// checkReceived checks every received row.
func (c *cluster) checkReceived(tables []routing.Table) {
	c.t.Helper()
	full := plan.DispatchRow(c.payload.DType, c.payload.Hidden, c.payload.TopK)
	token := make([]byte, full.Size(), full.Size()+64) // room for a head in place of choices
	for to, rows := range c.rows(tables) {
		for k, row := range rows {
			if row == ref.Padding {
				continue
			}
			got, experts, weights := c.g.Recv(to, c.alg), []int32(nil), []float32(nil)
			experts, weights = tables[row.Rank].Row(row.Token)
			c.payload.Token(token, row.Rank, row.Token, experts, weights)
			want := token
			if row.Choice >= 0 {
				want = append([]byte(nil), token[:got.Row.Size()]...)
				if c.alg == plan.AlgLowLatency {
					clear(want[got.Row.Bytes():])
					binary.LittleEndian.PutUint32(want[got.Row.Bytes():], uint32(row.Token))
				} else {
					workload.PutChoices(want[got.Row.Bytes():], experts[row.Choice:row.Choice+1], weights[row.Choice:row.Choice+1])
				}
			}
			if string(got.At(k)) != string(want) {
				c.t.Fatalf("rank %d: row %d is not token %d of rank %d", to, k, row.Token, row.Rank)
			}
		}
	}
}

// checkCombined checks every combined row.
func (c *cluster) checkCombined(tables []routing.Table) {
	c.t.Helper()
	p := c.g.Config().Place
	for r := range tables {
		for i := range tables[r].Tokens {
			experts, weights := tables[r].Row(i)
			out := func(to, choice int) ref.Output {
				y := make([]byte, 2*c.payload.Hidden)
				if choice >= 0 {
					c.payload.OutputByExpert(y, r, i, int(experts[choice]))
					return ref.Output{Values: values(y), Weights: weights[choice : choice+1]}
				}
				c.payload.Output(y, r, i, to)
				return ref.Output{Values: values(y)}
			}
			var want ref.Output
			switch c.alg {
			case plan.AlgTwoHop:
				want = ref.CombineTwoHop(p, r, experts, c.payload.Hidden, out, nil)
			case plan.AlgDirect, plan.AlgPXN:
				want = ref.CombineDirect(p, experts, c.payload.Hidden, out, nil)
			case plan.AlgLowLatency:
				want = ref.CombineLowLatency(experts, weights, c.payload.Hidden, out, nil)
			default:
				want = ref.CombineAllToAll(experts, c.payload.Hidden, out, nil)
			}
			got := c.g.Out(r).At(i)
			for j, v := range want.Values {
				if binary.LittleEndian.Uint16(got[2*j:]) != v {
					c.t.Fatalf("rank %d, token %d: value %d is not what the reference adds up", r, i, j)
				}
			}
			for j, w := range weights {
				if got := math.Float32frombits(binary.LittleEndian.Uint32(got[2*c.payload.Hidden+4*j:])); got != w {
					c.t.Fatalf("rank %d, token %d: weight %d is %v, want %v", r, i, j, got, w)
				}
			}
		}
	}
}

func values(row []byte) []uint16 {
	v := make([]uint16, len(row)/2)
	for i := range v {
		v[i] = binary.LittleEndian.Uint16(row[2*i:])
	}
	return v
}

// hash is a digest of rows.
func hash(rows exec.Rows, n int) string {
	h := sha256.New()
	for i := range n {
		h.Write(rows.At(i))
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8])
}
