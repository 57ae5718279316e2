package tcp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/auth"
)

// link is this hub's connections to another one, or to itself.
type link struct {
	h       *hub
	id      hubID
	host    string
	streams []*stream
}

// link returns the connections to the hub of an address, which it opens if there are
// none. Endpoints come here at the same time: the first one dials.
func (h *hub) link(a *address, timeout time.Duration) (*link, error) {
	h.dialing.Lock()
	defer h.dialing.Unlock()
	h.mu.Lock()
	l := h.links[a.hub]
	h.mu.Unlock()
	if l != nil {
		return l, nil
	}
	l = &link{h: h, id: a.hub, host: a.host}
	for i := range h.d.config.Streams {
		s, err := h.dial(l, i, timeout)
		if err != nil {
			for _, s := range l.streams {
				s.leave(time.Now())
			}
			return nil, fmt.Errorf("connection %d of %d to %s: %w", i+1, h.d.config.Streams, a.host, err)
		}
		h.work.Go(s.acks)
		h.work.Go(s.pump)
		l.streams = append(l.streams, s)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.links[a.hub] = l
	all := append([]*stream(nil), *h.streams.Load()...)
	all = append(all, l.streams...)
	h.streams.Store(&all)
	return l, nil
}

// dial opens one connection and proves to the other hub that it may.
func (h *hub) dial(l *link, index int, timeout time.Duration) (*stream, error) {
	deadline := time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(h.ctx, deadline)
	defer cancel()
	dialer := net.Dialer{
		LocalAddr: &net.TCPAddr{IP: h.ip, Zone: h.zone},
		KeepAlive: -1, // what is lost is noticed by who waits
		Control: func(_, _ string, c syscall.RawConn) error {
			return h.d.config.apply(c, timeout)
		},
	}
	c, err := dialer.DialContext(ctx, "tcp", zoned(l.host, h.zone))
	if err != nil {
		return nil, unreached(err)
	}
	conn := c.(*net.TCPConn)
	fail := func(err error) (*stream, error) {
		conn.Close()
		return nil, unreached(err)
	}
	hi := hello{to: l.id, from: h.id, stream: uint16(index)}
	if err := auth.Client(conn, h.d.secret, purpose, hi.encode(), deadline); err != nil {
		return fail(err)
	}
	// The other hub says that it is the one that is meant.
	var welcome [8]byte
	_ = conn.SetReadDeadline(deadline)
	if _, err := io.ReadFull(conn, welcome[:]); err != nil {
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("%w: it is closing, or another process listens there now: is the address of an earlier run?", driver.ErrClosed)
		}
		return fail(err)
	}
	_ = conn.SetReadDeadline(time.Time{})
	if h.d.config.Coalesce {
		_ = conn.SetNoDelay(false) // Go has set it
	}
	s, err := newStream(l, conn, timeout)
	if err != nil {
		return fail(err)
	}
	return s, nil
}

// unreached says what kind of failure it is that a connection could not be opened.
func unreached(err error) error {
	var t net.Error
	switch {
	case errors.Is(err, driver.ErrClosed), errors.Is(err, auth.ErrSecret), errors.Is(err, auth.ErrProtocol), errors.Is(err, auth.ErrVersion):
		return err
	case errors.As(err, &t) && t.Timeout():
		return fmt.Errorf("%w: %w", driver.ErrTimeout, err)
	}
	return fmt.Errorf("%w: %w", driver.ErrLost, err)
}

// zoned is where to dial an address. A zone is the name of an interface, and means
// something on its own host only: link-local addresses are reached by the interface that
// this hub is on.
func zoned(host, zone string) string {
	at, err := netip.ParseAddrPort(host)
	if err != nil || at.Addr().Zone() == "" || zone == "" {
		return host
	}
	return netip.AddrPortFrom(at.Addr().WithZone(zone), at.Port()).String()
}
