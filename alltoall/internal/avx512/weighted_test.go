package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestSumWeighted(t *testing.T) { kerneltest.RunWeighted(t, isa.AVX512, avx512.SumWeighted) }

func BenchmarkSumWeighted(b *testing.B) { kerneltest.BenchWeighted(b, isa.AVX512, avx512.SumWeighted) }
