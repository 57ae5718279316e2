package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestSumWeighted(t *testing.T) { kerneltest.RunWeighted(t, isa.AVX2, avx2.SumWeighted) }

func BenchmarkSumWeighted(b *testing.B) { kerneltest.BenchWeighted(b, isa.AVX2, avx2.SumWeighted) }
