package exec

import "github.com/commbench/commbench/alltoall/plan"

// region is a block of equal rows in an arena.
type region struct{ off, stride, rows int }

func (r region) at(row int) int { return r.off + row*r.stride }
func (r region) size() int      { return r.stride * r.rows }
func (r region) end() int       { return r.off + r.size() }

// arena is the layout of every rank's one segment, the same on all ranks, so
// that an offset is good for any peer. This is the only place where offsets are
// made. Algorithms run one at a time and share what lies behind common.
type arena struct {
	x    region    // [MaxTokens] tokens to dispatch
	out  region    // [MaxTokens] combined tokens
	bias [2]region // [MaxTokens] addends of the combined tokens
	by   map[plan.Algorithm]*areas
	size int
}

// areas are an algorithm's own regions.
type areas struct {
	row      plan.Row // of a dispatch
	sum      plan.Row // of a combine
	recv     region   // received rows
	y        region   // expert outputs, in recv's place
	mirror   region   // [GPUsPerNode][rows of y] outputs of the node's other ranks, where those are not mapped
	expanded region   // received rows by expert

	// Rings of dispatch and combine: [peer][channel][slots] rows. stage is the
	// sender's side of a combine ring: partial sums, until the credit comes back.
	ring, sumRing, stage region
	slots, sumSlots      int

	// alltoall: [channel] blocks of packRows and exchRows rows, for a dispatch's
	// rows and, in the same place, for a combine's.
	pack, exchange, sumPack, sumExchange region
	packRows, exchRows                   int

	// pxn: rings of rows and of outputs that are passed on: [rank of the target's or home's node
	// that has the sender's index][channel][slots].
	passing, backing region

	// low-latency: a message for each token, slots for those that come, by expert of the rank,
	// source and number, and for outputs at home by expert and number. It is address space for
	// all that could come, and memory for what does.
	messages, landing, returns region

	inbox, outbox [plan.NoteRounds]region // [peers] notes

	// streamRings says the same of the rings that a worker fills before it empties
	// them, those of one channel of a rail.
	streamRings bool
	// streams says that the rows of all ranks' large buffers are more than caches
	// hold, so that they are written past them.
	streams bool
}

// defaultStreamAbove is about where rows no longer stay in a cache until they are
// used. Measured (BenchmarkStream of transport/internal): stores past the caches
// are level with others for targets of 1 to 4 MiB, and ahead from 16 MiB on: by
// 13 %, by 30 to 60 % at 64 MiB and by 65 to 115 % at 1 GiB.
const defaultStreamAbove = 32 << 20

// streamRingsAbove is more than a core's second-level cache.
const streamRingsAbove = 16 << 20

// pageSize keeps large regions on pages of their own, so that each is first
// touched by who uses it.
const pageSize = 4096

type bump int

func (b *bump) take(stride, rows int) region {
	r := region{off: int(*b), stride: stride, rows: rows}
	*b = bump((r.end() + pageSize - 1) &^ (pageSize - 1))
	return r
}

// layOut computes the arena for the config's operations and algorithms.
func layOut(c *Config) (*arena, error) {
	a := &arena{by: map[plan.Algorithm]*areas{}}
	var common bump
	if c.Dispatch {
		a.x = common.take(plan.DispatchRow(c.DType, c.Hidden, c.TopK).Stride(), c.MaxTokens)
	}
	if c.Combine {
		row := plan.CombineRow(c.Hidden, c.TopK)
		a.out = common.take(row.Stride(), c.MaxTokens)
		for i := range c.Bias {
			a.bias[i] = common.take(row.Stride(), c.MaxTokens)
		}
	}
	a.size = int(common)
	for _, alg := range c.Algorithms {
		p, err := plan.New(alg, *c.planConfig(), 0)
		if err != nil {
			return nil, err
		}
		at := common
		a.by[alg] = a.areas(c, alg, p, &at)
		a.size = max(a.size, int(at))
	}
	return a, nil
}

// areas lays out an algorithm's own regions. p is any rank's plan: it knows how
// large notes can be.
func (a *arena) areas(c *Config, alg plan.Algorithm, p plan.Plan, at *bump) *areas {
	s := &areas{row: alg.DispatchRow(c.DType, c.Hidden, c.TopK), sum: alg.CombineRow(c.Hidden, c.TopK)}
	limits := c.Limits[alg]
	// Expert outputs take the place of the received tokens they are made from: a
	// process need never hold both.
	y := *at
	if c.Dispatch {
		s.recv = at.take(s.row.Stride(), limits.RecvRows)
	}
	if c.Combine {
		s.y = y.take(s.sum.Stride(), limits.RecvRows)
	}
	*at = max(*at, y)
	for round := range s.inbox {
		peers, size := len(p.Peers(round)), noteStride(p.MaxNote(round))
		s.inbox[round] = at.take(size, peers)
		s.outbox[round] = at.take(size, peers)
	}
	if c.Mirrored() && !alg.ByExpert() {
		s.mirror = at.take(s.sum.Stride(), c.Place.GPUsPerNode*limits.RecvRows)
	}
	if c.expands(alg) {
		s.expanded = at.take(s.row.Stride(), limits.ExpandedRows)
	}
	place := c.Place
	above := c.StreamAbove
	if above == 0 {
		above = defaultStreamAbove
	}
	s.streams = place.Ranks()*max(s.recv.size(), s.y.size()) > above
	s.slots, s.sumSlots = c.RingSlots(alg), c.RingSlots(alg)
	switch alg {
	case plan.AlgTwoHop:
		if place.Nodes > 1 {
			s.streamRings = place.Nodes*place.Nodes*s.slots*s.row.Stride() > streamRingsAbove
			if c.Dispatch {
				s.ring = at.take(s.row.Stride(), place.Nodes*c.Channels*s.slots)
			}
			if c.Combine {
				s.sumRing = at.take(s.sum.Stride(), place.Nodes*c.Channels*s.sumSlots)
				s.stage = at.take(s.sum.Stride(), place.Nodes*c.Channels*s.sumSlots)
			}
		}
	case plan.AlgDirect:
		if c.Combine && place.Nodes > 1 {
			s.sumRing = at.take(s.sum.Stride(), place.Ranks()*c.Channels*s.sumSlots)
		}
	case plan.AlgPXN:
		if place.Nodes > 1 {
			if c.Dispatch {
				s.passing = at.take(s.row.Stride(), place.Ranks()*c.Channels*s.slots)
			}
			if c.Combine {
				s.sumRing = at.take(s.sum.Stride(), place.Ranks()*c.Channels*s.sumSlots)
				s.backing = at.take(s.sum.Stride(), place.Ranks()*c.Channels*s.sumSlots)
			}
		}
	case plan.AlgLowLatency:
		if c.Dispatch {
			s.messages = at.take(s.row.Stride(), c.MaxTokens)
			s.landing = at.take(s.row.Stride(), place.PerRank()*place.Ranks()*c.MaxTokens)
		}
		if c.Combine {
			s.returns = at.take(s.sum.Stride(), place.Experts*c.MaxTokens)
		}
	case plan.AlgAllToAll:
		s.packRows, s.exchRows = limits.PackRows, limits.ExchangeRows
		sum := *at
		if c.Dispatch {
			s.pack = at.take(s.row.Stride(), c.Channels*s.packRows)
			s.exchange = at.take(s.row.Stride(), c.Channels*s.exchRows)
		}
		if c.Combine {
			s.sumPack = sum.take(s.sum.Stride(), c.Channels*s.packRows)
			s.sumExchange = sum.take(s.sum.Stride(), c.Channels*s.exchRows)
		}
		*at = max(*at, sum)
	}
	return s
}

// noteStride keeps notes of different peers on cache lines of their own.
func noteStride(size int) int { return (size + 63) &^ 63 }

// RingSlots is the depth of an algorithm's rings in rows, but no more than a
// stream can have: a chunk where the target is memory, since the worker that
// filled a ring empties it next, and twice as many slots are twice as much of the
// cache (the rings of a rail's channel are larger than that of most cores). Over
// other transports it is two chunks, so that one can be filled while the other is
// under way or emptied.
func (c *Config) RingSlots(alg plan.Algorithm) int {
	slots := c.Chunk
	if alg == plan.AlgDirect || alg == plan.AlgPXN {
		slots = c.planConfig().FlatChunk()
	}
	if !c.ScaleOut.Caps().Mapped {
		slots *= 2
	}
	return min(slots, c.longestStream())
}

// longestStream is the most tokens that a channel can have, at least 1.
func (c *Config) longestStream() int { return max(1, (c.MaxTokens+c.Channels-1)/c.Channels) }
