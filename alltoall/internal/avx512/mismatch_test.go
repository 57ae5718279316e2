package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestMismatch(t *testing.T) { kerneltest.RunMismatch(t, isa.AVX512, avx512.Mismatch) }

func BenchmarkMismatch(b *testing.B) { kerneltest.BenchMismatch(b, isa.AVX512, avx512.Mismatch) }
