package neon_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/transport/isa"
)

func TestSumWeighted(t *testing.T) { kerneltest.RunWeighted(t, isa.NEON, neon.SumWeighted) }

func BenchmarkSumWeighted(b *testing.B) { kerneltest.BenchWeighted(b, isa.NEON, neon.SumWeighted) }
