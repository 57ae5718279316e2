package limits

import (
	"encoding/binary"
	"errors"
	"os"
	"strconv"
	"strings"

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
// where Linux does not tell.
func caches() (l2, last *int64) { return cachesFrom("/sys/devices/system/cpu/cpu0/cache") }

func cachesFrom(dir string) (l2, last *int64) {
	read := func(i int, name string) string {
		b, _ := os.ReadFile(dir + "/index" + strconv.Itoa(i) + "/" + name)
		return strings.TrimSpace(string(b))
	}
	highest := 0
	for i := range 8 {
		level, err := strconv.Atoi(read(i, "level"))
		kb, isKB := strings.CutSuffix(read(i, "size"), "K")
		size, err2 := strconv.ParseInt(kb, 10, 40)
		if err != nil || err2 != nil || !isKB || size < 1 || read(i, "type") == "Instruction" {
			continue
		}
		if level == 2 {
			l2 = new(size << 10)
		}
		if level >= highest {
			highest, last = level, new(size<<10)
		}
	}
	return l2, last
}
