package exec

import (
	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/block"
)

// put puts a row where it will not be used soon: into a receive or an exchange
// buffer. Rings are different, their rows are taken out at once.
func (s *areas) put(to *transport.Channel, offset int, src []byte) error {
	if s.streams {
		return to.Stream(segment, offset, src)
	}
	return to.Put(segment, offset, src)
}

// copy is put within this rank's own memory. The job's fence orders it.
func (s *areas) copy(dst, src []byte) {
	if s.streams {
		block.Stream(dst, src)
		return
	}
	copy(dst, src)
}
