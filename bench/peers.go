package bench

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/transport/driver"
)

// What the processes of a run tell each other. All of them make the same calls in the
// same order, right after what the calls are about: so each, and above all the one
// that reports, has at any time all that was found so far, whoever is lost then.

// alone says whether this process has all ranks.
func (c *Config) alone() bool { return c.Peers.Processes() == 1 }

// failer is implemented by Peers that can tell others of a failure at once; what comes
// after it would look to them like a failure of its own. Failed returns why the job has
// failed. What follows from something else is told only if nobody else tells of that.
type failer interface {
	Failed(err error, follows bool) error
}

// failed is why the run has failed.
func (c *Config) failed(err error) error {
	peers, ok := c.Peers.(failer)
	if err == nil || !ok {
		return err
	}
	var input *InputError
	if errors.As(err, &input) { // each process finds it, and says it as it is
		_ = peers.Failed(err, false)
		return err
	}
	var stuck *exec.StuckError
	follows := errors.As(err, &stuck)
	for _, lost := range []error{driver.ErrLost, driver.ErrClosed, driver.ErrTimeout} {
		follows = follows || errors.Is(err, lost)
	}
	return peers.Failed(err, follows)
}

// here are the tables of this process's ranks.
func (s *setting) here() []routing.Table {
	first, n := s.group.Config().Local()
	return s.tables[first : first+n]
}

// share brings v of every process, in their order, to all of them.
func share[T any](ctx context.Context, c *Config, what string, v T) ([]T, error) {
	if c.alone() {
		return []T{v}, nil
	}
	blob, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	blobs, err := c.Peers.Exchange(ctx, what, blob)
	if err != nil {
		return nil, err
	}
	all := make([]T, len(blobs))
	for p, blob := range blobs {
		if err := json.Unmarshal(blob, &all[p]); err != nil {
			return nil, fmt.Errorf("%s of process %d: %w", what, p, err)
		}
	}
	return all, nil
}

// agree makes sure that all processes run the same benchmark.
func (s *setting) agree(ctx context.Context) error {
	all, err := share(ctx, &s.c, "workload", s.terms())
	if err != nil {
		return err
	}
	var differences []string
	for p, terms := range all {
		for _, name := range slices.Sorted(maps.Keys(all[0])) {
			if terms[name] != all[0][name] {
				differences = append(differences, fmt.Sprintf("%s is %q in process %d and %q in process 0", name, terms[name], p, all[0][name]))
			}
		}
	}
	if len(differences) > 0 {
		// Who has found them and gives up must not keep the others from finding them.
		_, _ = share(ctx, &s.c, "refusal", 0)
		return inputf("the processes do not run the same: %s", strings.Join(differences, "; "))
	}
	return nil
}

// terms are what all processes must have in common, by the names of flags.
func (s *setting) terms() map[string]string {
	c, h := &s.c, sha256.New()
	for i := range s.tables {
		t := &s.tables[i]
		_ = binary.Write(h, binary.LittleEndian, int64(t.Tokens)) // a hash takes anything
		_ = binary.Write(h, binary.LittleEndian, t.Experts)
		_ = binary.Write(h, binary.LittleEndian, t.Weights)
	}
	terms := map[string]string{"routing, as made,": hex.EncodeToString(h.Sum(nil)[:8])}
	for name, v := range map[string]any{
		"version": c.Version, "operation": c.Op, "algorithm": c.Algorithm, "baseline": c.Baseline,
		"nodes": c.Nodes, "gpus-per-node": c.GPUsPerNode, "experts": c.Experts, "topk": c.TopK, "tokens": c.Tokens,
		"hidden": c.Hidden, "dtype": c.DType, "seed": c.Seed, "bias": c.Bias, "expand": c.Expand, "expert-alignment": c.Alignment,
		"scale-up": c.ScaleUp.Name(), "scale-out": c.ScaleOut.Name(), "channels": c.Channels, "chunk": c.Chunk,
		"warmup": c.Warmup, "iters": c.Iterations, "cached": c.Cached, "check": c.Check,
		"limit time": c.LimitTime, "exchange bytes": c.ExchangeBytes,
	} {
		terms[name] = fmt.Sprint(v)
	}
	return terms
}

// ledgers are those of all ranks.
func (r *runner) ledgers(ctx context.Context) ([]*plan.Ledger, error) {
	all, err := share(ctx, &r.c, "ledgers", r.group.Ledgers())
	if err != nil {
		return nil, err
	}
	return slices.Concat(all...), nil
}

// maxShared bounds the wrong tokens that a process names to the others. Where there
// are more, the sum over processes may count some twice.
const maxShared = 1 << 18

// finding is a verdict on its way.
type finding struct {
	Tokens [][2]int
	More   int64
	Rows   int64
	First  []string
}

// judge is the verdict of all processes.
func (r *runner) judge(ctx context.Context, v *verdict) (*verdict, error) {
	if r.c.alone() {
		return v, nil
	}
	f := finding{Rows: v.rows, First: v.first}
	for t := range v.tokens {
		if len(f.Tokens) == maxShared {
			f.More = int64(len(v.tokens) - maxShared)
			break
		}
		f.Tokens = append(f.Tokens, t)
	}
	all, err := share(ctx, &r.c, "verdicts", f)
	if err != nil {
		return nil, err
	}
	sum := &verdict{tokens: map[[2]int]bool{}}
	for _, f := range all {
		for _, t := range f.Tokens {
			sum.tokens[t] = true
		}
		sum.more += f.More
		sum.rows += f.Rows
		sum.first = append(sum.first, f.First[:min(len(f.First), maxDifferences-len(sum.first))]...)
	}
	return sum, nil
}

// rates adds up what processes measured at once. A rate that one of them could not
// measure is not known for all.
func (r *runner) rates(ctx context.Context, mine []float64) ([]float64, error) {
	all, err := share(ctx, &r.c, "limits", mine)
	if err != nil {
		return nil, err
	}
	sums := slices.Clone(all[0])
	for _, rates := range all[1:] {
		if len(rates) != len(sums) {
			return nil, nil
		}
		for i := range sums {
			sums[i] += rates[i]
		}
	}
	return sums, nil
}

// hugeBytes is how much of all ranks' memory is on huge pages, nil if one process
// cannot tell.
func (r *runner) hugeBytes(ctx context.Context) *int64 {
	mine := int64(math.MinInt64)
	if n, err := r.group.HugeBytes(); err == nil {
		mine = n
	}
	all, err := share(ctx, &r.c, "huge pages", mine)
	if err != nil {
		return nil
	}
	sum := int64(0)
	for _, n := range all {
		if n < 0 {
			return nil
		}
		sum += n
	}
	return &sum
}

// network is what the drivers' connections are like; nil where there are none.
func (c *Config) network() *record.Network {
	for _, d := range []driver.Driver{c.ScaleOut, c.ScaleUp} {
		if n := networkOf(d); n != (driver.Network{}) {
			return &record.Network{
				Interface: known(n.Interface), Streams: known(n.Streams), Congestion: known(n.Congestion), NoDelay: n.NoDelay,
				SendBuffer: known(n.SendBuffer), ReceiveBuffer: known(n.ReceiveBuffer), Sockets: known(n.Sockets),
			}
		}
	}
	return nil
}

// networkOf is zero for a driver that crosses no network, also within a wrapper that
// says what the driver inside says.
func networkOf(d driver.Driver) driver.Network {
	if d, ok := d.(driver.Networked); ok {
		return d.Network()
	}
	return driver.Network{}
}

// known is nil for what is not.
func known[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
