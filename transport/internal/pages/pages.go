// Package pages is the memory of drivers that take any: blocks of the Go heap, or on
// Linux, where a huge page fits into them, mappings of their own.
package pages

import "github.com/commbench/commbench/transport/driver"

// Alloc returns size zeroed bytes. See the package comment of mem for what it costs
// to touch them.
func Alloc(size int) (driver.Memory, error) { return alloc(size) }

type memory struct {
	bytes []byte
	unmap func() error // nil for memory of the Go heap
}

func onHeap(size int) *memory { return &memory{bytes: make([]byte, size)} }

func (m *memory) Bytes() []byte { return m.bytes }

func (m *memory) Free() error {
	unmap := m.unmap
	m.bytes, m.unmap = nil, nil
	if unmap == nil {
		return nil
	}
	return unmap()
}
