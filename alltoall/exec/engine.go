package exec

import (
	"slices"

	"github.com/commbench/commbench/alltoall/plan"
	"github.com/commbench/commbench/alltoall/topo"
)

// engine is what an algorithm needs to run: its jobs, made once.
type engine struct {
	areas *areas

	layout, notify, dispatch, expand, combine *job

	// Of low-latency: the same roles, those that send apart from those that receive.
	dispatchSend, dispatchReceive, combineSend, combineReceive *job
}

// build makes the algorithm's roles and the jobs that hold them. Its words were
// reserved by reserve, in the same order on every rank.
func (g *Group) build(alg plan.Algorithm, w *engineWords, plans []plan.Plan) {
	c, e := &g.cfg, g.engines[alg]
	var layout, notify, expand []*group
	for i, r := range g.ranks {
		layout = append(layout, solo(i, &router{g: g, r: r, local: i}))
		notify = append(notify, solo(i, g.notifier(e, w, r, plans[i])))
		if experts := c.Place.PerRank(); c.expands(alg) {
			expand = append(expand, solo(i, &expander{g: g, l: r.control(), a: e.areas, base: make([]int32, experts+1), next: make([]int32, experts)}))
		}
	}
	e.layout, e.notify = g.job("layout", layout), g.job("notify", notify)
	if c.Dispatch {
		e.dispatch = g.job("dispatch", g.dispatchGroups(e, w, plans))
		if c.expands(alg) {
			e.expand = g.job("expand", expand)
		}
	}
	if c.Combine {
		e.combine = g.job("combine", g.combineGroups(e, w, plans))
	}
	if alg == plan.AlgLowLatency {
		e.dispatchSend, e.dispatchReceive = g.halves(e.dispatch, "dispatch")
		e.combineSend, e.combineReceive = g.halves(e.combine, "combine")
	}
}

// engineWords are the signal words of an algorithm.
type engineWords struct {
	notes       [plan.NoteRounds]words
	dispatch    twoHopWords
	combine     twoHopCombineWords
	direct      directCombineWords
	there, back exchangeWords
	ll          llWords
	pxn         pxnWords
}

// reserve takes the words that the algorithm needs.
func (g *Group) reserve(alg plan.Algorithm) *engineWords {
	w, channels := &engineWords{}, g.cfg.Channels
	for i := range w.notes {
		w.notes[i] = g.takeWords(1)
	}
	switch alg {
	case plan.AlgTwoHop:
		w.dispatch = twoHopWords{g.takeRailWords(channels), g.takeRailWords(channels), g.takeWords(1)}
		w.combine = twoHopCombineWords{g.takeWords(1), g.takeRailWords(channels), g.takeRailWords(channels)}
	case plan.AlgDirect:
		w.dispatch.arrived = g.takeWords(1)
		w.direct = directCombineWords{g.takeWords(1), g.takeWords(channels), g.takeWords(channels)}
	case plan.AlgPXN:
		streams := g.cfg.Place.Nodes * channels
		w.pxn = pxnWords{arrived: g.takeWords(1), tail: g.takeUpWords(streams), credit: g.takeUpWords(streams),
			ready: g.takeWords(1), backTail: g.takeUpWords(streams), backFree: g.takeUpWords(streams), home: g.takeWords(channels), freed: g.takeWords(channels)}
		w.direct = directCombineWords{w.pxn.ready, w.pxn.home, w.pxn.freed}
	case plan.AlgLowLatency:
		w.ll = llWords{g.takeWords(g.cfg.Place.PerRank() * channels), g.takeWords(channels)}
	case plan.AlgAllToAll:
		w.there = exchangeWords{g.takeWords(channels), g.takeWords(channels)}
		w.back = exchangeWords{g.takeWords(channels), g.takeWords(channels)}
	}
	return w
}

func solo(local int, r role) *group { return &group{roles: []member{{r, local}}} }

func (g *Group) job(op string, groups []*group) *job {
	for _, set := range groups {
		set.home = g.homeOf(g.ranks[set.roles[0].local])
	}
	return newJob(op, len(g.ranks), groups)
}

func (g *Group) notifier(e *engine, w *engineWords, r *rank, p plan.Plan) *notifier {
	n := &notifier{g: g, l: r.control(), a: e.areas, w: w.notes}
	for round := range n.peers {
		n.peers[round] = p.Peers(round)
		// A round's peers are all ranks of a rail, of a node or of the cluster, in the
		// same order for each of them; so this rank has the same place at every peer.
		n.mine[round] = slices.Index(n.peers[round], r.id)
	}
	return n
}

// dispatchGroups queues roles channel by channel. For two-hop a group is a
// channel of a rail, which is closed: its rings lead nowhere else.
func (g *Group) dispatchGroups(e *engine, w *engineWords, plans []plan.Plan) []*group {
	c, nodes, ranks := &g.cfg, g.cfg.Place.Nodes, g.cfg.Place.Ranks()
	var groups []*group
	for ch := range c.Channels {
		rails, perNode := make([]group, c.Place.GPUsPerNode), make([]group, nodes)
		for i, r := range g.ranks {
			l := r.lanes[ch]
			switch plans[i].(type) {
			case *plan.PXN:
				perNode[r.node].roles = append(perNode[r.node].roles,
					member{&pxnSender{g: g, l: l, a: e.areas, w: &w.pxn, sent: make([]flow, ranks), told: make([]int, ranks)}, i},
					member{&pxnForwarder{g.newPasser(l, e.areas, &w.pxn, w.pxn.tail, w.pxn.credit, e.areas.slots)}, i})
			case *plan.TwoHop:
				rails[r.index].roles = append(rails[r.index].roles,
					member{&twoHopSender{g: g, l: l, a: e.areas, w: &w.dispatch, live: make(live, 0, nodes), next: make([]int32, nodes), sent: make([]flow, nodes)}, i},
					member{&twoHopForwarder{g: g, l: l, a: e.areas, w: &w.dispatch, live: make(live, 0, nodes), next: make([]int32, nodes), taken: make([]flow, nodes), owed: g.newDebts(e.areas.slots)}, i})
			case *plan.Direct:
				groups = append(groups, solo(i, &directSender{g: g, l: l, a: e.areas, arrived: w.dispatch.arrived}))
			case *plan.LowLatency:
				groups = append(groups, g.messengers(e, w, l, i))
			case *plan.AllToAll:
				groups = append(groups, solo(i, &a2aDispatch{exchanger{g: g, l: l, a: e.areas, w: &w.there, landed: make([]uint64, ranks)}}))
			}
		}
		groups = appendGroups(appendGroups(groups, rails), perNode)
	}
	for i, r := range g.ranks {
		rc := &receiver{g: g, r: r, w: w.dispatch.arrived}
		switch plans[i].(type) {
		case *plan.TwoHop:
			rc.peers = plans[i].Peers(1)
			rc.rows = func(p plan.Plan, peer int) uint64 { return uint64(p.(*plan.TwoHop).RailRows[g.cfg.Place.Index(peer)]) }
		case *plan.PXN:
			rc.w = w.pxn.arrived
			rc.peers = pxnPeers(c.Place, r)
			rc.rows = func(p plan.Plan, peer int) uint64 {
				x := p.(*plan.PXN)
				if c.Place.Node(peer) == c.Place.Node(x.Rank) {
					return uint64(x.From[peer+1] - x.From[peer])
				}
				first := peer - c.Place.Index(peer) // its node's ranks send through it
				return uint64(x.From[first+c.Place.GPUsPerNode] - x.From[first])
			}
		case *plan.Direct:
			rc.peers = plans[i].Peers(0)
			rc.rows = func(p plan.Plan, peer int) uint64 {
				d := p.(*plan.Direct)
				return uint64(d.From[peer+1] - d.From[peer])
			}
		default:
			continue
		}
		rc.base = make([]uint64, len(rc.peers))
		groups = append(groups, solo(i, rc))
	}
	return groups
}

// halves are the jobs of a job's senders and of its receivers; nil if there is none.
func (g *Group) halves(whole *job, op string) (send, receive *job) {
	if whole == nil {
		return nil, nil
	}
	var senders, receivers []*group
	for _, set := range whole.groups {
		var sends, receives group
		for _, m := range set.roles {
			switch m.role.(type) {
			case *llSender, *llPusher:
				sends.roles = append(sends.roles, m)
			default:
				receives.roles = append(receives.roles, m)
			}
		}
		senders, receivers = appendGroups(senders, []group{sends}), appendGroups(receivers, []group{receives})
	}
	return g.job(op+" send", senders), g.job(op+" receive", receivers)
}

// messengers are the roles of low-latency on a lane: a sender and, where an expert of the rank
// is the lane's, the receiver of its messages.
func (g *Group) messengers(e *engine, w *engineWords, l *lane, local int) *group {
	roles := []member{{&llSender{g: g, l: l, a: e.areas, w: &w.ll}, local}}
	if place := &g.cfg.Place; l.channel < place.PerRank() {
		counts := place.PerRank() * place.Ranks() * g.cfg.Channels
		roles = append(roles, member{&llReceiver{g: g, l: l, a: e.areas, w: &w.ll, base: make([]uint64, counts)}, local})
	}
	return &group{roles: roles}
}

// pxnPeers are those that put rows to a rank: its node, and its rail on other nodes.
func pxnPeers(p topo.Placement, r *rank) (peers []int) {
	for i := range p.GPUsPerNode {
		peers = append(peers, p.Rank(r.node, i))
	}
	for n := range p.Nodes {
		if n != r.node {
			peers = append(peers, p.RailPeer(r.id, n))
		}
	}
	return peers
}

// appendGroups appends those that have roles.
func appendGroups(groups []*group, more []group) []*group {
	for i := range more {
		if len(more[i].roles) > 0 {
			groups = append(groups, &more[i])
		}
	}
	return groups
}

// combineGroups queues the roles of the way back in the same manner.
func (g *Group) combineGroups(e *engine, w *engineWords, plans []plan.Plan) []*group {
	c, nodes, ranks := &g.cfg, g.cfg.Place.Nodes, g.cfg.Place.Ranks()
	var groups []*group
	for i, r := range g.ranks {
		switch plans[i].(type) {
		case *plan.TwoHop:
			groups = append(groups, solo(i, newAnnouncer(g, r, e.areas, w.combine.ready)))
		case *plan.Direct:
			groups = append(groups, solo(i, newAnnouncer(g, r, e.areas, w.direct.ready)))
		case *plan.PXN:
			groups = append(groups, solo(i, newAnnouncer(g, r, e.areas, w.pxn.ready)))
		}
	}
	for ch := range c.Channels {
		rails, perNode := make([]group, c.Place.GPUsPerNode), make([]group, nodes)
		for i, r := range g.ranks {
			l := r.lanes[ch]
			sum := func() summer { return newSummer(plan.CombineRow(c.Hidden, c.TopK), c.TopK+c.Bias) }
			pusher := func(pxn *pxnWords) role {
				return &directPusher{g: g, l: l, a: e.areas, w: &w.direct, pxn: pxn, live: make(live, 0, ranks), next: make([]int32, ranks), sent: make([]flow, ranks)}
			}
			switch plans[i].(type) {
			case *plan.TwoHop:
				rails[r.index].roles = append(rails[r.index].roles,
					member{&twoHopNodeReducer{g: g, l: l, a: e.areas, w: &w.combine, sum: sum(), live: make(live, 0, nodes), next: make([]int32, nodes), sent: make([]flow, nodes)}, i},
					member{&twoHopHomeReducer{home: home{g: g, l: l, sum: sum()}, a: e.areas, w: &w.combine, next: make([]int32, nodes), taken: make([]flow, nodes), owed: make([]int, nodes)}, i})
			case *plan.PXN:
				perNode[r.node].roles = append(perNode[r.node].roles,
					member{pusher(&w.pxn), i},
					member{&pxnReturner{g.newPasser(l, e.areas, &w.pxn, w.pxn.backTail, w.pxn.backFree, e.areas.sumSlots), make([]flow, ranks)}, i},
					member{&directHomeReducer{home: home{g: g, l: l, sum: sum()}, a: e.areas, w: &w.direct, taken: make([]flow, ranks), owed: make([]int, ranks), left: make([]int32, ranks)}, i})
			case *plan.Direct:
				groups = append(groups, &group{roles: []member{
					{pusher(nil), i},
					{&directHomeReducer{home: home{g: g, l: l, sum: sum()}, a: e.areas, w: &w.direct, taken: make([]flow, ranks), owed: make([]int, ranks), left: make([]int32, ranks)}, i}}})
			case *plan.LowLatency:
				full := plan.CombineRow(c.Hidden, c.TopK)
				groups = append(groups, &group{roles: []member{
					{&llPusher{g: g, l: l, a: e.areas, w: &w.ll}, i},
					{&llHome{g: g, l: l, a: e.areas, w: &w.ll, base: make([]uint64, ranks), out: make([]byte, full.Size()),
						rows: make([][]byte, 0, c.TopK+c.Bias), weights: make([]float32, 0, c.TopK+c.Bias)}, i}}})
			case *plan.AllToAll:
				groups = append(groups, solo(i, &a2aCombine{
					exchanger: exchanger{g: g, l: l, a: e.areas, w: &w.back, landed: make([]uint64, ranks)}, sum: sum()}))
			}
		}
		groups = appendGroups(appendGroups(groups, rails), perNode)
	}
	return groups
}
