package tcp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/driver"
	"github.com/commbench/commbench/transport/internal/auth"
)

// victim is a hub with two endpoints, of which the second has no words, and with a peer
// that behaves. What comes from other peers must not disturb these.
type victim struct {
	d, peer  *Driver
	log      *lines
	e, other *endpoint
	segments []memory
	friend   driver.Channel
}

func newVictim(t testing.TB, buffer int) *victim {
	t.Helper()
	v := &victim{log: newLines(), peer: process(1), segments: []memory{guarded(1000), guarded(100)}}
	v.d = New(Config{Secret: secret, Streams: 1, Buffer: buffer, Log: v.log.log})
	both := []driver.Memory{v.segments[0], v.segments[1]}
	listen := func(d *Driver, rank int, opts driver.Options) *endpoint {
		opts.Timeout = patience
		e, err := d.Listen(driver.Place{World: "test", Rank: rank, Size: 3}, opts)
		must(t, err)
		t.Cleanup(func() { must(t, e.Close()) })
		return e.(*endpoint)
	}
	v.e = listen(v.d, 0, driver.Options{Segments: both, Words: 4})
	v.other = listen(v.d, 1, driver.Options{Segments: both[1:]})
	p := listen(v.peer, 2, driver.Options{Segments: both[1:], Words: 4})
	addrs := [][]byte{v.e.Address(), v.other.Address(), p.Address()}
	for _, e := range []*endpoint{v.e, v.other, p} {
		must(t, e.Connect(addrs))
	}
	var err error
	v.friend, err = p.Channel(0, 0)
	must(t, err)
	v.alive(t)
	return v
}

// alive checks that the peer that behaves is still served, and that nothing was written
// where nothing may be.
func (v *victim) alive(t testing.TB) {
	t.Helper()
	before := v.e.Load(3)
	must(t, errors.Join(v.friend.PutSignal(0, 0, []byte("friend"), 3, 1), v.friend.Flush()))
	if got := v.e.Load(3); got != before+1 || !bytes.HasPrefix(v.segments[0].Bytes(), []byte("friend")) {
		t.Errorf("a peer that behaves is not served any more: word %d, then %d", before, got)
	}
	for i, m := range v.segments {
		if !m.intact() {
			t.Errorf("bytes were written outside of segment %d", i)
		}
	}
}

// attack is a connection to the hub of somebody who knows the secret.
func (v *victim) attack(t testing.TB) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", v.e.h.host)
	must(t, err)
	t.Cleanup(func() { conn.Close() })
	hi := hello{to: v.e.h.id, from: hubID{0xEE}}
	must(t, auth.Client(conn, secret, purpose, hi.encode(), time.Now().Add(patience)))
	_, err = io.ReadFull(conn, make([]byte, 8))
	must(t, err)
	must(t, conn.SetDeadline(time.Now().Add(patience)))
	return conn.(*net.TCPConn)
}

// says sends bytes and returns what is answered until the hub ends the connection.
func (v *victim) says(t testing.TB, conn *net.TCPConn, b []byte) (answer []byte, err error) {
	t.Helper()
	read := make(chan struct{})
	go func() {
		defer close(read)
		answer, err = io.ReadAll(conn)
	}()
	_, _ = conn.Write(b) // it may be cut off in the middle
	_ = conn.CloseWrite()
	<-read
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("the hub does not end the connection of a peer that said %.100x", b)
	}
	return answer, err
}

// message is a batch as a peer sends it.
func message(descs ...desc) []byte {
	b := make([]byte, headSize)
	encodeHead(b, len(descs))
	for i := range descs {
		var one [descSize]byte
		descs[i].encode(one[:])
		b = append(b, one[:]...)
	}
	return b
}

// What a peer with the secret may not ask for. It costs him his connection, the reason
// is logged, nobody else notices, and nothing is made as large as a number that he sent.
func TestHostile(t *testing.T) {
	head := func(n uint32) []byte {
		b := message(desc{op: opBye})
		binary.LittleEndian.PutUint32(b[4:], n)
		return b
	}
	for _, test := range []struct {
		name, says string
		sends      []byte
	}{
		{"text", "a batch begins with", []byte("GET / HTTP/1.1\r\nHost: something or other.example\r\n\r\n")},
		{"a batch of nothing", "a batch of 0 descriptors, want 1 to 128", head(0)},
		{"a batch too large", "a batch of 129 descriptors, want 1 to 128", head(maxDescs + 1)},
		{"the largest batch", "a batch of 4294967295 descriptors", head(math.MaxUint32)},
		{"no kind", "descriptor of kind 0x0", message(desc{endpoint: 1})},
		{"the largest put", "a put of 4294967295 bytes", message(desc{op: opPut, endpoint: 1, length: math.MaxUint32})},
		{"a large put", "1073741824 bytes at offset 0 of a segment of 1000", message(desc{op: opPut, endpoint: 1, length: maxPut})},
		{"a put past the end", "2 bytes at offset 999 of a segment of 1000", message(desc{op: opPut, endpoint: 1, offset: 999, length: 2})},
		{"a put far past the end", "1 bytes at offset 18446744073709551615", message(desc{op: opPut, endpoint: 1, offset: math.MaxUint64, length: 1})},
		{"a put to the smaller segment", "101 bytes at offset 0 of a segment of 100", message(desc{op: opPut, endpoint: 2, length: 101})},
		{"a put to no segment", "segment 2 of 2", message(desc{op: opPut, endpoint: 1, segment: 2})},
		{"a put to another's segment", "segment 1 of 1", message(desc{op: opPut, endpoint: 2, segment: 1})},
		{"a signal of no word", "word 4 of 4", message(desc{op: opSignal, endpoint: 1, word: 4})},
		{"a signal of the last word", "word 4294967295 of 4", message(desc{op: opSignal, endpoint: 1, word: math.MaxUint32})},
		{"a signal where there are none", "word 0 of 0", message(desc{op: opPut | opSignal, endpoint: 2})},
		{"endpoint 0", "endpoint 0 of 2", message(desc{op: opSignal})},
		{"endpoint 3", "endpoint 3 of 2", message(desc{op: opFlush, endpoint: 3})},
		{"the last endpoint", "endpoint 4294967295 of 2", message(desc{op: opPut, endpoint: math.MaxUint32})},
		{"something bad after something good", "word 9 of 4", message(desc{op: opSignal, endpoint: 1, add: 1000}, desc{op: opSignal, endpoint: 1, word: 9})},
	} {
		t.Run(test.name, func(t *testing.T) {
			noLeaks(t)
			v := newVictim(t, 0)
			conn := v.attack(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if answer, _ := v.says(t, conn, test.sends); len(answer) > 0 {
				t.Errorf("the hub answers %x", answer)
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 1<<20 {
				t.Errorf("%d bytes were allocated", n)
			}
			line := v.log.next(t)
			for _, want := range []string{"tcp: connection from " + conn.LocalAddr().String(), v.e.h.host, "protocol error", test.says} {
				if !strings.Contains(line, want) {
					t.Errorf("logged is %q; it must say %q", line, want)
				}
			}
			v.alive(t)
			if v.e.Load(0) != 0 || v.e.Fault() != nil {
				t.Errorf("a batch with something bad in it had effects: word %d, fault %v", v.e.Load(0), v.e.Fault())
			}
		})
	}
}

// A peer that flushes all the time and never reads what is answered is cut off, and
// keeps nobody from leaving.
func TestNeverReads(t *testing.T) {
	noLeaks(t)
	v := newVictim(t, 4096) // so that it is stuck soon
	conn := v.attack(t)
	must(t, conn.SetReadBuffer(1))
	flushes := bytes.Repeat(message(desc{op: opFlush, endpoint: 1, add: 1}), 1000)
	for stuck := false; !stuck; { // in an acknowledgement
		must(t, conn.SetWriteDeadline(time.Now().Add(soon)))
		_, err := conn.Write(flushes)
		stuck = err != nil
	}
	v.alive(t)
	start := time.Now()
	must(t, errors.Join(v.e.Close(), v.other.Close()))
	if took := time.Since(start); took > 5*goodbyeTime {
		t.Errorf("closing took %v", took)
	}
}

// Whatever is sent, and whatever it is cut into: the hub ends the connection, writes
// nothing outside of segments, and serves others.
func FuzzInbound(f *testing.F) {
	good := message(desc{op: opPut | opSignal, endpoint: 1, length: 5, offset: 995, word: 1, add: 1}, desc{op: opFlush, endpoint: 1, add: 1})
	good = append(good, "12345"...)
	f.Add(good, uint8(7))
	f.Add(append(bytes.Clone(good), message(desc{op: opBye})...), uint8(1))
	f.Add(good[:len(good)-1], uint8(100))
	f.Add(message(desc{op: opPut, endpoint: 1, length: math.MaxUint32}), uint8(0))
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"), uint8(3))
	v := newVictim(f, 0)
	f.Fuzz(func(t *testing.T, b []byte, cut uint8) {
		conn := v.attack(t)
		defer conn.Close()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		first := min(int(cut), len(b))
		_, _ = conn.Write(b[:first])
		_, _ = v.says(t, conn, b[first:])
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
			t.Errorf("%d bytes were allocated", n)
		}
		v.alive(t)
		for len(v.log.new) > 0 { // it has room for a few
			<-v.log.new
		}
	})
}
