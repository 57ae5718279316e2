package kerneltest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/commbench/commbench/transport/isa"
)

// rowBytes is a row of 7168 values.
const rowBytes = 14336

// pool is the memory that rows come from when they are not in cache.
var pool = sync.OnceValue(func() []byte { return numbers(512 << 20) })

// BenchSum times an implementation of kernel.Sum for an instruction set. Bytes are those of the
// rows. Rows are taken at random from memory that fits in a second-level cache,
// or from far more than any cache holds.
func BenchSum(b *testing.B, i isa.ISA, sum Sum) {
	require(b, i)
	small := numbers(512 << 10)
	for _, k := range []int{1, 2, 3, 4, 8} {
		b.Run(fmt.Sprintf("cache=in/rows=%d", k), func(b *testing.B) { bench(b, sum, k, small) })
		b.Run(fmt.Sprintf("cache=out/rows=%d", k), func(b *testing.B) { bench(b, sum, k, pool()) })
	}
}

func bench(b *testing.B, sum Sum, k int, memory []byte) {
	const sets = 4096
	rng := rand.New(rand.NewPCG(9, 10))
	at := make([]int, sets*k)
	for i := range at {
		at[i] = rng.IntN(len(memory)/rowBytes) * rowBytes
	}
	dst, rows := make([]byte, rowBytes), make([][]byte, k)
	b.SetBytes(int64(k * rowBytes))
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		for j := range rows {
			rows[j] = memory[at[n]:][:rowBytes]
			n++
		}
		n %= len(at)
		sum(dst, rows)
	}
}

// numbers returns n bytes of values from 1 to 2.
func numbers(n int) []byte {
	m := make([]byte, n)
	for i := 0; i < n; i += 2 {
		m[i], m[i+1] = byte(i>>1)&0x7f|0x80, 0x3f
	}
	return m
}
