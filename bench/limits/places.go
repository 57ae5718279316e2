package limits

import "math/bits"

// Order is the order in which a worker takes blocks.
type Order uint8

const (
	Random     Order = iota // any of its share
	Sequential              // the next one of its share, and around
)

func (o Order) String() string { return [...]string{"random", "sequential"}[o] }

// places are one worker's share of the rows of some regions. Shares do not
// overlap, as exec's rows do not: no two workers write to one row, and a pool
// for each worker is in its own core's cache.
type places struct {
	runs   []run
	block  int
	stride int
	random source
	order  Order

	at, row int // the next one, in sequence
}

// run is a number of rows that lie one after another.
type run struct {
	bytes []byte
	rows  uint64
}

// source is the SplitMix64 generator (Steele, Lea and Flood, "Fast splittable
// pseudorandom number generators", 2014): a few instructions.
type source uint64

func (s *source) below(n uint64) uint64 {
	*s += 0x9e3779b97f4a7c15
	z := uint64(*s)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	high, _ := bits.Mul64(z^z>>31, n)
	return high
}

// share is what one of several workers gets: of each region an even part of its
// rows, and those with fewer rows than there are workers in turn.
func share(regions [][]byte, block, stride, worker, workers int, order Order) places {
	p := places{block: block, stride: stride, order: order, random: source(worker) << 32}
	for i, r := range regions {
		if len(r) < block {
			continue
		}
		rows := (len(r)-block)/stride + 1
		first, end := rows*worker/workers, rows*(worker+1)/workers
		if rows < workers {
			first, end = 0, rows
			if i%workers != worker {
				continue
			}
		}
		p.runs = append(p.runs, run{r[first*stride:], uint64(end - first)})
	}
	return p
}

// next is the block to take now.
func (p *places) next() []byte {
	if p.order == Sequential {
		return p.following()
	}
	r := &p.runs[p.random.below(uint64(len(p.runs)))]
	at := int(p.random.below(r.rows)) * p.stride
	return r.bytes[at : at+p.block : at+p.block]
}

func (p *places) following() []byte {
	r := &p.runs[p.at]
	at := p.row * p.stride
	if p.row++; uint64(p.row) == r.rows {
		p.row = 0
		p.at = (p.at + 1) % len(p.runs)
	}
	return r.bytes[at : at+p.block : at+p.block]
}

// shape checks the measures of rows, and that each worker has some.
func shape(team Team, what string, regions [][]byte, block, stride int, order Order) ([]places, error) {
	if team == nil || team.Workers() < 1 {
		return nil, shapef("no workers")
	}
	return shares(team.Workers(), what, regions, block, stride, order)
}

// shares is shape for so many workers, at least one.
func shares(workers int, what string, regions [][]byte, block, stride int, order Order) ([]places, error) {
	if block < 1 || stride < block {
		return nil, shapef("blocks of %d bytes at a stride of %d: want at least 1, and no overlap", block, stride)
	}
	if order > Sequential {
		return nil, shapef("order %d", order)
	}
	all := make([]places, workers)
	for w := range all {
		all[w] = share(regions, block, stride, w, len(all), order)
		if len(all[w].runs) == 0 {
			return nil, shapef("%s: %d regions hold no block of %d bytes for each of %d workers", what, len(regions), block, len(all))
		}
	}
	return all, nil
}

// salted are the places with another series of random numbers, for those that
// are written: with one series they would be where those that are read are.
func (p places) salted() places {
	p.random |= 1 << 31
	return p
}
