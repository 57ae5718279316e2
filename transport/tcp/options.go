package tcp

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/commbench/commbench/transport/driver"
)

// apply sets the options of a socket before it connects or listens; what it accepts
// has the same. Data that a peer does not take for the timeout ends a connection,
// where the system can do that; 0 leaves it to the system.
func (c *Config) apply(raw syscall.RawConn, timeout time.Duration) error {
	var failed error
	err := raw.Control(func(fd uintptr) {
		if failed = c.setBuffers(int(fd)); failed == nil {
			failed = setTCP(int(fd), c, timeout)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

func (c *Config) setBuffers(fd int) error {
	if c.Buffer == 0 {
		return nil
	}
	for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, c.Buffer); err != nil {
			return fmt.Errorf("tcp: a socket buffer of %d bytes: %w", c.Buffer, err)
		}
	}
	return nil
}

// describe reads a connection's options back.
func describe(n *driver.Network, fd int) {
	if s := congestionOf(fd); s != "" {
		n.Congestion = s
	}
	if on, err := unix.GetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY); err == nil {
		n.NoDelay = new(on != 0)
	}
	n.SendBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF)
	n.ReceiveBuffer, _ = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
}

// network is what is known without a connection.
func (c *Config) network() driver.Network {
	return driver.Network{Interface: interfaceOf(c.Bind), Streams: c.Streams}
}

func zoneless(ip string) string {
	ip, _, _ = strings.Cut(ip, "%")
	return ip
}

// interfaceOf is the name of the interface that has an address, or "".
func interfaceOf(ip string) string {
	want, err := netip.ParseAddr(zoneless(ip))
	if err != nil {
		return ""
	}
	all, err := net.Interfaces()
	if err != nil {
		return ""
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().WithZone("").Unmap() == want.Unmap() {
				return i.Name
			}
		}
	}
	// All of 127.0.0.0/8 is the loopback interface's, though it lists one address.
	if want.IsLoopback() {
		for _, i := range all {
			if i.Flags&net.FlagLoopback != 0 {
				return i.Name
			}
		}
	}
	return ""
}

// Address is the address that an interface has, for Config.Bind: its first IPv4
// address, or else its first IPv6 address that is not link-local, or else that with the
// zone. The error lists what interfaces there are.
func Address(name string) (string, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		var names []string
		all, _ := net.Interfaces()
		for _, i := range all {
			names = append(names, i.Name)
		}
		return "", fmt.Errorf("interface %q: %w; there are %s", name, err, strings.Join(names, ", "))
	}
	addrs, err := i.Addrs()
	if err != nil {
		return "", fmt.Errorf("interface %q: %w", name, err)
	}
	best, rank := "", 0
	for _, a := range addrs {
		p, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		ip, r := p.Addr(), 2
		switch {
		case ip.Unmap().Is4():
			r = 3
		case ip.IsLinkLocalUnicast():
			ip, r = ip.WithZone(name), 1
		}
		if r > rank {
			best, rank = ip.String(), r
		}
	}
	if best == "" {
		return "", fmt.Errorf("interface %q has no IP address", name)
	}
	return best, nil
}
