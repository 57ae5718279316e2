package tcp

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net"
	"sync"
	"syscall"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/bell"
	"github.com/commbench/commbench/transport/internal/pages"
)

// DefaultStreams is the number of connections to each peer process. Measured on
// loopback with 2 cores: one reaches what a core can send, and more than four reach
// no more.
const DefaultStreams = 4

// Config of a driver. Zero fields stand for the defaults.
type Config struct {
	// Bind is the IP address, v4 or v6, to listen on and to connect from. Default
	// 127.0.0.1.
	Bind string
	// Streams is the number of connections to each peer process. Default DefaultStreams.
	Streams int
	// Congestion names the congestion control of connections. Default the system's.
	Congestion string
	// Buffer is the size of sockets' send and receive buffers, in bytes; the system may
	// double or bound it. Default the system's, which grow by themselves.
	Buffer int
	// Coalesce leaves small packets to wait for the acknowledgement of those before
	// them (Nagle's algorithm). Default: they do not (TCP_NODELAY).
	Coalesce bool
	// Secret is what all processes of a job know. Default: one that only this driver
	// value knows, so that it reaches nobody but itself.
	Secret []byte
	// Log is told of connections that were refused, a few times, from any goroutine.
	// Default: nobody.
	Log func(line string)
}

// Driver connects ranks over TCP. Use New to make one.
type Driver struct {
	config Config
	secret []byte

	mu  sync.Mutex
	hub *hub // nil while no endpoint is open
}

// New returns a driver. What is wrong with its Config shows at Listen.
func New(c Config) *Driver {
	if c.Bind == "" {
		c.Bind = "127.0.0.1"
	}
	if c.Streams == 0 {
		c.Streams = DefaultStreams
	}
	d := &Driver{config: c, secret: c.Secret}
	if len(d.secret) == 0 {
		d.secret = make([]byte, 32)
		_, _ = rand.Read(d.secret) // it never fails
	}
	return d
}

// Name is "tcp".
func (d *Driver) Name() string { return "tcp" }

// Caps of the driver: ranks may be anywhere, any memory will do, nothing is mapped.
func (d *Driver) Caps() driver.Caps { return driver.Caps{Processes: true} }

// Alloc returns size bytes, as mem does.
func (d *Driver) Alloc(size int) (driver.Memory, error) { return pages.Alloc(size) }

// Listen makes an endpoint, and opens the hub if there is none.
func (d *Driver) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	if err := d.config.check(); err != nil {
		return nil, err
	}
	e := &endpoint{rank: place.Rank, size: place.Size, words: make([]word, opts.Words), own: new(bell.Bell), timeout: opts.Timeout, hold: opts.Hold}
	for _, m := range opts.Segments {
		e.segments = append(e.segments, m.Bytes())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.hub == nil {
		h, err := newHub(d)
		if err != nil {
			return nil, err
		}
		d.hub = h
	}
	e.h = d.hub
	e.h.enter(e)
	return e, nil
}

// leave closes an endpoint, and the hub with the last of them. Either way nothing
// that was put is read any more afterwards.
func (d *Driver) leave(e *endpoint) {
	if !d.remove(e) {
		for _, s := range e.streams {
			s.settle()
		}
	}
}

func (d *Driver) remove(e *endpoint) (last bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if last = e.h.remove(e); last {
		d.hub = nil
		e.h.close()
	}
	return last
}

// Network says what connections are like.
func (d *Driver) Network() driver.Network {
	d.mu.Lock()
	h := d.hub
	d.mu.Unlock()
	if h == nil {
		return d.config.network()
	}
	return h.network()
}

// Check says what is wrong with the Config, here and now. It listens for a moment.
func (d *Driver) Check() error {
	if err := d.config.check(); err != nil {
		return err
	}
	l, err := d.config.listen(context.Background())
	if err != nil {
		return err
	}
	return l.Close()
}

func (c *Config) listen(ctx context.Context) (net.Listener, error) {
	listen := net.ListenConfig{
		KeepAlive: -1,
		Control:   func(_, _ string, raw syscall.RawConn) error { return c.apply(raw, 0) },
	}
	l, err := listen.Listen(ctx, "tcp", net.JoinHostPort(c.Bind, "0"))
	if err != nil {
		var system *net.OpError // which says what and where once more
		if errors.As(err, &system) {
			err = system.Err
		}
		return nil, fmt.Errorf("tcp on %s: %w", c.Bind, err)
	}
	return l, nil
}

func (c *Config) check() error {
	if ip := net.ParseIP(zoneless(c.Bind)); ip == nil || ip.IsUnspecified() || ip.IsMulticast() {
		return fmt.Errorf("tcp: %q is no IP address of one interface: peers must be told where to connect to", c.Bind)
	}
	if c.Streams < 1 || c.Streams > maxStreams {
		return fmt.Errorf("tcp: %d streams: want 1 to %d", c.Streams, maxStreams)
	}
	if c.Buffer < 0 || c.Buffer > math.MaxInt32 {
		return fmt.Errorf("tcp: a socket buffer of %d bytes: want 0 to %d", c.Buffer, math.MaxInt32)
	}
	return nil
}
