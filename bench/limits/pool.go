package limits

import (
	"encoding/binary"
	"errors"

	"github.com/commbench/commbench/bench/host"
	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
)

const (
	// defaultPool is many times the cache that a core has.
	defaultPool = 1 << 30
	// farAbove is how many times the last cache a pool has to be for few of its
	// blocks to be found there.
	farAbove = 4
	// leastPool holds some rows for each of a hundred workers.
	leastPool = 64 << 20
	// defaultL2 where it is not known.
	defaultL2 = 2 << 20
)

// pool is memory of a driver's kind, half of it to read and half to write.
type pool struct {
	memory           []driver.Memory
	sources, targets []byte
	in               int // bytes of a worker's part, of each half, that its core's cache holds
}

// newPool makes a pool for a team and has the team touch it: what the team's
// first worker will read is then where that worker runs, and so on.
func newPool(d driver.Driver, team Team, bytes int64, in int) (*pool, error) {
	p := &pool{in: in}
	if most := bytes / int64(2*in); int64(team.Workers()) > most {
		return nil, shapef("%d workers: want at most %d in %s", team.Workers(), most, unit.Bytes(bytes))
	}
	for _, half := range []*[]byte{&p.sources, &p.targets} {
		m, err := transport.Alloc(int(bytes/2), d)
		if err != nil {
			return nil, errors.Join(err, p.free())
		}
		p.memory = append(p.memory, m)
		*half = m.Bytes()
	}
	n := team.Workers()
	team.Run(func(w int) {
		part := func(b []byte) []byte { return b[len(b)/n*w:][:len(b)/n] }
		fill(part(p.sources))
		clear(part(p.targets))
	})
	return p, nil
}

func (p *pool) free() error {
	var err error
	for _, m := range p.memory {
		err = errors.Join(err, m.Free())
	}
	return err
}

// fill makes values that are neither NaN, infinite nor denormal, as BF16, as FP8
// and as FP32 scales: some of those take a CPU longer.
func fill(b []byte) {
	random := source(1)
	for ; len(b) >= 8; b = b[8:] {
		v := random.below(1<<64-1)&0x80f7_80f7_80f7_80f7 | 0x3f00_3f00_3f00_3f00
		binary.LittleEndian.PutUint64(b, v)
	}
	clear(b)
}

// poolBytes is the size of a pool that no cache holds, of memory bytes that may
// be used (0 is no bound).
func poolBytes(memory int64, last *int64) (int64, error) {
	want := int64(defaultPool)
	if last != nil {
		want = max(want, farAbove**last)
	}
	if memory > 0 {
		want = min(want, memory)
	}
	if want < leastPool {
		return 0, shapef("%s of memory: want at least %s", unit.Bytes(memory), unit.Bytes(leastPool))
	}
	return want, nil
}

// inBytes is a quarter of a core's second cache: sources and targets then take
// half of it, since no cache keeps all that it could hold.
func inBytes(l2 *int64) int {
	if l2 == nil {
		return defaultL2 / 4
	}
	return int(max(*l2, 512<<10) / 4)
}

// caches are the sizes of the second and of the last cache of the first core, nil
// where the host does not tell.
func caches(h *host.Host) (l2, last *int64) {
	highest := 0
	for _, c := range h.Caches.Or(nil) {
		size := c.SizeBytes.Ptr()
		if size == nil || *size < 1 || c.Type == "Instruction" {
			continue
		}
		if c.Level == 2 {
			l2 = size
		}
		if c.Level >= highest {
			highest, last = c.Level, size
		}
	}
	return l2, last
}
