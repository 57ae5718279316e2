package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/bf16/avx512"
	"github.com/commbench/commbench/alltoall/internal/bf16/sumtest"
	"github.com/commbench/commbench/alltoall/internal/isa"
)

func TestSum(t *testing.T) { sumtest.Run(t, isa.AVX512, avx512.Sum) }

func BenchmarkSum(b *testing.B) { sumtest.Bench(b, isa.AVX512, avx512.Sum) }
