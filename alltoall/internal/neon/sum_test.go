package neon_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/transport/isa"
)

func TestSum(t *testing.T) { kerneltest.RunSum(t, isa.NEON, neon.Sum) }

func BenchmarkSum(b *testing.B) { kerneltest.BenchSum(b, isa.NEON, neon.Sum) }
