package sim

// home adds up, in the order of a channel's tokens, the rows that came back for each of
// them, and gives credit for a chunk of a stream's rows at a time. Kernels whose last sums
// are an epilogue have none: rows are free again when they arrive.
type home struct {
	m             *machine
	streams       []stream
	rank, channel int
	sm            int
	first, from   []int32 // rows of token i come from from[first[i]:first[i+1]]
	token, end    int     // the next token, and behind the last
	sources       int     // that streams are numbered by
	own, behind   int     // sources own to behind-1 are of the own node, whose rows take no ring
	chunk         int     // rows of a credit
	none          bool    // it has no work
	waiting       int     // stream of which a row is missing
	lo, hi        int     // tokens of the step under way
}

func (h *home) id(source int) int { return (h.rank*h.sources+source)*h.m.Plan.Channels + h.channel }

func (h *home) start() (work, bool) {
	h.waiting = nobody
	h.lo = h.token
	rows := 0
	for h.token < h.end && h.token-h.lo < h.m.Plan.Chunk && h.waiting == nobody {
		from := h.from[h.first[h.token]:h.first[h.token+1]]
		for _, source := range from {
			if s := &h.streams[h.id(int(source))]; s.visible(h.m.now) == 0 {
				h.waiting = h.id(int(source))
				break
			}
		}
		if h.waiting == nobody {
			for _, source := range from {
				h.streams[h.id(int(source))].taken++
			}
			rows += len(from)
			h.token++
		}
	}
	h.hi = h.token
	if h.hi == h.lo {
		if h.waiting != nobody {
			if s := &h.streams[h.waiting]; s.arrived > s.taken {
				h.m.wake(h.sm, s.seen)
			}
		}
		return work{}, false
	}
	return work{read: float64(rows), write: float64(h.hi - h.lo), reduce: float64(rows)}, true
}

func (h *home) finish() {
	h.m.ledgers[h.rank].Write(h.hi-h.lo, &h.m.Row)
	for _, source := range h.from[h.first[h.lo]:h.first[h.hi]] {
		h.free(int(source), 1)
	}
}

// free gives a source's rows their slots back.
func (h *home) free(source, rows int) {
	s := &h.streams[h.id(source)]
	s.freed += uint16(rows)
	if source >= h.own && source < h.behind {
		return // whose rows take no ring
	}
	h.m.ledgers[h.rank].Reduce(rows)
	owed := int(s.freed) % h.chunk
	if owed != 0 && s.freed != s.total {
		return
	}
	if owed == 0 {
		owed = h.chunk
	}
	s.credits++
	if h.m.Ring > 0 && int(s.total) > h.m.Ring {
		h.m.at(h.m.now+h.m.late(h.m.signal), credited, owed, h.id(source))
	}
}

// deliver: rows of a source are here.
func (h *home) deliver(id, source, rows int, at int64) {
	s := &h.streams[id]
	s.arrive(rows, at)
	h.m.finished(h.rank, at)
	if h.none { // an epilogue adds them up, or they are sums
		s.taken += uint16(rows)
		h.free(source, rows)
	} else if h.waiting == id {
		h.m.wake(h.sm, at)
	}
}
