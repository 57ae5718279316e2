package pure_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

func TestQuantize(t *testing.T) { kerneltest.RunQuantize(t, isa.Pure, pure.Quantize) }

func TestDequantize(t *testing.T) { kerneltest.RunDequantize(t, isa.Pure, pure.Dequantize) }

func BenchmarkQuantize(b *testing.B) { kerneltest.BenchQuantize(b, isa.Pure, pure.Quantize) }

func BenchmarkDequantize(b *testing.B) { kerneltest.BenchDequantize(b, isa.Pure, pure.Dequantize) }
