package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestMismatch(t *testing.T) { kerneltest.RunMismatch(t, isa.AVX2, avx2.Mismatch) }

func BenchmarkMismatch(b *testing.B) { kerneltest.BenchMismatch(b, isa.AVX2, avx2.Mismatch) }
