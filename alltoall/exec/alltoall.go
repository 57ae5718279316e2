package exec

import (
	"encoding/binary"
	"math"

	"github.com/commbench/commbench/alltoall/plan"
)

// The flat all-to-all that NCCL's users run: pack one copy for each (token,
// expert) by destination, exchange with every peer as one group of sends and
// receives, unpack by expert. Combine packs outputs by source, exchanges them,
// and adds each token's copies. Each block is one such all-to-all.

// exchangeWords are the signal words of one direction.
type exchangeWords struct {
	landed words // blocks with rows that a peer has put here, by channel
	freed  words // blocks after which a peer's buffer is free again, by channel
}

// exchanger is what both directions share: the state machine of a rank's
// channel, which packs, puts to all peers and takes in, block by block.
type exchanger struct {
	g *Group
	l *lane
	a *areas
	w *exchangeWords
	p *plan.AllToAll

	round int   // of this run
	phase phase // within the round
	at    int   // progress within the phase

	landed []uint64 // [ranks] blocks with rows that came from each peer, ever
	freed  uint64   // credits awaited from every peer, ever
}

type phase int

const (
	packing  phase = iota
	awaiting       // credit of all peers for the round before
	putting
	taking
	crediting
)

func (x *exchanger) restart(p plan.Plan) {
	x.p = p.(*plan.AllToAll)
	x.round, x.phase, x.at = 0, packing, 0
}

func (x *exchanger) block() int { return x.l.channel*x.g.cfg.Rounds + x.round }

// rows is a peer's span of the block's rows in a buffer laid out by off.
func (x *exchanger) rows(off []int32, peer int) (lo, hi int) {
	at := x.block()*(x.g.cfg.Place.Ranks()+1) + peer
	return int(off[at]), int(off[at+1])
}

// put puts the block's rows to the next peer, in nccl-tests' order 0..n-1. Rows
// lie as off says; to gives their place at the peer.
func (x *exchanger) put(out []int32, to []int32, from, at region, row *plan.Row) (status, error) {
	peer := x.at
	x.at++
	lo, hi := x.rows(out, peer)
	if lo == hi {
		return moved, nil
	}
	// One put for the whole run of rows: the gaps between rows go along.
	first := from.at(x.l.channel*from.rows/x.g.cfg.Channels + lo)
	src := x.l.mem[first : first+(hi-lo-1)*from.stride+row.Size()]
	dst := at.at(x.l.channel*at.rows/x.g.cfg.Channels + int(to[x.block()*x.g.cfg.Place.Ranks()+peer]))
	if err := x.a.put(x.l.to(x.g, peer), dst, src); err != nil {
		return moved, err
	}
	x.l.ledger.Put(x.l.link(x.g, peer), hi-lo, row)
	return moved, x.l.signal(x.g, peer, x.w.landed, x.l.channel, 1)
}

// here says whether the block's rows from the peer have landed.
func (x *exchanger) here(in []int32, peer int) bool {
	lo, hi := x.rows(in, peer)
	return lo == hi || x.l.seen(x.g, peer, x.w.landed, x.l.channel) > x.landed[peer]
}

// took notes that the block's rows from the peer were used.
func (x *exchanger) took(in []int32, peer int) {
	if lo, hi := x.rows(in, peer); lo < hi {
		x.landed[peer]++
	}
}

// credit ends the round: unless it was the last, the peers are told that they
// may fill this rank's buffer again.
func (x *exchanger) credit() (status, error) {
	if x.round == x.g.cfg.Rounds-1 {
		return finished, nil
	}
	for i := range x.g.cfg.Place.Ranks() {
		peer := (x.l.id + i) % x.g.cfg.Place.Ranks()
		if err := x.l.signal(x.g, peer, x.w.freed, x.l.channel, 1); err != nil {
			return moved, err
		}
	}
	x.freed++
	x.round++
	x.phase, x.at = awaiting, 0
	return moved, nil
}

// await goes on to the next round once every peer has used this rank's rows of
// the last: their buffers are free, and so is the one the rows were put from.
func (x *exchanger) await() (status, error) {
	for ; x.at < x.g.cfg.Place.Ranks(); x.at++ {
		if x.l.seen(x.g, x.at, x.w.freed, x.l.channel) < x.freed {
			return idle, nil
		}
	}
	x.phase, x.at = packing, 0
	return moved, nil
}

func (x *exchanger) where(in []int32) waiting {
	w := waiting{Rank: x.l.id, Peer: -1, Channel: x.l.channel, Role: "exchanger", For: "a step"}
	if x.p == nil || x.at >= x.g.cfg.Place.Ranks() {
		return w
	}
	switch x.phase {
	case awaiting:
		w.Peer, w.For, w.Awaited = x.at, "its buffer to be free", x.freed
		w.Seen = x.l.seen(x.g, x.at, x.w.freed, x.l.channel)
	case taking:
		for peer := x.at; peer < x.g.cfg.Place.Ranks(); peer++ { // those before were taken
			if !x.here(in, peer) {
				w.Peer, w.For, w.Awaited = peer, "rows", x.landed[peer]+1
				w.Seen, w.last = x.l.seen(x.g, peer, x.w.landed, x.l.channel), true
				break
			}
		}
	}
	return w
}

// a2aDispatch is dispatch on one channel of a rank.
type a2aDispatch struct{ exchanger }

func (d *a2aDispatch) begin(p plan.Plan) { d.restart(p) }

func (d *a2aDispatch) step() (status, error) {
	switch d.phase {
	case packing:
		d.pack()
	case putting:
		st, err := d.put(d.p.SendOff, d.p.PeerOff, d.a.pack, d.a.exchange, &d.a.row)
		if d.at == d.g.cfg.Place.Ranks() {
			d.phase, d.at = taking, 0
		}
		return st, err
	case taking:
		if !d.here(d.p.RecvOff, d.at) {
			return idle, nil
		}
		d.unpack(d.at)
		d.took(d.p.RecvOff, d.at)
		if d.at++; d.at == d.g.cfg.Place.Ranks() {
			d.phase = crediting
		}
	case crediting:
		return d.credit()
	case awaiting:
		return d.await()
	}
	return moved, nil
}

func (d *a2aDispatch) where() waiting { return d.exchanger.where(d.planOff()) }

func (d *a2aDispatch) planOff() []int32 {
	if d.p == nil {
		return nil
	}
	return d.p.RecvOff
}

// pack copies a chunk of the block's tokens, once for each choice.
func (d *a2aDispatch) pack() {
	lo, hi := d.p.Block(d.p.Tokens, d.block())
	k, bytes, row := d.g.cfg.TopK, d.a.row.Bytes(), &d.a.row
	full := plan.DispatchRow(d.g.cfg.DType, d.g.cfg.Hidden, k)
	n := min(d.g.cfg.Chunk, hi-lo-d.at)
	for token := lo + d.at; token < lo+d.at+n; token++ {
		x := d.l.row(d.g.arena.x, token, full.Size())
		for j, pos := range d.p.Pos[token*k : (token+1)*k] {
			if pos < 0 {
				continue
			}
			dst := d.l.row(d.a.pack, d.l.channel*d.a.packRows+int(pos), row.Size())
			d.a.copy(dst, x[:bytes])
			copy(dst[bytes:], x[bytes+4*j:bytes+4*j+4])
			copy(dst[bytes+4:], x[full.WeightsAt()+4*j:full.WeightsAt()+4*j+4])
			d.l.ledger.Pack(1, row)
		}
	}
	if d.at += n; d.at == hi-lo {
		d.phase, d.at = putting, 0
	}
}

// unpack copies the block's rows from a peer to where their experts' rows lie.
func (d *a2aDispatch) unpack(peer int) {
	lo, _ := d.rows(d.p.RecvOff, peer)
	experts := d.g.cfg.Place.PerRank()
	at := (d.block()*d.g.cfg.Place.Ranks() + peer) * experts
	for e := range experts {
		n := int(d.p.Count[at+e])
		for i := range n {
			src := d.l.row(d.a.exchange, d.l.channel*d.a.exchRows+lo+i, d.a.row.Size())
			d.a.copy(d.l.row(d.a.recv, int(d.p.Slot[at+e])+i, d.a.row.Size()), src)
		}
		d.l.ledger.Unpack(n, &d.a.row)
		lo += n
	}
}

// a2aCombine is combine on one channel of a rank.
type a2aCombine struct {
	exchanger
	sum summer
}

func (c *a2aCombine) begin(p plan.Plan) { c.restart(p) }

func (c *a2aCombine) step() (status, error) {
	switch c.phase {
	case packing:
		c.pack(c.at)
		if c.at++; c.at == c.g.cfg.Place.Ranks() {
			c.phase, c.at = putting, 0
		}
	case putting:
		st, err := c.put(c.p.RecvOff, c.p.HomeOff, c.a.sumExchange, c.a.sumPack, &c.a.sum)
		if c.at == c.g.cfg.Place.Ranks() {
			c.phase, c.at = taking, 0
		}
		return st, err
	case taking:
		// A token's copies come from several peers: wait for the whole block.
		if c.at == 0 {
			for peer := range c.g.cfg.Place.Ranks() {
				if !c.here(c.p.SendOff, peer) {
					return idle, nil
				}
			}
		}
		c.reduce()
	case crediting:
		for peer := range c.g.cfg.Place.Ranks() {
			c.took(c.p.SendOff, peer)
		}
		return c.credit()
	case awaiting:
		return c.await()
	}
	return moved, nil
}

func (c *a2aCombine) where() waiting {
	if c.p == nil {
		return c.exchanger.where(nil)
	}
	return c.exchanger.where(c.p.SendOff)
}

// pack copies the block's outputs for a peer from where their experts' rows lie.
func (c *a2aCombine) pack(peer int) {
	lo, _ := c.rows(c.p.RecvOff, peer)
	experts := c.g.cfg.Place.PerRank()
	at := (c.block()*c.g.cfg.Place.Ranks() + peer) * experts
	for e := range experts {
		n := int(c.p.Count[at+e])
		for i := range n {
			src := c.l.row(c.a.y, int(c.p.Slot[at+e])+i, c.a.sum.Size())
			c.a.copy(c.l.row(c.a.sumExchange, c.l.channel*c.a.exchRows+lo+i, c.a.sum.Size()), src)
		}
		c.l.ledger.Pack(n, &c.a.sum)
		lo += n
	}
}

// reduce adds the copies of a chunk of the block's tokens, in the order of
// their choices. A choice's weight returns in its place.
func (c *a2aCombine) reduce() {
	lo, hi := c.p.Block(c.p.Tokens, c.block())
	k, home := c.g.cfg.TopK, plan.CombineRow(c.g.cfg.Hidden, c.g.cfg.TopK)
	n := min(c.g.cfg.Chunk, hi-lo-c.at)
	for token := lo + c.at; token < lo+c.at+n; token++ {
		c.sum.reset()
		for j, pos := range c.p.Pos[token*k : (token+1)*k] {
			if pos < 0 {
				continue
			}
			row := c.l.row(c.a.sumPack, c.l.channel*c.a.packRows+int(pos), c.a.sum.Size())
			c.sum.values = append(c.sum.values, row[:home.Payload])
			w := math.Float32frombits(binary.LittleEndian.Uint32(row[home.Payload:]))
			binary.LittleEndian.PutUint32(c.sum.weights[4*j:], math.Float32bits(0+w))
		}
		c.l.ledger.Reduce(len(c.sum.values))
		c.sum.finish(c.g, c.l, c.a, token)
	}
	if c.at += n; c.at == hi-lo {
		c.phase = crediting
	}
}
