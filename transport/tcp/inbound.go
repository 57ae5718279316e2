package tcp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/internal/iovec"
)

// inbound is a connection that a peer sends on. Bytes go from the socket to their
// places, and words are added to when all bytes before them are there. That is done by
// a goroutine, which waits for nothing but the network, and by those who wait for
// signals and would else wait for the goroutine, too: whoever has mu.
type inbound struct {
	h      *hub
	number uint32 // in the hub
	from   hello
	remote net.Addr
	fd     int           // not the runtime's: see watch
	back   chan struct{} // has room for what calls the goroutine
	event  pollEvent     // of the watch
	armed  atomic.Bool   // the watch will call the goroutine

	mu    sync.Mutex
	part  part
	got   int // bytes of head, or of rest, that are here
	head  [firstSize]byte
	rest  [(maxDescs - 1) * descSize]byte
	descs [maxDescs]desc
	n     int // descriptors of this batch
	at    int // those before it were carried out
	sink  []byte
	vec   iovec.Vec
	ack   uint64 // of the last flush that was not acknowledged; 0 none
	bye   bool   // the peer has left
	err   error  // why it cannot go on; set at the end
	out   [8]byte
}

// part is what comes next of a batch.
type part uint8

const (
	inHead part = iota // the head and the first descriptor
	inRest             // the other descriptors
	inBody             // the bytes
)

// newInbound takes a connection over. Closing conn does not end it any more.
func newInbound(h *hub, conn *net.TCPConn, from hello) (*inbound, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, err
	}
	in := &inbound{h: h, from: from, remote: conn.RemoteAddr(), back: make(chan struct{}, 1)}
	if e := raw.Control(func(fd uintptr) { in.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) }); e != nil {
		err = e
	}
	return in, err
}

// over says whether nothing more will be carried out. The caller has mu.
func (in *inbound) over() bool { return in.bye || in.err != nil }

// call has the goroutine look after the connection.
func (in *inbound) call() {
	select {
	case in.back <- struct{}{}:
	default:
	}
}

// run ends when the peer leaves or is lost, or the hub closes.
func (in *inbound) run() {
	for in.serve() {
		select {
		case <-in.back:
		case <-in.h.ctx.Done():
			in.mu.Lock()
			in.err = errors.Join(in.err, net.ErrClosed)
			in.mu.Unlock()
		}
	}
	in.h.forget(in)
	in.mu.Lock()
	err, left := in.err, in.bye
	in.err = errors.Join(err, net.ErrClosed) // nobody looks here any more
	in.mu.Unlock()
	if err != nil && !left {
		if errors.Is(err, errProtocol) {
			in.h.log(fmt.Sprintf("tcp: connection from %v to %s: %v", in.remote, in.h.host, err))
		}
		in.h.lost(in.from.from, fmt.Errorf("connection from %v: %w", in.remote, err))
	}
	if in.h.ctx.Err() != nil { // the hub is through: nothing is read any more
		_ = in.write(bye, goodbyeTime)
	}
	_ = unix.Close(in.fd)
}

// serve carries out what there is, and unless somebody polls asks to be called when
// there is more. It is false if it is over.
func (in *inbound) serve() (more bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	for !in.over() {
		for in.carryOut() {
		}
		if in.ack != 0 {
			// The other side only ever reads here, so there is room but for a moment.
			if err := in.write(in.ack, strangerTime); err != nil {
				in.err = err
			}
			in.ack = 0
			continue
		}
		if !in.over() && !in.h.polled() {
			in.arm()
		}
		break
	}
	return !in.over()
}

// arm has the watch call the goroutine when there is something. One that was armed and
// not called still is. The caller has mu.
func (in *inbound) arm() {
	if in.armed.Swap(true) {
		return
	}
	if err := in.h.watch.arm(in); err != nil {
		in.err = err
	}
}

// sleep is for who has polled and does so no more. Where many connections are quiet it
// costs nothing for each, and for one that was polled a system call.
func (in *inbound) sleep() {
	if in.armed.Load() {
		return
	}
	if !in.mu.TryLock() {
		in.call() // when it is done
		return
	}
	defer in.mu.Unlock()
	if !in.over() {
		in.arm()
	}
	if in.over() {
		in.call()
	}
}

// writePoll bounds how late who waits for room sees that the hub closes.
const writePoll = 20 * time.Millisecond

// write sends an acknowledgement.
func (in *inbound) write(n uint64, within time.Duration) error {
	until := time.Now().Add(within)
	for b := binary.LittleEndian.AppendUint64(in.out[:0], n); len(b) > 0; {
		k, err := unix.Write(in.fd, b)
		if k > 0 {
			b = b[k:]
			continue
		}
		if in.h.ctx.Err() != nil && within > goodbyeTime {
			within = goodbyeTime
			until = time.Now().Add(within)
		}
		left := time.Until(until)
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) || left <= 0 {
			return fmt.Errorf("an acknowledgement could not be sent: %w", err)
		}
		_, _ = unix.Poll([]unix.PollFd{{Fd: int32(in.fd), Events: unix.POLLOUT}}, int(min(left, writePoll).Milliseconds())+1)
	}
	return nil
}

// poll carries out what there is, unless somebody does.
func (in *inbound) poll() (some bool) {
	if !in.mu.TryLock() {
		return false
	}
	defer in.mu.Unlock()
	if in.over() {
		return false
	}
	some = in.carryOut()
	if in.ack != 0 || in.over() {
		in.call() // that is for the goroutine
	}
	return some
}

// carryOut reads what there is of the part that comes next, and does what that makes
// possible. It is false if there is nothing, or if it is over. The caller has mu.
func (in *inbound) carryOut() bool {
	if in.ack != 0 || in.over() {
		return false
	}
	// What a closed endpoint had must not be touched.
	in.h.life.RLock()
	defer in.h.life.RUnlock()
	in.aim()
	n, err := in.vec.Read(in.fd)
	switch {
	case errors.Is(err, unix.EAGAIN):
		return false
	case err == nil && n == 0:
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = in.took(n)
	}
	in.err = err
	return err == nil
}

// sinkSize is how much is read at once of what nobody wants any more.
const sinkSize = 64 << 10

// aim lists the places of the bytes that come next.
func (in *inbound) aim() {
	in.vec.Reset()
	switch in.part {
	case inHead:
		in.vec.Add(in.head[in.got:])
		return
	case inRest:
		in.vec.Add(in.rest[in.got : (in.n-1)*descSize])
		return
	}
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

// took does what n more bytes make possible.
func (in *inbound) took(n int) error {
	if in.part == inBody {
		if in.land(n); in.part == inBody {
			return nil
		}
	} else {
		in.got += n
	}
	if in.part == inHead {
		if in.got < firstSize {
			return nil
		}
		descs, err := decodeHead(in.head[:])
		if err != nil {
			return err
		}
		in.part, in.got, in.n = inRest, 0, descs
	}
	if in.got < (in.n-1)*descSize {
		return nil
	}
	if err := in.understand(); err != nil {
		return err
	}
	in.part, in.got, in.at = inBody, 0, 0
	in.land(0) // verbs that no bytes come before
	return nil
}

// understand reads the descriptors, and makes sure that they ask for nothing that is
// not there. Endpoints that were there once are left: what is for them is dropped.
func (in *inbound) understand() error {
	for i := range in.descs[:in.n] {
		d, wire := &in.descs[i], in.head[headSize:]
		if i > 0 {
			wire = in.rest[(i-1)*descSize:]
		}
		if err := d.decode(wire); err != nil {
			return err
		}
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

// land carries out the verbs that n more bytes complete. What is left are the first
// bytes of the next batch.
func (in *inbound) land(n int) {
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
	in.part, in.got = inHead, n
}
