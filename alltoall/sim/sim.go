package sim

import (
	"context"
	"fmt"
	"math"

	"github.com/commbench/commbench/alltoall/counter"
	"github.com/commbench/commbench/alltoall/hardware"
	"github.com/commbench/commbench/alltoall/plan"
)

// Config is what is simulated. The zero values of all that is not of the plan are good.
type Config struct {
	Hardware *hardware.Hardware
	Kernels  *hardware.Profile
	Plan     plan.Config // that the plans were made with; its channels are Channels(Kernels, SMs)
	Row      plan.Row    // what a token is on a link
	Combine  bool        // not a dispatch
	SMs      int         // of each GPU, that the kernels get
	Ring     int         // rows of a ring; 0 is room for all

	SlowRanks []SlowRank
	SlowLinks []SlowLink
	Jitter    float64 // each step of an SM and each latency takes up to so much more, 0 to 10
	Seed      uint64  // of the jitter

	// Progress is told now and then how many of the rows that cross a network have.
	Progress func(done, total int64)
}

// SlowRank is a GPU whose SMs are slower than others.
type SlowRank struct {
	Rank  int
	Share float64 // of the speed of others
}

// SlowLink is a pair of ranks whose connection is slower than their ports, both ways.
type SlowLink struct {
	A, B  int
	Share float64 // of a port's rate
}

// Result is what an operation took in virtual time. Times are in microseconds.
type Result struct {
	US    float64   // the slowest rank's, from the common start; notify, barrier and epilogue apart
	Ranks []float64 // [ranks]

	NotifyUS   float64 // the rounds of notes, each rank's before its next
	BarrierUS  float64 // of all ranks, once
	EpilogueUS float64 // copies into tensors or last sums by all SMs, where they are a kernel of their own

	Ledgers []*plan.Ledger // [ranks]
	Busy    Busy
	Events  int64 // that were simulated
}

// Busy is the share of the operation's time in which parts worked, on average over ranks.
type Busy struct{ SMs, ScaleOut, ScaleUp, Memory float64 }

// Channels is the number of channels of kernels that get so many SMs of a GPU: plans are made for it.
func Channels(k *hardware.Profile, sms int) int {
	if k.RolesApart {
		return max(1, sms/2)
	}
	return max(1, sms)
}

// Run plays the plans of all ranks, as plan.Build makes them. It reads no clock: equal
// configs and plans give equal results, on every machine. The error says what is wrong with
// the config, or is ctx's cause.
func Run(ctx context.Context, c Config, plans []plan.Plan) (*Result, error) {
	if err := c.check(plans); err != nil {
		return nil, err
	}
	m := c.machine()
	if err := m.ends(); err != nil {
		return nil, err
	}
	p, err := newPlayer(m, plans)
	if err != nil {
		return nil, err
	}
	m.player = p
	if err := m.play(ctx); err != nil {
		return nil, err
	}
	r := &Result{Ledgers: m.ledgers, Events: m.events, Ranks: make([]float64, len(m.done))}
	for i, t := range m.done {
		r.Ranks[i] = c.Kernels.Fixed.Value + float64(t)/1e6
		r.US = max(r.US, r.Ranks[i])
	}
	if last := float64(len(m.done)) * (r.US - c.Kernels.Fixed.Value) * 1e6; last > 0 {
		sms := 1.0
		if !c.Kernels.Engine {
			sms = float64(len(m.sms)) / float64(len(m.done))
		}
		r.Busy = Busy{float64(m.busySM) / last / sms, float64(m.busyOut) / last, float64(m.busyUp) / last, float64(m.busyMemory) / last}
	}
	r.NotifyUS, r.BarrierUS = m.notify(plans), c.barrier()
	r.EpilogueUS = m.epilogue(plans)
	return r, nil
}

func (c *Config) check(plans []plan.Plan) error {
	place := c.Plan.Place
	switch {
	case c.Hardware == nil || c.Kernels == nil:
		return fmt.Errorf("sim: no hardware or no kernels")
	case len(plans) != place.Ranks():
		return fmt.Errorf("sim: %d plans for %d ranks", len(plans), place.Ranks())
	case place.GPUsPerNode > c.Hardware.Domain():
		return fmt.Errorf("sim: %d GPUs a node: a scale-up domain of %s has %d", place.GPUsPerNode, c.Hardware.Name, c.Hardware.Domain())
	case !(c.Jitter >= 0 && c.Jitter <= 10):
		return fmt.Errorf("sim: jitter %v: want 0 to 10 times as much more", c.Jitter)
	case (c.Plan.MaxTokens+c.Plan.Channels-1)/c.Plan.Channels > mostRows/c.Plan.TopK:
		return fmt.Errorf("sim: %d tokens of a rank with top-%d on %d channels: want at most %d tokens, or more SMs", c.Plan.MaxTokens, c.Plan.TopK, c.Plan.Channels, mostRows/c.Plan.TopK*c.Plan.Channels)
	case (c.Plan.MaxTokens+c.Plan.Channels-1)/c.Plan.Channels > mostOfStream:
		return fmt.Errorf("sim: %d tokens of a rank on %d channels: want at most %d tokens, or more SMs", c.Plan.MaxTokens, c.Plan.Channels, mostOfStream*c.Plan.Channels)
	}
	if _, ok := plans[0].(*plan.LowLatency); ok != c.Kernels.LowLatency {
		return fmt.Errorf("sim: kernels %s: low-latency kernels are for %s, and for nothing else", c.Kernels.Name, plan.AlgLowLatency)
	}
	if err := c.Configuration(); err != nil {
		return err
	}
	for _, s := range c.SlowRanks {
		if s.Rank < 0 || s.Rank >= place.Ranks() || !share(s.Share) {
			return fmt.Errorf("sim: slow rank %d at %v of its speed: want a rank from 0 to %d, and above 0 to 1", s.Rank, s.Share, place.Ranks()-1)
		}
	}
	for _, s := range c.SlowLinks {
		if min(s.A, s.B) < 0 || max(s.A, s.B) >= place.Ranks() || s.A == s.B || !share(s.Share) {
			return fmt.Errorf("sim: slow link %d-%d at %v of its rate: want two ranks from 0 to %d, and above 0 to 1", s.A, s.B, s.Share, place.Ranks()-1)
		}
	}
	return nil
}

// latest is the latest time that is simulated: 13 days. Sums of a few such times do not overflow.
const latest = 1 << 60 // ps

// ends says whether all would be over by then if it were done one row after the other.
func (m *machine) ends() error {
	p := &m.Plan
	rows := float64(p.MaxTokens) * float64(p.TopK)
	row := max(m.perOut, m.perUp, m.perUplink, m.perMemory, m.perRead, m.perWrite, m.perReduce) * (1 + m.Jitter)
	slowest := 1.0
	for _, s := range m.SlowRanks {
		slowest = min(slowest, s.Share)
	}
	for _, s := range m.SlowLinks {
		slowest = min(slowest, s.Share)
	}
	if all := max(rows*float64(p.Place.Ranks())*row, rows*row/slowest); !(all <= latest) {
		return fmt.Errorf("sim: at these rates it may take %.3g days of virtual time: want at most %.3g; take fewer tokens, or faster hardware", all/864e14, latest/864e14)
	}
	return nil
}

// share says whether a rate can be lowered to it: not so far that nothing moves.
func share(v float64) bool { return v >= 1e-6 && v <= 1 }

// machine is the cluster before anything happens.
func (c *Config) machine() *machine {
	place, h, k := c.Plan.Place, c.Hardware, c.Kernels
	ranks := place.Ranks()
	m := &machine{Config: c, ledgers: make([]*plan.Ledger, ranks), links: map[pair]*link{},
		draw: counter.New(c.Seed, 0, 0, 0), jitters: c.Jitter > 0}
	for _, ports := range []*[]int64{&m.outPort, &m.inPort, &m.upPort, &m.downPort, &m.memory, &m.done, &m.lastOut, &m.lastUp} {
		*ports = make([]int64, ranks)
	}
	for r := range m.ledgers {
		m.ledgers[r] = plan.NewLedger(c.Plan)
	}
	row := float64(c.Row.Size()) * 1e3 // over GB/s it is ps
	m.perOut = row / (h.OutGBps() * k.ScaleOut.Value)
	m.perUp = row / (h.ScaleUp.Achievable.Value * k.ScaleUp.Value)
	m.perMemory = row / h.GPU.Memory.Value
	if !k.Engine {
		m.perRead, m.perWrite, m.perReduce = row/k.Read.Value, row/k.Write.Value, row/k.Reduce.Value
	}
	m.put, m.signal, m.store = picoseconds(h.ScaleOut.Put), picoseconds(h.ScaleOut.Signal), picoseconds(h.ScaleUp.Store)
	m.perCopy = max(m.perRead, m.perWrite)
	m.perChannel = 1
	if k.RolesApart {
		m.perChannel = 2
	}
	m.fabric()
	for _, s := range c.SlowRanks {
		if m.slow == nil {
			m.slow = make([]float64, ranks)
		}
		m.slow[s.Rank] = s.Share
	}
	for _, s := range c.SlowLinks {
		m.links[pair{s.A, s.B}] = &link{share: s.Share}
		m.links[pair{s.B, s.A}] = &link{share: s.Share}
	}
	return m
}

// fabric sets up the links between leaf switches, where they can be full.
func (m *machine) fabric() {
	f, place := &m.Hardware.Fabric, m.Plan.Place
	m.leafNodes = int(f.LeafNodes.Value)
	leaves := (place.Nodes + m.leafNodes - 1) / m.leafNodes
	nics := min(place.Nodes, m.leafNodes) // of a leaf
	if f.RailOptimised {
		leaves *= place.GPUsPerNode
	} else {
		nics *= place.GPUsPerNode
	}
	if leaves < 2 || f.Tiers.Value < 2 || f.Oversubscription.Value <= 1 {
		return
	}
	m.leafOut, m.leafIn = make([]int64, leaves), make([]int64, leaves)
	m.perUplink = m.perOut * m.Kernels.ScaleOut.Value * f.Oversubscription.Value / float64(nics)
}

func picoseconds(f hardware.Figure) int64 { return int64(math.Round(f.Value * 1e6)) }

// newPlayer is what plays the plans.
func newPlayer(m *machine, plans []plan.Plan) (player, error) {
	switch plans[0].(type) {
	case *plan.TwoHop:
		if m.Combine {
			return newTwoHopCombine(m, of[*plan.TwoHop](plans)), nil
		}
		return newTwoHopDispatch(m, of[*plan.TwoHop](plans)), nil
	case *plan.Direct:
		return newDirect(m, of[*plan.Direct](plans), nil), nil
	case *plan.PXN:
		all := of[*plan.PXN](plans)
		direct := make([]*plan.Direct, len(all))
		for i, p := range all {
			direct[i] = &p.Direct
		}
		return newDirect(m, direct, all), nil
	case *plan.LowLatency:
		if m.Combine {
			return newLLCombine(m, of[*plan.LowLatency](plans)), nil
		}
		return newLLDispatch(m, of[*plan.LowLatency](plans)), nil
	case *plan.AllToAll:
		return newAllToAll(m, of[*plan.AllToAll](plans)), nil
	}
	return nil, fmt.Errorf("sim: plans of %T cannot be simulated", plans[0])
}

func newDirect(m *machine, plans []*plan.Direct, through []*plan.PXN) player {
	if m.Combine {
		return newDirectCombine(m, plans, through)
	}
	return newDirectDispatch(m, plans, through)
}

// of has plans as those of their algorithm.
func of[P plan.Plan](plans []plan.Plan) []P {
	all := make([]P, len(plans))
	for i, p := range plans {
		all[i] = p.(P)
	}
	return all
}
