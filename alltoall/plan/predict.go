package plan

// What each plan will move, from the plan alone. exec charges the same counts
// one by one as it moves them; a test holds the two equal.

// Dispatch charges the puts, forwards, tails, credits and completions of a
// two-hop dispatch.
func (t *TwoHop) Dispatch(l *Ledger, row Row) {
	own, gpus := t.Place.Node(t.Rank), t.Place.GPUsPerNode
	for n := range t.Place.Nodes {
		peer := t.Place.RailPeer(t.Rank, n)
		f := &t.Fans[n]
		for c := range t.Channels {
			if n != own {
				out := &l.ScaleOut[peer]
				sent, came := t.streams(n, c)
				l.Put(out, sent, &row)
				out.Signals += t.Signals(sent) + t.Signals(came) // tails there, credits back
			}
			for i, rows := range f.Rows[c*gpus : (c+1)*gpus] {
				l.Put(&l.ScaleUp[i], int(rows), &row)
				if rows > 0 {
					l.ScaleUp[i].Signals++
				}
			}
		}
	}
}

// streams is the number of this rank's tokens that go to node n on channel c,
// and of the tokens that come from it.
func (t *TwoHop) streams(n, c int) (sent, came int) {
	return int(t.Send[n].Start[c+1] - t.Send[n].Start[c]), int(t.Fans[n].Start[c+1] - t.Fans[n].Start[c])
}

// Combine charges the loads, or the puts in their place, partial sums, tails and
// credits of a two-hop combine.
func (t *TwoHop) Combine(l *Ledger, row Row) {
	own, gpus := t.Place.Node(t.Rank), t.Place.GPUsPerNode
	for i := range l.ScaleUp {
		l.ScaleUp[i].Signals++ // outputs are ready
	}
	for n := range t.Place.Nodes {
		peer := t.Place.RailPeer(t.Rank, n)
		for c := range t.Channels {
			for i, rows := range t.Fans[n].Rows[c*gpus : (c+1)*gpus] {
				t.read(l, t.Rank, i, int(rows), &row)
			}
			if n != own {
				out := &l.ScaleOut[peer]
				home, sums := t.streams(n, c)
				l.Write(sums, &row)
				l.Put(out, sums, &row)
				out.Signals += t.Signals(sums) + t.Signals(home)
				l.Reduce(home)
			}
		}
	}
	l.Write(t.Tokens, &row)
	for src := range t.Place.Ranks() {
		// Who forwarded a token adds its outputs up: the rank on the rail of its source.
		t.mirror(l, t.Rank, t.Place.Index(src), int(t.From[src+1]-t.From[src]), &row)
	}
}

// read charges outputs of a rank of the node that this rank adds up.
func (c *Config) read(l *Ledger, rank, index, rows int, row *Row) {
	if c.Mirrored && index != c.Place.Index(rank) {
		l.Reduce(rows)
		return
	}
	l.Load(&l.ScaleUp[index], rows, row)
}

// mirror charges outputs of this rank that a rank of the node adds up.
func (c *Config) mirror(l *Ledger, rank, index, rows int, row *Row) {
	if c.Mirrored && index != c.Place.Index(rank) {
		l.Put(&l.ScaleUp[index], rows, row)
	}
}

// link is the ledger's link to a rank in whichever domain reaches it.
func (c *Config) link(l *Ledger, from, to int) *Link {
	if c.Place.Node(from) == c.Place.Node(to) {
		return &l.ScaleUp[c.Place.Index(to)]
	}
	return &l.ScaleOut[to]
}

// Dispatch charges the puts and completions of a direct dispatch.
func (d *Direct) Dispatch(l *Ledger, row Row) {
	ranks := d.Place.Ranks()
	for c := range d.Channels {
		for r, rows := range d.Rows[c*ranks : (c+1)*ranks] {
			k := d.link(l, d.Rank, r)
			l.Put(k, int(rows), &row)
			if rows > 0 {
				k.Signals++
			}
		}
	}
}

// Combine charges a direct combine: rows of the node are loaded, or put where they
// cannot be; rows for other nodes are put home.
func (d *Direct) Combine(l *Ledger, row Row) {
	for i := range l.ScaleUp {
		l.ScaleUp[i].Signals++ // outputs are ready
	}
	ranks := d.Place.Ranks()
	for r := range ranks {
		k := d.link(l, d.Rank, r)
		local := d.Place.Node(r) == d.Place.Node(d.Rank)
		for c := range d.Channels {
			home := int(d.Rows[c*ranks+r])
			if local {
				d.read(l, d.Rank, d.Place.Index(r), home, &row)
				continue
			}
			start := d.FromChannel[r*(d.Channels+1)+c:]
			sent := int(start[1] - start[0])
			l.Put(k, sent, &row)
			k.Signals += d.FlatSignals(sent) + d.FlatSignals(home)
			l.Reduce(home)
		}
		if local {
			d.mirror(l, d.Rank, d.Place.Index(r), int(d.From[r+1]-d.From[r]), &row)
		}
	}
	l.Write(d.Tokens, &row)
}

// FlatChunk is Chunk for the streams of a direct combine: those run between all
// pairs of ranks and not only along rails, so that their rings must be smaller
// by the ranks of a node to take the same memory.
func (c *Config) FlatChunk() int { return max(1, c.Chunk/c.Place.GPUsPerNode) }

// FlatSignals is Signals with FlatChunk.
func (c *Config) FlatSignals(n int) int64 {
	chunk := c.FlatChunk()
	return int64((n + chunk - 1) / chunk)
}

// Dispatch charges pack, exchange, unpack and their signals.
func (a *AllToAll) Dispatch(l *Ledger, row Row) {
	sent, came := a.exchange(l, row, a.SendOff, a.RecvOff)
	l.Pack(sent, &row)
	l.Unpack(came, &row)
}

// Combine charges the same way back, with a reduction in place of the unpack.
func (a *AllToAll) Combine(l *Ledger, row Row) {
	packed, home := a.exchange(l, row, a.RecvOff, a.SendOff)
	l.Pack(packed, &row)
	l.Reduce(home)
	l.Write(a.Tokens, &row)
}

// exchange charges the puts of all blocks, one signal for each block with rows,
// and the credits that free the peers' buffers for the next round. It returns
// the rows that leave, which lie as out says, and that arrive, as in says.
func (a *AllToAll) exchange(l *Ledger, row Row, out, in []int32) (sent, came int) {
	ranks := a.Place.Ranks()
	for b := range a.Blocks() {
		for r := range ranks {
			k := a.link(l, a.Rank, r)
			rows := int(out[b*(ranks+1)+r+1] - out[b*(ranks+1)+r])
			l.Put(k, rows, &row)
			if rows > 0 {
				k.Signals++
			}
			if b%a.Rounds < a.Rounds-1 {
				k.Signals++
			}
		}
		sent += int(out[b*(ranks+1)+ranks])
		came += int(in[b*(ranks+1)+ranks])
	}
	return sent, came
}

// Received is the number of choices that arrive for each of the rank's experts.
func (t *TwoHop) Received() []int32 { return t.RecvExperts }

// Received is the number of choices that arrive for each of the rank's experts.
func (d *Direct) Received() []int32 { return d.RecvExperts }

// Received is the number of choices that arrive for each of the rank's experts.
func (a *AllToAll) Received() []int32 { return a.RecvExperts }
