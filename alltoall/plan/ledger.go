package plan

// Link counts what one rank moved between itself and one peer.
type Link struct {
	Tokens  int64 // rows: token copies, partial sums, expert outputs
	Bytes   int64 // payload and scales of those rows
	Meta    int64 // ids and weights that travelled with them
	Signals int64 // signals and credits
}

// Ledger counts what one rank moved in one operation, by hop and link. It is
// charged where bytes move and says nothing of time. The plan predicts it,
// exec charges it while it runs, and the two must agree exactly.
//
// A move is charged to the rank that makes it: a put to the sender, a load of
// mapped memory to the reader. Where memory is not mapped (Config.Mirrored) a put
// and a reduction stand for such a load.
type Ledger struct {
	ScaleOut []Link // [ranks] over the scale-out domain, by peer
	ScaleUp  []Link // [GPUsPerNode] within the node, by in-node index; the own one is a copy in place

	Packed   int64 // rows copied to a send buffer (alltoall)
	Unpacked int64 // rows copied from an exchange buffer (alltoall, expanded layouts)
	Reduced  int64 // rows read by a reduction
	Copied   int64 // bytes (payload and scales) written by all of these and by all links
}

// NewLedger makes an empty ledger for a rank of the cluster.
func NewLedger(c Config) *Ledger {
	return &Ledger{ScaleOut: make([]Link, c.Place.Ranks()), ScaleUp: make([]Link, c.Place.GPUsPerNode)}
}

// Reset sets all counts to zero.
func (l *Ledger) Reset() {
	clear(l.ScaleOut)
	clear(l.ScaleUp)
	l.Packed, l.Unpacked, l.Reduced, l.Copied = 0, 0, 0, 0
}

// Put charges rows that were copied over the link.
func (l *Ledger) Put(link *Link, rows int, row *Row) {
	link.Tokens += int64(rows)
	link.Bytes += int64(rows * row.Bytes())
	link.Meta += int64(rows * row.Meta)
	l.Copied += int64(rows * row.Bytes())
}

// Load charges rows that a reduction read over the link where they lie.
func (l *Ledger) Load(link *Link, rows int, row *Row) {
	link.Tokens += int64(rows)
	link.Bytes += int64(rows * row.Bytes())
	link.Meta += int64(rows * row.Meta)
	l.Reduced += int64(rows)
}

// Pack charges rows copied to a send buffer.
func (l *Ledger) Pack(rows int, row *Row) {
	l.Packed += int64(rows)
	l.Copied += int64(rows * row.Bytes())
}

// Unpack charges rows copied from an exchange or receive buffer.
func (l *Ledger) Unpack(rows int, row *Row) {
	l.Unpacked += int64(rows)
	l.Copied += int64(rows * row.Bytes())
}

// Reduce charges rows that a reduction read from own buffers.
func (l *Ledger) Reduce(rows int) { l.Reduced += int64(rows) }

// Write charges rows that reductions wrote.
func (l *Ledger) Write(rows int, row *Row) { l.Copied += int64(rows * row.Bytes()) }

// Wire is the sum of the links that leave the rank: all scale-out links, and
// the scale-up links to other ranks. own is the rank's in-node index.
func (l *Ledger) Wire(own int) (scaleOut, scaleUp Link) {
	for _, k := range l.ScaleOut {
		scaleOut.Add(k)
	}
	for i, k := range l.ScaleUp {
		if i != own {
			scaleUp.Add(k)
		}
	}
	return scaleOut, scaleUp
}

// Add adds what another link counts.
func (k *Link) Add(o Link) {
	k.Tokens += o.Tokens
	k.Bytes += o.Bytes
	k.Meta += o.Meta
	k.Signals += o.Signals
}

// Add adds another ledger of the same cluster.
func (l *Ledger) Add(o *Ledger) {
	for i := range l.ScaleOut {
		l.ScaleOut[i].Add(o.ScaleOut[i])
	}
	for i := range l.ScaleUp {
		l.ScaleUp[i].Add(o.ScaleUp[i])
	}
	l.Packed += o.Packed
	l.Unpacked += o.Unpacked
	l.Reduced += o.Reduced
	l.Copied += o.Copied
}
