package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// A batch on the wire: a head, its descriptors, and the bytes of its puts one after
// the other. All numbers are little-endian.
//
//	head        magic uint32, descriptors uint32
//	descriptor  op uint8, 0, segment uint16, endpoint uint32, offset uint64,
//	            length uint32, word uint32, add uint64
const (
	magic     = 0x31746263 // "cbt1"
	headSize  = 8
	descSize  = 32
	firstSize = headSize + descSize // a batch has at least one descriptor, which is read with the head

	// maxDescs bounds a batch: enough for 1 MB of tokens, and few enough that a sender
	// whose batches are all under way holds little.
	maxDescs = 128
	// maxPut bounds the bytes of a descriptor. Longer puts are several.
	maxPut = 1 << 30
)

// What a descriptor asks for. A put may be a signal as well.
const (
	opPut    = 1 << iota
	opSignal // add to a word, after the bytes
	opFlush  // say that all before this one took effect
	opBye    // the sender is through, for good
)

// desc is a descriptor.
type desc struct {
	op       uint8
	segment  uint16
	endpoint uint32 // of the receiving hub
	offset   uint64
	length   uint32
	word     uint32
	add      uint64 // to the word; of a flush, its number
}

func (d *desc) encode(b []byte) {
	_ = b[descSize-1]
	b[0], b[1] = d.op, 0
	binary.LittleEndian.PutUint16(b[2:], d.segment)
	binary.LittleEndian.PutUint32(b[4:], d.endpoint)
	binary.LittleEndian.PutUint64(b[8:], d.offset)
	binary.LittleEndian.PutUint32(b[16:], d.length)
	binary.LittleEndian.PutUint32(b[20:], d.word)
	binary.LittleEndian.PutUint64(b[24:], d.add)
}

// errProtocol: what came is not of this protocol, or asks for what does not exist.
var errProtocol = errors.New("protocol error")

// decode checks what can be checked without knowing the endpoint.
func (d *desc) decode(b []byte) error {
	_ = b[descSize-1]
	*d = desc{
		op:       b[0],
		segment:  binary.LittleEndian.Uint16(b[2:]),
		endpoint: binary.LittleEndian.Uint32(b[4:]),
		offset:   binary.LittleEndian.Uint64(b[8:]),
		length:   binary.LittleEndian.Uint32(b[16:]),
		word:     binary.LittleEndian.Uint32(b[20:]),
		add:      binary.LittleEndian.Uint64(b[24:]),
	}
	switch d.op {
	case opPut, opPut | opSignal:
		if d.length > maxPut {
			return fmt.Errorf("%w: a put of %d bytes", errProtocol, d.length)
		}
	case opSignal, opFlush, opBye:
		if d.length != 0 {
			return fmt.Errorf("%w: %d bytes where there are none", errProtocol, d.length)
		}
	default:
		return fmt.Errorf("%w: descriptor of kind %#x", errProtocol, d.op)
	}
	return nil
}

func encodeHead(b []byte, descs int) {
	binary.LittleEndian.PutUint32(b, magic)
	binary.LittleEndian.PutUint32(b[4:], uint32(descs))
}

// decodeHead returns the number of descriptors of a batch.
func decodeHead(b []byte) (int, error) {
	if m := binary.LittleEndian.Uint32(b); m != magic {
		return 0, fmt.Errorf("%w: a batch begins with %#08x", errProtocol, m)
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if n < 1 || n > maxDescs {
		return 0, fmt.Errorf("%w: a batch of %d descriptors, want 1 to %d", errProtocol, n, maxDescs)
	}
	return int(n), nil
}

// fits says whether the descriptor is within what an endpoint has.
func (d *desc) fits(e *endpoint) error {
	if d.op&opSignal != 0 && uint64(d.word) >= uint64(len(e.words)) {
		return fmt.Errorf("%w: word %d of %d", errProtocol, d.word, len(e.words))
	}
	if d.op&opPut == 0 {
		return nil
	}
	if int(d.segment) >= len(e.segments) {
		return fmt.Errorf("%w: segment %d of %d", errProtocol, d.segment, len(e.segments))
	}
	if size := uint64(len(e.segments[d.segment])); uint64(d.length) > size || d.offset > size-uint64(d.length) {
		return fmt.Errorf("%w: %d bytes at offset %d of a segment of %d", errProtocol, d.length, d.offset, size)
	}
	return nil
}
