package rendezvous

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"
)

// A frame is a kind, the length of its payload in four bytes, and the payload.
// Numbers are little-endian; a text is its length in two bytes and its bytes.
const (
	kindRefuse   = iota + 1 // hub: a text, why there is no place for this member
	kindWelcome             // hub: timeout, and name and host of each process
	kindBeat                // phase
	kindExchange            // member: number, what, blob
	kindResult              // hub: number, and for each process length and blob
	kindFail                // process, name, host, phase, message
	kindBye

	header     = 5
	maxMessage = 4 << 10
	maxText    = 2 + MaxName
	firstRead  = 64 << 10 // bytes that are believed to come, before any has
)

var errFrame = errors.New("what it says is not of this protocol")

// maxPayload is how long a payload of the kind may be in a job of so many.
func maxPayload(kind byte, processes int) int64 {
	n := int64(processes)
	switch kind {
	case kindRefuse:
		return 2 + maxMessage
	case kindWelcome:
		return 8 + n*2*maxText
	case kindBeat:
		return maxText
	case kindExchange:
		return 4 + 2 + MaxWhat + MaxBlob
	case kindResult:
		return min(4+n*(4+MaxBlob), math.MaxUint32)
	case kindFail:
		return 4 + 3*maxText + 2 + maxMessage
	case kindBye:
		return 0
	}
	return -1
}

// readFrame reads a frame of a job of so many processes.
func readFrame(r io.Reader, processes int) (kind byte, payload []byte, err error) {
	var h [header]byte
	if _, err := io.ReadFull(r, h[:]); err != nil {
		return 0, nil, err
	}
	kind = h[0]
	n := int64(binary.LittleEndian.Uint32(h[1:]))
	most := maxPayload(kind, processes)
	if most < 0 {
		return 0, nil, fmt.Errorf("%w: a frame of kind %d", errFrame, kind)
	}
	if n > most || n > math.MaxInt {
		return 0, nil, fmt.Errorf("%w: a frame of kind %d with %d bytes, at most %d are allowed", errFrame, kind, n, most)
	}
	// Memory is taken as bytes arrive, not as the length announces them.
	size := int(n)
	for len(payload) < size {
		payload = slices.Grow(payload, min(size-len(payload), max(len(payload), firstRead)))
		next := payload[len(payload):min(cap(payload), size)]
		if _, err := io.ReadFull(r, next); err != nil {
			return 0, nil, fmt.Errorf("in a frame: %w", err)
		}
		payload = payload[:len(payload)+len(next)]
	}
	return kind, payload, nil
}

// begin appends the header of a frame, whose length seal fills in.
func begin(b []byte, kind byte) []byte { return append(b, kind, 0, 0, 0, 0) }

// seal ends the frame that begins at the given byte. What is longer than a frame
// can be is for the caller to find out.
func seal(b []byte, at int) []byte {
	binary.LittleEndian.PutUint32(b[at+1:], uint32(len(b)-at-header))
	return b
}

func appendText(b []byte, s string, most int) []byte {
	s = s[:min(len(s), most)]
	b = binary.LittleEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

func refuseFrame(reason string) []byte {
	return seal(appendText(begin(nil, kindRefuse), reason, maxMessage), 0)
}

func welcomeFrame(timeout time.Duration, peers []Peer) []byte {
	b := binary.LittleEndian.AppendUint64(begin(nil, kindWelcome), uint64(timeout))
	for _, p := range peers {
		b = appendText(appendText(b, p.Name, MaxName), p.Host, MaxName)
	}
	return seal(b, 0)
}

func appendBeat(b []byte, phase string) []byte {
	at := len(b)
	return seal(appendText(begin(b, kindBeat), phase, MaxName), at)
}

func appendExchange(b []byte, number uint32, what string, blob []byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(begin(b, kindExchange), number)
	return seal(append(appendText(b, what, MaxWhat), blob...), at)
}

func failFrame(e *PeerError) []byte {
	b := binary.LittleEndian.AppendUint32(begin(nil, kindFail), uint32(e.Process))
	b = appendText(appendText(appendText(b, e.Name, MaxName), e.Host, MaxName), e.Phase, MaxName)
	return seal(appendText(b, e.Err.Error(), maxMessage), 0)
}

// cursor reads a payload. Once something is missing everything is.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if c.bad || n < 0 || n > len(c.b) {
		c.bad = true
		return nil
	}
	b := c.b[:n:n]
	c.b = c.b[n:]
	return b
}

func (c *cursor) u32() uint32 {
	if b := c.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) text(most int) string {
	var n int
	if b := c.take(2); b != nil {
		n = int(binary.LittleEndian.Uint16(b))
	}
	c.bad = c.bad || n > most
	return string(c.take(n))
}

// end is the error of a payload that was too short, or is not used up.
func (c *cursor) end(what string) error {
	if c.bad || len(c.b) > 0 {
		return fmt.Errorf("%w: a damaged %s", errFrame, what)
	}
	return nil
}
