package pure_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

func TestSum(t *testing.T) { kerneltest.RunSum(t, isa.Pure, pure.Sum) }

func BenchmarkSum(b *testing.B) { kerneltest.BenchSum(b, isa.Pure, pure.Sum) }
