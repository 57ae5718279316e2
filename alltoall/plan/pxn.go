package plan

import (
	"fmt"
	"slices"
)

// PXN is a rank's part of the plan by which NCCL crosses nodes: a token goes once to each of
// its target ranks, as in Direct, but first over scale-up to the rank of its own node that
// is on the target's rail, and from there over scale-out, so that every NIC sends along its
// rail only. A combine goes back in the same way: over scale-up to the rank on home's rail, then home.
type PXN struct {
	Direct

	// Via is where the rows that a rank of this node sends through this one begin in the receive
	// buffer of the rail peer on each node, by channel: [nodes][GPUsPerNode][channels+1].
	Via []int32
	// Back is how many outputs a rank of this node returns through this one to the rail peer on each
	// node, by channel: [nodes][GPUsPerNode][channels].
	Back []int32
}

// NewPXN makes the empty plan of a rank.
func NewPXN(c Config, rank int) *PXN {
	pairs := c.Place.Nodes * c.Place.GPUsPerNode
	return &PXN{Direct: *NewDirect(c, rank), Via: make([]int32, pairs*(c.Channels+1)), Back: make([]int32, pairs*c.Channels)}
}

// Through is the rank of this node through which rows go to a rank of another, or by which
// its own come back: that on its rail.
func (p *PXN) Through(peer int) int { return p.Place.RailPeer(peer, p.Place.Node(p.Rank)) }

// ViaRows is the rows that the rank with an in-node index sends through this one to the rail peer
// on a node, on a channel, and the first of them in that one's receive buffer.
func (p *PXN) ViaRows(node, index, channel int) (first, rows int) {
	at := (node*p.Place.GPUsPerNode+index)*(p.Channels+1) + channel
	return int(p.Via[at]), int(p.Via[at+1] - p.Via[at])
}

// BackRows is the outputs that the rank with an in-node index returns through this one to the
// rail peer on a node, on a channel.
func (p *PXN) BackRows(node, index, channel int) int {
	return int(p.Back[(node*p.Place.GPUsPerNode+index)*p.Channels+channel])
}

// MaxNote is the most bytes that a note of the round can have.
func (p *PXN) MaxNote(round int) int {
	rail := p.Place.GPUsPerNode * p.Channels
	if round == 1 {
		rail += p.Place.GPUsPerNode
	}
	return p.Direct.MaxNote(round) + 4*rail
}

// AppendNote appends this rank's note of the round for the peer to b: what Direct tells, and
// to rail peers what concerns the other ranks of their node.
func (p *PXN) AppendNote(round, peer int, b []byte) []byte {
	b = p.Direct.AppendNote(round, peer, b)
	place := p.Place
	if place.Index(peer) != place.Index(p.Rank) {
		return b
	}
	first := peer - place.Index(peer) // of the peer's node
	for i := range place.GPUsPerNode {
		if round == 1 {
			at := (first + i) * (p.Channels + 1)
			b = putInts(b, p.FromChannel[at:at+p.Channels+1])
			continue
		}
		for c := range p.Channels {
			b = putInt(b, p.Rows[c*place.Ranks()+first+i])
		}
	}
	return b
}

// TakeNote takes the peer's note of the round. It keeps no reference to b.
func (p *PXN) TakeNote(round, peer int, b []byte) error {
	if err := p.Direct.TakeNote(round, peer, b); err != nil {
		return err
	}
	place := p.Place
	if place.Index(peer) != place.Index(p.Rank) {
		return nil
	}
	if want := p.MaxNote(round); len(b) < want {
		return &NoteError{round, p.Rank, peer, fmt.Sprintf("%d bytes, %d expected", len(b), want)}
	}
	b = b[p.Direct.MaxNote(round):]
	node, gpus := place.Node(peer), place.GPUsPerNode
	if round == 0 {
		back := p.Back[node*gpus*p.Channels : (node+1)*gpus*p.Channels]
		getInts(b, back)
		for i := range gpus {
			if !canHave(back[i*p.Channels:(i+1)*p.Channels], p.MaxTokens, 1) {
				clear(back)
				return &NoteError{round, p.Rank, peer, fmt.Sprintf("a count of in-node index %d is outside of what %d tokens can have", i, p.MaxTokens)}
			}
		}
		return nil
	}
	via := p.Via[node*gpus*(p.Channels+1) : (node+1)*gpus*(p.Channels+1)]
	getInts(b, via)
	for i := range gpus {
		starts := via[i*(p.Channels+1) : (i+1)*(p.Channels+1)]
		if !inRange(starts, place.Ranks()*p.MaxTokens) || !slices.IsSorted(starts) || int(starts[p.Channels]-starts[0]) > p.MaxTokens {
			clear(via)
			return &NoteError{round, p.Rank, peer, fmt.Sprintf("rows of in-node index %d begin at %v", i, slices.Clone(starts))}
		}
	}
	return nil
}

// Dispatch charges the puts to targets, to those that pass rows on, and by this rank for others.
func (p *PXN) Dispatch(l *Ledger, row Row) {
	place := p.Place
	own, index := place.Node(p.Rank), place.Index(p.Rank)
	for c := range p.Channels {
		for to, rows := range p.Rows[c*place.Ranks() : (c+1)*place.Ranks()] {
			rows := int(rows)
			if place.Node(to) != own && place.Index(to) != index {
				k := &l.ScaleUp[place.Index(to)]
				l.Put(k, rows, &row)
				k.Signals += p.FlatSignals(rows)
				continue
			}
			k := p.link(l, p.Rank, to)
			l.Put(k, rows, &row)
			if rows > 0 {
				k.Signals++
			}
		}
	}
	p.passed(func(n, i, c int) {
		_, rows := p.ViaRows(n, i, c)
		k := &l.ScaleOut[place.RailPeer(p.Rank, n)]
		l.Put(k, rows, &row)
		if rows > 0 {
			k.Signals++
		}
		l.ScaleUp[i].Signals += p.FlatSignals(rows) // credits
	})
}

// passed calls f for each other node, other index of this one and channel: what this rank
// passes on.
func (p *PXN) passed(f func(node, index, channel int)) {
	for n := range p.Place.Nodes {
		for i := range p.Place.GPUsPerNode {
			for c := range p.Channels {
				if n != p.Place.Node(p.Rank) && i != p.Place.Index(p.Rank) {
					f(n, i, c)
				}
			}
		}
	}
}

// Combine charges the way back: loads or puts within the node as in Direct; rows for other nodes
// go to who passes them on, and from there into rings at home.
func (p *PXN) Combine(l *Ledger, row Row) {
	for i := range l.ScaleUp {
		l.ScaleUp[i].Signals++ // outputs are ready
	}
	place := p.Place
	ranks := place.Ranks()
	for r := range ranks {
		local := place.Node(r) == place.Node(p.Rank)
		for c := range p.Channels {
			home := int(p.Rows[c*ranks+r])
			if local {
				p.read(l, p.Rank, place.Index(r), home, &row)
				continue
			}
			start := p.FromChannel[r*(p.Channels+1)+c:]
			sent := int(start[1] - start[0])
			k := &l.ScaleOut[r]
			if through := p.Through(r); through != p.Rank {
				k = &l.ScaleUp[place.Index(through)]
			}
			l.Put(k, sent, &row)
			k.Signals += p.FlatSignals(sent)
			l.Reduce(home)
			// Credits go to who put them here: the rail peer.
			l.ScaleOut[place.RailPeer(p.Rank, place.Node(r))].Signals += p.FlatSignals(home)
		}
		if local {
			p.mirror(l, p.Rank, place.Index(r), int(p.From[r+1]-p.From[r]), &row)
		}
	}
	p.passed(func(n, i, c int) {
		rows := p.BackRows(n, i, c)
		k := &l.ScaleOut[place.RailPeer(p.Rank, n)]
		l.Put(k, rows, &row)
		k.Signals += p.FlatSignals(rows)
		l.ScaleUp[i].Signals += p.FlatSignals(rows) // credits
	})
	l.Write(p.Tokens, &row)
}
