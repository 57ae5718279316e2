package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestSum(t *testing.T) { kerneltest.RunSum(t, isa.AVX2, avx2.Sum) }

func BenchmarkSum(b *testing.B) { kerneltest.BenchSum(b, isa.AVX2, avx2.Sum) }
