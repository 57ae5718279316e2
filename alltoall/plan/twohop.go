package plan

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/commbench/commbench/alltoall/routing"
	"github.com/commbench/commbench/alltoall/topo"
)

// Config is what all ranks agree on before anything is planned.
type Config struct {
	Place     topo.Placement
	TopK      int
	MaxTokens int // most tokens that any rank holds
	Channels  int // parallel streams of a rank; each owns a Span of its tokens
	Chunk     int // tokens between two signals, and between two credits, of a stream
	Rounds    int // alltoall only: blocks that a channel exchanges one after the other
	Alignment int // alltoall and expanded layouts: an expert's rows start at a multiple of this

	// Mirrored: ranks of a node cannot read each other's memory, so that in a combine
	// by two-hop or direct each puts its outputs to who adds them up. It changes what
	// a combine is charged with, and nothing else of a plan.
	Mirrored bool
}

// Stream is the tokens of one rank that go to one node, in token order.
type Stream struct {
	Tokens []int32 // [entries] the rank's token
	Start  []int32 // [channels+1] entries of channel c are Start[c]:Start[c+1]
	bitmap []byte  // [entries][bitmapBytes] bit l: in-node index l wants it
}

// Fan is where the entries of a stream go within the node.
type Fan struct {
	Start []int32 // [channels+1] entries of channel c are Start[c]:Start[c+1]
	First []int32 // [entries+1] targets of entry i are First[i]:First[i+1]
	Index []int32 // [targets] in-node index, ascending within an entry
	Slot  []int32 // [targets] row in the target rank's receive buffer
	Rows  []int32 // [channels][GPUsPerNode] targets by channel and index
}

// TwoHop is a rank's part of the two-hop plan of DeepSeek-V3: a token crosses
// the scale-out domain once for each target node, to the rank on the same
// rail, which forwards it within its node.
type TwoHop struct {
	Config
	Rank int
	Layout
	Send []Stream // [nodes] this rank's tokens by target node, its own included
	Fans []Fan    // [nodes] what arrives over this rail from each node, own included

	From        []int32 // [ranks+1] rows From[r]:From[r+1] of the receive buffer are from rank r
	RecvExperts []int32 // [experts of the rank] choices that arrive for each
	RailRows    []int32 // [GPUsPerNode] rows that each local rank forwards to this one

	tokens  []int32 // of all Send; see makeRoom
	bitmaps []byte
	entries []int32 // [nodes] of Send

	bitmapBytes int
	inStart     [][]int32 // [nodes][channels+1] of the streams that come over the rail
	inCounts    [][]int32 // [nodes][GPUsPerNode] rows for each local rank
	inExperts   [][]int32 // [nodes][experts of the node]
	inBitmap    [][]byte  // [nodes]
	sums        []uint64  // [nodes] see addSmall
	counts      []int32   // [ranks][GPUsPerNode] rows from each rank to each local rank
	base        []int32   // [nodes][GPUsPerNode] first slot of this rail's streams
	next        []int32   // [GPUsPerNode] running prefix sums of counts

	inRailExperts [][]int32 // [GPUsPerNode][nodes*experts of the rank]
}

// NewTwoHop makes the empty plan of a rank.
func NewTwoHop(c Config, rank int) *TwoHop {
	p := c.Place
	t := &TwoHop{
		Config: c, Rank: rank,
		Layout:      newLayout(p),
		Send:        make([]Stream, p.Nodes),
		Fans:        make([]Fan, p.Nodes),
		From:        make([]int32, p.Ranks()+1),
		RecvExperts: make([]int32, p.PerRank()),
		RailRows:    make([]int32, p.GPUsPerNode),
		bitmapBytes: (p.GPUsPerNode + 7) / 8,
		inStart:     make([][]int32, p.Nodes),
		inCounts:    make([][]int32, p.Nodes),
		inExperts:   make([][]int32, p.Nodes),
		inBitmap:    make([][]byte, p.Nodes),
		sums:        make([]uint64, p.Nodes),
		counts:      make([]int32, p.Ranks()*p.GPUsPerNode),
		next:        make([]int32, p.GPUsPerNode),
		base:        make([]int32, p.Nodes*p.GPUsPerNode),
		entries:     make([]int32, p.Nodes),

		inRailExperts: make([][]int32, p.GPUsPerNode),
	}
	for l := range t.inRailExperts {
		t.inRailExperts[l] = make([]int32, p.Nodes*p.PerRank())
	}
	for n := range t.Send {
		t.Send[n].Start = make([]int32, c.Channels+1)
		t.Fans[n].Start = make([]int32, c.Channels+1)
		t.Fans[n].Rows = make([]int32, c.Channels*p.GPUsPerNode)
		t.inStart[n] = make([]int32, c.Channels+1)
		t.inCounts[n] = make([]int32, p.GPUsPerNode)
		t.inExperts[n] = make([]int32, p.PerNode())
	}
	return t
}

// Route makes the layout and the streams from the rank's own routing.
func (t *TwoHop) Route(table *routing.Table) {
	t.Layout.mark(table)
	for n := range t.Send {
		t.Send[n].Tokens = t.Send[n].Tokens[:0]
		t.Send[n].bitmap = t.Send[n].bitmap[:0]
	}
	small := t.Words == 1 && t.bitmapBytes == 1
	if !small {
		t.makeRoom()
	}
	for c := 0; c < t.Channels; c++ {
		lo, hi := Span(t.Tokens, t.Channels, c)
		if small {
			t.addSmall(lo, hi)
			lo = hi
		}
		for i := lo; i < hi; i++ {
			t.addToken(i)
		}
		for n := range t.Send {
			t.Send[n].Start[c+1] = int32(len(t.Send[n].Tokens))
		}
	}
}

// makeRoom gives each stream its place in two slices that hold those of all nodes: with hundreds
// of nodes, growing each on its own takes longer than all the rest.
func (t *TwoHop) makeRoom() {
	counts := t.entries
	clear(counts)
	all := 0
	for i := range t.Tokens {
		last := int32(-1)
		row := t.InRank[i*t.Words : (i+1)*t.Words]
		for w := t.Layout.next(i, 0); w < len(row); w = t.Layout.next(i, w+1) {
			for word := row[w]; word != 0; word &= word - 1 {
				if n := t.nodeOf[w<<6+bits.TrailingZeros64(word)]; n != last {
					last = n
					counts[n]++
					all++
				}
			}
		}
	}
	t.tokens, t.bitmaps = resize(t.tokens, all), resize(t.bitmaps, all*t.bitmapBytes)
	at := 0
	for n, count := range counts {
		end := at + int(count)
		t.Send[n].Tokens = t.tokens[at:at:end]
		t.Send[n].bitmap = t.bitmaps[at*t.bitmapBytes : at*t.bitmapBytes : end*t.bitmapBytes]
		at = end
	}
}

// addSmall is addToken for a channel of a cluster of at most 64 ranks with at most
// 8 in a node: a node's part of a token's bitmap is one byte, and the ranks' counts
// of 255 tokens are the bytes of one word for each node.
func (t *TwoHop) addSmall(lo, hi int) {
	gpus := t.Place.GPUsPerNode
	mask := uint64(1)<<gpus - 1
	for token := lo; token < hi; token++ {
		for word := t.InRank[token]; word != 0; {
			n := int(t.nodeOf[bits.TrailingZeros64(word)])
			in := word >> (n * gpus) & mask
			word &^= mask << (n * gpus)
			s := &t.Send[n]
			s.Tokens, s.bitmap = append(s.Tokens, int32(token)), append(s.bitmap, byte(in))
			t.sums[n] += spread[in]
		}
		if full := token - lo + 1; full%255 == 0 || token+1 == hi {
			for n, sum := range t.sums {
				for l := range gpus {
					t.PerRank[n*gpus+l] += int32(byte(sum >> (8 * l)))
				}
			}
			clear(t.sums)
		}
	}
	for n := range t.Send {
		t.PerNode[n] = int32(len(t.Send[n].Tokens))
	}
}

// spread has bit l of a byte as the l-th byte of a word.
var spread = func() (s [256]uint64) {
	for b := range s {
		for l := range 8 {
			s[b] |= uint64(b>>l&1) << (8 * l)
		}
	}
	return s
}()

func (t *TwoHop) addToken(token int) {
	last, gpus := -1, t.Place.GPUsPerNode
	var bitmap []byte // of the token in the stream to node last
	row := t.InRank[token*t.Words : (token+1)*t.Words]
	for w := t.Layout.next(token, 0); w < len(row); w = t.Layout.next(token, w+1) {
		for word := row[w]; word != 0; word &= word - 1 {
			r := w<<6 + bits.TrailingZeros64(word)
			n := int(t.nodeOf[r])
			if n != last { // ranks ascend, so nodes do
				last = n
				s := &t.Send[n]
				s.Tokens = append(s.Tokens, int32(token))
				at := len(s.bitmap)
				s.bitmap = slices.Grow(s.bitmap, t.bitmapBytes)[:at+t.bitmapBytes]
				bitmap = s.bitmap[at:]
				clear(bitmap)
				t.PerNode[n]++
			}
			t.PerRank[r]++
			l := r - n*gpus
			bitmap[l>>3] |= 1 << (l & 7)
		}
	}
}

// Peers are the ranks to which each round's notes go, and from which they
// come: the rail in round 0, the node in round 1, this rank included.
func (t *TwoHop) Peers(round int) []int {
	p := t.Place
	var peers []int
	if round == 0 {
		for n := 0; n < p.Nodes; n++ {
			peers = append(peers, p.RailPeer(t.Rank, n))
		}
		return peers
	}
	for l := 0; l < p.GPUsPerNode; l++ {
		peers = append(peers, p.Rank(p.Node(t.Rank), l))
	}
	return peers
}

// MaxNote is the most bytes that a note of the round can have.
func (t *TwoHop) MaxNote(round int) int {
	p := t.Place
	if round == 0 {
		return 4*(t.Channels+1+p.GPUsPerNode+p.PerNode()) + t.MaxTokens*t.bitmapBytes
	}
	return 4 * p.Nodes * (p.GPUsPerNode + p.PerRank())
}

// AppendNote appends this rank's note of the round for the peer to b.
func (t *TwoHop) AppendNote(round, peer int, b []byte) []byte {
	p := t.Place
	if round == 0 {
		n := p.Node(peer)
		b = putInts(b, t.Send[n].Start)
		b = putInts(b, t.PerRank[n*p.GPUsPerNode:(n+1)*p.GPUsPerNode])
		b = putInts(b, t.PerExpert[n*p.PerNode():(n+1)*p.PerNode()])
		return append(b, t.Send[n].bitmap...)
	}
	for n := range t.inCounts {
		b = putInts(b, t.inCounts[n])
	}
	first := p.Index(peer) * p.PerRank()
	for n := range t.inExperts {
		b = putInts(b, t.inExperts[n][first:first+p.PerRank()])
	}
	return b
}

// TakeNote takes the peer's note of the round. It keeps no reference to b.
func (t *TwoHop) TakeNote(round, peer int, b []byte) error {
	if round == 0 {
		return t.takeRail(peer, b)
	}
	return t.takeNode(peer, b)
}

func (t *TwoHop) takeRail(peer int, b []byte) error {
	p := t.Place
	n := p.Node(peer)
	bad := func(format string, args ...any) error {
		clear(t.inStart[n]) // so that the plan has nothing of what was refused
		return &NoteError{0, t.Rank, peer, fmt.Sprintf(format, args...)}
	}
	fixed := 4 * (t.Channels + 1 + p.GPUsPerNode + p.PerNode())
	if len(b) < fixed {
		return bad("%d bytes, at least %d expected", len(b), fixed)
	}
	rest := getInts(b, t.inStart[n])
	rest = getInts(rest, t.inCounts[n])
	rest = getInts(rest, t.inExperts[n])
	start := t.inStart[n]
	for c := range t.Channels {
		if start[0] != 0 || start[c+1] < start[c] || int(start[c+1]) > t.MaxTokens {
			return bad("channel starts %v do not rise from 0 to at most %d", slices.Clone(start), t.MaxTokens)
		}
	}
	entries := int(start[t.Channels])
	if len(rest) < entries*t.bitmapBytes {
		return bad("%d bytes of bitmap for %d tokens", len(rest), entries)
	}
	// A combine goes through its own node's part by what was sent, and by what arrived.
	if peer == t.Rank && !slices.Equal(start, t.Send[n].Start) {
		return bad("channel starts %v are not its own, %v", slices.Clone(start), t.Send[n].Start)
	}
	if !inRange(t.inCounts[n], entries) || !canHave(t.inExperts[n], entries, t.TopK) {
		return bad("a count is outside of what %d tokens can have", entries)
	}
	t.inBitmap[n] = resize(t.inBitmap[n], entries*t.bitmapBytes)
	copy(t.inBitmap[n], rest)
	return nil
}

func (t *TwoHop) takeNode(peer int, b []byte) error {
	p := t.Place
	if want := t.MaxNote(1); len(b) < want {
		return &NoteError{1, t.Rank, peer, fmt.Sprintf("%d bytes, %d expected", len(b), want)}
	}
	index := p.Index(peer)
	for n := range p.Nodes {
		r := p.Rank(n, index)
		row := t.counts[r*p.GPUsPerNode : (r+1)*p.GPUsPerNode]
		b = getInts(b, row)
		if !inRange(row, t.MaxTokens) {
			return &NoteError{1, t.Rank, peer, fmt.Sprintf("a count of rank %d is outside 0..%d", r, t.MaxTokens)}
		}
	}
	experts := t.inRailExperts[index]
	getInts(b, experts)
	for n := range p.Nodes {
		if !canHave(experts[n*p.PerRank():(n+1)*p.PerRank()], t.MaxTokens, t.TopK) {
			return &NoteError{1, t.Rank, peer, fmt.Sprintf("an expert count of rank %d is outside of what %d tokens can have", p.Rank(n, index), t.MaxTokens)}
		}
	}
	return nil
}

// Seal ends a round once all its notes were taken; the second one computes the
// slots.
func (t *TwoHop) Seal(round int) error {
	if round == 0 {
		return nil
	}
	p := t.Place
	gpus, rail := p.GPUsPerNode, p.Index(t.Rank)
	clear(t.RailRows)
	clear(t.next)
	for r := range p.Ranks() {
		t.From[r] = t.next[rail]
		t.RailRows[p.Index(r)] += t.counts[r*gpus+rail]
		if p.Index(r) == rail {
			copy(t.base[p.Node(r)*gpus:], t.next)
		}
		for l := range gpus {
			t.next[l] += t.counts[r*gpus+l]
		}
	}
	t.From[p.Ranks()] = t.next[rail]
	clear(t.RecvExperts)
	for _, in := range t.inRailExperts {
		for i, v := range in {
			t.RecvExperts[i%p.PerRank()] += v
		}
	}
	for n := range p.Nodes {
		t.fan(n)
		src := p.Rank(n, rail)
		for l := range gpus {
			if got, said := t.Fans[n].total(l, gpus), t.counts[src*gpus+l]; got != said {
				return &NoteError{0, t.Rank, src, fmt.Sprintf("its bitmap has %d tokens for in-node index %d, its counts say %d", got, l, said)}
			}
		}
	}
	return nil
}

// total is the number of rows for the local rank in all channels.
func (f *Fan) total(index, gpus int) int32 {
	var sum int32
	for c := 0; c*gpus < len(f.Rows); c++ {
		sum += f.Rows[c*gpus+index]
	}
	return sum
}

// fan lists the targets of the stream from node n. It uses base up: afterwards
// base is the slot behind the stream's last.
func (t *TwoHop) fan(n int) {
	gpus := t.Place.GPUsPerNode
	f, slot := &t.Fans[n], t.base[n*gpus:(n+1)*gpus]
	copy(f.Start, t.inStart[n])
	clear(f.Rows)
	targets := 0
	for _, b := range t.inBitmap[n] {
		targets += bits.OnesCount8(b)
	}
	// Local slices, because appending to those of f writes three words each time.
	first, index, slots := resize(f.First, int(f.Start[t.Channels])+1), resize(f.Index, targets), resize(f.Slot, targets)
	k := 0
	for c := range t.Channels {
		rows := f.Rows[c*gpus : (c+1)*gpus]
		for i := int(f.Start[c]); i < int(f.Start[c+1]); i++ {
			first[i] = int32(k)
			for j, b := range t.inBitmap[n][i*t.bitmapBytes : (i+1)*t.bitmapBytes] {
				for ; b != 0; b &= b - 1 {
					l := j*8 + bits.TrailingZeros8(b)
					if l >= gpus {
						break // not a rank of the node: the peer's counts will not fit
					}
					index[k], slots[k] = int32(l), slot[l]
					slot[l]++
					rows[l]++
					k++
				}
			}
		}
	}
	first[len(first)-1] = int32(k)
	f.First, f.Index, f.Slot = first, index[:k], slots[:k]
}

// RecvRows is the number of rows that this rank receives.
func (t *TwoHop) RecvRows() int { return int(t.From[len(t.From)-1]) }
