package sim

import "slices"

// backedUp says whether a rank's NIC has enough to do, and if so has the SM look again when
// it has not.
func (m *machine) backedUp(rank, id int) bool {
	return m.waitFor(m.outPort[rank], id)
}

// allBackedUp says the same of the NICs of a rank's node, for who feeds all of them: it goes on
// as long as one of them has not.
func (m *machine) allBackedUp(rank, id int) bool {
	gpus := m.Plan.Place.GPUsPerNode
	node := rank / gpus * gpus
	return m.waitFor(slices.Min(m.outPort[node:node+gpus]), id)
}

func (m *machine) waitFor(free int64, id int) bool {
	if free <= m.now+backlog {
		return false
	}
	m.wake(id, free-backlog/2)
	return true
}

// send has rows leave a rank for another over scale-out. They arrive as an event of the id.
func (m *machine) send(from, to, rows, id int) {
	d := whole(float64(rows) * m.perOut)
	m.busyOut += d
	m.touch(from, float64(rows))
	left := max(m.outPort[from], m.now) + d
	m.outPort[from] = left
	left = m.across(from, to, rows, left)
	last := &m.lastOut[from]
	if l := m.links[pair{from, to}]; l != nil {
		left, last = l.along(d, left), &l.last
	}
	// In order, whatever the jitter is, as a connection of a NIC delivers.
	*last = max(*last+1, left+m.late(m.put))
	m.at(*last, arriving, rows, id)
}

// across is when rows are through the links between leaf switches, if they go there.
func (m *machine) across(from, to, rows int, t int64) int64 {
	if m.leafOut == nil {
		return t
	}
	a, b := m.leaf(from), m.leaf(to)
	if a == b {
		return t
	}
	d := whole(float64(rows) * m.perUplink)
	up := max(m.leafOut[a]+d, t)
	m.leafOut[a] = up
	down := max(m.leafIn[b]+d, up)
	m.leafIn[b] = down
	return down
}

// leaf is the leaf switch of a rank's NICs.
func (m *machine) leaf(rank int) int {
	group := m.Plan.Place.Node(rank) / m.leafNodes
	if m.Hardware.Fabric.RailOptimised {
		return group*m.Plan.Place.GPUsPerNode + m.Plan.Place.Index(rank)
	}
	return group
}

// along is when a message that would leave at t has, on a link that may be slow.
func (m *machine) along(from, to int, d, t int64) int64 {
	if l := m.links[pair{from, to}]; l != nil {
		return l.along(d, t)
	}
	return t
}

func (l *link) along(d, t int64) int64 {
	l.free = max(l.free, t-d) + int64(float64(d)/l.share)
	return max(l.free, t)
}

// arrive queues a message at its receiver's port: its last byte is there when those before
// it are through.
func (m *machine) arrive(id, rows int) {
	to := m.receiver(id)
	d := whole(float64(rows) * m.perOut)
	in := max(m.inPort[to], m.now-d) + d
	m.inPort[to] = in
	m.moved += int64(rows)
	m.deliver(id, rows, in+m.signal)
}

// up has rows go from a rank to another of its node from a time on, and says when they are
// through the ports of both.
func (m *machine) up(from, to, rows int, t int64) int64 {
	if from == to {
		return t
	}
	d := whole(float64(rows) * m.perUp)
	m.busyUp += d
	out := max(m.upPort[from], t) + d
	m.upPort[from] = out
	out = m.along(from, to, d, out)
	in := max(m.downPort[to]+d, out)
	m.downPort[to] = in
	return in
}

// stored is when a peer sees rows that an SM has stored by now, and whose way through the ports
// was taken when it began to.
func (m *machine) stored(from, to int) int64 {
	if from == to {
		return m.now
	}
	at := max(m.now, m.downPort[to]) + m.late(m.store)
	if m.jitters { // in order, as stores are
		at = max(at, m.lastUp[from]+1)
		m.lastUp[from] = at
	}
	return at
}
