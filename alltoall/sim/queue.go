package sim

// event is something that happens at a time. Of two at one time the one with the lower
// key comes first, so that the order does not depend on how they were queued.
type event struct {
	at  int64  // picoseconds
	key uint64 // kind, rows, and what it happens to; see packed
}

func (e event) before(o event) bool { return e.at < o.at || e.at == o.at && e.key < o.key }

// kind is what happens.
type kind uint64

const (
	stepped  kind = iota // an SM ends its step
	woken                // an SM that found nothing looks again
	arriving             // the last byte of a message reaches the receiver's port, unless that is busy
	credited             // a sender knows that slots of its ring are free
)

// Widths of a packed event: the rest is for the kind.
const (
	idBits   = 36
	rowsBits = 24
	mostRows = 1<<rowsBits - 1
)

func packed(k kind, rows, id int) uint64 {
	return uint64(k)<<(idBits+rowsBits) | uint64(rows)<<idBits | uint64(id)
}

func unpacked(key uint64) (k kind, rows, id int) {
	return kind(key >> (idBits + rowsBits)), int(key >> idBits & mostRows), int(key & (1<<idBits - 1))
}

// queue has the events that are to come: a wheel of short spans of time, whose events are in no
// order, and heaps of those of the span at hand and of those behind the wheel. Hundreds of
// thousands wait in a large cluster, and a heap of them all would miss the caches at each level.
type queue struct {
	now   heap
	wheel [spans][]event
	span  int64 // that now is of, in spans since the start
	held  int   // events in the wheel
	far   heap
}

const (
	spans     = 1 << 12
	spanShift = 16 // a span is 65.5 ns, the wheel 268 us
)

func (q *queue) push(e event) {
	switch s := e.at >> spanShift; {
	case s <= q.span:
		q.now.push(e)
	case s < q.span+spans:
		q.wheel[s%spans] = append(q.wheel[s%spans], e)
		q.held++
	default:
		q.far.push(e)
	}
}

// pop takes the first event, if there is one.
func (q *queue) pop() (event, bool) {
	for len(q.now) == 0 {
		switch {
		case q.held > 0:
			q.span++
		case len(q.far) > 0:
			q.span = q.far[0].at >> spanShift
		default:
			return event{}, false
		}
		slot := &q.wheel[q.span%spans]
		for _, e := range *slot {
			q.now.push(e)
		}
		q.held -= len(*slot)
		*slot = (*slot)[:0]
		for len(q.far) > 0 && q.far[0].at>>spanShift <= q.span {
			q.now.push(q.far.pop())
		}
	}
	return q.now.pop(), true
}

// heap is one whose nodes have four children.
type heap []event

func (q *heap) push(e event) {
	h := append(*q, e)
	i := len(h) - 1
	for i > 0 {
		up := (i - 1) / 4
		if !e.before(h[up]) {
			break
		}
		h[i], i = h[up], up
	}
	h[i], *q = e, h
}

// pop takes the first event off a heap that is not empty.
func (q *heap) pop() event {
	h := *q
	first, last := h[0], h[len(h)-1]
	h = h[:len(h)-1]
	*q = h
	if len(h) == 0 {
		return first
	}
	i := 0
	for {
		child := 4*i + 1
		if child >= len(h) {
			break
		}
		least := child
		for c := child + 1; c < min(child+4, len(h)); c++ {
			if h[c].before(h[least]) {
				least = c
			}
		}
		if !h[least].before(last) {
			break
		}
		h[i], i = h[least], least
	}
	h[i] = last
	return first
}
