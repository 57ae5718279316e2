package rendezvous

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
)

// round is what the hub has of an exchange that is under way. Of a member's, only
// what and gone are used.
type round struct {
	number uint32
	what   string
	blobs  [][]byte
	here   []bool
	count  int
	gone   *link // has left, so that no round ends any more
}

func (r *round) present() []int {
	var p []int
	for i, here := range r.here {
		if here {
			p = append(p, i)
		}
	}
	return p
}

// gather is the hub's part.
func (s *Session) gather(what string, blob []byte) [][]byte {
	_ = s.arrive(0, s.calls.number, what, blob) // the hub is in its own round
	select {
	case <-s.calls.all:
	case <-s.ctx.Done():
		return nil
	}
	size := 4
	s.mu.Lock()
	r := &s.round
	blobs := r.blobs
	for _, b := range blobs {
		size += 4 + len(b)
	}
	r.blobs, r.count = make([][]byte, len(s.peers)), 0
	clear(r.here)
	r.number++
	s.mu.Unlock()

	if most := maxPayload(kindResult, len(s.peers)); int64(size) > most {
		s.Fail(fmt.Errorf("exchange %q: %d bytes from all processes: at most %d can be sent", what, size, most))
		return nil
	}
	b := s.news(make([]byte, 0, header+maxText+header+size))
	at := len(b)
	b = appendResult(b, s.calls.number, blobs)
	s.share(b)
	blobs, _ = split(b[at+header:], len(s.peers), s.calls.number)
	s.calls.number++
	return blobs
}

// share sends frames to all members.
func (s *Session) share(frames []byte) {
	var wg sync.WaitGroup
	for _, l := range s.links {
		switch {
		case l == nil:
		case len(frames) <= small:
			s.sent(l, l.send(frames))
		default:
			wg.Go(func() { s.sent(l, l.send(frames)) })
		}
	}
	wg.Wait()
}

// arrive is a process's part of the round. Its error is a fault of that process;
// a round that cannot end is the failure of the job.
func (s *Session) arrive(process int, number uint32, what string, blob []byte) error {
	s.mu.Lock()
	r := &s.round
	if r.here[process] || number != r.number {
		s.mu.Unlock()
		return fmt.Errorf("%w: exchange %d where %d is under way", errFrame, number, r.number)
	}
	var err error
	culprit := process
	switch {
	case r.count == 0:
		r.what = what
	case r.what != what:
		verb := "are"
		if r.count == 1 {
			verb = "is"
		}
		err = fmt.Errorf("it is at exchange %q while %s %s at %q: all must make the same exchanges in the same order",
			what, list(r.present()), verb, r.what)
	}
	if err == nil { // or else the round would be complete with who comes next
		r.blobs[process], r.here[process] = blob, true
		r.count++
		if r.gone != nil {
			culprit, err = r.gone.process, s.missed()
		} else if r.count == len(s.peers) {
			s.calls.all <- struct{}{}
		}
	}
	s.mu.Unlock()
	if err != nil {
		s.fail(s.blame(culprit, err))
	}
	return nil
}

func appendResult(b []byte, number uint32, blobs [][]byte) []byte {
	at := len(b)
	b = binary.LittleEndian.AppendUint32(begin(b, kindResult), number)
	for _, blob := range blobs {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(blob)))
		b = append(b, blob...)
	}
	return seal(b, at)
}

// split is the blobs of a result, which stay where they are.
func split(payload []byte, processes int, number uint32) ([][]byte, error) {
	c := cursor{b: payload}
	if got := c.u32(); got != number {
		return nil, fmt.Errorf("%w: the result of exchange %d where %d is under way", errFrame, got, number)
	}
	blobs := make([][]byte, processes)
	for i := range blobs {
		n := c.u32()
		if n > MaxBlob {
			return nil, fmt.Errorf("%w: a blob of %d bytes", errFrame, n)
		}
		blobs[i] = slices.Clip(c.take(int(n)))
	}
	return blobs, c.end("result")
}
