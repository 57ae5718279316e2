package plan

import (
	"fmt"

	"github.com/commbench/commbench/alltoall/routing"
)

// LowLatency is a rank's part of the plan of decoding: one message for each (token,
// expert), put straight to the expert's rank, into slots of a fixed size by expert and
// source. Nobody need know anything first: how many come is told with them. The receiver
// packs them by expert, as rows of alltoall are; a combine puts outputs back into slots by
// expert at home, which multiplies by its weights and adds up.
//
// Notes carry the counts all the same, so that a handle is complete before anything
// moves: buffers are checked against it, a combine can come first, and what messages tell is
// compared with it.
//
// The k-th message of a source for an expert, in token order, is in the expert's k-th slot
// for that source; its output returns to home's k-th slot for the expert.
type LowLatency struct {
	Config
	Rank int
	Layout

	Experts []int32   // [tokens][topk] the choices, -1 where masked
	Weights []float32 // [tokens][topk] what home multiplies by
	Number  []int32   // [tokens][topk] which of this rank's messages for the expert it is
	Sent    []int32   // [channels+1][experts] messages of the channels before

	Came        []int32 // [experts of the rank][ranks][channels+1] messages of the channels before
	Slot        []int32 // [experts of the rank][ranks] first row in the receive buffer
	ExpertBase  []int32 // [experts of the rank + 1] first row of each expert, aligned
	RecvExperts []int32 // [experts of the rank] messages that arrive for each
}

// NewLowLatency makes the empty plan of a rank.
func NewLowLatency(c Config, rank int) *LowLatency {
	ranks, experts := c.Place.Ranks(), c.Place.PerRank()
	return &LowLatency{
		Config: c, Rank: rank,
		Layout:      newLayout(c.Place),
		Sent:        make([]int32, (c.Channels+1)*c.Place.Experts),
		Came:        make([]int32, experts*ranks*(c.Channels+1)),
		Slot:        make([]int32, experts*ranks),
		ExpertBase:  make([]int32, experts+1),
		RecvExperts: make([]int32, experts),
	}
}

// Route numbers the rank's messages for each expert, channel by channel.
func (l *LowLatency) Route(table *routing.Table) {
	l.Layout.Route(table)
	k, experts := table.TopK, l.Place.Experts
	l.Experts = append(l.Experts[:0], table.Experts...)
	l.Weights = append(l.Weights[:0], table.Weights...)
	l.Number = resize(l.Number, len(l.Experts))
	clear(l.Sent[:experts])
	for c := range l.Channels {
		next := l.Sent[(c+1)*experts : (c+2)*experts]
		copy(next, l.Sent[c*experts:])
		lo, hi := Span(l.Tokens, l.Channels, c)
		for i, e := range l.Experts[lo*k : hi*k] {
			l.Number[lo*k+i] = -1
			if e >= 0 {
				l.Number[lo*k+i] = next[e]
				next[e]++
			}
		}
	}
}

// Messages is the number of messages of a channel for an expert.
func (l *LowLatency) Messages(channel, expert int) int {
	return int(l.Sent[(channel+1)*l.Place.Experts+expert] - l.Sent[channel*l.Place.Experts+expert])
}

// Arriving is the number of messages that come from a rank's channel for one of this rank's
// experts, and of those that its channels before have sent.
func (l *LowLatency) Arriving(expert, from, channel int) (n, before int) {
	at := (expert*l.Place.Ranks()+from)*(l.Channels+1) + channel
	return int(l.Came[at+1] - l.Came[at]), int(l.Came[at])
}

// Of is the number of messages that a channel of this rank sends to a rank.
func (l *LowLatency) Of(channel, to int) (n int) {
	for e := range l.Place.PerRank() {
		n += l.Messages(channel, l.Place.FirstExpert(to)+e)
	}
	return n
}

// Peers are all ranks in round 0, and this one alone in round 1, which has nothing to tell but
// that it is whole.
func (l *LowLatency) Peers(round int) []int {
	if round == 0 {
		return allRanks(l.Place.Ranks())
	}
	return []int{l.Rank}
}

// digest is a number of the routing that is not 0: what round 1 tells.
func (l *LowLatency) digest() int32 {
	sum := uint32(1)
	for _, e := range l.Experts {
		sum = sum*31 + uint32(e)
	}
	return int32(sum | 1)
}

// MaxNote is the bytes of every note of the round.
func (l *LowLatency) MaxNote(round int) int {
	if round == 0 {
		return 4 * (1 + l.Channels*l.Place.PerRank())
	}
	return 4
}

// AppendNote appends this rank's note of the round for the peer to b.
func (l *LowLatency) AppendNote(round, peer int, b []byte) []byte {
	if round == 1 {
		return putInt(b, l.digest())
	}
	sum := 1 // so that no note is all zero, as one that is lost may be
	for c := range l.Channels {
		sum += l.Of(c, peer)
	}
	b = putInt(b, int32(sum))
	for e := range l.Place.PerRank() {
		for c := range l.Channels {
			b = putInt(b, int32(l.Messages(c, l.Place.FirstExpert(peer)+e)))
		}
	}
	return b
}

// TakeNote takes the peer's note of the round. It keeps no reference to b.
func (l *LowLatency) TakeNote(round, peer int, b []byte) error {
	if want := l.MaxNote(round); len(b) < want {
		return &NoteError{round, l.Rank, peer, fmt.Sprintf("%d bytes, %d expected", len(b), want)}
	}
	if round == 1 {
		var n [1]int32
		if getInts(b, n[:]); n[0] != l.digest() {
			return &NoteError{round, l.Rank, peer, fmt.Sprintf("%d, %d expected", n[0], l.digest())}
		}
		return nil
	}
	var all [1]int32
	b = getInts(b, all[:])
	left := l.MaxTokens * l.TopK
	total := 1
	for e := range l.Place.PerRank() {
		at := (e*l.Place.Ranks() + peer) * (l.Channels + 1)
		came := l.Came[at : at+l.Channels+1]
		b = getInts(b, came[1:])
		sum := 0
		for _, n := range came[1:] {
			if n < 0 || int(n) > l.MaxTokens {
				sum = l.MaxTokens + 1
				break
			}
			sum += int(n)
		}
		total += sum
		if left -= sum; sum > l.MaxTokens || left < 0 {
			clear(came)
			return &NoteError{round, l.Rank, peer, fmt.Sprintf("counts for expert %d are outside of what %d tokens can have", l.Place.FirstExpert(l.Rank)+e, l.MaxTokens)}
		}
		came[0] = 0
		for c := range l.Channels {
			came[c+1] += came[c]
		}
	}
	if total != int(all[0]) {
		for e := range l.Place.PerRank() {
			at := (e*l.Place.Ranks() + peer) * (l.Channels + 1)
			clear(l.Came[at : at+l.Channels+1])
		}
		return &NoteError{round, l.Rank, peer, fmt.Sprintf("%d counted from 1, its counts make %d", all[0], total)}
	}
	return nil
}

// Seal ends a round; the first lays out the receive buffer.
func (l *LowLatency) Seal(round int) error {
	if round == 1 {
		return nil
	}
	ranks := l.Place.Ranks()
	for e := range l.RecvExperts {
		l.RecvExperts[e] = 0
		for r := range ranks {
			l.RecvExperts[e] += l.Came[(e*ranks+r)*(l.Channels+1)+l.Channels]
		}
	}
	ExpertRows(l.ExpertBase, l.RecvExperts, l.Alignment)
	for e := range l.RecvExperts {
		row := l.ExpertBase[e]
		for r := range ranks {
			l.Slot[e*ranks+r] = row
			row += l.Came[(e*ranks+r)*(l.Channels+1)+l.Channels]
		}
	}
	return nil
}

// RecvRows is the number of rows that this rank receives, padding between experts included.
func (l *LowLatency) RecvRows() int { return int(l.ExpertBase[len(l.ExpertBase)-1]) }

// Received is the number of messages that arrive for each of the rank's experts.
func (l *LowLatency) Received() []int32 { return l.RecvExperts }

// Dispatch charges the messages, a count for each expert and channel, what makes them and what
// packs them.
func (l *LowLatency) Dispatch(d *Ledger, row Row) {
	for c := range l.Channels {
		for e := range l.Place.Experts {
			k := l.link(d, l.Rank, l.Place.RankOf(e))
			d.Put(k, l.Messages(c, e), &row)
			k.Signals++
		}
	}
	for i := range l.Tokens {
		if l.Chooses(i) {
			d.Pack(1, &row)
		}
	}
	for _, n := range l.RecvExperts {
		d.Unpack(int(n), &row)
	}
}

// Chooses says whether any choice of a token is not masked: then there is a message to make.
func (l *LowLatency) Chooses(token int) bool {
	for _, e := range l.Experts[token*l.TopK : (token+1)*l.TopK] {
		if e >= 0 {
			return true
		}
	}
	return false
}

// Combine charges outputs that go back, a signal for each home and channel that has any, and sums.
func (l *LowLatency) Combine(d *Ledger, row Row) {
	for home := range l.Place.Ranks() {
		k := l.link(d, l.Rank, home)
		for c := range l.Channels {
			rows := 0
			for e := range l.Place.PerRank() {
				n, _ := l.Arriving(e, home, c)
				rows += n
			}
			d.Put(k, rows, &row)
			if rows > 0 {
				k.Signals++
			}
		}
	}
	for c := range l.Channels {
		for to := range l.Place.Ranks() {
			d.Reduce(l.Of(c, to))
		}
	}
	d.Write(l.Tokens, &row)
}
