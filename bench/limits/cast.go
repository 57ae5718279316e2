package limits

import "github.com/commbench/commbench/alltoall/kernel"

// Cast quantises rows of BF16 to FP8 with kernel.Quantize, or back with
// kernel.Dequantize. A row of FP8 is its values and then their scales. The rate
// counts the bytes read.
type Cast struct {
	Values           int // of a row
	Stride           int // bytes from one row to the next
	Back             bool
	Sources, Targets [][]byte // regions, which must not overlap; the targets are overwritten
	Order            Order
}

// maxValues keeps the bytes of a row far from overflow.
const maxValues = 1 << 30

// Probe prepares to measure with the team. The error is ErrShape.
func (c Cast) Probe(team Team) (*Probe, error) {
	if c.Values < 1 || c.Values > maxValues {
		return nil, shapef("a cast of %d values: want 1 to %d", c.Values, maxValues)
	}
	read, written := 2*c.Values, c.Values+(c.Values+kernel.FP8Block-1)/kernel.FP8Block*4
	if c.Back {
		read, written = written, read
	}
	from, err := shape(team, "sources", c.Sources, read, c.Stride, c.Order)
	if err != nil {
		return nil, err
	}
	to, err := shape(team, "targets", c.Targets, written, c.Stride, c.Order)
	if err != nil {
		return nil, err
	}
	loads := make([]load, len(from))
	for i := range loads {
		cast := caster{pair{from: from[i], to: to[i].salted()}, c.Values}
		if loads[i] = (*quantizer)(&cast); c.Back {
			loads[i] = (*dequantizer)(&cast)
		}
	}
	return newProbe(team, int64(read), loads), nil
}

type caster struct {
	pair
	values int
}

type quantizer caster

func (q *quantizer) step() {
	to := q.to.next()
	kernel.Quantize(to[:q.values], to[q.values:], q.from.next(), false)
}

func (q *quantizer) finish() {}

type dequantizer caster

func (d *dequantizer) step() {
	from := d.from.next()
	kernel.Dequantize(d.to.next(), from[:d.values], from[d.values:])
}

func (d *dequantizer) finish() {}
