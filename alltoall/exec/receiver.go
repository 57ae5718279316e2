package exec

import "github.com/commbench/commbench/alltoall/plan"

// receiver waits until every peer's rows are in the rank's receive buffer. It
// moves nothing: rows were put where they belong.
type receiver struct {
	g     *Group
	r     *rank
	w     words
	peers []int
	rows  func(p plan.Plan, peer int) uint64 // rows that come from a peer
	p     plan.Plan
	base  []uint64 // [peers] rows of earlier runs
	at    int      // peers before this one are complete
}

func (r *receiver) begin(p plan.Plan) { r.p, r.at = p, 0 }

func (r *receiver) step() (status, error) {
	for ; r.at < len(r.peers); r.at++ {
		peer := r.peers[r.at]
		want := r.base[r.at] + r.rows(r.p, peer)
		if r.r.seen(r.g, peer, r.w, 0) < want {
			return idle, nil
		}
		r.base[r.at] = want
	}
	return finished, nil
}

func (r *receiver) where() waiting {
	w := waiting{Rank: r.r.id, Peer: -1, Channel: -1, Role: "receiver", For: "rows", last: true}
	if r.p != nil && r.at < len(r.peers) {
		w.Peer = r.peers[r.at]
		w.Awaited = r.base[r.at] + r.rows(r.p, w.Peer)
		w.Seen = r.r.seen(r.g, w.Peer, r.w, 0)
	}
	return w
}
