package auth_test

import (
	"bytes"
	"io"
	"net"
	"testing"
	"time"

	"github.com/commbench/commbench/transport/internal/auth"
)

// Whatever a peer without the secret says, it is refused, and in bounded time.

func FuzzServer(f *testing.F) {
	client, server := record(f)
	f.Add(client)
	f.Add(server)
	f.Add([]byte("GET / HTTP/1.1\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		against(t, said, func(c net.Conn) error {
			hello, err := auth.Server(c, secret, purpose, time.Now().Add(soon))
			if hello != nil {
				t.Errorf("hello %q", hello)
			}
			return err
		})
	})
}

func FuzzClient(f *testing.F) {
	client, server := record(f)
	f.Add(client)
	f.Add(server)
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		against(t, said, func(c net.Conn) error {
			return auth.Client(c, secret, purpose, []byte("hello"), time.Now().Add(soon))
		})
	})
}

// script is a peer that says this, whatever it is told, and hangs up.
type script struct {
	net.Conn
	io.Reader
}

func (s script) Read(b []byte) (int, error)    { return s.Reader.Read(b) }
func (s script) Write(b []byte) (int, error)   { return len(b), nil }
func (s script) SetDeadline(_ time.Time) error { return nil }

func against(t *testing.T, said []byte, shake func(net.Conn) error) {
	r := bytes.NewReader(said)
	if err := shake(script{Reader: r}); err == nil {
		t.Errorf("%x was taken for a proof", said)
	}
	if took := len(said) - r.Len(); took > openingSize+2+auth.MaxHello+proofSize {
		t.Errorf("%d bytes were read of it", took)
	}
}
