package transport

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// An address is a readable line that says whose it is, the driver's own bytes,
// and a checksum of both:
//
//	commbench/1 driver "shm" world "node 0" rank 3 of 8, 64 words, segments [4096]\n<bytes><crc32>
//
// A rank knows exactly which line to expect from each peer, so an address is
// checked by comparison and nothing in it has to be parsed. Drivers see only
// their own bytes, from a rank that agrees on driver, world, rank and shape.

// line is what the address of the given rank begins with.
func (w *World) line(rank int) []byte {
	return fmt.Appendf(nil, "commbench/1 driver %q world %q rank %d of %d, %d words, segments %d\n",
		w.driver, w.place.World, rank, w.place.Size, w.words, w.sizes)
}

func (w *World) seal(rank int, body []byte) []byte {
	addr := append(w.line(rank), body...)
	return binary.LittleEndian.AppendUint32(addr, crc32.ChecksumIEEE(addr))
}

// unseal returns the driver's own bytes of a rank's address.
func (w *World) unseal(rank int, addr []byte) ([]byte, error) {
	end := len(addr) - 4
	if end < 0 || crc32.ChecksumIEEE(addr[:end]) != binary.LittleEndian.Uint32(addr[end:]) {
		return nil, fmt.Errorf("rank %d: %w: %d bytes, damaged or not an address", rank, ErrBadAddress, len(addr))
	}
	want := w.line(rank)
	body, ok := bytes.CutPrefix(addr[:end], want)
	if !ok {
		got, _, _ := bytes.Cut(addr[:end], []byte("\n"))
		return nil, fmt.Errorf("rank %d: %w: it says %.600q, expected %q", rank, ErrBadAddress, got, want[:len(want)-1])
	}
	return body, nil
}
