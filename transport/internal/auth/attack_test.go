package auth_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

const (
	openingSize = 8 + 2 + 16 + 32
	proofSize   = 32
)

// tap keeps what one side wrote.
type tap struct {
	net.Conn
	mu   sync.Mutex
	said []byte
}

func (t *tap) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.said = append(t.said, b...)
	return t.Conn.Write(b)
}

// record is all that a client and a server say in a good handshake.
func record(t testing.TB) (client, server []byte) {
	t.Helper()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	c, s := &tap{Conn: a}, &tap{Conn: b}
	if _, cerr, serr := shake(c, s, side{secret, purpose}, side{secret, purpose}, []byte("hello")); cerr != nil || serr != nil {
		t.Fatal(cerr, serr)
	}
	return c.said, s.said
}

func TestSizes(t *testing.T) {
	client, server := record(t)
	if len(client) != openingSize+2+len("hello")+proofSize || len(server) != openingSize+proofSize {
		t.Errorf("the client says %d bytes, the server %d: not as doc.go has it", len(client), len(server))
	}
	again, _ := record(t)
	if bytes.Equal(client[:openingSize], again[:openingSize]) {
		t.Error("two handshakes begin with the same nonce")
	}
}

func TestTruncated(t *testing.T) {
	client, server := record(t)
	for n := range client {
		if err := served(t, soon, sayingAll(client[:n])); !broken(err) {
			t.Errorf("%d of the client's %d bytes: %v", n, len(client), err)
		}
	}
	for n := range server {
		if err := dialled(t, soon, sayingAll(server[:n])); !broken(err) {
			t.Errorf("%d of the server's %d bytes: %v", n, len(server), err)
		}
	}
}

// What a client has said before proves nothing to a server with a new nonce, and
// the other way round.
func TestReplay(t *testing.T) {
	client, server := record(t)
	var answer []byte
	err := served(t, soon, func(c net.Conn) {
		c.Write(client)
		answer, _ = io.ReadAll(c)
	})
	if !errors.Is(err, auth.ErrSecret) {
		t.Errorf("server: %v", err)
	}
	if want := make([]byte, proofSize); len(answer) != openingSize+proofSize || !bytes.Equal(answer[openingSize:], want) {
		t.Errorf("the server answers %x, which must be an opening and zeros", answer)
	}
	if err := dialled(t, soon, saying(server)); !errors.Is(err, auth.ErrSecret) {
		t.Errorf("client: %v", err)
	}
}

// Who has no secret and says to a peer what it says itself is found out.
func TestReflection(t *testing.T) {
	err := dialled(t, soon, func(c net.Conn) {
		opening, said := make([]byte, openingSize), make([]byte, 2+len("hello")+proofSize)
		io.ReadFull(c, opening)
		c.Write(opening)
		io.ReadFull(c, said)
		c.Write(said[len(said)-proofSize:])
		io.Copy(io.Discard, c)
	})
	if !errors.Is(err, auth.ErrSecret) {
		t.Errorf("client, of its own proof: %v", err)
	}
	err = dialled(t, soon, func(c net.Conn) { io.Copy(c, c) })
	if !errors.Is(err, auth.ErrSecret) {
		t.Errorf("client, of an echo: %v", err)
	}

	// A server's proof is given only to who has proved; one made as a client on
	// another connection to it is tried instead.
	client, server := record(t)
	err = served(t, soon, func(c net.Conn) {
		c.Write(client[:openingSize])
		io.ReadFull(c, make([]byte, openingSize))
		c.Write(client[openingSize : len(client)-proofSize])
		c.Write(server[openingSize:])
		io.Copy(io.Discard, c)
	})
	if !errors.Is(err, auth.ErrSecret) {
		t.Errorf("server, of a server's proof: %v", err)
	}
}

// meddle passes a handshake on, with a byte of what the client says changed.
func meddle(t *testing.T, at int) (clientErr, serverErr error) {
	t.Helper()
	c, m1 := loopback(t)
	m2, s := loopback(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		io.Copy(m1, m2)
		m1.Close()
	})
	wg.Go(func() {
		defer m2.(*net.TCPConn).CloseWrite()
		for n := 0; ; n++ {
			var b [1]byte
			if _, err := m1.Read(b[:]); err != nil {
				return
			}
			if n == at {
				b[0] ^= 1
			}
			if _, err := m2.Write(b[:]); err != nil {
				return
			}
		}
	})
	wg.Go(func() {
		_, serverErr = auth.Server(s, secret, purpose, time.Now().Add(soon))
		s.Close()
	})
	clientErr = auth.Client(c, secret, purpose, []byte("hello"), time.Now().Add(soon))
	c.Close()
	wg.Wait()
	return clientErr, serverErr
}

func TestEveryByteIsCovered(t *testing.T) {
	client, _ := record(t)
	for at := range client {
		if at == openingSize || at == openingSize+1 {
			continue // the length of the hello: see TestHelloLength
		}
		cerr, serr := meddle(t, at)
		want := auth.ErrSecret
		switch {
		case at < 8:
			want = auth.ErrProtocol
		case at < 10:
			want = auth.ErrVersion
		case at < 26:
			want = auth.ErrProtocol
		}
		if !errors.Is(serr, want) {
			t.Errorf("byte %d changed: server: %v, want %v", at, serr, want)
		}
		if cerr == nil {
			t.Errorf("byte %d changed: the client saw nothing", at)
		}
	}
}

func TestHelloLength(t *testing.T) {
	client, _ := record(t)
	for _, n := range []int{auth.MaxHello + 1, 0xFFFF} {
		long := binary.LittleEndian.AppendUint16(bytes.Clone(client[:openingSize]), uint16(n))
		if err := served(t, soon, saying(long)); !errors.Is(err, auth.ErrProtocol) {
			t.Errorf("a hello of %d bytes: %v", n, err)
		}
	}
}

// Both learn which versions meet, whichever is the newer one.
func TestVersion(t *testing.T) {
	client, server := record(t)
	for _, v := range []uint16{0, auth.Version + 1, 0xFFFF} {
		other := func(b []byte) []byte {
			b = bytes.Clone(b[:openingSize])
			binary.LittleEndian.PutUint16(b[8:], v)
			return b
		}
		var answer []byte
		serr := served(t, soon, func(c net.Conn) {
			c.Write(other(client))
			answer, _ = io.ReadAll(c)
		})
		cerr := dialled(t, soon, saying(other(server)))
		for _, err := range []error{serr, cerr} {
			if !errors.Is(err, auth.ErrVersion) || !strings.Contains(err.Error(), "run the same") {
				t.Errorf("version %d: %v", v, err)
			}
		}
		if len(answer) != openingSize || binary.LittleEndian.Uint16(answer[8:]) != auth.Version {
			t.Errorf("version %d: the server answers %x, which must be its opening", v, answer)
		}
	}
}
