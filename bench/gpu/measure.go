package gpu

import (
	"errors"
	"fmt"

	"github.com/commbench/commbench/bench/stats"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml/cuda"
)

// What is measured unless something else is asked for.
const (
	DefaultRepeats = 10
	MostRepeats    = 1000

	warmup    = 2
	leastData = 256 << 20
	overL2    = 20        // times the L2 cache: at most 5 % of the data can be there
	block     = 256 << 20 // of a copy over PCIe or between GPUs, at most
)

// Hidden is the number of BF16 values of a row that is added up.
const Hidden = 7168

// KneeWithin is how near to the best copy rate a rate is as good.
const KneeWithin = 0.10

// ErrConfig: what was asked for cannot be measured on this machine.
var ErrConfig = errors.New("cannot be measured")

// Config is what to measure. The zero value measures all GPUs.
type Config struct {
	Library string // of the driver; "" is cuda.Library
	Devices []int  // numbers of GPUs; none is all that can be measured
	Bytes   int64  // that a kernel goes through; 0 is 20 times the L2 cache, within what memory is free
	Repeats int    // of each figure; 0 is DefaultRepeats

	// Ready is called once before the first figure, with the GPUs that are measured and what is known of them.
	Ready func([]*GPU)
	// Progress is called before each figure. Both are called from the goroutine of Run.
	Progress func(stage string, done, all int)
}

// Result is what was measured. What is nil was not.
type Result struct {
	CUDA     string   `json:"cuda"` // newest that the driver serves
	Repeats  int      `json:"repeats"`
	GPUs     []*GPU   `json:"gpus"`
	Peers    []Peer   `json:"peers"`
	Wrong    []string `json:"wrong"` // what had wrong bytes, in words
	Warnings []string `json:"warnings"`

	Interrupted bool `json:"interrupted"`
}

// GPU is one GPU, and what it does.
type GPU struct {
	Number      int    `json:"number"` // CUDA's
	Name        string `json:"name"`
	PCI         string `json:"pci"`
	Capability  string `json:"compute_capability"`
	SMs         int    `json:"sms"`
	L2Bytes     int64  `json:"l2_bytes"`
	MemoryBytes int64  `json:"memory_bytes"`

	Bytes   int64   `json:"bytes"`    // that a kernel went through
	Curve   []Point `json:"curve"`    // by the number of SMs
	KneeSMs *int    `json:"knee_sms"` // fewest whose copy rate is within KneeWithin of the best

	ToDevice *Rate `json:"host_to_device"` // from pinned memory: over PCIe, on Grace over C2C
	ToHost   *Rate `json:"device_to_host"`

	Launch     *Time `json:"launch"`      // an empty kernel, one after the other
	LaunchWait *Time `json:"launch_wait"` // one, waited for
	Events     *Time `json:"events"`      // between two events with nothing in between
	EventWait  *Time `json:"event_wait"`  // one, waited for
}

// Point is what so many SMs do, of HBM.
type Point struct {
	SMs    int   `json:"sms"`
	Read   *Rate `json:"read"`
	Write  *Rate `json:"write"`
	Copy   *Rate `json:"copy"`   // bytes read and bytes written together
	Reduce *Rate `json:"reduce"` // of addends: eight rows of BF16 to one
}

// Rate is the median rate, in GB/s, and the extremes.
type Rate struct {
	GBps  float64 `json:"gbps"`
	Min   float64 `json:"min"`
	Max   float64 `json:"max"`
	Wrong int64   `json:"wrong"` // words of 32 bits that differ from what they must be, after the last repeat
}

// Time is the median time, in microseconds, and the extremes.
type Time struct {
	US  float64 `json:"us"`
	Min float64 `json:"min"`
	Max float64 `json:"max"`
}

// Peer is a copy from one GPU to another, one way.
type Peer struct {
	From   int  `json:"from"`
	To     int  `json:"to"`
	Direct bool `json:"direct"` // else by way of the host
	Rate
}

// BestCopy is the highest copy rate of the curve, and the SMs that reach it; 0 if there is none.
func (g *GPU) BestCopy() (gbps float64, sms int) {
	for _, p := range g.Curve {
		if p.Copy != nil && p.Copy.GBps > gbps {
			gbps, sms = p.Copy.GBps, p.SMs
		}
	}
	return gbps, sms
}

// Whole says whether the curve says what the memory can do: a copy on all SMs was measured, of data that the cache
// does not hold.
func (g *GPU) Whole() bool { return g.complete() && !g.cached() }

// complete says whether the curve ends with a copy on all SMs.
func (g *GPU) complete() bool {
	n := len(g.Curve)
	return n > 0 && g.Curve[n-1].SMs == g.SMs && g.Curve[n-1].Copy != nil
}

// cached says whether more of the data than promised can be in the cache when a sample begins.
func (g *GPU) cached() bool { return g.Bytes+group < overL2*g.L2Bytes }

// knee is the fewest SMs that copy as good as at best; of a part of the curve there is none.
func (g *GPU) knee() *int {
	if !g.complete() {
		return nil
	}
	best, _ := g.BestCopy()
	for _, p := range g.Curve {
		if p.Copy != nil && p.Copy.GBps >= best*(1-KneeWithin) {
			return &p.SMs
		}
	}
	return nil
}

// rateOf is the rate of so many bytes in each of the times, in microseconds.
func rateOf(bytes int64, us []float64) (*Rate, error) {
	s, err := stats.Summarize(us)
	if err != nil {
		return nil, err
	}
	if s.Min <= 0 {
		return nil, fmt.Errorf("%w: it took no time by the GPU's clock; take more bytes", ErrConfig)
	}
	rate := func(us float64) float64 { return float64(unit.Rate(float64(bytes), unit.Micros(us))) }
	return &Rate{GBps: rate(s.P50), Min: rate(s.Max), Max: rate(s.Min)}, nil
}

func timeOf(us []float64) (*Time, error) {
	s, err := stats.Summarize(us)
	return &Time{s.P50, s.Min, s.Max}, err
}

// counts are the numbers of SMs that are measured: powers of two, those half way between
// them, and all.
func counts(sms int) (n []int) {
	for i := 1; i < sms; i *= 2 {
		n = append(n, i)
		if half := i + i/2; half > i && half < sms {
			n = append(n, half)
		}
	}
	return append(n, sms)
}

// group is the smallest piece of data: a sum of rows.
const group = cuda.Addends * 2 * Hidden

// dataOf is how many bytes a kernel goes through on a GPU with so much memory that is free,
// where so many were asked for. It needs them twice.
func dataOf(d *cuda.Device, free, asked int64) (int64, error) {
	data := asked
	if data == 0 {
		data = min(max(leastData, overL2*d.L2Bytes), free/4)
	}
	data = data / group * group
	switch {
	case data < group:
		return 0, fmt.Errorf("%v %w: want at least %v, and %v of its memory are free", unit.Bytes(asked), ErrConfig, unit.Bytes(group), unit.Bytes(free))
	case data > free/2:
		return 0, fmt.Errorf("%v %w: they are needed twice, and %v are free", unit.Bytes(asked), ErrConfig, unit.Bytes(free))
	}
	return data, nil
}
