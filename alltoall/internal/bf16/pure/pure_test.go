package pure_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/bf16/pure"
	"github.com/commbench/commbench/alltoall/internal/bf16/sumtest"
	"github.com/commbench/commbench/alltoall/internal/isa"
)

func TestSum(t *testing.T) { sumtest.Run(t, isa.Pure, pure.Sum) }

func BenchmarkSum(b *testing.B) { sumtest.Bench(b, isa.Pure, pure.Sum) }
