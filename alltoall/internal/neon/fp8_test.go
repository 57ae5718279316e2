package neon_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/transport/isa"
)

func TestQuantize(t *testing.T) { kerneltest.RunQuantize(t, isa.NEON, neon.Quantize) }

func TestDequantize(t *testing.T) { kerneltest.RunDequantize(t, isa.NEON, neon.Dequantize) }

func BenchmarkQuantize(b *testing.B) { kerneltest.BenchQuantize(b, isa.NEON, neon.Quantize) }

func BenchmarkDequantize(b *testing.B) { kerneltest.BenchDequantize(b, isa.NEON, neon.Dequantize) }
