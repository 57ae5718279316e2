package limits

import "github.com/commbench/commbench/alltoall/kernel"

// Sum adds rows of BF16, taken from places of the sources, into one row of the
// targets with kernel.Sum: the ceiling of a reduction. Its rate counts the bytes
// added, Rows blocks for each block that is written.
type Sum struct {
	Block, Stride    int      // bytes of a row, an even number, and from one to the next
	Rows             int      // addends, at least 1
	Sources, Targets [][]byte // regions, which must not overlap; the targets are overwritten
	Order            Order
}

// maxRows bounds the addends, so that a mistyped number is an error.
const maxRows = 1 << 16

// Probe prepares to measure with the team. The error is ErrShape.
func (s Sum) Probe(team Team) (*Probe, error) {
	if s.Rows < 1 || s.Rows > maxRows || s.Block%2 != 0 {
		return nil, shapef("a sum of %d rows of %d bytes: want 1 to %d rows of 2-byte values", s.Rows, s.Block, maxRows)
	}
	from, err := shape(team, "sources", s.Sources, s.Block, s.Stride, s.Order)
	if err != nil {
		return nil, err
	}
	to, err := shape(team, "targets", s.Targets, s.Block, s.Stride, s.Order)
	if err != nil {
		return nil, err
	}
	loads := make([]load, len(from))
	for i := range loads {
		loads[i] = &summer{pair{from: from[i], to: to[i].salted()}, make([][]byte, s.Rows)}
	}
	return newProbe(team, int64(s.Rows)*int64(s.Block), loads), nil
}

type summer struct {
	pair
	rows [][]byte
}

func (s *summer) step() {
	for i := range s.rows {
		s.rows[i] = s.from.next()
	}
	kernel.Sum(s.to.next(), s.rows)
}

func (s *summer) finish() {}
