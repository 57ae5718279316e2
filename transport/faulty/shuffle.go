package faulty

import "math/rand/v2"

// window is how many puts are held back at most.
const window = 64

// shuffle holds puts back until a verb comes that orders them, or until there are
// enough, and then lets them go in any order. Nobody can tell: that bytes are there
// is only known after a signal, a flush, or an order that a fence makes.
type shuffle struct {
	d      *Driver
	next   stage
	chance *rand.Rand
	held   []call // room for window
}

func (s *shuffle) do(v call) error {
	switch v.kind {
	case Put, Stream:
		if !v.hit {
			return s.next.do(v)
		}
		if s.held = append(s.held, v); len(s.held) < window {
			return nil
		}
		return s.release()
	case PutSignal:
		if !v.hit {
			break
		}
		// Its put may change places with those before it, its signal may not.
		put := v
		put.kind, v.kind = Put, Signal
		s.held = append(s.held, put)
	}
	if err := s.release(); err != nil {
		return err
	}
	return s.next.do(v)
}

// release lets go of what is held. After an error the rest is lost, as is the order
// of the channel.
func (s *shuffle) release() (err error) {
	moved := false
	for i := len(s.held) - 1; i > 0; i-- {
		j := s.chance.IntN(i + 1)
		s.held[i], s.held[j] = s.held[j], s.held[i]
		moved = moved || i != j
	}
	if moved {
		s.d.reordered.Add(1)
	}
	for _, v := range s.held {
		if err = s.next.do(v); err != nil {
			break
		}
	}
	clear(s.held) // the sources are no longer ours
	s.held = s.held[:0]
	return err
}
