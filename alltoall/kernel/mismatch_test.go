package kernel_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/commbench/commbench/alltoall/internal/kerneltest"
	"github.com/commbench/commbench/alltoall/kernel"
	"github.com/commbench/commbench/transport/isa"
)

func TestMismatch(t *testing.T) { kerneltest.RunMismatch(t, isa.Best(), kernel.Mismatch) }

func TestMismatchResults(t *testing.T) {
	a := bytes.Repeat([]byte{1}, 1000)
	for _, c := range []struct {
		change []int
		want   int
	}{
		{nil, -1},
		{[]int{0}, 0},
		{[]int{999}, 999},
		{[]int{999, 500, 501}, 500},
	} {
		b := bytes.Clone(a)
		for _, i := range c.change {
			b[i] = 2
		}
		if got := kernel.Mismatch(a, b); got != c.want {
			t.Errorf("changed %v: %d, want %d", c.change, got, c.want)
		}
	}
}

func TestMismatchPanics(t *testing.T) {
	for _, n := range []int{0, 255, 257} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("256 and %d bytes: no panic", n)
				}
			}()
			kernel.Mismatch(make([]byte, 256), make([]byte, n, 512))
		}()
	}
}

func ExampleMismatch() {
	fmt.Println(kernel.Mismatch([]byte("dispatch"), []byte("dispatch")))
	fmt.Println(kernel.Mismatch([]byte("dispatch"), []byte("displace")))
	// Output:
	// -1
	// 4
}
