package tcp

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/commbench/commbench/transport/driver"
)

func TestDescriptorRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, op := range []uint8{opPut, opSignal, opPut | opSignal, opFlush, opBye} {
		for range 1000 {
			want := desc{op: op, segment: uint16(r.Uint32()), endpoint: r.Uint32(), offset: r.Uint64(), word: r.Uint32(), add: r.Uint64()}
			if op&opPut != 0 {
				want.length = r.Uint32N(maxPut + 1)
			}
			var b [descSize]byte
			want.encode(b[:])
			var got desc
			if err := got.decode(b[:]); err != nil || got != want {
				t.Fatalf("%+v came back as %+v, %v", want, got, err)
			}
		}
	}
}

func TestBadDescriptors(t *testing.T) {
	for name, d := range map[string]desc{
		"of no kind":                 {},
		"put and flush":              {op: opPut | opFlush},
		"signal and flush":           {op: opSignal | opFlush},
		"put, signal and bye":        {op: opPut | opSignal | opBye},
		"of another kind":            {op: 1 << 7},
		"of all kinds":               {op: 0xFF},
		"put of too many bytes":      {op: opPut, length: maxPut + 1},
		"put-signal of the most":     {op: opPut | opSignal, length: math.MaxUint32},
		"signal with bytes":          {op: opSignal, length: 1},
		"flush with bytes":           {op: opFlush, length: 1},
		"goodbye with the most":      {op: opBye, length: math.MaxUint32},
		"put with the goodbye's bit": {op: opPut | opBye, length: 1},
	} {
		var b [descSize]byte
		d.encode(b[:])
		if err := new(desc).decode(b[:]); !errors.Is(err, errProtocol) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestHead(t *testing.T) {
	var b [headSize]byte
	for _, n := range []int{1, 2, maxDescs} {
		encodeHead(b[:], n)
		if got, err := decodeHead(b[:]); err != nil || got != n {
			t.Errorf("%d descriptors came back as %d, %v", n, got, err)
		}
	}
	for _, n := range []int{0, maxDescs + 1, math.MaxInt32, -1} {
		encodeHead(b[:], n)
		if _, err := decodeHead(b[:]); !errors.Is(err, errProtocol) {
			t.Errorf("%d descriptors: %v", n, err)
		}
	}
	for i := range 4 {
		encodeHead(b[:], 1)
		b[i] ^= 1
		if _, err := decodeHead(b[:]); !errors.Is(err, errProtocol) {
			t.Errorf("byte %d of the magic changed: %v", i, err)
		}
	}
}

// What is within an endpoint, to the last byte, and what is not.
func TestFits(t *testing.T) {
	e := &endpoint{segments: [][]byte{make([]byte, 100), make([]byte, 7)}, words: make([]word, 3)}
	for _, good := range []desc{
		{op: opPut, length: 100}, {op: opPut, offset: 100}, {op: opPut, offset: 99, length: 1},
		{op: opPut, segment: 1, length: 7}, {op: opPut, word: 9}, {op: opSignal, word: 2, segment: 9, offset: 999},
		{op: opPut | opSignal, segment: 1, offset: 3, length: 4, word: 2}, {op: opFlush, word: 9, segment: 9},
	} {
		if err := good.fits(e); err != nil {
			t.Errorf("%+v: %v", good, err)
		}
	}
	for _, bad := range []desc{
		{op: opPut, length: 101}, {op: opPut, offset: 1, length: 100}, {op: opPut, offset: 101}, {op: opPut, offset: math.MaxUint64, length: 1},
		{op: opPut, offset: math.MaxUint64}, {op: opPut, offset: 1 << 63, length: 100}, {op: opPut, segment: 1, length: 8},
		{op: opPut, segment: 2}, {op: opPut, segment: math.MaxUint16}, {op: opSignal, word: 3}, {op: opSignal, word: math.MaxUint32},
		{op: opPut | opSignal, word: 3}, {op: opPut | opSignal, length: 101},
	} {
		if err := bad.fits(e); !errors.Is(err, errProtocol) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
	if err := (&desc{op: opPut, length: 1}).fits(&endpoint{}); !errors.Is(err, errProtocol) {
		t.Errorf("an endpoint of nothing: %v", err)
	}
}

var aHub = hubID{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 0xFF}

func TestAddressRoundTrip(t *testing.T) {
	for _, host := range []string{"127.0.0.1:1", "10.1.2.3:65535", "[::1]:80", "[fe80::1%eth0]:4242", "[2001:db8::1]:9"} {
		want := address{hub: aHub, endpoint: math.MaxUint32, host: host}
		if got, err := decodeAddress(want.encode()); err != nil || got != want {
			t.Errorf("%+v came back as %+v, %v", want, got, err)
		}
	}
}

func TestBadAddresses(t *testing.T) {
	good := (&address{hub: aHub, endpoint: 3, host: "127.0.0.1:80"}).encode()
	bad := [][]byte{nil, []byte("tcp2"), append([]byte("x"), good...)}
	for n := range good {
		if n < len(good)-1 { // 127.0.0.1:8 is one
			bad = append(bad, good[:n])
		}
	}
	for _, host := range []string{"", ":80", "localhost:80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536", "127.0.0.1:-1",
		"127.0.0.1:http", "::1:80", "[::1]", "0.0.0.0:80", "[::]:80", "224.0.0.1:80", "[ff02::1%lo]:80", "127.1:80", "127.0.0.1:80\n",
		"[fe80::1%" + strings.Repeat("x", maxHost) + "]:80"} {
		bad = append(bad, (&address{hub: aHub, host: host}).encode())
	}
	for _, b := range bad {
		if a, err := decodeAddress(b); !errors.Is(err, driver.ErrBadAddress) || len(err.Error()) > 500 {
			t.Errorf("%q is taken for %+v, %v", b, a, err)
		}
	}
}

func TestHello(t *testing.T) {
	want := hello{to: aHub, from: hubID{1}, stream: maxStreams - 1}
	b := want.encode()
	if got, err := decodeHello(b); err != nil || got != want {
		t.Errorf("%+v came back as %+v, %v", want, got, err)
	}
	last := want
	last.stream = maxStreams
	for _, bad := range [][]byte{nil, b[:len(b)-1], append(bytes.Clone(b), 0), last.encode()} {
		if _, err := decodeHello(bad); !errors.Is(err, errProtocol) {
			t.Errorf("%x: %v", bad, err)
		}
	}
}

// A zone is of the host that has it.
func TestZones(t *testing.T) {
	for _, test := range []struct{ host, zone, want string }{
		{"[fe80::1%eth0]:80", "ib1", "[fe80::1%ib1]:80"},
		{"[fe80::1%eth0]:80", "", "[fe80::1%eth0]:80"},
		{"[2001:db8::1]:80", "ib1", "[2001:db8::1]:80"},
		{"10.0.0.1:80", "ib1", "10.0.0.1:80"},
		{"what is this", "ib1", "what is this"},
	} {
		if got := zoned(test.host, test.zone); got != test.want {
			t.Errorf("%s over %q is %s, want %s", test.host, test.zone, got, test.want)
		}
	}
}

func FuzzAddress(f *testing.F) {
	for _, host := range []string{"127.0.0.1:1", "[fe80::1%eth0]:4242", "x", ""} {
		f.Add((&address{hub: aHub, endpoint: 7, host: host}).encode())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := decodeAddress(b)
		if err != nil {
			if !errors.Is(err, driver.ErrBadAddress) {
				t.Errorf("%x: %v", b, err)
			}
			return
		}
		if got := a.encode(); !bytes.Equal(got, b) {
			t.Errorf("%x is encoded as %x", b, got)
		}
	})
}
