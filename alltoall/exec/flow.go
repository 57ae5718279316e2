package exec

// flow is one side's count of the rows of a stream through a ring: those ever
// sent, or taken. Every run fills the ring from its first slot, so that a short
// stream uses the same few slots again and again: ranks have a ring for each
// channel of each peer, and those of many nodes would else wander through more
// memory than any cache holds, or than was ever touched.
type flow struct {
	total uint64
	base  uint64 // of them, before this run
}

// restart begins a run.
func (f *flow) restart() { f.base = f.total }

// restart begins a run of all flows.
func restart(flows []flow) {
	for i := range flows {
		flows[i].restart()
	}
}

// need is the credit that a sender awaits before it sends a chunk: that of all
// rows of earlier runs, whose slots may be any, and of those in the slots that it
// will use.
func (f *flow) need(slots, chunk int) uint64 {
	if f.total-f.base+uint64(chunk) <= uint64(slots) {
		return f.base
	}
	return f.total + uint64(chunk) - uint64(slots)
}

// slot is the row of a ring region that the flow's next row goes through.
func (f *flow) slot(ring region, slots, channels, peer, channel int) int {
	return ring.at((peer*channels+channel)*slots + int((f.total-f.base)%uint64(slots)))
}

// live is the peers of a role that have rows left in this run, in the order in
// which it serves them. Most peers of many have none.
type live []int32

// drop is what remains when entry k is done.
func (l live) drop(k int) live { return append(l[:k], l[k+1:]...) }
