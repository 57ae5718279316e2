package bench

import (
	"bufio"
	"os"
	"strconv"
	"strings"

	"github.com/commbench/commbench/alltoall/exec"
	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/topo"
	"github.com/commbench/commbench/bench/unit"
)

// DefaultExchangeBytes bounds what the flat all-to-all holds in its pack
// buffers, and again in its exchange buffers, over all ranks of the process. A
// workload that is larger goes in rounds. It is many times the size of any
// cache, so that the passes over those buffers cost what they would cost in one
// round.
const DefaultExchangeBytes = 512 << 20

// rounds is the number of blocks of a channel that keeps to ExchangeBytes.
func (c *Config) rounds(ranks int) int {
	row := plan.CombineRow(c.Hidden, 1)
	if !c.combines() {
		row = plan.DispatchRow(c.DType, c.Hidden, 1)
	}
	total := float64(ranks) * float64(c.Tokens) * float64(c.TopK) * float64(row.Stride())
	rounds := int(total/float64(c.ExchangeBytes)) + 1
	// A block of less than a token in each channel would be empty.
	return max(1, min(rounds, c.Tokens/c.Channels))
}

// checkMemory refuses a workload that this machine cannot hold, before it is
// allocated.
func (c *Config) checkMemory(e *exec.Config, plans map[plan.Algorithm][]plan.Plan) error {
	need, free := c.share(need(c, e, plans)), c.free()
	if free > 0 && need > free {
		return inputf("this workload needs %s of memory, more than the %s that may be used: take fewer --tokens or --nodes, a smaller --hidden, or --baseline none",
			unit.Bytes(need), unit.Bytes(free))
	}
	return nil
}

// share is this host's part of what all ranks take.
func (c *Config) share(bytes int64) int64 {
	return int64(float64(bytes) * float64(c.OnHost) / float64(c.Peers.Processes()))
}

// free is the memory that the run may use; 0 is unknown.
func (c *Config) free() int64 {
	if c.Memory > 0 {
		return c.Memory
	}
	return available()
}

// What a connection takes: a channel with its driver's part, and the words that
// a peer signals on it.
const channelBytes, wordBytes = 256, 64

// control is the bytes of connections, signal words and plans.
func (c *Config) control(p topo.Placement) int64 {
	ranks, channels := int64(p.Ranks()), int64(c.Channels)
	n := int64(0)
	for _, alg := range c.algorithms() {
		peers := ranks // flat algorithms reach every rank
		if alg == plan.AlgTwoHop {
			peers = int64(p.Nodes + p.GPUsPerNode)
		}
		n = max(n, ranks*peers*(channels+1)*channelBytes)
		n += ranks * peers * (4*channels + 4) * wordBytes
		if alg == plan.AlgAllToAll {
			n += ranks * channels * int64(c.rounds(p.Ranks())) * (3*int64(p.Experts) + 4*ranks) * 4
		}
	}
	return n
}

// least is what a run takes at the very least, known before anything is made. It
// is a float64 in between because nobody has yet checked that it is small.
func (c *Config) least(p topo.Placement) int64 {
	tokens := float64(p.Ranks()) * float64(c.Tokens)
	bytes := float64(c.control(p)) + tokens*float64(plan.DispatchRow(c.DType, c.Hidden, c.TopK).Stride())
	return int64(min(bytes, 1<<62))
}

// need is the bytes that a run touches: the rows that are used, not the address
// space that is reserved for the largest rank.
func need(c *Config, e *exec.Config, plans map[plan.Algorithm][]plan.Plan) int64 {
	ranks := int64(e.Place.Ranks())
	common := int64(0)
	if c.dispatches() {
		common += int64(plan.DispatchRow(c.DType, c.Hidden, e.TopK).Stride())
	}
	if c.combines() {
		common += int64(1+c.Bias) * int64(plan.CombineRow(c.Hidden, e.TopK).Stride())
	}
	common *= ranks * int64(e.MaxTokens)
	most := int64(0)
	for alg, ps := range plans {
		x, y := int64(alg.DispatchRow(c.DType, c.Hidden, e.TopK).Stride()), int64(alg.CombineRow(c.Hidden, e.TopK).Stride())
		row := int64(0)
		if c.dispatches() {
			row = x
		}
		if c.combines() {
			row = max(row, y)
		}
		bytes := int64(0)
		for r, p := range ps {
			bytes += int64(p.RecvRows()) * row
			if e.Mirrored() && !alg.ByExpert() { // what it puts within its node lies there as well
				l := plan.NewLedger(plan.Config{Place: e.Place})
				if x, ok := p.(*plan.PXN); ok { // what it passes on goes through rings
					p = &x.Direct
				}
				p.Combine(l, alg.CombineRow(c.Hidden, e.TopK))
				_, up := l.Wire(e.Place.Index(r))
				bytes += up.Tokens * y
			}
		}
		l, channels := e.Limits[alg], int64(c.Channels)
		switch alg {
		case plan.AlgAllToAll:
			bytes += ranks * channels * int64(l.PackRows+l.ExchangeRows) * row
		case plan.AlgTwoHop:
			rings := ranks * int64(e.Place.Nodes) * channels * int64(e.RingSlots(alg))
			if c.dispatches() && e.Place.Nodes > 1 {
				bytes += rings * x
			}
			if c.combines() && e.Place.Nodes > 1 {
				bytes += 2 * rings * y
			}
		case plan.AlgLowLatency: // messages that are made and that came, and outputs at home
			if c.dispatches() {
				bytes += ranks*int64(e.MaxTokens)*x + bytes
			}
			if c.combines() {
				bytes += ranks * int64(e.MaxTokens) * int64(e.TopK) * y
			}
		case plan.AlgDirect, plan.AlgPXN:
			rings := ranks * ranks * channels * int64(e.RingSlots(alg))
			passed := int64(0) // rings of rows that are passed on
			if alg == plan.AlgPXN && e.Place.Nodes > 1 {
				passed = rings
			}
			if c.dispatches() {
				bytes += passed * x
			}
			if c.combines() && e.Place.Nodes > 1 {
				bytes += (rings + passed) * y
			}
		}
		if c.Expand && !alg.ByExpert() {
			bytes += ranks * int64(l.ExpandedRows) * x
		}
		most = max(most, bytes)
	}
	return common + most + c.control(e.Place)
}

// available is the memory that the machine, and the control group the process
// is in, still have; 0 is unknown.
func available() int64 {
	free := int64(0)
	if f, err := os.Open("/proc/meminfo"); err == nil {
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan(); {
			if rest, ok := strings.CutPrefix(s.Text(), "MemAvailable:"); ok {
				kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
				free = kb << 10
			}
		}
	}
	// Pages of files that were read lately count as used, but are given back.
	limit, used := number("/sys/fs/cgroup/memory.max"), number("/sys/fs/cgroup/memory.current")-cached("/sys/fs/cgroup/memory.stat")
	if limit > 0 && (free == 0 || limit-used < free) {
		free = max(limit-used, 1)
	}
	return free
}

// cached is the inactive page cache in a control group's statistics.
func cached(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "inactive_file "); ok {
			n, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
			return n
		}
	}
	return 0
}

// number reads a file that holds one number; 0 where it does not.
func number(file string) int64 {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}
