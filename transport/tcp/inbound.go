package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/internal/iovec"
)

// inbound is a connection that a peer sends on. Its goroutine carries out what comes:
// bytes go from the socket to their places, and words are added to when all bytes
// before them are there. It waits for nothing but the network.
type inbound struct {
	h    *hub
	from hello
	conn *net.TCPConn
	raw  syscall.RawConn

	head  [firstSize]byte
	got   int // bytes of head that are here
	rest  [(maxDescs - 1) * descSize]byte
	descs [maxDescs]desc
	n     int // descriptors of this batch
	at    int // those before it were carried out
	sink  []byte
	vec   iovec.Vec
	step  func(fd uintptr) bool // reads what there is
	err   error                 // of step
	ack   uint64                // of the last flush that was not acknowledged; 0 none
	bye   bool
	out   [8]byte
}

func newInbound(h *hub, conn *net.TCPConn, from hello) (*inbound, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	in := &inbound{h: h, from: from, conn: conn, raw: raw}
	in.step = in.read
	return in, nil
}

// run ends when the peer leaves or is lost, or the hub closes.
func (in *inbound) run() {
	err := in.serve()
	in.h.mu.Lock()
	delete(in.h.inbound, in)
	in.h.mu.Unlock()
	if err != nil && !in.bye {
		if errors.Is(err, errProtocol) {
			in.h.log(fmt.Sprintf("tcp: connection from %v to %s: %v", in.conn.RemoteAddr(), in.h.host, err))
		}
		in.h.lost(in.from.from, fmt.Errorf("connection from %v: %w", in.conn.RemoteAddr(), err))
	}
	in.conn.Close()
}

func (in *inbound) serve() error {
	for !in.bye {
		if err := in.batch(); err != nil {
			return err
		}
		if in.ack == 0 {
			continue
		}
		binary.LittleEndian.PutUint64(in.out[:], in.ack)
		in.ack = 0
		// The other side only ever reads here, so there is room but for a moment.
		_ = in.conn.SetWriteDeadline(time.Now().Add(strangerTime))
		if _, err := in.conn.Write(in.out[:]); err != nil {
			return err
		}
	}
	return nil
}

// batch receives one batch.
func (in *inbound) batch() error {
	for in.got < firstSize {
		n, err := in.conn.Read(in.head[in.got:])
		if err != nil {
			return unexpected(err)
		}
		in.got += n
	}
	in.got = 0
	n, err := decodeHead(in.head[:])
	if err != nil {
		return err
	}
	more := in.rest[:(n-1)*descSize]
	if len(more) > 0 {
		if _, err := io.ReadFull(in.conn, more); err != nil {
			return unexpected(err)
		}
	}
	in.n, in.at = n, 0
	if err := in.descs[0].decode(in.head[headSize:]); err != nil {
		return err
	}
	for i := 1; i < n; i++ {
		if err := in.descs[i].decode(more[(i-1)*descSize:]); err != nil {
			return err
		}
	}
	if err := in.check(); err != nil {
		return err
	}
	for in.at < in.n {
		if err := in.raw.Read(in.step); err != nil {
			return err
		}
		if in.err != nil {
			return in.err
		}
	}
	return nil
}

// check makes sure that the batch asks for nothing that is not there. Endpoints that
// were there once are left: what is for them is dropped.
func (in *inbound) check() error {
	in.h.life.RLock()
	defer in.h.life.RUnlock()
	for i := range in.descs[:in.n] {
		d := &in.descs[i]
		if d.op == opBye {
			continue
		}
		if d.endpoint == 0 || d.endpoint > in.h.last {
			return fmt.Errorf("%w: endpoint %d of %d", errProtocol, d.endpoint, in.h.last)
		}
		if e := in.h.endpoints[d.endpoint]; e != nil {
			if err := d.fits(e); err != nil {
				return err
			}
		}
	}
	return nil
}

// read reads what there is into the places where it belongs, and the head of the
// next batch with it. It is false if there is nothing.
func (in *inbound) read(fd uintptr) bool {
	in.h.life.RLock()
	defer in.h.life.RUnlock()
	in.took(0) // signals that no bytes come before
	in.err = nil
	if in.at == in.n {
		return true
	}
	in.aim()
	n, err := in.vec.Read(int(fd))
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case err == nil && n == 0:
		err = io.ErrUnexpectedEOF
	}
	if in.err = err; err == nil {
		in.took(n)
	}
	return true
}

// sinkSize is how much is read at once of what nobody wants any more.
const sinkSize = 64 << 10

// aim lists the places of the bytes that come next. The caller holds life.
func (in *inbound) aim() {
	in.vec.Reset()
	for i := in.at; i < in.n; i++ {
		d := &in.descs[i]
		if d.length == 0 {
			continue
		}
		e := in.h.endpoints[d.endpoint]
		if e == nil {
			if in.sink == nil {
				in.sink = make([]byte, sinkSize)
			}
			in.vec.Add(in.sink[:min(sinkSize, int(d.length))])
			return // how much of it is left shows only then
		}
		in.vec.Add(e.segments[d.segment][d.offset:][:d.length])
	}
	in.vec.Add(in.head[:])
}

// took carries out what n more bytes complete. The caller holds life.
func (in *inbound) took(n int) {
	for in.at < in.n {
		d := &in.descs[in.at]
		k := min(n, int(d.length))
		n -= k
		d.length -= uint32(k)
		d.offset += uint64(k)
		if d.length > 0 {
			return
		}
		in.at++
		switch {
		case d.op&opSignal != 0:
			if e := in.h.endpoints[d.endpoint]; e != nil {
				e.signal(int(d.word), d.add)
			}
		case d.op == opFlush:
			in.ack = d.add
		case d.op == opBye:
			in.bye = true
		}
	}
	in.got = n
}

// leave tells the peer that this hub is through.
func (in *inbound) leave() {
	// A peer that does not read may also keep an acknowledgement waiting, which has
	// another deadline.
	late := time.AfterFunc(goodbyeTime, func() { in.conn.Close() })
	defer late.Stop()
	_, _ = in.conn.Write(binary.LittleEndian.AppendUint64(nil, bye))
	in.conn.Close()
}
