package plan

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/routing"
)

// AllToAll is a rank's part of the plan that NCCL's users follow: one copy for
// each (token, expert), packed by destination, exchanged with every peer,
// unpacked by expert.
//
// A channel owns a Span of the rank's tokens and exchanges it in Rounds blocks,
// so that the pack and exchange buffers stay bounded. Block b of all ranks is
// one all-to-all of its own: channel b/Rounds, round b%Rounds.
//
// The rows of a block in the pack buffer are in (expert, token) order, and so in
// destination order; in the exchange buffer they are in (source, expert,
// token) order; in the receive buffer in (expert, source, token) order.
type AllToAll struct {
	Config
	Rank int
	Layout

	Pos     []int32 // [tokens][topk] row of a choice in its block's pack buffer, -1 where masked
	SendOff []int32 // [blocks][ranks+1] rows of the pack buffer by destination
	RecvOff []int32 // [blocks][ranks+1] rows of the exchange buffer by source
	PeerOff []int32 // [blocks][ranks] where this rank's rows go in each peer's exchange buffer
	HomeOff []int32 // [blocks][ranks] where each source packed the rows that this rank gets: combine's way back
	Count   []int32 // [blocks][ranks][experts of the rank] rows that arrive
	Slot    []int32 // [blocks][ranks][experts of the rank] their first row in the receive buffer

	ExpertBase  []int32 // [experts of the rank + 1] first row of each expert, aligned
	RecvExperts []int32 // [experts of the rank] choices that arrive for each

	blockCount []int32 // [blocks][experts] this rank's choices
	expertOff  []int32 // [experts+1] running row of a block
}

// Blocks is the number of blocks in which a rank exchanges its tokens.
func (c *Config) Blocks() int { return c.Channels * c.Rounds }

// Block is the span of tokens of a block, given the rank's token count.
func (c *Config) Block(tokens, block int) (lo, hi int) {
	lo, hi = Span(tokens, c.Channels, block/c.Rounds)
	from, to := Span(hi-lo, c.Rounds, block%c.Rounds)
	return lo + from, lo + to
}

// NewAllToAll makes the empty plan of a rank.
func NewAllToAll(c Config, rank int) *AllToAll {
	ranks, experts, blocks := c.Place.Ranks(), c.Place.PerRank(), c.Blocks()
	return &AllToAll{
		Config: c, Rank: rank,
		Layout:      newLayout(c.Place),
		SendOff:     make([]int32, blocks*(ranks+1)),
		RecvOff:     make([]int32, blocks*(ranks+1)),
		PeerOff:     make([]int32, blocks*ranks),
		HomeOff:     make([]int32, blocks*ranks),
		Count:       make([]int32, blocks*ranks*experts),
		Slot:        make([]int32, blocks*ranks*experts),
		ExpertBase:  make([]int32, experts+1),
		RecvExperts: make([]int32, experts),
		blockCount:  make([]int32, blocks*c.Place.Experts),
		expertOff:   make([]int32, c.Place.Experts+1),
	}
}

// Route orders the rank's choices by block, expert and token.
func (a *AllToAll) Route(table *routing.Table) {
	a.Layout.Route(table)
	p, k := a.Place, table.TopK
	a.Pos = resize(a.Pos, table.Tokens*k)
	clear(a.blockCount)
	for b := range a.Blocks() {
		lo, hi := a.Block(table.Tokens, b)
		count := a.blockCount[b*p.Experts : (b+1)*p.Experts]
		choices := table.Experts[lo*k : hi*k]
		for _, e := range choices {
			if e >= 0 {
				count[e]++
			}
		}
		row := int32(0)
		for e, n := range count {
			if e%p.PerRank() == 0 {
				a.SendOff[b*(p.Ranks()+1)+e/p.PerRank()] = row
			}
			a.expertOff[e] = row
			row += n
		}
		a.SendOff[b*(p.Ranks()+1)+p.Ranks()] = row
		pos := a.Pos[lo*k : hi*k]
		for i, e := range choices {
			if e < 0 {
				pos[i] = -1
				continue
			}
			pos[i] = a.expertOff[e]
			a.expertOff[e]++
		}
	}
}

// Peers are all ranks, in both rounds.
func (a *AllToAll) Peers(int) []int { return allRanks(a.Place.Ranks()) }

// MaxNote is the bytes of every note of the round.
func (a *AllToAll) MaxNote(round int) int {
	if round == 0 {
		return 4 * a.Blocks() * (a.Place.PerRank() + 1)
	}
	return 4 * a.Blocks()
}

// AppendNote appends this rank's note of the round for the peer to b: for each
// block the counts for the peer's experts and where they were packed, and in
// round 1 where the peer's rows are wanted.
func (a *AllToAll) AppendNote(round, peer int, b []byte) []byte {
	p := a.Place
	for blk := range a.Blocks() {
		if round == 1 {
			b = putInt(b, a.RecvOff[blk*(p.Ranks()+1)+peer])
			continue
		}
		first := blk*p.Experts + p.FirstExpert(peer)
		b = putInts(b, a.blockCount[first:first+p.PerRank()])
		b = putInt(b, a.SendOff[blk*(p.Ranks()+1)+peer])
	}
	return b
}

// prefix lays out each block's exchange buffer by source.
func (a *AllToAll) prefix() {
	ranks, experts := a.Place.Ranks(), a.Place.PerRank()
	for b := range a.Blocks() {
		row := int32(0)
		for r := range ranks {
			a.RecvOff[b*(ranks+1)+r] = row
			for _, n := range a.Count[(b*ranks+r)*experts : (b*ranks+r+1)*experts] {
				row += n
			}
		}
		a.RecvOff[b*(ranks+1)+ranks] = row
	}
}

// TakeNote takes the peer's note of the round. It keeps no reference to b.
func (a *AllToAll) TakeNote(round, peer int, b []byte) error {
	if want := a.MaxNote(round); len(b) < want {
		return &NoteError{round, a.Rank, peer, fmt.Sprintf("%d bytes, %d expected", len(b), want)}
	}
	ranks, experts := a.Place.Ranks(), a.Place.PerRank()
	limit := a.MaxTokens * a.TopK
	left := limit // choices that no count has taken yet
	for blk := range a.Blocks() {
		at := blk*ranks + peer
		if round == 1 {
			b = getInts(b, a.PeerOff[at:at+1])
			if !inRange(a.PeerOff[at:at+1], (ranks-1)*limit) {
				return &NoteError{round, a.Rank, peer, fmt.Sprintf("block %d starts at row %d", blk, a.PeerOff[at])}
			}
			continue
		}
		count := a.Count[at*experts : (at+1)*experts]
		b = getInts(b, count)
		b = getInts(b, a.HomeOff[at:at+1])
		for _, n := range count {
			left -= int(n)
		}
		if !inRange(count, a.MaxTokens) || left < 0 || !inRange(a.HomeOff[at:at+1], limit) {
			return &NoteError{round, a.Rank, peer, fmt.Sprintf("block %d: a count is outside of what %d tokens can have", blk, a.MaxTokens)}
		}
	}
	return nil
}

// Seal ends a round once all its notes were taken: the first lays out the
// exchange buffer and the receive buffer.
func (a *AllToAll) Seal(round int) error {
	if round == 1 {
		return nil
	}
	a.prefix()
	ranks, experts, blocks := a.Place.Ranks(), a.Place.PerRank(), a.Blocks()
	clear(a.RecvExperts)
	for i, n := range a.Count {
		a.RecvExperts[i%experts] += n
	}
	ExpertRows(a.ExpertBase, a.RecvExperts, a.Alignment)
	for e := range experts {
		row := a.ExpertBase[e]
		for r := range ranks {
			for b := range blocks {
				at := (b*ranks+r)*experts + e
				a.Slot[at] = row
				row += a.Count[at]
			}
		}
	}
	return nil
}

// ExpertRows lays out rows by expert, as alltoall and the expanded layout have
// them: base[e] is the first row of expert e, a
// multiple of alignment; base[len(counts)] is the number of rows.
func ExpertRows(base, counts []int32, alignment int) {
	align := int32(max(alignment, 1))
	row := int32(0)
	for e, n := range counts {
		base[e] = row
		row += (n + align - 1) / align * align
	}
	base[len(counts)] = row
}

// RecvRows is the number of rows of this rank's receive buffer, the padding of
// the alignment included.
func (a *AllToAll) RecvRows() int { return int(a.ExpertBase[len(a.ExpertBase)-1]) }
