package pure_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

func TestSumWeighted(t *testing.T) { kerneltest.RunWeighted(t, isa.Pure, pure.SumWeighted) }

func BenchmarkSumWeighted(b *testing.B) { kerneltest.BenchWeighted(b, isa.Pure, pure.SumWeighted) }
