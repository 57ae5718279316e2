package exec

import (
	"context"
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

// segment is the number of every rank's one registered segment.
const segment = 0

// rank is a rank that lives in this process.
type rank struct {
	id, node, index int

	memory driver.Memory
	mem    []byte           // its arena
	out    *transport.World // all ranks; two-hop uses its rail peers only
	up     *transport.World // the ranks of its node
	mapped [][]byte         // [GPUsPerNode] the arenas of its node: where not mapped only its own, others nil
	lanes  []*lane          // [Channels+1]; the last is for roles that have no channel
}

// lane is a rank's channel: what its roles on that channel share. Only one
// worker uses a lane at a time, since all its roles are in one group.
type lane struct {
	*rank
	channel int
	outTo   []*transport.Channel // [ranks] nil for ranks of the node
	upTo    []*transport.Channel // [GPUsPerNode]
	ledger  *plan.Ledger
}

// words is a block of signal words in both domains: one for each peer and
// channel. Peers of the node signal over the scale-up domain, others over the
// scale-out domain. Where only rail peers signal, there is one for each node: with
// many nodes, words for all ranks would leave the caches.
type words struct {
	out, up, channels int
	rail              bool
	inside            bool // in the scale-up domain alone
}

// from is the word in the scale-out domain that is a rank's.
func (w words) from(g *Group, rank, channel int) int {
	if w.rail {
		rank = g.cfg.Place.Node(rank)
	}
	return w.out + rank*w.channels + channel
}

// to is the channel to a peer, in the domain that reaches it.
func (l *lane) to(g *Group, peer int) *transport.Channel {
	if g.cfg.Place.Node(peer) == l.node {
		return l.upTo[g.cfg.Place.Index(peer)]
	}
	return l.outTo[peer]
}

// link is the ledger's count of that channel.
func (l *lane) link(g *Group, peer int) *plan.Link {
	if g.cfg.Place.Node(peer) == l.node {
		return &l.ledger.ScaleUp[g.cfg.Place.Index(peer)]
	}
	return &l.ledger.ScaleOut[peer]
}

// signal adds to the word that the peer keeps for this rank and channel.
func (l *lane) signal(g *Group, peer int, w words, channel int, add uint64) error {
	l.link(g, peer).Signals++
	return l.signalOnly(g, peer, w, channel, add)
}

// signalOnly is signal without a charge, for what the ledger does not count.
func (l *lane) signalOnly(g *Group, peer int, w words, channel int, add uint64) error {
	if g.cfg.Place.Node(peer) == l.node {
		return l.upTo[g.cfg.Place.Index(peer)].Signal(w.up+l.index*w.channels+channel, add)
	}
	return l.outTo[peer].Signal(w.from(g, l.id, channel), add)
}

// seen is this rank's word for a peer and channel.
func (r *rank) seen(g *Group, peer int, w words, channel int) uint64 {
	if g.cfg.Place.Node(peer) == r.node {
		return r.up.Load(w.up + g.cfg.Place.Index(peer)*w.channels + channel)
	}
	return r.out.Load(w.from(g, peer, channel))
}

// room says whether a ring of so many slots at a peer, through which sent rows
// went, can take a chunk.
func (l *lane) room(g *Group, peer int, credit words, slots, chunk int, sent *flow) bool {
	return l.seen(g, peer, credit, l.channel) >= sent.need(slots, chunk)
}

// filled is the rows from a peer that wait in this rank's ring, of which taken
// were taken out.
func (l *lane) filled(g *Group, peer int, tail words, taken *flow) int {
	return int(l.seen(g, peer, tail, l.channel) - taken.total)
}

// repay gives a peer credit for one more row that was taken out of its ring: a
// chunk at a time, and what is owed when the stream ends.
func (l *lane) repay(g *Group, peer int, credit words, owed *int, chunk int, end bool) error {
	if *owed++; *owed < chunk && !end {
		return nil
	}
	rows := *owed
	*owed = 0
	return l.signal(g, peer, credit, l.channel, uint64(rows))
}

// takeWords reserves words for all peers and channels.
func (g *Group) takeWords(channels int) words {
	w := words{out: g.wordsOut, up: g.wordsUp, channels: channels}
	g.wordsOut += g.cfg.Place.Ranks() * channels
	g.wordsUp += g.cfg.Place.GPUsPerNode * channels
	return w
}

// takeRailWords reserves words for the rail peers on other nodes, and all channels.
func (g *Group) takeRailWords(channels int) words {
	w := words{out: g.wordsOut, channels: channels, rail: true}
	g.wordsOut += g.cfg.Place.Nodes * channels
	return w
}

// open makes the local ranks' memberships of both domains and connects them.
func (g *Group) open(ctx context.Context) error {
	c := &g.cfg
	place := c.Place
	first, n := c.Local()
	for id := first; id < first+n; id++ {
		r := &rank{id: id, node: place.Node(id), index: place.Index(id)}
		g.ranks = append(g.ranks, r)
		var err error
		// At least a page, because a segment cannot be empty.
		if r.memory, err = transport.Alloc(max(g.arena.size, pageSize), c.ScaleUp, c.ScaleOut); err != nil {
			return fmt.Errorf("exec: rank %d: arena of %d bytes: %w", id, g.arena.size, err)
		}
		r.mem = r.memory.Bytes()
		g.bind(r)
		segments := []driver.Memory{r.memory}
		r.out, err = transport.Listen(c.ScaleOut, driver.Place{World: "scale-out", Rank: id, Size: place.Ranks()},
			&transport.Options{Segments: segments, Words: g.wordsOut, Timeout: c.Timeout, Hold: true})
		if err != nil {
			return err
		}
		r.up, err = transport.Listen(c.ScaleUp, driver.Place{World: fmt.Sprintf("scale-up of node %d", r.node), Rank: r.index, Size: place.GPUsPerNode},
			&transport.Options{Segments: segments, Words: g.wordsUp, Timeout: c.Timeout, Hold: true})
		if err != nil {
			return err
		}
	}
	all, err := g.addresses(ctx)
	if err != nil {
		return err
	}
	outs, ups := all[0], all[1]
	for _, r := range g.ranks {
		if err := r.out.Connect(outs); err != nil {
			return err
		}
		if err := r.up.Connect(ups[r.node*place.GPUsPerNode : (r.node+1)*place.GPUsPerNode]); err != nil {
			return err
		}
		if err := g.openLanes(r); err != nil {
			return err
		}
	}
	// Nobody may leave before all others have found it.
	return g.barrier(ctx, "connected")
}

// openLanes opens the rank's channels: to every rank of its node, to its rail
// peers, and, for algorithms that need it, to all other ranks.
func (g *Group) openLanes(r *rank) (err error) {
	place := g.cfg.Place
	flat := g.engines[plan.AlgDirect] != nil || g.engines[plan.AlgAllToAll] != nil || g.engines[plan.AlgLowLatency] != nil || g.engines[plan.AlgPXN] != nil
	for c := range g.cfg.Channels + 1 {
		l := &lane{rank: r, channel: c, ledger: plan.NewLedger(*g.cfg.planConfig()),
			outTo: make([]*transport.Channel, place.Ranks()), upTo: make([]*transport.Channel, place.GPUsPerNode)}
		r.lanes = append(r.lanes, l)
		for peer := range place.Ranks() {
			switch {
			case place.Node(peer) == r.node:
				l.upTo[place.Index(peer)], err = r.up.Channel(place.Index(peer), c)
			case flat || place.Index(peer) == r.index:
				l.outTo[peer], err = r.out.Channel(peer, c)
			}
			if err != nil {
				return err
			}
		}
	}
	r.mapped = make([][]byte, place.GPUsPerNode)
	if !g.cfg.ScaleUp.Caps().Mapped {
		r.mapped[r.index] = r.mem
		return nil
	}
	for l := range r.mapped {
		r.mapped[l] = r.up.Peer(l, segment)
		if g.cfg.Combine && r.mapped[l] == nil {
			return fmt.Errorf("exec: rank %d cannot map in-node index %d of its node: %w", r.id, l, driver.ErrNotSupported)
		}
	}
	return nil
}

// control is the lane of roles that have no channel.
func (r *rank) control() *lane { return r.lanes[len(r.lanes)-1] }

// row is a row of this rank's arena.
func (r *rank) row(at region, i, size int) []byte {
	off := at.at(i)
	return r.mem[off : off+size : off+size]
}
