package reports

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/commbench/commbench/bench/record"
	"github.com/commbench/commbench/bench/unit"
)

type rec = record.Record // for the tables of small functions

// A fact is what the heading states once when the records agree on it, and
// what becomes columns when they do not.
type fact struct {
	line    string            // the heading line that it is part of
	sep     string            // what joins it to what stands before it
	say     func(*rec) string // the phrase; "" for nothing to say
	lenient bool              // a record with nothing to say agrees with the others
	columns []column
}

// The heading's lines, by their labels, in order.
const (
	title     = "commbench"
	workload  = "workload"
	routing   = "routing"
	transport = "transport"
	sampling  = "sampling"
)

var lines = []string{title, workload, routing, transport, sampling}

var facts = []fact{
	{title, "", sayCluster, false, []column{
		number("\n\nnodes", func(r *rec) *int { return &r.Cluster.Nodes }),
		number("\nGPUs\na node", func(r *rec) *int { return &r.Cluster.GPUsPerNode })}},
	{title, ", ", sayProcesses, false, []column{
		number("\n\nprocesses", func(r *rec) *int { return r.Exec.Processes })}},
	{title, ", ", sayWorkers, true, []column{
		number("\n\nworkers", func(r *rec) *int { return r.Exec.Workers })}},

	{title, ", ", sayPinned, true, []column{
		word("\n\npinned", func(r *rec) *string { return yesNo(r.Exec.Pinned) })}},
	{title, ", ", func(r *rec) string { return phrase(r.Exec.ISA, "%s") }, true, []column{
		word("\n\nISA", func(r *rec) *string { return r.Exec.ISA })}},

	{title, ", ", func(r *rec) string { return phrase(part(r.Simulation, hardware), "on %s") }, true, []column{
		word("\n\nhardware", func(r *rec) *string { return part(r.Simulation, hardware) })}},
	{title, ", ", func(r *rec) string { return phrase(part(r.Simulation, kernels), "kernels %s") }, true, []column{
		word("\n\nkernels", func(r *rec) *string { return part(r.Simulation, kernels) })}},
	{title, ", ", func(r *rec) string { return counted(part(r.Simulation, sms), "SM") }, true, []column{
		number("\n\nSMs", func(r *rec) *int { return part(r.Simulation, sms) })}},

	{workload, "", func(r *rec) string { return phrase(r.Workload.Preset, "%s:") }, false, []column{
		word("\n\npreset", func(r *rec) *string { return r.Workload.Preset })}},
	{workload, " ", func(r *rec) string { return unit.Count(int64(r.Workload.Tokens)) + " tokens/rank" }, false, []column{
		number("\ntokens\na rank", func(r *rec) *int { return &r.Workload.Tokens })}},
	{workload, ", ", func(r *rec) string { return fmt.Sprintf("hidden %d", r.Workload.Hidden) }, false, []column{
		number("\n\nhidden", func(r *rec) *int { return &r.Workload.Hidden })}},
	{workload, ", ", sayDtype, false, []column{
		word("\n\ndtype", func(r *rec) *string { return &r.Workload.Dtype }),
		number("\nB\na token", func(r *rec) *int64 { return r.Traffic.BytesPerToken })}},
	{workload, ", ", func(r *rec) string { return counted(&r.Workload.Experts, "expert") }, false, []column{
		number("\n\nexperts", func(r *rec) *int { return &r.Workload.Experts })}},
	{workload, ", ", sayTopK, false, []column{
		number("\n\ntop-k", func(r *rec) *int { return &r.Workload.TopK }),
		number("\ntop-k\ngroups", func(r *rec) *int { return r.Workload.TopKGroups })}},
	{workload, ", ", func(r *rec) string { return phrase(on(r.Workload.Masked), "masked %v") }, false, []column{
		figure("\n\nmasked", func(r *rec) *float64 { return r.Workload.Masked })}},
	{workload, ", ", func(r *rec) string { return flag(r.Workload.Ragged, "ragged") }, false, []column{
		word("\n\nragged", func(r *rec) *string { return yesNo(r.Workload.Ragged) })}},
	{workload, ", ", func(r *rec) string { return phrase(on(r.Workload.EmptyRanks), "empty ranks %d") }, false, []column{
		number("\nempty\nranks", func(r *rec) *int { return r.Workload.EmptyRanks })}},
	{workload, ", ", func(r *rec) string { return phrase(on(r.Workload.Bias), "bias %d") }, false, []column{
		number("\n\nbias", func(r *rec) *int { return r.Workload.Bias })}},
	{workload, ", ", func(r *rec) string { return phrase(r.Workload.Seed, "seed %d") }, false, []column{
		word("\n\nseed", func(r *rec) *string { return decimal(r.Workload.Seed) })}},

	{routing, "", func(r *rec) string { return r.Workload.Routing }, false, []column{
		word("\n\nrouting", func(r *rec) *string { return &r.Workload.Routing })}},
	{routing, ": ", saySpread, true, []column{
		figure("\nnodes\na token", func(r *rec) *float64 { return r.Skew.NodesPerToken }),
		figure("\nranks\na token", func(r *rec) *float64 { return r.Skew.RanksPerToken })}},
	{routing, "; ", sayHottest, true, []column{
		figure("hottest\nrank\nx mean", func(r *rec) *float64 { return r.Skew.HottestRank }),
		figure("hottest\nexpert\nx mean", func(r *rec) *float64 { return r.Skew.HottestExpert })}},

	{transport, "", sayTransport, false, []column{
		word("\n\nscale-up", func(r *rec) *string { return r.Transport.ScaleUp }),
		word("\n\nscale-out", func(r *rec) *string { return r.Transport.ScaleOut })}},
	{transport, " ", sayNetwork, false, []column{
		word("\n\ninterface", func(r *rec) *string { return network(r).Interface }),
		number("\n\nstreams", func(r *rec) *int { return network(r).Streams }),
		word("\ncongestion\ncontrol", sending)}},
	{transport, ", ", sayHuge, true, []column{
		figure("huge\npages\nGB", huge)}},
	{transport, "; ", func(r *rec) string { return counted(r.Exec.Channels, "channel") }, true, []column{
		number("\n\nchannels", func(r *rec) *int { return r.Exec.Channels })}},
	{transport, ", ", func(r *rec) string { return phrase(r.Exec.Chunk, "chunk %d") }, true, []column{
		number("\n\nchunk", func(r *rec) *int { return r.Exec.Chunk })}},
	{transport, ", ", func(r *rec) string { return phrase(part(r.Simulation, ring), "ring %d") }, true, []column{
		number("\n\nring", func(r *rec) *int { return part(r.Simulation, ring) })}},
	{transport, "; ", func(r *rec) string { return phrase(part(r.Simulation, slow), "slow: %s") }, false, []column{
		word("\nslow ranks\nand links", func(r *rec) *string { return part(r.Simulation, slow) })}},
	{transport, ", ", func(r *rec) string { return phrase(on(part(r.Simulation, jitter)), "jitter %v") }, true, []column{
		figure("\n\njitter", func(r *rec) *float64 { return part(r.Simulation, jitter) })}},
	{transport, ", ", func(r *rec) string { return flag(r.Exec.CachedHandle, "cached handle") }, false, []column{
		word("\ncached\nhandle", func(r *rec) *string { return yesNo(r.Exec.CachedHandle) })}},
	{transport, ", ", func(r *rec) string { return phrase(r.Exec.ExpandAlignment, "expanded to multiples of %d") }, false, []column{
		number("\nexpand\nalign", func(r *rec) *int { return r.Exec.ExpandAlignment })}},
	{transport, "; ", sayIterations, true, []column{
		number("\n\niterations", func(r *rec) *int { return r.Exec.Iterations }),
		number("\n\nwarm-up", func(r *rec) *int { return r.Exec.Warmup })}},

	{sampling, "", sayLooks, true, []column{
		number("\n\nlooks", func(r *rec) *int { return part(r.Sampling, func(s *record.Sampling) *int { return &s.Looks }) })}},
	{sampling, "; ", sayCPUs, true, []column{
		figure("CPU\nbusy\n%", func(r *rec) *float64 {
			return percent(part(r.Sampling, func(s *record.Sampling) *float64 { return s.CPUBusy }))
		})}},
}

func sayCluster(r *rec) string {
	c := r.Cluster
	return counted(&c.Nodes, "node") + " x " + counted(&c.GPUsPerNode, "GPU") + " = " + counted(&c.Ranks, "rank")
}

func sayDtype(r *rec) string {
	if r.Traffic.BytesPerToken == nil {
		return r.Workload.Dtype
	}
	return r.Workload.Dtype + " = " + unit.Count(*r.Traffic.BytesPerToken) + " B/token"
}

func sayTopK(r *rec) string {
	if r.Workload.TopKGroups == nil {
		return fmt.Sprintf("top-%d", r.Workload.TopK)
	}
	return fmt.Sprintf("top-%d in %s", r.Workload.TopK, counted(r.Workload.TopKGroups, "group"))
}

func saySpread(r *rec) string {
	s := r.Skew
	if s.NodesPerToken == nil && s.RanksPerToken == nil {
		return ""
	}
	return unit.Opt(s.NodesPerToken, unit.Number) + " nodes and " + unit.Opt(s.RanksPerToken, unit.Number) + " ranks a token"
}

func sayHottest(r *rec) string {
	s := r.Skew
	if s.HottestRank == nil && s.HottestExpert == nil {
		return ""
	}
	return "hottest rank " + unit.Opt(s.HottestRank, unit.Ratio) + ", hottest expert " + unit.Opt(s.HottestExpert, unit.Ratio) + " the mean"
}

func sayTransport(r *rec) string {
	t := r.Transport
	if t.ScaleUp == nil && t.ScaleOut == nil {
		return ""
	}
	return "scale-up " + unit.Opt(t.ScaleUp, verbatim) + ", scale-out " + unit.Opt(t.ScaleOut, verbatim)
}

// several says whether the ranks live in more than one process.
func several(r *rec) bool { return r.Exec.Processes != nil && *r.Exec.Processes > 1 }

func sayProcesses(r *rec) string {
	if !several(r) {
		return ""
	}
	return unit.Count(int64(*r.Exec.Processes)) + " processes"
}

func sayWorkers(r *rec) string {
	text := counted(r.Exec.Workers, "worker")
	if several(r) && text != "" {
		text += " each"
	}
	return text
}

// network is never nil.
func network(r *rec) *record.Network {
	if r.Transport.Network == nil {
		return &record.Network{}
	}
	return r.Transport.Network
}

// sending is the congestion control, and whether small packets wait, which is not usual.
func sending(r *rec) *string {
	n := network(r)
	switch {
	case n.NoDelay == nil || *n.NoDelay:
		return n.Congestion
	case n.Congestion == nil:
		return new("coalescing")
	}
	return new(*n.Congestion + ", coalescing")
}

func sayNetwork(r *rec) string {
	n := network(r)
	if n.Streams == nil {
		return ""
	}
	text := counted(n.Streams, "stream") + phrase(sending(r), ", %s")
	if n.Interface == nil {
		return "(" + text + ")"
	}
	return "(over " + *n.Interface + ", " + text + ")"
}

// sayPinned says nothing of workers that are not.
func sayPinned(r *rec) string {
	switch {
	case r.Exec.Pinned == nil || !*r.Exec.Pinned:
		return ""
	case r.Exec.MemoryNodes == nil || *r.Exec.MemoryNodes == 1:
		return "pinned"
	}
	return "pinned on " + counted(r.Exec.MemoryNodes, "memory node")
}

func sayHuge(r *rec) string {
	switch n := r.Exec.HugeBytes; {
	case n == nil:
		return ""
	case *n == 0:
		return "no huge pages"
	default:
		return unit.Bytes(*n).String() + " of huge pages"
	}
}

func huge(r *rec) *float64 {
	if r.Exec.HugeBytes == nil {
		return nil
	}
	return new(unit.Bytes(*r.Exec.HugeBytes).GB())
}

func sayIterations(r *rec) string {
	return counted(r.Exec.Iterations, "iteration") + phrase(r.Exec.Warmup, " after %d warm-up")
}

// counted is "1 node", "4 nodes", or "" when the number is unknown.
func counted(n *int, noun string) string {
	if n == nil {
		return ""
	}
	return unit.Counted(int64(*n), noun)
}

// phrase formats *p, or is "" when p is nil.
func phrase[T any](p *T, format string) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf(format, *p)
}

// on is p, or nil when *p is 0: what is switched off needs no words.
func on[T int | float64](p *T) *T {
	if p == nil || *p == 0 {
		return nil
	}
	return p
}

func flag(p *bool, name string) string {
	if p == nil || !*p {
		return ""
	}
	return name
}

func yesNo(p *bool) *string {
	switch {
	case p == nil:
		return nil
	case *p:
		return new("yes")
	default:
		return new("no")
	}
}

// decimal is a number that names something, and so has no commas.
func decimal(n *uint64) *string {
	if n == nil {
		return nil
	}
	return new(strconv.FormatUint(*n, 10))
}

func verbatim(s string) string { return s }

// part is a figure of a part that not every record has, nil where it has none.
func part[P, T any](of *P, get func(*P) *T) *T {
	if of == nil {
		return nil
	}
	return get(of)
}

func hardware(s *record.Simulation) *string { return &s.Hardware }
func kernels(s *record.Simulation) *string  { return &s.Kernels }
func sms(s *record.Simulation) *int         { return &s.SMs }
func ring(s *record.Simulation) *int        { return s.Ring }
func jitter(s *record.Simulation) *float64  { return &s.Jitter }

// slow is the ranks and links that are.
func slow(s *record.Simulation) *string {
	all := slices.Concat(s.SlowRanks, s.SlowLinks)
	if len(all) == 0 {
		return nil
	}
	return new(strings.Join(all, " "))
}

func sayLooks(r *rec) string {
	if r.Sampling == nil {
		return ""
	}
	s := r.Sampling
	text := counted(&s.Looks, "look") + fmt.Sprintf(" of %v ms", s.IntervalMS)
	if s.Late > 0 {
		text += ", " + unit.Count(int64(s.Late)) + " late"
	}
	if s.CPUShare != nil {
		text += fmt.Sprintf(", which took %.2f %% of a core", 100**s.CPUShare)
	}
	return text
}

func sayCPUs(r *rec) string {
	busy := percent(part(r.Sampling, func(s *record.Sampling) *float64 { return s.CPUBusy }))
	steal := percent(part(r.Sampling, func(s *record.Sampling) *float64 { return s.CPUSteal }))
	return phrase(busy, "CPUs %.0f %% busy") + phrase(steal, ", %.1f %% stolen")
}

func percent(share *float64) *float64 {
	if share == nil {
		return nil
	}
	return new(100 * *share)
}
