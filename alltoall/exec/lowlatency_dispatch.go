package exec

import (
	"encoding/binary"
	"fmt"

	"github.com/commbench/commbench/alltoall/plan"
)

// Low-latency, for decoding: a sender makes one message of each token and puts it to the rank
// of each chosen expert, into that expert's slots for this source; behind a channel's messages
// it tells every expert how many they were, so that nobody need know anything before. The
// receiver waits for those counts and packs the messages by expert. A combine puts outputs
// into home's slots, and home adds them up, times its weights.

// llWords are the signal words of low-latency.
type llWords struct {
	counts words // by expert and channel: 1 more than the messages, each run
	back   words // by channel: outputs that returned from a rank
}

// llSender makes and puts the messages of one channel's tokens.
type llSender struct {
	g     *Group
	l     *lane
	a     *areas
	w     *llWords
	p     *plan.LowLatency
	token int
	told  int // experts that were told their counts
}

func (s *llSender) begin(p plan.Plan) {
	s.p, s.told = p.(*plan.LowLatency), 0
	s.token, _ = plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
}

func (s *llSender) step() (status, error) {
	_, end := plan.Span(s.p.Tokens, s.g.cfg.Channels, s.l.channel)
	for range min(s.g.cfg.Chunk, end-s.token) {
		if err := s.send(); err != nil {
			return moved, err
		}
		s.token++
	}
	if s.token < end {
		return moved, nil
	}
	// Behind the own rank first, so that not all ranks signal the same peer at once.
	place := s.g.cfg.Place
	for range min(place.Experts-s.told, max(s.g.cfg.Chunk, place.PerRank())) {
		e := (place.FirstExpert(s.l.id) + s.told) % place.Experts
		n := s.p.Messages(s.l.channel, e)
		if err := s.l.signal(s.g, place.RankOf(e), s.w.counts, e%place.PerRank()*s.g.cfg.Channels+s.l.channel, uint64(n)+1); err != nil {
			return moved, err
		}
		s.told++
	}
	if s.told < place.Experts {
		return moved, nil
	}
	return finished, nil
}

// send makes a token's message and puts it once for each choice.
func (s *llSender) send() error {
	if !s.p.Chooses(s.token) {
		return nil
	}
	row, place := &s.a.row, &s.g.cfg.Place
	x := s.l.row(s.g.arena.x, s.token, row.Bytes())
	message := s.l.row(s.a.messages, s.token, row.Size())
	head := message[copy(message, x):]
	clear(head)
	binary.LittleEndian.PutUint32(head, uint32(s.token))
	s.l.ledger.Pack(1, row)
	k := s.g.cfg.TopK
	for i := s.token * k; i < (s.token+1)*k; i++ {
		e := int(s.p.Experts[i])
		if e < 0 {
			continue
		}
		to := place.RankOf(e)
		slot := s.a.landing.at(((e%place.PerRank())*place.Ranks()+s.l.id)*s.g.cfg.MaxTokens + int(s.p.Number[i]))
		if err := s.a.put(s.l.to(s.g, to), slot, message); err != nil {
			return err
		}
		s.l.ledger.Put(s.l.link(s.g, to), 1, row)
	}
	return nil
}

func (s *llSender) where() waiting {
	return waiting{Rank: s.l.id, Peer: -1, Channel: s.l.channel, Role: "sender", For: "a step"}
}

// llReceiver packs what came for those of the rank's experts that are its lane's: one in
// every Channels of them.
type llReceiver struct {
	g        *Group
	l        *lane
	a        *areas
	w        *llWords
	p        *plan.LowLatency
	base     []uint64 // [experts of the rank][ranks][channels] counts of earlier runs
	expert   int      // of the rank: the one at hand
	from, at int      // source at hand, and messages of it that were packed
}

func (r *llReceiver) begin(p plan.Plan) {
	r.p, r.expert, r.from, r.at = p.(*plan.LowLatency), r.l.channel, 0, 0
}

func (r *llReceiver) step() (status, error) {
	place := &r.g.cfg.Place
	if r.expert >= place.PerRank() {
		return finished, nil
	}
	if r.at == 0 {
		if c := r.missing(); c >= 0 {
			return idle, nil
		}
		if err := r.count(); err != nil {
			return moved, err
		}
	}
	slot := int(r.p.Slot[r.expert*place.Ranks()+r.from])
	first := (r.expert*place.Ranks() + r.from) * r.g.cfg.MaxTokens
	n := r.messages()
	end := min(r.at+r.g.cfg.Chunk, n)
	for ; r.at < end; r.at++ {
		r.a.copy(r.l.row(r.a.recv, slot+r.at, r.a.row.Size()), r.l.row(r.a.landing, first+r.at, r.a.row.Size()))
		r.l.ledger.Unpack(1, &r.a.row)
	}
	if r.at < n {
		return moved, nil
	}
	r.at = 0
	if r.from++; r.from == place.Ranks() {
		r.from = 0
		r.expert += r.g.cfg.Channels
	}
	return moved, nil
}

// messages is how many the handle says that the source has for the expert.
func (r *llReceiver) messages() int {
	n, before := r.p.Arriving(r.expert, r.from, r.g.cfg.Channels-1)
	return n + before
}

// word is a count's place in base.
func (r *llReceiver) word(channel int) int {
	return (r.expert*r.g.cfg.Place.Ranks()+r.from)*r.g.cfg.Channels + channel
}

func (r *llReceiver) seen(channel int) uint64 {
	return r.l.seen(r.g, r.from, r.w.counts, r.expert*r.g.cfg.Channels+channel)
}

// missing is a channel of the source that has not told its count, or -1.
func (r *llReceiver) missing() int {
	for c := range r.g.cfg.Channels {
		if r.seen(c) <= r.base[r.word(c)] {
			return c
		}
	}
	return -1
}

// count takes the counts that were told. They are what the handle's notes have said, or
// packing would write where something else lies.
func (r *llReceiver) count() error {
	for c := range r.g.cfg.Channels {
		seen, base := r.seen(c), &r.base[r.word(c)]
		want, _ := r.p.Arriving(r.expert, r.from, c)
		if got := seen - *base - 1; got != uint64(want) {
			return &plan.NoteError{Rank: r.l.id, Peer: r.from, Problem: fmt.Sprintf("%d messages for expert %d on channel %d, but %d are told",
				want, r.g.cfg.Place.FirstExpert(r.l.id)+r.expert, c, got)}
		}
		*base = seen
	}
	return nil
}

func (r *llReceiver) where() waiting {
	w := waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "receiver", For: "a step", last: true}
	if r.p == nil || r.expert >= r.g.cfg.Place.PerRank() || r.at > 0 {
		return w
	}
	if c := r.missing(); c >= 0 {
		w.Peer, w.For = r.from, "counts of messages"
		w.Awaited, w.Seen = r.base[r.word(c)]+1, r.seen(c)
	}
	return w
}
