package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/transport/internal/avx512"
	"github.com/commbench/commbench/transport/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestStream(t *testing.T) { kerneltest.RunStream(t, isa.AVX512, avx512.Stream) }

func BenchmarkStream(b *testing.B) { kerneltest.BenchStream(b, isa.AVX512, avx512.Stream) }
