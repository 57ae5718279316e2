package auth

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
)

// errPurpose is an ErrProtocol of a peer that is one of us.
var errPurpose = fmt.Errorf("%w for this connection", ErrProtocol)

// readOpening reads the peer's. It stops at the first bytes that are not ours: a
// peer that speaks something else may send fewer than an opening has, and wait.
func readOpening(conn net.Conn, purpose string) (opening, error) {
	var o opening
	for n := 0; n < magicSize; {
		m, err := conn.Read(o[n:magicSize])
		n += m
		if !bytes.Equal(o[:n], magic[:n]) {
			return o, fmt.Errorf("%w: it begins with %q", ErrProtocol, o[:n])
		}
		if err != nil && n < magicSize {
			return o, unfinished(err)
		}
	}
	if err := read(conn, o[magicSize:]); err != nil {
		return o, err
	}
	if v := binary.LittleEndian.Uint16(o[magicSize:]); v != Version {
		return o, fmt.Errorf("%w: the peer speaks %d and this process %d; run the same commbench everywhere", ErrVersion, v, Version)
	}
	if p := bytes.TrimRight(o[versionEnd:purposeEnd], "\x00"); string(p) != purpose {
		return o, fmt.Errorf("%w: the peer wants %q, here it is %q; was a port given twice?", errPurpose, p, purpose)
	}
	return o, nil
}

func read(conn net.Conn, b []byte) error {
	if _, err := io.ReadFull(conn, b); err != nil {
		return unfinished(err)
	}
	return nil
}

func write(conn net.Conn, b []byte) error {
	if _, err := conn.Write(b); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

// unfinished is a handshake that the peer did not carry through.
func unfinished(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("handshake: the peer closed the connection: %w", io.ErrUnexpectedEOF)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("handshake: the peer did not answer in time: %w", err)
	}
	return fmt.Errorf("handshake: %w", err)
}
