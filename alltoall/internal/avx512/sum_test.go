package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestSum(t *testing.T) { kerneltest.RunSum(t, isa.AVX512, avx512.Sum) }

func BenchmarkSum(b *testing.B) { kerneltest.BenchSum(b, isa.AVX512, avx512.Sum) }
