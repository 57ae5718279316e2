package neon_test

import (
	"testing"

	"github.com/commbench/commbench/transport/internal/kerneltest"
	"github.com/commbench/commbench/transport/internal/neon"
	"github.com/commbench/commbench/transport/isa"
)

func TestStream(t *testing.T) { kerneltest.RunStream(t, isa.NEON, neon.Stream) }

func BenchmarkStream(b *testing.B) { kerneltest.BenchStream(b, isa.NEON, neon.Stream) }
