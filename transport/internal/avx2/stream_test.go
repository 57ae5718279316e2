package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/transport/internal/avx2"
	"github.com/commbench/commbench/transport/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestStream(t *testing.T) { kerneltest.RunStream(t, isa.AVX2, avx2.Stream) }

func BenchmarkStream(b *testing.B) { kerneltest.BenchStream(b, isa.AVX2, avx2.Stream) }
