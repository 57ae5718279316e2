package sim

// stream is the rows of one rank, channel and target, on their way: half a line of a cache,
// as a large cluster has millions of them.
type stream struct {
	total   uint16 // rows
	open    uint16 // of those that were sent, rows whose slots the sender does not know to be free
	arrived uint16
	taken   uint16 // out of the ring
	freed   uint16 // and added up
	fresh   uint16 // rows of the last arrival
	tails   uint16 // signals to the receiver
	credits uint16 // and back
	from    uint32 // its first chunk, by two hops
	next    int32  // behind it in a queue of streams with rows
	seen    int64  // when the receiver knows of the last arrival
}

// mostOfStream is the rows that a stream can have.
const mostOfStream = 1<<16 - 1

// room says whether a sender may send so many rows more through a ring.
func (s *stream) room(ring, rows int) bool { return int(s.open)+rows <= ring }

// visible is the rows that the receiver knows of and has not taken.
func (s *stream) visible(now int64) int {
	if s.seen > now {
		return int(s.arrived - s.fresh - s.taken)
	}
	return int(s.arrived - s.taken)
}

// arrive adds the rows of a message that is seen at a time.
func (s *stream) arrive(rows int, at int64) {
	s.arrived += uint16(rows)
	s.fresh, s.seen = uint16(rows), max(s.seen, at)
	s.tails++
}

// charge has the ledgers count what a stream over scale-out has moved.
func (m *machine) charge(s *stream, sender, receiver int) {
	out, back := &m.ledgers[sender].ScaleOut[receiver], &m.ledgers[receiver].ScaleOut[sender]
	m.ledgers[sender].Put(out, int(s.arrived), &m.Row)
	out.Signals += int64(s.tails)
	back.Signals += int64(s.credits)
}

// target is who has rows to come, and how many.
type target struct{ to, left uint16 }

// targets are those with rows left, which are served in turn.
type targets struct {
	live []target
	at   int
}

func (t *targets) add(to int, left int32) {
	if left > 0 {
		t.live = append(t.live, target{uint16(to), uint16(left)})
	}
}

// turn calls serve with one after the other until it serves one, and says whether it did.
func (t *targets) turn(serve func(*target) bool) bool {
	for range t.live {
		if t.at >= len(t.live) {
			t.at = 0
		}
		now := &t.live[t.at]
		ok := serve(now)
		if now.left == 0 { // the last takes its place
			last := len(t.live) - 1
			t.live[t.at] = t.live[last]
			t.live = t.live[:last]
		} else {
			t.at++
		}
		if ok {
			return true
		}
	}
	return false
}

// ready is a queue of streams, linked through them.
type ready struct{ first, last int32 }

const nobody = -1

func (q *ready) add(streams []stream, id int) {
	streams[id].next = nobody
	if q.first == nobody {
		q.first = int32(id)
	} else {
		streams[q.last].next = int32(id)
	}
	q.last = int32(id)
}

func (q *ready) take(streams []stream) int {
	id := q.first
	q.first = streams[id].next
	return int(id)
}
