package tcp

import (
	"math"
	"net"
	"sync"
	"testing"

	"github.com/commbench/commbench/transport/driver"
)

// proxy is the network between two hubs: it passes bytes on until it has passed so many,
// and then stalls or cuts all connections. Bounds count all connections together, so
// who sets one has only one.
type proxy struct {
	l    *net.TCPListener
	to   string
	from *Driver // who is to reach it so
	step int     // bytes that are passed on at once
	work sync.WaitGroup

	mu     sync.Mutex
	change sync.Cond
	left   [2]int64 // bytes that may pass: to the target, and back
	passed [2]int64
	cuts   bool // where nothing is left, rather than to wait for more
	reset  bool // cuts are resets
	ended  bool // for good
	conns  []*net.TCPConn
}

func newProxy(t testing.TB, to string, prepare func(*proxy)) *proxy {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	must(t, err)
	p := &proxy{l: l, to: to, step: 64 << 10, left: [2]int64{math.MaxInt64, math.MaxInt64}}
	p.change.L = &p.mu
	prepare(p)
	p.work.Go(p.accept)
	t.Cleanup(func() {
		p.cut()
		p.work.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.l.Addr().String() }

func (p *proxy) accept() {
	for {
		in, err := p.l.AcceptTCP()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", p.to)
		if err != nil {
			in.Close()
			continue
		}
		if p.enter(in, out.(*net.TCPConn)) {
			p.work.Go(func() { p.pass(0, in, out.(*net.TCPConn)) })
			p.work.Go(func() { p.pass(1, out.(*net.TCPConn), in) })
		}
	}
}

func (p *proxy) enter(conns ...*net.TCPConn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	if p.ended {
		p.cutLocked()
	}
	return !p.ended
}

// pass brings bytes from one connection to another.
func (p *proxy) pass(way int, from, to *net.TCPConn) {
	b := make([]byte, p.step)
	for {
		n, err := from.Read(b[:p.room(way)])
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
			p.took(way, n)
		}
		if err != nil {
			to.CloseWrite()
			return
		}
	}
}

// room waits until bytes may pass, and says how many.
func (p *proxy) room(way int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	for p.left[way] == 0 && !p.ended {
		if p.cuts {
			p.cutLocked()
		}
		p.change.Wait()
	}
	return int(min(p.left[way], int64(p.step)))
}

func (p *proxy) took(way, n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[way] = max(p.left[way]-int64(n), 0) // it may have been set meanwhile
	if p.passed[way] += int64(n); p.left[way] == 0 && p.cuts {
		p.cutLocked()
	}
}

// allow sets how many more bytes pass on a way.
func (p *proxy) allow(way int, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left[way] = bytes
	p.change.Broadcast()
}

// cut ends all connections, for good.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cutLocked()
}

func (p *proxy) cutLocked() {
	p.ended = true
	p.l.Close()
	for _, c := range p.conns {
		if p.reset {
			_ = c.SetLinger(0)
		}
		c.Close()
	}
	p.conns = nil
	p.change.Broadcast()
}

// detour is a driver that reaches hubs by another address than they have.
type detour struct {
	*Driver
	via map[string]string
}

func (d detour) Listen(place driver.Place, opts driver.Options) (driver.Endpoint, error) {
	e, err := d.Driver.Listen(place, opts)
	if err != nil {
		return nil, err
	}
	return detoured{e.(*endpoint), d.via}, nil
}

type detoured struct {
	*endpoint
	via map[string]string
}

func (e detoured) Connect(addrs [][]byte) error {
	addrs = append([][]byte(nil), addrs...)
	for i := range addrs {
		a, err := decodeAddress(addrs[i])
		if err != nil {
			return err
		}
		if via := e.via[a.host]; via != "" {
			a.host = via
			addrs[i] = a.encode()
		}
	}
	return e.endpoint.Connect(addrs)
}
