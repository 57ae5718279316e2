package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/bf16/avx2"
	"github.com/commbench/commbench/alltoall/internal/bf16/sumtest"
	"github.com/commbench/commbench/alltoall/internal/isa"
)

func TestSum(t *testing.T) { sumtest.Run(t, isa.AVX2, avx2.Sum) }

func BenchmarkSum(b *testing.B) { sumtest.Bench(b, isa.AVX2, avx2.Sum) }
