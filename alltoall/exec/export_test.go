package exec

import "github.com/commbench/commbench/transport"

// Moved is what went through local rank i's transport channels since the group
// was opened, by peer as in its ledger.
func (g *Group) Moved(i int) (out, up []transport.Counters) {
	sum := func(channels func(*lane) []*transport.Channel) []transport.Counters {
		total := make([]transport.Counters, len(channels(g.ranks[i].lanes[0])))
		for _, l := range g.ranks[i].lanes {
			for peer, c := range channels(l) {
				if c != nil {
					n := c.Counters()
					total[peer].Puts += n.Puts
					total[peer].Bytes += n.Bytes
					total[peer].Signals += n.Signals
				}
			}
		}
		return total
	}
	return sum(func(l *lane) []*transport.Channel { return l.outTo }), sum(func(l *lane) []*transport.Channel { return l.upTo })
}

// Word names what a signal word of either domain is for.
func (g *Group) Word(scaleOut bool, word int) string {
	in := func(w words) bool {
		first, n := w.up, g.cfg.Place.GPUsPerNode*w.channels
		switch {
		case scaleOut && w.inside:
			n = 0
		case scaleOut && w.rail:
			first, n = w.out, g.cfg.Place.Nodes*w.channels
		case scaleOut:
			first, n = w.out, g.cfg.Place.Ranks()*w.channels
		case w.rail:
			n = 0
		}
		return word >= first && word < first+n
	}
	for _, e := range g.engines {
		for _, j := range []*job{e.notify, e.dispatch, e.combine} {
			if j == nil {
				continue
			}
			for _, group := range j.groups {
				for _, m := range group.roles {
					for name, w := range wordsOf(m.role) {
						if in(w) {
							return name
						}
					}
				}
			}
		}
	}
	return "unknown"
}

func wordsOf(r role) map[string]words {
	switch r := r.(type) {
	case *notifier:
		return map[string]words{"note": r.w[0], "answer": r.w[1]}
	case *twoHopSender:
		return map[string]words{"tail": r.w.tail, "credit": r.w.credit, "arrived": r.w.arrived}
	case *pxnSender:
		return map[string]words{"tail": r.w.tail, "credit": r.w.credit, "arrived": r.w.arrived}
	case *llSender:
		return map[string]words{"counts": r.w.counts}
	case *llPusher:
		return map[string]words{"back": r.w.back}
	case *directSender:
		return map[string]words{"arrived": r.arrived}
	case *a2aDispatch:
		return map[string]words{"landed": r.w.landed, "credit": r.w.freed}
	case *twoHopNodeReducer:
		return map[string]words{"ready": r.w.ready, "tail": r.w.tail, "credit": r.w.credit}
	case *directPusher:
		if r.pxn != nil {
			return map[string]words{"ready": r.w.ready, "tail": r.pxn.backTail, "credit": r.pxn.backFree, "home": r.w.tail, "home credit": r.w.credit}
		}
		return map[string]words{"ready": r.w.ready, "tail": r.w.tail, "credit": r.w.credit}
	case *a2aCombine:
		return map[string]words{"landed": r.w.landed, "credit": r.w.freed}
	}
	return nil
}
