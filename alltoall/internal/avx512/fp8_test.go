package avx512_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx512"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestQuantize(t *testing.T) { kerneltest.RunQuantize(t, isa.AVX512, avx512.Quantize) }

func TestDequantize(t *testing.T) { kerneltest.RunDequantize(t, isa.AVX512, avx512.Dequantize) }

func BenchmarkQuantize(b *testing.B) { kerneltest.BenchQuantize(b, isa.AVX512, avx512.Quantize) }

func BenchmarkDequantize(b *testing.B) { kerneltest.BenchDequantize(b, isa.AVX512, avx512.Dequantize) }
