package pure_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

func TestMismatch(t *testing.T) { kerneltest.RunMismatch(t, isa.Pure, pure.Mismatch) }

func BenchmarkMismatch(b *testing.B) { kerneltest.BenchMismatch(b, isa.Pure, pure.Mismatch) }
