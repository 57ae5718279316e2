package bench

import (
	"context"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/transport/driver"
)

// Prediction is what the plans of a workload say before anything is moved.
type Prediction struct {
	Config    Config // with everything filled in that the routing decides
	Place     topo.Placement
	Skew      routing.Stats
	Notes     []string
	Forecasts []Forecast // one for each algorithm that was asked for

	s *setting
}

// Forecast is what one algorithm will move in one operation.
type Forecast struct {
	Algorithm plan.Algorithm
	Row       plan.Row
	Traffic   record.Traffic // as the record of a run will have it
	Rows      [][]int64      // rows that go from each rank to each rank, itself included
}

// matrixAlign is what nccl-tests round the cells of a traffic matrix down to, so
// that rows of a multiple of it stay whole.
const matrixAlign = 16

// MatrixRow is the bytes of a row in a traffic matrix: payload, scales and the
// metadata that travels with them, rounded up to a multiple of 16.
func (f *Forecast) MatrixRow() int64 {
	return int64(f.Row.Size()+matrixAlign-1) &^ (matrixAlign - 1)
}

// unopened stands for the transports of a run that opens none. A combine is planned
// as over one that maps memory.
type unopened struct{ driver.Driver }

func (unopened) Caps() driver.Caps { return driver.Caps{Mapped: true} }

// Predict makes the routing of the workload and the plans of the algorithms for
// the operation (dispatch or combine), and says what they would move. It opens
// no transport and makes no payload. The error is an *InputError, or the cause
// of ctx.
func Predict(ctx context.Context, c Config, algorithms ...plan.Algorithm) (*Prediction, error) {
	c = c.defaults()
	c.Baseline, c.Iterations = "", max(c.Iterations, 1)
	c.ScaleUp, c.ScaleOut = unopened{}, unopened{}
	if c.Op == record.Roundtrip {
		return nil, inputf("a plan is of dispatch or of combine, not of roundtrip")
	}
	s := &setting{c: c, ctx: ctx}
	if err := s.route((*Config).leastPlanned); err != nil {
		return nil, err
	}
	p := &Prediction{Config: s.c, Place: s.place, Skew: s.skew, Notes: s.notes, s: s}
	for _, alg := range algorithms {
		s.c.Algorithm = alg
		if least, free := s.c.leastPlanned(s.place), c.free(); free > 0 && least > free {
			return nil, inputf("the plans of %s take at least %s of memory, more than the %s that may be used: take fewer --tokens, --nodes or --channels",
				alg, unit.Bytes(least), unit.Bytes(free))
		}
		e := s.execConfig()
		plans, err := e.Size(s.tables)
		if err != nil {
			return nil, &InputError{err}
		}
		p.Forecasts = append(p.Forecasts, s.forecast(alg, plans[alg]))
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// leastPlanned is what routing and the plans of the algorithm take, about: for
// each token its choices and targets, for each pair of ranks what they
// tell each other.
func (c *Config) leastPlanned(p topo.Placement) int64 {
	return int64(min(c.planned(p, 16*(c.Channels+2)), 1<<62))
}

// planned is the same with so many bytes for a pair of ranks. It is a float64
// because nobody has yet checked that it is small.
func (c *Config) planned(p topo.Placement, pair int) float64 {
	ranks, experts := float64(p.Ranks()), float64(p.Experts)
	pairs := ranks
	if c.Algorithm == plan.AlgTwoHop {
		pairs = float64(p.Nodes)
	}
	bytes := ranks*float64(c.Tokens)*40*float64(c.TopK) + ranks*(pairs*float64(pair)+8*experts)
	if c.Algorithm == plan.AlgAllToAll {
		bytes += 4 * ranks * float64(c.Channels*c.rounds(p.Ranks())) * (3*experts + 4*ranks)
	}
	return bytes
}

func (s *setting) forecast(alg plan.Algorithm, plans []plan.Plan) Forecast {
	f := Forecast{Algorithm: alg}
	f.Row = s.row(s.c.Op, alg)
	ledgers := make([]*plan.Ledger, len(plans))
	for r, p := range plans {
		ledgers[r] = plan.NewLedger(plan.Config{Place: s.place})
		if s.c.combines() {
			p.Combine(ledgers[r], f.Row)
		} else {
			p.Dispatch(ledgers[r], f.Row)
		}
	}
	f.Traffic = s.traffic(ledgers, f.Row)
	loads := s.c.combines() && !alg.ByExpert()
	if alg == plan.AlgPXN && loads { // a rank's links have loads and puts: count puts in place of loads
		loads = false
		for r, p := range plans {
			p := *p.(*plan.PXN)
			p.Mirrored = true
			ledgers[r] = plan.NewLedger(plan.Config{Place: s.place})
			p.Combine(ledgers[r], f.Row)
		}
	}
	f.Rows = s.matrix(ledgers, loads)
	return f
}

// matrix is the rows that go from each rank to each rank. A ledger charges a put
// to the rank that sends, and a load to the rank that reads: within a node a
// combine loads, if it does not go by alltoall.
func (s *setting) matrix(ledgers []*plan.Ledger, loads bool) [][]int64 {
	all := make([][]int64, len(ledgers))
	for from := range all {
		all[from] = make([]int64, len(ledgers))
		for to := range all[from] {
			rank, peer := from, to
			switch same := s.place.Node(from) == s.place.Node(to); {
			case !same:
				all[from][to] = ledgers[from].ScaleOut[to].Tokens
				continue
			case loads:
				rank, peer = to, from
			}
			all[from][to] = ledgers[rank].ScaleUp[s.place.Index(peer)].Tokens
		}
	}
	return all
}
