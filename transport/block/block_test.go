package block_test

import (
	"fmt"
	"testing"

	"github.com/commbench/commbench/transport/block"
	"github.com/commbench/commbench/transport/internal/kerneltest"
	"github.com/commbench/commbench/transport/isa"
)

func TestStream(t *testing.T) { kerneltest.RunStream(t, isa.Best(), block.Stream) }

func TestStreamPanicsOnShortTarget(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	block.Stream(make([]byte, 255, 512), make([]byte, 256))
}

func ExampleStream() {
	token, row := []byte("a token's values and scales"), make([]byte, 64)
	block.Stream(row, token)
	block.Fence() // before a signal tells anyone of the row
	fmt.Printf("%s\n", row[:len(token)])
	// Output: a token's values and scales
}
