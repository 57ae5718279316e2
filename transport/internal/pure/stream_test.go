package pure_test

import (
	"testing"

	"github.com/commbench/commbench/transport/internal/kerneltest"
	"github.com/commbench/commbench/transport/internal/pure"
	"github.com/commbench/commbench/transport/isa"
)

func TestStream(t *testing.T) { kerneltest.RunStream(t, isa.Pure, pure.Stream) }

func BenchmarkStream(b *testing.B) { kerneltest.BenchStream(b, isa.Pure, pure.Stream) }
