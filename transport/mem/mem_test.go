package mem_test

import (
	"bytes"
	"testing"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
	"github.com/commbench/commbench/transport/mem"
)

func newDriver() driver.Driver { return mem.New() }

func TestConformance(t *testing.T) { drivertest.Run(t, newDriver) }

func BenchmarkDriver(b *testing.B) { drivertest.Bench(b, newDriver) }

func TestAlloc(t *testing.T) {
	const huge = 2 << 20
	for _, size := range []int{1, huge - 1, huge, huge + 1, 5*huge - 4096, 8 * huge} {
		m, err := newDriver().Alloc(size)
		if err != nil {
			t.Fatal(err)
		}
		b := m.Bytes()
		if len(b) != size || cap(b) != size || !bytes.Equal(b, make([]byte, size)) {
			t.Errorf("Alloc(%d) gave %d bytes of %d, or not all are zero", size, len(b), cap(b))
		}
		for i := range b {
			b[i] = 1
		}
		for range 2 { // a second time is a no-op
			if err := m.Free(); err != nil {
				t.Error(err)
			}
			if m.Bytes() != nil {
				t.Errorf("Alloc(%d): freed memory has bytes", size)
			}
		}
	}
}
