package neon_test

import (
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/internal/neon"
	"github.com/commbench/commbench/transport/isa"
)

func TestMismatch(t *testing.T) { kerneltest.RunMismatch(t, isa.NEON, neon.Mismatch) }

func BenchmarkMismatch(b *testing.B) { kerneltest.BenchMismatch(b, isa.NEON, neon.Mismatch) }
