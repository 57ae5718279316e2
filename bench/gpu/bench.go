package gpu

import (
	"errors"
	"fmt"
	"slices"

	"github.com/commbench/commbench/bench/unit"
	"github.com/commbench/commbench/nvml/cuda"
)

// bench is a GPU with the memory that it is measured on.
type bench struct {
	*run
	cuda.GPU
	device cuda.Device
	out    *GPU

	src, dst  cuda.Buffer // out.Bytes each
	sums, sms cuda.Buffer // what threads and blocks leave
	host      cuda.Host   // enough for a block, for sums, and for what is reduced
	reduced   []byte      // what sums of rows must be, once they were needed
	seed      uint32      // of the data that was made last
}

// prepare takes all memory.
func (b *bench) prepare() error {
	d := &b.device
	free, err := b.Available()
	if err != nil {
		return err
	}
	bytes, err := dataOf(d, free-b.threads(d.SMs)*16-4*int64(d.SMs), b.Bytes)
	if err != nil {
		return err
	}
	b.out = &GPU{Number: d.Number, Name: d.Name, PCI: d.PCI, Capability: fmt.Sprintf("%d.%d", d.Major, d.Minor), SMs: d.SMs, L2Bytes: d.L2Bytes, MemoryBytes: d.MemoryBytes, Bytes: bytes, Curve: []Point{}}
	if b.out.cached() {
		b.result.Warnings = append(b.result.Warnings, fmt.Sprintf("GPU %d: kernels go through %v, and the L2 cache has %v: rates are not those of memory; want %d times the cache",
			d.Number, unit.Bytes(bytes), unit.Bytes(d.L2Bytes), overL2))
	}
	for _, part := range []struct {
		of    *cuda.Buffer
		bytes int64
	}{{&b.src, bytes}, {&b.dst, bytes}, {&b.sums, b.threads(d.SMs) * 16}, {&b.sms, 4 * int64(d.SMs)}} {
		if *part.of, err = b.Alloc(part.bytes); err != nil {
			return err
		}
	}
	b.host, err = b.AllocHost(max(min(block, bytes), b.sums.Len(), bytes/cuda.Addends))
	return err
}

func (b *bench) close() error {
	return errors.Join(b.FreeHost(b.host), b.Free(b.src), b.Free(b.dst), b.Free(b.sums), b.Free(b.sms), b.Close())
}

func (b *bench) named(err error) error {
	return fmt.Errorf("GPU %d (%s): %w", b.device.Number, b.device.Name, err)
}

func (b *bench) threads(blocks int) int64 { return int64(blocks) * cuda.Threads }

// grid is n SMs that work.
func (b *bench) grid(n int) cuda.Grid {
	return cuda.Grid{Blocks: n, Threads: cuda.Threads, Alone: true}
}

// figures is how many measure measures.
func (b *bench) figures() int { return 4*len(counts(b.device.SMs)) + 2 + 4 }

func (b *bench) measure() error {
	for _, step := range []func() error{b.curve, b.pcie, b.latencies} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// fill has all SMs write the words of a seed.
func (b *bench) fill(dst cuda.Buffer, seed uint32) error {
	return b.fillMasked(dst, seed, 0xffffffff, 0)
}

func (b *bench) fillMasked(dst cuda.Buffer, seed uint32, and, or uint64) error {
	return b.Launch(cuda.WriteWords, b.grid(b.device.SMs), dst.Addr(), uint64(dst.Len()/16), uint64(seed), and, or, b.sms.Addr())
}

// read waits until a buffer is in the host's memory.
func (b *bench) read(from cuda.Buffer) ([]byte, error) {
	to := b.host.First(from.Len())
	err := errors.Join(b.ToHost(to, from), b.Wait())
	return to.Bytes(), err
}

// wrong is how many words of a buffer are not those of a seed.
func (b *bench) wrong(src cuda.Buffer, seed uint32) (int64, error) {
	if err := b.Launch(cuda.CountWrong, b.grid(b.device.SMs), b.sums.Addr(), src.Addr(), uint64(src.Len()/16), uint64(seed)); err != nil {
		return 0, err
	}
	left, err := b.read(b.sums)
	return int64(total(left)), err
}

// figure measures what is queued, which moves so many bytes, and checks what the last repeat
// left: check is the number of wrong words.
func (b *bench) figure(what string, bytes int64, queue func() error, check func() (int64, error)) (*Rate, error) {
	b.say("GPU %d: %s", b.device.Number, what)
	// The same is queued once more before, and not timed: what is timed then starts where that ends, and not where the
	// host has got round to it.
	us, err := b.repeat(func() (float64, error) {
		if err := queue(); err != nil {
			return 0, err
		}
		return b.Time(queue)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	rate, err := rateOf(bytes, us)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if rate.Wrong, err = check(); err != nil {
		return nil, fmt.Errorf("%s: check: %w", what, err)
	}
	if rate.Wrong > 0 {
		b.result.Wrong = append(b.result.Wrong, fmt.Sprintf("GPU %d: %s: %s", b.device.Number, what, unit.Counted(rate.Wrong, "wrong word")))
	}
	return rate, nil
}

// load is a kernel that is measured.
type load struct {
	name   string
	kernel cuda.Kernel
	args   []uint64 // without sms, which come last
	bytes  int64    // that count
	before func() error
	check  func() (int64, error)
	rate   **Rate
}

// loads are those of a point. Each has data of its own, so that what another left is wrong.
func (b *bench) loads(p *Point) []load {
	bytes := b.out.Bytes
	src, dst, n := b.src.Addr(), b.dst.Addr(), uint64(bytes/16)
	reduced := b.dst.First(bytes / cuda.Addends)
	read, write, copied, other := b.next(), b.next(), b.next(), b.next()
	return []load{
		{"read", cuda.ReadWords, []uint64{b.sums.Addr(), src, n}, bytes,
			func() error { return b.fill(b.src, read) },
			func() (int64, error) {
				left, err := b.read(b.sums.First(b.threads(p.SMs) * 16))
				if err == nil && uint32(total(left)) != sumWords(bytes/4, read) {
					return 1, nil
				}
				return 0, err
			}, &p.Read},
		{"write", cuda.WriteWords, []uint64{dst, n, uint64(write), 0xffffffff, 0}, bytes,
			func() error { return nil },
			func() (int64, error) { return b.wrong(b.dst, write) }, &p.Write},
		{"copy", cuda.CopyWords, []uint64{dst, src, n}, 2 * bytes,
			func() error { return b.fill(b.src, copied) },
			func() (int64, error) { return b.wrong(b.dst, copied) }, &p.Copy},
		{"reduce", cuda.ReduceRows, []uint64{dst, src, n / cuda.Addends}, bytes,
			func() error {
				return errors.Join(b.fillMasked(b.src, addendSeed, numbersAnd, numbersOr), b.fill(reduced, other))
			},
			func() (int64, error) {
				got, err := b.read(reduced)
				if err != nil {
					return 0, err
				}
				if b.reduced == nil {
					b.reduced = make([]byte, len(got))
					sumRows(b.reduced, addendSeed)
				}
				return differing(got, b.reduced), nil
			}, &p.Reduce},
	}
}

// next is a seed of data that was nowhere before.
func (b *bench) next() uint32 { b.seed++; return b.seed }

func (b *bench) curve() error {
	for _, n := range counts(b.device.SMs) {
		p := Point{SMs: n}
		var err error
		for _, l := range b.loads(&p) {
			if err = b.point(n, l); err != nil {
				break
			}
		}
		if p != (Point{SMs: n}) {
			b.out.Curve = append(b.out.Curve, p)
		}
		if err != nil {
			return err
		}
	}
	b.out.KneeSMs = b.out.knee()
	b.reduced = nil
	return nil
}

// point measures a kernel on n SMs. Where it did not run on as many, there is a warning and no rate.
func (b *bench) point(n int, l load) error {
	what := fmt.Sprintf("%s on %s", l.name, unit.Counted(int64(n), "SM"))
	if err := l.before(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	args := append(l.args, b.sms.Addr())
	rate, err := b.figure(what, l.bytes, func() error { return b.Launch(l.kernel, b.grid(n), args...) }, l.check)
	if err != nil {
		return err
	}
	ran, err := b.ran(n)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if ran != n {
		b.result.Warnings = append(b.result.Warnings, fmt.Sprintf("GPU %d: %s ran on %d, and is left out: something else holds SMs of this GPU, or the blocks had so little to do that one ended before another began", b.device.Number, what, ran))
		return nil
	}
	*l.rate = rate
	return nil
}

// ran is on how many SMs n blocks ran.
func (b *bench) ran(n int) (int, error) {
	on, err := b.read(b.sms.First(4 * int64(n)))
	if err != nil {
		return 0, err
	}
	seen := map[string]bool{}
	for sm := range slices.Chunk(on, 4) {
		seen[string(sm)] = true
	}
	return len(seen), nil
}

// pcie copies to the GPU and back.
func (b *bench) pcie() (err error) {
	n := min(block, b.out.Bytes)
	there, here := b.dst.First(n), b.host.First(n)
	down, up, other := b.next(), b.next(), b.next()
	fillWords(here.Bytes(), down)
	b.out.ToDevice, err = b.figure("host to device", n,
		func() error { return b.ToDevice(there, here) },
		func() (int64, error) { return b.wrong(there, down) })
	if err != nil {
		return err
	}
	if err := b.fill(there, up); err != nil {
		return err
	}
	fillWords(here.Bytes(), other)
	b.out.ToHost, err = b.figure("device to host", n,
		func() error { return b.ToHost(here, there) },
		func() (int64, error) { return wrongWords(here.Bytes(), up), nil })
	return err
}
