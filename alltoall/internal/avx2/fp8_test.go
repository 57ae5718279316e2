package avx2_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/avx2"
	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestQuantize(t *testing.T) { kerneltest.RunQuantize(t, isa.AVX2, avx2.Quantize) }

func TestDequantize(t *testing.T) { kerneltest.RunDequantize(t, isa.AVX2, avx2.Dequantize) }

func BenchmarkQuantize(b *testing.B) { kerneltest.BenchQuantize(b, isa.AVX2, avx2.Quantize) }

func BenchmarkDequantize(b *testing.B) { kerneltest.BenchDequantize(b, isa.AVX2, avx2.Dequantize) }
