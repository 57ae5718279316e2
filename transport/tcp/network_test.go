package tcp

import (
	"errors"
	"math"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/drivertest"
)

// sockets is how many this process has open, and threads how many it has.
func sockets(t *testing.T) (n int) {
	t.Helper()
	all, err := filepath.Glob("/proc/self/fd/*")
	if err != nil || len(all) == 0 {
		t.Skip("this system does not list descriptors")
	}
	for _, fd := range all {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:") {
			n++
		}
	}
	return n
}

func threads(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	must(t, err)
	found := regexp.MustCompile(`Threads:\s*(\d+)`).FindSubmatch(status)
	if found == nil {
		t.Fatal("this system does not count threads")
	}
	n, err := strconv.Atoi(string(found[1]))
	must(t, err)
	return n
}

// all signals from each rank to each, and waits for them. Self is a copy.
func all(t *testing.T, worlds []*transport.World) {
	t.Helper()
	for rank, w := range worlds {
		for peer := range worlds {
			c := open(t, w, peer, 0)
			must(t, c.PutSignal(0, rank*1000, make([]byte, 1000), 0, 1))
		}
	}
	for _, w := range worlds {
		wait(t, w, 0, uint64(len(worlds)))
	}
}

// Many ranks of a process share its connections, which need no threads.
func TestManyRanks(t *testing.T) {
	noLeaks(t)
	const ranks = 32
	before, running := sockets(t), runtime.NumGoroutine()
	d := process(DefaultStreams)
	var worlds []*transport.World
	for rank := range ranks {
		worlds = append(worlds, listen(t, d, rank, ranks, patience, false))
	}
	connect(t, worlds...)
	all(t, worlds)
	n, at := sockets(t)-before, threads(t)
	t.Logf("%d ranks with %d peers each: %d sockets, %d goroutines, %d threads of the whole test", ranks, ranks-1, n, runtime.NumGoroutine()-running, at)
	if n > 2*DefaultStreams+1 || n != d.Network().Sockets {
		t.Errorf("%d sockets: want at most %d, and as many as the driver says: %d", n, 2*DefaultStreams+1, d.Network().Sockets)
	}
	if at >= 64 {
		t.Errorf("%d threads", at)
	}
}

// A process has as many connections to each other process, whatever its ranks are.
func TestManyProcesses(t *testing.T) {
	noLeaks(t)
	const processes, each, streams = 5, 2, 3
	before := sockets(t)
	var drivers []*Driver
	var worlds []*transport.World
	for range processes {
		d := process(streams)
		drivers = append(drivers, d)
		for range each {
			worlds = append(worlds, listen(t, d, len(worlds), processes*each, patience, false))
		}
	}
	connect(t, worlds...)
	all(t, worlds)
	// To itself, too, as a rank has a peer in its own process.
	const want = 2*streams*processes + 1
	for p, d := range drivers {
		if n := d.Network(); n.Sockets != want || n.Streams != streams {
			t.Errorf("process %d has %+v; want %d sockets", p, n, want)
		}
	}
	if n := sockets(t) - before; n != want*processes {
		t.Errorf("%d sockets, want %d", n, want*processes)
	}
}

// What is asked for is what connections have.
func TestOptions(t *testing.T) {
	noLeaks(t)
	for _, congestion := range []string{"cubic", "reno"} {
		known, err := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
		if err != nil || !strings.Contains(string(known), congestion) {
			t.Logf("this system has no %s", congestion)
			continue
		}
		for _, coalesce := range []bool{false, true} {
			config := Config{Secret: secret, Streams: 2, Congestion: congestion, Buffer: 100 << 10, Coalesce: coalesce}
			d := New(config)
			w0, w1 := pair(t, d, New(config), patience)
			all(t, []*transport.World{w0, w1})
			n := d.Network()
			if n.NoDelay == nil || *n.NoDelay == coalesce {
				t.Errorf("small packets wait: %v, but %+v", coalesce, n)
			}
			if n.Congestion != congestion || n.SendBuffer < config.Buffer || n.SendBuffer > 4*config.Buffer || n.ReceiveBuffer < config.Buffer {
				t.Errorf("asked for %+v: got %+v", config, n)
			}
			host, _, err := net.SplitHostPort(n.Address)
			if err != nil || host != "127.0.0.1" || n.Interface == "" || n.Streams != 2 {
				t.Errorf("this process is at %+v", n)
			}
			d.hub.mu.Lock()
			for _, in := range d.hub.inbound { // what was accepted is as what was dialled
				var got driver.Network
				describe(&got, in.fd)
				if got.Congestion != congestion || got.SendBuffer != n.SendBuffer {
					t.Errorf("a connection that was accepted has %+v, one that was dialled %+v", got, n)
				}
			}
			d.hub.mu.Unlock()
		}
	}
}

func TestBadConfig(t *testing.T) {
	noLeaks(t)
	for name, test := range map[string]struct {
		config Config
		says   []string
	}{
		"unspecified":        {Config{Bind: "0.0.0.0"}, []string{`"0.0.0.0" is no IP address of one interface`}},
		"unspecified IPv6":   {Config{Bind: "::"}, []string{`"::" is no IP address`}},
		"multicast":          {Config{Bind: "224.0.0.1"}, []string{`"224.0.0.1" is no IP address`}},
		"multicast IPv6":     {Config{Bind: "ff02::1%lo"}, []string{`"ff02::1%lo" is no IP address`}},
		"a name":             {Config{Bind: "localhost"}, []string{`"localhost" is no IP address`}},
		"an interface":       {Config{Bind: "lo"}, []string{`"lo" is no IP address`}},
		"with a port":        {Config{Bind: "127.0.0.1:80"}, []string{"is no IP address"}},
		"of another host":    {Config{Bind: "192.0.2.1"}, []string{"tcp on 192.0.2.1: ", "assign"}},
		"too few streams":    {Config{Streams: -1}, []string{"-1 streams: want 1 to 256"}},
		"too many streams":   {Config{Streams: maxStreams + 1}, []string{"257 streams: want 1 to 256"}},
		"a negative buffer":  {Config{Buffer: -1}, []string{"a socket buffer of -1 bytes"}},
		"too large a buffer": {Config{Buffer: math.MaxInt32 + 1}, []string{"a socket buffer of 2147483648 bytes"}},
		"congestion":         {Config{Congestion: "carrier-pigeon"}, []string{`congestion control "carrier-pigeon"`}},
	} {
		d := New(test.config)
		_, err := transport.Listen(d, driver.Place{World: "test", Size: 1}, nil)
		if err == nil {
			t.Errorf("%s: no error", name)
		}
		says(t, err, append(test.says, `listen: world "test", rank 0: driver tcp: `)...)
		if name == "congestion" && !errors.Is(err, driver.ErrNotSupported) {
			known, _ := os.ReadFile("/proc/sys/net/ipv4/tcp_available_congestion_control")
			says(t, err, "this system has "+strings.TrimSpace(string(known)))
		}
		d.Network() // says what is known, of anything
	}
}

func TestAddressOfInterface(t *testing.T) {
	all, err := net.Interfaces()
	must(t, err)
	for _, i := range all {
		if i.Flags&net.FlagLoopback == 0 {
			continue
		}
		ip, err := Address(i.Name)
		if err != nil || !net.ParseIP(zoneless(ip)).IsLoopback() {
			t.Errorf("the loopback interface %s has %q, %v", i.Name, ip, err)
		}
		if got := interfaceOf(ip); got != i.Name {
			t.Errorf("%s is of interface %q", ip, got)
		}
		if got := interfaceOf("127.77.0.1"); got != i.Name {
			t.Errorf("127.77.0.1 is of interface %q", got)
		}
		_, err = Address("no-such-interface")
		says(t, err, `interface "no-such-interface": `, "there are ", i.Name)
	}
	for _, ip := range []string{"192.0.2.1", "what", ""} {
		if got := interfaceOf(ip); got != "" {
			t.Errorf("%q is of interface %q", ip, got)
		}
	}
}

func TestIPv6(t *testing.T) {
	skipWithoutIPv6(t)
	noLeaks(t)
	config := Config{Bind: "::1", Secret: secret}
	d := New(config)
	w0, w1 := pair(t, d, New(config), patience)
	all(t, []*transport.World{w0, w1})
	if n := d.Network(); !strings.HasPrefix(n.Address, "[::1]:") {
		t.Errorf("this process is at %+v", n)
	}
}

func TestConformanceIPv6(t *testing.T) {
	skipWithoutIPv6(t)
	drivertest.Run(t, func() driver.Driver { return New(Config{Bind: "::1"}) })
}
