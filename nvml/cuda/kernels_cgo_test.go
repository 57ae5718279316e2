//go:build cgo && linux

package cuda_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/nvml/cuda"
	"github.com/commbench/commbench/nvml/cuda/cudatest"
)

// bench has a GPU and what its kernels need.
type bench struct {
	cuda.GPU
	t                   *testing.T
	src, dst, sums, sms cuda.Buffer
	host                cuda.Host
}

const room = 1 << 20

func newBench(t *testing.T, told string) *bench {
	b := &bench{GPU: use(t, open(t, cudatest.Library(t), told), 0), t: t}
	for buffer, n := range map[*cuda.Buffer]int64{&b.src: cuda.Addends * room, &b.dst: room, &b.sums: 16 * cuda.Threads * 16, &b.sms: 16 * 4} {
		var err error
		if *buffer, err = b.Alloc(n); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.must(b.Free(*buffer)) })
	}
	var err error
	b.host, err = b.AllocHost(cuda.Addends * room)
	b.must(err)
	t.Cleanup(func() { b.must(b.FreeHost(b.host)) })
	return b
}

func (b *bench) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// read is what is in a buffer.
func (b *bench) read(from cuda.Buffer) []byte {
	b.t.Helper()
	b.must(b.ToHost(b.host.First(from.Len()), from))
	b.must(b.Wait())
	return bytes.Clone(b.host.Bytes()[:from.Len()])
}

func (b *bench) write(to cuda.Buffer, what []byte) {
	b.t.Helper()
	copy(b.host.Bytes(), what)
	b.must(b.ToDevice(to, b.host.First(to.Len())))
	b.must(b.Wait())
}

// blocks are the SMs on which n blocks ran.
func (b *bench) blocks(n int) (sms []uint32) {
	on := b.read(b.sms)
	for i := range n {
		sms = append(sms, binary.LittleEndian.Uint32(on[4*i:]))
	}
	return sms
}

func TestKernels(t *testing.T) {
	b := newBench(t, "")
	random := make([]byte, cuda.Addends*room)
	for i := range random {
		random[i] = byte(rand.Uint32()) // of BF16 some are NaN, some infinite, some tiny
	}
	b.write(b.src, random)
	for _, vectors := range []int64{1, 1023, 1025, 3*1024 + 5, 4 * 3 * 1024, room / 16} {
		n, bytesOf := uint64(vectors), 16*vectors
		for _, blocks := range []int{1, 3, 16} {
			grid := cuda.Grid{Blocks: blocks, Threads: cuda.Threads, Alone: true}
			launch := func(k cuda.Kernel, args ...uint64) {
				t.Helper()
				b.must(b.Launch(k, grid, args...))
				b.must(b.Wait())
			}
			launch(cuda.CopyWords, b.dst.Addr(), b.src.Addr(), n, b.sms.Addr())
			if got := b.read(b.dst.First(bytesOf)); !bytes.Equal(got, random[:bytesOf]) {
				t.Errorf("%d vectors on %d: the copy is another", n, blocks)
			}

			launch(cuda.ReadWords, b.sums.Addr(), b.src.Addr(), n, b.sms.Addr())
			if got, want := sum(b.read(b.sums.First(int64(blocks)*cuda.Threads*16))), sum(random[:bytesOf]); got != want {
				t.Errorf("%d vectors on %d: the sum is %d, want %d", n, blocks, got, want)
			}

			launch(cuda.ReduceRows, b.dst.Addr(), b.src.Addr(), n, b.sms.Addr())
			rows := make([][]byte, cuda.Addends)
			for i := range rows {
				rows[i] = random[int64(i)*bytesOf:][:bytesOf]
			}
			want := make([]byte, bytesOf)
			kernel.Sum(want, rows)
			if got := b.read(b.dst.First(bytesOf)); !bytes.Equal(got, want) {
				t.Errorf("%d vectors on %d: the reduction is not that of alltoall/kernel", n, blocks)
			}

			launch(cuda.WriteWords, b.dst.Addr(), n, 7, 0xffffffff, 0, b.sms.Addr())
			got := b.read(b.dst.First(bytesOf))
			for i := range bytesOf / 4 {
				if w := binary.LittleEndian.Uint32(got[4*i:]); w != uint32(i*cuda.Odd+7) {
					t.Fatalf("%d vectors on %d: word %d is %#x", n, blocks, i, w)
				}
			}
			got[0]++
			got[len(got)-1]++
			b.write(b.dst.First(bytesOf), got)
			for seed, want := range map[uint64]uint32{7: 2, 99: uint32(bytesOf / 4)} {
				launch(cuda.CountWrong, b.sums.Addr(), b.dst.Addr(), n, seed)
				if wrong := sum(b.read(b.sums.First(int64(blocks) * cuda.Threads * 16))); wrong != want {
					t.Errorf("%d vectors on %d: %d words are wrong, want %d", n, blocks, wrong, want)
				}
			}

			launch(cuda.WriteWords, b.dst.Addr(), n, 7, 0x0f, 0xf0, b.sms.Addr())
			for i, c := range b.read(b.dst.First(bytesOf)) {
				if low := uint32(i/4*cuda.Odd+7) & 0xf; i%4 == 0 && c != byte(0xf0|low) || i%4 != 0 && c != 0 {
					t.Fatalf("%d vectors on %d: masked byte %d is %#x", n, blocks, i, c)
				}
			}
		}
	}
}

// sum adds up words.
func sum(b []byte) (s uint32) {
	for i := 0; i+4 <= len(b); i += 4 {
		s += binary.LittleEndian.Uint32(b[i:])
	}
	return s
}

// Alone blocks have an SM each, others not.
func TestAlone(t *testing.T) {
	b := newBench(t, "sms=16")
	for alone, want := range map[bool][]uint32{true: {0, 1, 2, 3}, false: {0, 0, 1, 1}} {
		b.must(b.Launch(cuda.WriteWords, cuda.Grid{Blocks: 4, Threads: cuda.Threads, Alone: alone}, b.dst.Addr(), 4096, 1, 0, 0, b.sms.Addr()))
		if diff := cmp.Diff(want, b.blocks(4)); diff != "" {
			t.Errorf("alone %v: %s", alone, diff)
		}
	}
}

// A goroutine may be on another thread at each call.
func TestThreads(t *testing.T) {
	b := newBench(t, "")
	elsewhere := func(f func() error) {
		t.Helper()
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // the thread ends with the goroutine
			done <- f()
		}()
		b.must(<-done)
	}
	elsewhere(func() error {
		return b.Launch(cuda.WriteWords, cuda.Grid{Blocks: 1, Threads: cuda.Threads}, b.dst.Addr(), room/16, 1, ^uint64(0), 0, b.sms.Addr())
	})
	elsewhere(b.Wait)
	elsewhere(b.Mark)
	elsewhere(func() error { return b.ToHost(b.host.First(room), b.dst) })
	elsewhere(func() error {
		us, err := b.Time(func() error { return nil })
		if math.Abs(us-0.05) > 1e-6 { // of the tests' library
			t.Errorf("%v us between two events", us)
		}
		return err
	})
}
