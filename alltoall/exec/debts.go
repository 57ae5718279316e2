package exec

// debts are credits for ring slots that were emptied by puts which may not have read
// them yet. Where puts are copies, as over memory, there are none: a credit is given at
// once. Over a network it is given when the slots' rows have gone to the system; until
// then a peer that fills them would change what is sent.
type debts struct {
	late bool
	ring []debt // as many as there can be chunks in a role's rings
	head int    // the oldest
	n    int
}

type debt struct {
	peer, rows int
	marks      []uint64 // [GPUsPerNode] of the channels that the rows went to
}

// newDebts is for a role with so many slots in each of its rings.
func (g *Group) newDebts(slots int) debts {
	d := debts{late: !g.cfg.ScaleUp.Caps().Mapped}
	if d.late {
		d.ring = make([]debt, g.cfg.Place.Nodes*slots)
		for i := range d.ring {
			d.ring[i].marks = make([]uint64, g.cfg.Place.GPUsPerNode)
		}
	}
	return d
}

func (d *debts) clear()     { d.n = 0 }
func (d *debts) none() bool { return d.n == 0 }

// add owes a peer credit for rows that have just been put within the node.
func (d *debts) add(g *Group, l *lane, credit words, peer, rows int) error {
	if !d.late {
		return l.signal(g, peer, credit, l.channel, uint64(rows))
	}
	last := &d.ring[(d.head+d.n)%len(d.ring)]
	d.n++
	last.peer, last.rows = peer, rows
	for i, up := range l.upTo {
		last.marks[i] = up.Mark()
	}
	return nil
}

// pay gives the credits that can be given, and says whether there were any.
func (d *debts) pay(g *Group, l *lane, credit words) (paid bool, err error) {
	for d.n > 0 {
		first := &d.ring[d.head]
		for i, up := range l.upTo {
			if ok, err := up.Reusable(first.marks[i]); !ok || err != nil {
				return paid, err
			}
		}
		if err := l.signal(g, first.peer, credit, l.channel, uint64(first.rows)); err != nil {
			return paid, err
		}
		d.head, d.n = (d.head+1)%len(d.ring), d.n-1
		paid = true
	}
	return paid, nil
}
