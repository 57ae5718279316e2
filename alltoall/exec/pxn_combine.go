package exec

import "github.com/commbench/commbench/alltoall/plan"

// pxnReturner passes on outputs, into rings at their homes.
type pxnReturner struct {
	passer
	sent []flow // [ranks] outputs of the stream put into the ring at home
}

func (r *pxnReturner) begin(p plan.Plan) {
	r.restart(p, r)
	restart(r.sent)
}

func (r *pxnReturner) step() (status, error) { return r.run(r) }

func (r *pxnReturner) rows(k int) int {
	node, index := r.stream(k)
	return r.p.BackRows(node, index, r.l.channel)
}

// freed is the slots that home has freed of a stream: it has a word for each.
func (r *pxnReturner) freed(k int) uint64 { return r.l.out.Load(r.w.freed.from(r.g, k, r.l.channel)) }

func (r *pxnReturner) ready(k, chunk int) bool {
	return r.freed(k) >= r.sent[k].need(r.a.sumSlots, chunk)
}

func (r *pxnReturner) pass(k, chunk int) error {
	place := &r.g.cfg.Place
	node, index := r.stream(k)
	home, made := place.RailPeer(r.l.id, node), place.Rank(r.l.node, index)
	for range chunk {
		from := r.taken[k].slot(r.a.backing, r.a.sumSlots, r.g.cfg.Channels, k, r.l.channel)
		to := r.sent[k].slot(r.a.sumRing, r.a.sumSlots, r.g.cfg.Channels, made, r.l.channel)
		if err := r.l.outTo[home].Put(segment, to, r.l.mem[from:from+r.a.sum.Size()]); err != nil {
			return err
		}
		r.taken[k].total++
		r.sent[k].total++
		r.done[k]++
	}
	r.l.ledger.Put(&r.l.ledger.ScaleOut[home], chunk, &r.a.sum)
	r.owed.add(r.l, home, index, node, chunk)
	return r.l.signalAs(r.g, home, r.w.home, made, uint64(chunk))
}

func (r *pxnReturner) where() waiting {
	w := r.waits(waiting{Rank: r.l.id, Peer: -1, Channel: r.l.channel, Role: "returner", For: "outputs in the ring"}, r)
	if w.Peer >= 0 && w.Seen >= w.Awaited {
		k := int(r.live[0])
		node, _ := r.stream(k)
		w.Peer, w.For = r.g.cfg.Place.RailPeer(r.l.id, node), "room in the ring"
		w.Awaited, w.Seen = r.sent[k].need(r.a.sumSlots, r.chunk(k, r)), r.freed(k)
	}
	return w
}
