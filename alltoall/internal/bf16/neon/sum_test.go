package neon_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/bf16/neon"
	"github.com/commbench/commbench/alltoall/internal/bf16/sumtest"
	"github.com/commbench/commbench/alltoall/internal/isa"
)

func TestSum(t *testing.T) { sumtest.Run(t, isa.NEON, neon.Sum) }

func BenchmarkSum(b *testing.B) { sumtest.Bench(b, isa.NEON, neon.Sum) }
