package exec

import (
	"github.com/commbench/commbench/alltoall/plan"
)

// router computes a rank's layout from its own routing. It talks to nobody.
type router struct {
	g     *Group
	r     *rank
	local int // index of the rank's table
	p     plan.Plan
}

func (l *router) begin(p plan.Plan) { l.p = p }

func (l *router) step() (status, error) {
	l.p.Route(&l.g.tables[l.local])
	return finished, nil
}

func (l *router) where() waiting {
	return waiting{Rank: l.r.id, Peer: -1, Channel: -1, Role: "router", For: "a step"}
}

// notifier exchanges a rank's notes with its peers, one round after the other,
// and seals the plan.
type notifier struct {
	g     *Group
	l     *lane
	a     *areas
	w     [plan.NoteRounds]words
	peers [plan.NoteRounds][]int
	mine  [plan.NoteRounds]int // this rank's place among the peers, the same at all of them
	p     plan.Plan
	run   uint64
	round int
	sent  bool
	at    int // peers before this one were heard
}

func (n *notifier) begin(p plan.Plan) {
	n.p, n.round, n.sent, n.at = p, 0, false, 0
	n.run++
}

func (n *notifier) step() (status, error) {
	peers := n.peers[n.round]
	if !n.sent {
		n.sent = true
		return moved, n.send()
	}
	st := idle
	for ; n.at < len(peers); n.at++ {
		if n.l.seen(n.g, peers[n.at], n.w[n.round], 0) < n.run {
			return st, nil
		}
		note := n.l.row(n.a.inbox[n.round], n.at, n.p.MaxNote(n.round))
		if err := n.p.TakeNote(n.round, peers[n.at], note); err != nil {
			return moved, err
		}
		st = moved
	}
	if err := n.p.Seal(n.round); err != nil {
		return moved, err
	}
	if n.round++; n.round == plan.NoteRounds {
		n.round--
		return finished, nil
	}
	n.sent, n.at = false, 0
	return moved, nil
}

// send puts the round's notes into the inboxes of all peers.
func (n *notifier) send() error {
	for i, peer := range n.peers[n.round] {
		box := n.l.row(n.a.outbox[n.round], i, n.p.MaxNote(n.round))
		note := n.p.AppendNote(n.round, peer, box[:0])
		if err := n.l.to(n.g, peer).Put(segment, n.a.inbox[n.round].at(n.mine[n.round]), note); err != nil {
			return err
		}
		if err := n.l.signalOnly(n.g, peer, n.w[n.round], 0, 1); err != nil {
			return err
		}
	}
	return nil
}

func (n *notifier) where() waiting {
	w := waiting{Rank: n.l.id, Peer: -1, Channel: -1, Role: "notifier", For: "a note", Awaited: n.run}
	if n.p != nil && n.at < len(n.peers[n.round]) {
		w.Peer = n.peers[n.round][n.at]
		w.Seen = n.l.seen(n.g, w.Peer, n.w[n.round], 0)
	}
	return w
}
