package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/commbench/commbench/transport"
	"github.com/commbench/commbench/transport/tcp"
)

// bare does what put does with nothing but net.Conn: process 0 writes blocks, process 1
// reads as much as there is, up to a block. The last byte of the last block is 0; then
// process 1 answers with a byte, which is the counterpart of a flush.
func bare(ctx context.Context, at place, t *trial) (rates []float64, err error) {
	conns, err := at.connect(ctx, t.Streams)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, closeAll(conns)) }()
	memory, err := transport.Alloc(t.Streams*block, tcp.New(tcp.Config{})) // as of puts
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, memory.Free()) }()
	b := memory.Bytes()
	fill(b)
	if at.Process() == 0 {
		return t.floods(func(i int, until time.Time) (int64, error) { return write(conns[i], b[i*block:(i+1)*block], until) })
	}
	for range 2 { // floods
		if _, err := flood(t.Streams, 0, func(i int, _ time.Time) (int64, error) { return read(conns[i], b[i*block:(i+1)*block]) }); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

func write(conn net.Conn, b []byte, until time.Time) (sent int64, err error) {
	for end := &b[block-1]; ; {
		*end = 1
		if !time.Now().Before(until) {
			*end = 0
		}
		n, err := conn.Write(b)
		if sent += int64(n); err != nil {
			return sent, err
		}
		if *end == 0 {
			_, err = io.ReadFull(conn, b[:1])
			return sent, err
		}
	}
}

func read(conn net.Conn, b []byte) (got int64, err error) {
	for {
		n, err := conn.Read(b)
		if got += int64(n); err != nil {
			return got, err
		}
		if b[n-1] == 0 {
			_, err = conn.Write([]byte{1})
			return got, err
		}
	}
}

// connect makes connections from process 0 to process 1, in the same order at both.
func (at *place) connect(ctx context.Context, n int) (conns []net.Conn, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(conns))
		}
	}()
	var l *net.TCPListener
	var here []byte
	if at.Process() == 1 {
		if l, err = net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}); err != nil {
			return nil, err
		}
		defer l.Close()
		_ = l.SetDeadline(time.Now().Add(patience)) // it is open
		here = []byte(l.Addr().String())
	}
	addrs, err := at.Exchange(ctx, "listening", here)
	if err != nil {
		return nil, err
	}
	for range n {
		var conn net.Conn
		if l != nil {
			conn, err = l.Accept()
		} else {
			conn, err = net.DialTimeout("tcp", string(addrs[1]), patience)
		}
		if err != nil {
			return conns, fmt.Errorf("connection %d of %d: %w", len(conns), n, err)
		}
		conns = append(conns, conn)
		if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
			return conns, err
		}
	}
	return conns, nil
}

func closeAll(conns []net.Conn) (err error) {
	for _, c := range conns {
		err = errors.Join(err, c.Close())
	}
	return err
}
