package exec_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/commbench/commbench/alltoall/plan"
)

// The benchmarks run on 2 nodes of 4 ranks, with 256 tokens of DeepSeek-V3's
// size each. MB/s is of the bytes that the ledgers say were written: payload and
// scales, by all hops and passes. BenchmarkMemcpy is what this machine's cores
// can copy at best in blocks of a token.

var benchShape = shape{2, 4, 64, 8, 0}

const benchTokens, benchHidden = 256, 7168

func benchCluster(b *testing.B, alg plan.Algorithm, transport string) *cluster {
	b.Helper()
	tables := generate(b, benchShape, load{routing: "uniform", tokens: benchTokens}, 1)
	c, d := config(b, alg, benchShape, tables), drivers[transport]()
	c.ScaleUp, c.ScaleOut, c.Hidden, c.Channels, c.Chunk, c.Rounds = d, d, benchHidden, 10, 8, 1
	c.Expand, c.Workers = false, runtime.GOMAXPROCS(0)
	return open(b, c, tables)
}

func eachBenchmark(b *testing.B, f func(b *testing.B, c *cluster)) {
	for _, alg := range plan.Algorithms {
		for _, transport := range slices.Sorted(maps.Keys(drivers)) {
			b.Run(fmt.Sprintf("algorithm=%s/transport=%s", alg, transport), func(b *testing.B) {
				f(b, benchCluster(b, alg, transport))
			})
		}
	}
}

// timed runs a phase again and again.
func (c *cluster) timed(b *testing.B, phase string) {
	b.Helper()
	c.must(phase) // touches what it will write
	written := int64(0)
	for _, l := range c.g.Ledgers() {
		written += l.Copied
	}
	if phase != "notify" {
		b.SetBytes(written)
	}
	b.ReportAllocs()
	for b.Loop() {
		c.must(phase)
	}
	b.ReportMetric(float64(b.N*benchTokens*c.g.Ranks())/b.Elapsed().Seconds(), "tokens/s")
}

func BenchmarkDispatch(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, c *cluster) {
		c.must("notify")
		c.timed(b, "dispatch")
	})
}

func BenchmarkCombine(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, c *cluster) {
		c.must("notify")
		c.answer(c.tables)
		c.timed(b, "combine")
	})
}

// BenchmarkNotify is layout and notes.
func BenchmarkNotify(b *testing.B) {
	eachBenchmark(b, func(b *testing.B, c *cluster) { c.timed(b, "notify") })
}

// BenchmarkMemcpy copies blocks from random places of a pool that is larger than
// the caches, one after the other, on as many cores as there are workers.
func BenchmarkMemcpy(b *testing.B) {
	const pool = 256 << 20
	for _, block := range []int{plan.DispatchRow(plan.FP8, benchHidden, 8).Bytes(), plan.CombineRow(benchHidden, 8).Bytes()} {
		b.Run(fmt.Sprintf("block=%d", block), func(b *testing.B) {
			workers := runtime.GOMAXPROCS(0)
			blocks := pool / block / workers
			memory, order := make([][]byte, workers), make([][]int, workers)
			for w := range memory {
				memory[w] = make([]byte, 2*blocks*block)
				for i := range memory[w] {
					memory[w][i] = byte(i)
				}
				order[w] = rand.New(rand.NewPCG(uint64(w), 1)).Perm(blocks)
			}
			b.SetBytes(int64(workers * blocks * block))
			for b.Loop() {
				var all sync.WaitGroup
				for w := range memory {
					all.Go(func() {
						src, dst := memory[w][:blocks*block], memory[w][blocks*block:]
						for i, from := range order[w] {
							copy(dst[i*block:(i+1)*block], src[from*block:(from+1)*block])
						}
					})
				}
				all.Wait()
			}
		})
	}
}
