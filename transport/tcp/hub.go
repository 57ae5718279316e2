package tcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/auth"
	"github.com/commbench/commbench/transport/internal/bell"
)

const (
	strangerTime   = 10 * time.Second // for the proof, and for taking an acknowledgement
	goodbyeTime    = time.Second      // for what is under way when a hub closes
	maxStreams     = 256
	maxRefusalLogs = 5
	maxFaults      = 1024 // hubs that are known to be lost: peers can make up more
)

// hub is what a driver value has on the network, while any of its endpoints is open.
type hub struct {
	d        *Driver
	id       hubID
	ip       net.IP
	zone     string
	host     string // host:port, where it listens
	listener net.Listener
	bell     *bell.Bell // of all endpoints
	ctx      context.Context
	cancel   context.CancelFunc
	work     sync.WaitGroup // all goroutines

	// Who writes to segments and words for a peer holds life for reading, so that an
	// endpoint that has closed is not touched any more.
	life      sync.RWMutex
	endpoints map[uint32]*endpoint
	last      uint32 // number of the newest endpoint

	dialing sync.Mutex

	mu        sync.Mutex
	closing   bool
	links     map[hubID]*link
	inbound   map[uint32]*inbound // by number
	strangers []*net.TCPConn      // that have proved nothing yet, oldest first
	ranks     int                 // of the largest world
	patience  time.Duration       // of the most patient endpoint
	refused   int
	lastIn    uint32 // number of the newest inbound

	streams atomic.Pointer[[]*stream] // of all links, for Push
	watch   *watch
	ins     atomic.Pointer[[]*inbound] // those of inbound, for Poll
	polls   atomic.Uint32              // how often there was a poll
	resting atomic.Bool                // nobody polls: the watch looks after all
	wakeup  chan struct{}              // for care
	faults  atomic.Pointer[map[hubID]error]
	chimes  atomic.Pointer[[]chime]
}

// chime is another driver's bell, that an endpoint has asked for.
type chime struct {
	bell driver.Bell
	by   *endpoint
}

func newHub(d *Driver) (*hub, error) {
	h := &hub{d: d, bell: new(bell.Bell), endpoints: map[uint32]*endpoint{}, links: map[hubID]*link{}, inbound: map[uint32]*inbound{}, wakeup: make(chan struct{}, 1)}
	h.resting.Store(true)
	if _, err := rand.Read(h.id[:]); err != nil {
		return nil, err
	}
	h.streams.Store(new([]*stream))
	h.ctx, h.cancel = context.WithCancel(context.Background())
	var err error
	if h.watch, err = newWatch(h); err != nil {
		h.cancel()
		return nil, err
	}
	if h.listener, err = d.config.listen(h.ctx); err != nil {
		h.cancel()
		h.watch.close()
		return nil, err
	}
	at := h.listener.Addr().(*net.TCPAddr)
	h.ip, h.zone, h.host = at.IP, at.Zone, at.String()
	h.work.Go(h.watch.run)
	h.work.Go(h.care)
	h.work.Go(h.accept)
	return h, nil
}

// accept lets peers in until the listener is closed.
func (h *hub) accept() {
	for {
		conn, err := h.listener.Accept()
		if err != nil {
			if h.ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
				return
			}
			h.log(fmt.Sprintf("tcp: accept on %s: %v", h.host, err))
			select { // too many descriptors, or such: it may pass
			case <-h.ctx.Done():
				return
			case <-time.After(10 * time.Millisecond):
			}
			continue
		}
		stranger := conn.(*net.TCPConn)
		patience := h.meet(stranger)
		h.work.Go(func() {
			in, err := h.admit(stranger, patience)
			if err != nil {
				conn.Close()
				if h.ctx.Err() == nil {
					h.log(fmt.Sprintf("tcp: refused a connection from %v to %s: %v", conn.RemoteAddr(), h.host, err))
				}
				return
			}
			in.run()
		})
	}
}

// admit finds out who has connected, and says welcome.
func (h *hub) admit(conn *net.TCPConn, patience time.Duration) (*inbound, error) {
	stop := context.AfterFunc(h.ctx, func() { conn.Close() })
	defer stop()
	greeting, err := auth.Server(conn, h.d.secret, purpose, time.Now().Add(patience))
	if !h.met(conn) {
		return nil, errCrowded
	}
	if err != nil {
		return nil, err
	}
	hi, err := decodeHello(greeting)
	if err != nil {
		return nil, err
	}
	if hi.to != h.id {
		return nil, errStale
	}
	in, err := newInbound(h, conn, hi)
	if err != nil {
		return nil, err
	}
	// Welcome comes before any goodbye. It is the first that is sent since the proof, so
	// there is room for it.
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, errors.Join(driver.ErrClosed, unix.Close(in.fd))
	}
	stop()
	_, err = conn.Write(make([]byte, 8))
	if err == nil {
		h.lastIn++
		in.number = h.lastIn
		err = h.watch.add(in)
	}
	if err != nil {
		return nil, errors.Join(err, unix.Close(in.fd))
	}
	conn.Close() // in has it now
	h.inbound[in.number] = in
	h.listInbound()
	return in, nil
}

func (h *hub) log(line string) {
	h.mu.Lock()
	h.refused++
	n := h.refused
	h.mu.Unlock()
	if h.d.config.Log == nil || n > maxRefusalLogs {
		return
	}
	if n == maxRefusalLogs {
		line += "; no more of this is reported"
	}
	h.d.config.Log(line)
}

// lost notes that a hub is lost, and wakes all who wait. The first reason counts.
func (h *hub) lost(id hubID, err error) {
	h.mu.Lock()
	if h.closing {
		h.mu.Unlock()
		return
	}
	faults := map[hubID]error{}
	if old := h.faults.Load(); old != nil {
		maps.Copy(faults, *old)
	}
	if faults[id] == nil && len(faults) < maxFaults {
		faults[id] = err
	}
	h.faults.Store(&faults)
	h.mu.Unlock()
	h.life.RLock()
	defer h.life.RUnlock()
	for _, e := range h.endpoints {
		e.own.Ring()
	}
	h.ring()
}

// ring rings the bells of all endpoints. The caller holds life.
func (h *hub) ring() {
	h.bell.Ring()
	if all := h.chimes.Load(); all != nil {
		for i := range *all {
			(*all)[i].bell.Ring()
		}
	}
}

// ringOpen is ring for who does not hold life. It is needed where another driver's bell
// is rung, which may be gone as soon as who asked for it has closed.
func (h *hub) ringOpen() {
	if all := h.chimes.Load(); all == nil || len(*all) == 0 {
		h.bell.Ring()
		return
	}
	h.life.RLock()
	defer h.life.RUnlock()
	h.ring()
}

func (h *hub) push() {
	for _, s := range *h.streams.Load() {
		if s.held.Load() {
			s.mu.Lock()
			s.send()
			s.mu.Unlock()
		}
	}
}

// enter gives an endpoint its number.
func (h *hub) enter(e *endpoint) {
	h.life.Lock()
	defer h.life.Unlock()
	h.last++
	e.id = h.last
	h.endpoints[e.id] = e
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ranks, h.patience = max(h.ranks, e.size), max(h.patience, e.timeout)
}

// remove sees to it that nothing of the endpoint is touched any more, and says
// whether it was the last.
func (h *hub) remove(e *endpoint) (last bool) {
	h.life.Lock()
	defer h.life.Unlock()
	delete(h.endpoints, e.id)
	if all := h.chimes.Load(); all != nil {
		var rest []chime
		for _, c := range *all {
			if c.by != e {
				rest = append(rest, c)
			}
		}
		h.chimes.Store(&rest)
	}
	return len(h.endpoints) == 0
}

// close says goodbye to all peers and ends everything.
func (h *hub) close() {
	h.mu.Lock()
	h.closing = true
	h.mu.Unlock()
	h.listener.Close()
	until := time.Now().Add(goodbyeTime)
	for _, s := range *h.streams.Load() {
		s.leave(until)
	}
	h.cancel()
	h.watch.stop()
	h.work.Wait()
	h.watch.close()
}

// network says what the connections are like, from the first of them.
func (h *hub) network() driver.Network {
	n := h.d.config.network()
	n.Address = h.host
	h.mu.Lock()
	defer h.mu.Unlock()
	n.Sockets = 1 + len(h.inbound)
	for _, s := range *h.streams.Load() {
		if s.ended.Load() {
			continue
		}
		if n.Sockets++; n.Congestion == "" || n.SendBuffer == 0 {
			_ = s.raw.Control(func(fd uintptr) { describe(&n, int(fd)) })
		}
	}
	return n
}
